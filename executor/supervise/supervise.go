// Package supervise runs programs that outlive the server.
//
// A build takes minutes, and the server may be killed, upgraded or restarted meanwhile. So a program is run by a
// supervisor: this same binary, started again with a hidden subcommand, in a session of its own. The supervisor owns
// the program; the server only looks at the folder both share:
//
//	lock         held by the supervisor for as long as it lives (flock)
//	started      exists from the moment the program may have had an effect
//	stop         exists when somebody asked for the end
//	log          what the program wrote: masked, capped, head and tail kept; the tail in files log.N, which begin at byte N
//	result.json  how it ended; written under another name and renamed, so it is whole or not there
//
// From these Look tells: absent (nothing ran), running (the lock is held), finished (there is a result) or interrupted
// (started, no result, nobody holds the lock: the supervisor was killed). Nothing is ever run twice in one folder.
//
// The program starts from the environment in its Spec and nothing else, with no file descriptor of the server's, as the
// leader of a process group, without new privileges and without the capability to look into other processes. When it is
// stopped or runs out of time the group gets SIGTERM, and SIGKILL after a grace. When it has ended, whatever it left
// behind is killed, wherever it has moved to (on Linux the supervisor adopts orphans). The Spec goes to the supervisor
// through a pipe and is never written to disk, because its values may be secret.
package supervise

import "time"

// Subcommand is the hidden first argument the binary is started again with; its only argument is the folder.
const Subcommand = "exec-supervisor"

// SubcommandWithoutNetwork is the hidden first argument a supervisor that is not root starts the binary again with for each program
// that has no network; ExecWithoutNetwork takes the rest of the arguments.
const SubcommandWithoutNetwork = "exec-without-network"

// Cookie is a variable in the environment of everything that is run: its value is the folder. Sweep finds by it what
// outlived its supervisor.
const Cookie = "SLUICE_SUPERVISED"

// Spec is what to run.
type Spec struct {
	// Args is the program and its arguments; Args[0] is a path. Ignored when Runner is set.
	Args []string `json:"args,omitempty"`
	// Runner names a Runner given to Main that decides what to run; Payload is for it.
	Runner  string `json:"runner,omitempty"`
	Payload []byte `json:"payload,omitempty"`
	// Env is the whole environment, NAME=value; only Cookie is added.
	Env []string `json:"env"`
	// Dir is the working folder.
	Dir string `json:"dir"`
	// Timeout ends the program; 0 means never. Grace is the time between SIGTERM and SIGKILL; defaults to 5 s.
	Timeout time.Duration `json:"timeout,omitempty"`
	Grace   time.Duration `json:"grace,omitempty"`
	// Secrets never reach the log. See NewMasker.
	Secrets []string `json:"secrets,omitempty"`
	// LogHead and LogTail are how many bytes are kept of the log's beginning and, at least, end. Default 256 KiB and 1 MiB.
	LogHead int64 `json:"log_head,omitempty"`
	LogTail int64 `json:"log_tail,omitempty"`
	// User is who the program runs as; nil means as the server. Only root can name another. It should be nobody else's:
	// the number of its processes is limited (Linux), and it cannot touch the server's files.
	User *User `json:"user,omitempty"`
	// NoNetwork runs the program in a network namespace of its own, without any connection (Linux).
	NoNetwork bool `json:"no_network,omitempty"`
	// Leave lets live on what programs leave running behind them: services that a deployment starts.
	Leave bool `json:"leave,omitempty"`
	// FileSize is the size a file may have that the program writes, in bytes. Defaults to 8 GiB.
	FileSize uint64 `json:"file_size,omitempty"`
	// Limits bound what is used in all.
	Limits Limits `json:"limits,omitzero"`
	// Sandbox runs everything by bubblewrap; nil: as it is.
	Sandbox *Sandbox `json:"sandbox,omitempty"`
}

func (s Spec) withDefaults() Spec {
	if s.Grace <= 0 {
		s.Grace = 5 * time.Second
	}
	if s.LogHead <= 0 {
		s.LogHead = 256 << 10
	}
	if s.LogTail <= 0 {
		s.LogTail = 1 << 20
	}
	if s.FileSize == 0 {
		s.FileSize = 8 << 30
	}
	return s
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
	OverLimit  Reason = "over-limit"  // it used more than Limits; see Error
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
