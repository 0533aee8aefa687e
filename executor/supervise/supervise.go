// Package supervise runs programs that outlive the server.
//
// A build takes minutes, and the server may be killed, upgraded or restarted meanwhile. So a program is run by a
// supervisor: this same binary, started again with a hidden subcommand, in a session of its own. The supervisor owns
// the program; the server only looks at the folder both share:
//
//	lock         held by the supervisor for as long as it lives (flock)
//	started      exists from the moment the program may have had an effect
//	stop         exists when somebody asked for the end
//	log          what the program wrote: masked, capped, head and tail kept
//	result.json  how it ended; written under another name and renamed, so it is whole or not there
//
// From these Look tells: absent (nothing ran), running (the lock is held), finished (there is a result) or interrupted
// (started, no result, nobody holds the lock: the supervisor was killed). Nothing is ever run twice in one folder.
//
// The program starts from the environment in its Spec and nothing else; it has no file descriptor of the server's; it is
// the leader of a process group; and when it ends, is stopped or runs out of time, whatever it left behind is killed:
// the group first (SIGTERM, a grace, SIGKILL), then every descendant that escaped it. The Spec goes to the supervisor
// through a pipe and is never written to disk, because its values may be secret.
package supervise

import (
	"context"
	"time"
)

// Subcommand is the hidden first argument the binary is started again with; its only argument is the folder.
const Subcommand = "exec-supervisor"

// Spec is what to run.
type Spec struct {
	// Args is the program and its arguments; Args[0] is a path, or a name found in the PATH of Env. Ignored when Runner
	// is set.
	Args []string `json:"args,omitempty"`
	// Runner names a Runner given to Main that decides what to run; Payload is for it.
	Runner  string `json:"runner,omitempty"`
	Payload []byte `json:"payload,omitempty"`
	// Env is the whole environment, NAME=value.
	Env []string `json:"env"`
	// Dir is the working folder.
	Dir string `json:"dir"`
	// Timeout ends the program; 0 means never. Grace is the time between SIGTERM and SIGKILL; defaults to 5 s.
	Timeout time.Duration `json:"timeout"`
	Grace   time.Duration `json:"grace"`
	// Secrets never reach the log. See NewMasker.
	Secrets []string `json:"secrets,omitempty"`
	// LogHead and LogTail are how many bytes are kept of the log's beginning and end. Default 256 KiB and 1 MiB.
	LogHead int64 `json:"log_head"`
	LogTail int64 `json:"log_tail"`
	// User is who the program runs as; nil means as the server. Only root can name another.
	User *User `json:"user,omitempty"`
	// NoNetwork runs the program in a network namespace of its own, without any connection (Linux).
	NoNetwork bool `json:"no_network,omitempty"`
	// FileSize is the size a file may have that the program writes, in bytes. Defaults to 8 GiB.
	FileSize uint64 `json:"file_size,omitempty"`
}

// User is a numeric user and group.
type User struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// Reason says why a program ended.
type Reason string

// Reasons.
const (
	Exited     Reason = "exited"      // by itself; see ExitCode and Signal
	TimedOut   Reason = "timed-out"   // Spec.Timeout
	Stopped    Reason = "stopped"     // somebody called Stop
	Terminated Reason = "terminated"  // the supervisor was told to end by a signal: the host goes down
	NotStarted Reason = "not-started" // it could not be started; see Error
)

// Result is how a program ended.
type Result struct {
	Reason   Reason    `json:"reason"`
	ExitCode int       `json:"exit_code"` // -1 when a signal ended it
	Signal   string    `json:"signal,omitempty"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// LogBytes is how much it wrote, before masking; more than the log has when the middle was left out.
	LogBytes int64 `json:"log_bytes"`
	// Output is what the Runner returned.
	Output []byte `json:"output,omitempty"`
}

// Succeeded tells whether the program ended by itself with status 0.
func (r Result) Succeeded() bool { return r.Reason == Exited && r.ExitCode == 0 }

// State is where a folder stands.
type State string

// States.
const (
	Absent      State = "absent"
	Running     State = "running"
	Finished    State = "finished"
	Interrupted State = "interrupted"
)

// Look tells where a folder stands, and the result when it is Finished.
func Look(dir string) (State, Result, error) { return Absent, Result{}, nil }

// Log returns the last n bytes of the log, cut at a line's beginning. Empty when nothing was written.
func Log(dir string, n int) (string, error) { return "", nil }

// Stop asks for the end of what runs in dir. It returns at once; the supervisor sees it within 100 ms. Where nothing
// runs it keeps a later Start from running anything.
func Stop(dir string) error { return nil }

// Launcher starts supervisors. New makes one; Close lets go of all, without stopping them.
type Launcher struct{}

// Options are what a Launcher needs.
type Options struct {
	// Command starts the supervisor; the folder is appended. Nil means this binary with Subcommand.
	Command []string
	// Env is the supervisor's own environment. It should be empty: children of the same user can read it.
	Env []string
	// Ended is called, in a goroutine of the launcher's, when a supervisor ends that this launcher started or watches.
	Ended func(dir string)
	// Poll is how often folders are looked at whose supervisor was started by another process. Defaults to 250 ms.
	Poll time.Duration
}

// New makes a launcher.
func New(o Options) (*Launcher, error) { return &Launcher{}, nil }

// Start runs spec in dir, unless something ran there before: then it changes nothing. started tells which.
func (l *Launcher) Start(ctx context.Context, dir string, spec Spec) (started bool, err error) {
	return false, nil
}

// Watch makes sure that Ended is called for dir, whose supervisor may have been started by another process.
func (l *Launcher) Watch(dir string) {}

// Close ends the launcher's goroutines and waits for them. Supervisors go on.
func (l *Launcher) Close() error { return nil }
