// Package buildspec runs buildspec.yml, version 0.2, on this host, in a fresh clone of the revision.
//
// The file means what it means to CodeBuild. All commands of a build share one shell, so `cd`, `export` and functions
// carry over; a multi-line block is one command, judged by its exit status; the first failure skips the rest of the
// list, `finally` runs nevertheless; a failed install or pre_build ends the build, a failed build still runs
// post_build, unless `on-failure` says otherwise; CODEBUILD_BUILD_SUCCEEDING tells commands how it went so far. A build
// with a failed phase has failed, also when `on-failure: CONTINUE` let the next phase run. `RETRY` begins again with a
// fresh clone.
//
// What this version cannot honour is refused before anything runs, with line, column and reason: a key that is silently
// ignored is worse than none.
//
// The build runs under a detached supervisor (package supervise) and outlives the server. Its folder tells a later
// server everything: which try runs, how it ended, what was reported. Values of the request reach commands as
// environment variables only. Nothing runs for a repository that the operator has not allowed.
package buildspec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Cloner makes fresh clones. An error that answers Temporary() with false is final, any other is worth a retry.
type Cloner interface {
	// Clone makes a working tree of the revision in dir, which exists and is empty. No credentials may stay behind in
	// it.
	Clone(ctx context.Context, c Clone) error
}

// Clone is what to clone.
type Clone struct {
	Owner, Repo    string
	RepoID         int64
	InstallationID int64
	URL            string // without credentials
	SHA            string // full
	Dir            string
}

// Artifacts keeps what builds hand on; *artifact.Store is one.
type Artifacts interface {
	Save(ctx context.Context, name string, tree *artifact.Tree, files []artifact.File, at time.Time) (pipeline.Artifact, error)
	Extract(ctx context.Context, a pipeline.Artifact, dir string) error
}

// DefaultPath is the PATH of builds when Options has none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// DefaultAtOnce is how many builds of a batch run at the same time when Options do not say.
const DefaultAtOnce = 4

// Options are what the executor needs.
type Options struct {
	// Dir is the folder of workspaces and logs, below the data folder. Another User must be able to reach it.
	Dir string
	// Allowed tells whether the operator lets the repository run on this host. Nil: none.
	Allowed   func(owner, repo string) bool
	Cloner    Cloner
	Artifacts Artifacts
	// Supervisor is the command that starts a supervisor; nil means this binary with supervise.Subcommand.
	Supervisor []string
	// Ring is called with the action's ID when it has ended; nil is fine. See executor.Bell.
	Ring func(id string)
	// Path is the PATH of builds. Defaults to DefaultPath.
	Path string
	// User is who builds run as; nil means as the server. Users are those that run-as may name.
	User  *supervise.User
	Users map[string]supervise.User
	// GitToken makes a token to read the request's repository, for git-credential-helper; nil: there are none.
	GitToken func(ctx context.Context, r executor.Request) (string, error)
	// Rehearsal says that builds are somebody's own, on a machine that has no other users and no GitToken for them: what asks for
	// those is remarked in the log, and not refused.
	Rehearsal bool
	// Secrets are values that never reach a log.
	Secrets []string
	// Lookup finds parameters and secrets; nil: there are none.
	Lookup Secrets
	// Runtimes is a folder with NAME/VERSION/bin for versions of languages that are not in Path; empty: there is none.
	Runtimes string
	// Caches is the folder of what builds keep for later ones; empty: nothing is kept.
	Caches string
	// Sandbox says whether builds run by bubblewrap; the zero value is SandboxOff. Hide are the server's files and folders
	// that they then do not see; what the executor itself has is hidden anyway.
	Sandbox SandboxMode
	Hide    []string
	// Limits bound what an action may use, be it a build or a batch; DiskDir is set for each build.
	Limits supervise.Limits
	// BatchAtOnce is how many builds of a batch run at the same time, and share the limits. Defaults to DefaultAtOnce.
	BatchAtOnce int
	// Region is AWS_REGION in builds; empty leaves it unset.
	Region string
	// Page is where people look at an action; nil: nowhere.
	Page func(r executor.Request) string
	// Log is the server's; nil: nobody reads it.
	Log *slog.Logger
}

// Executor runs builds. New makes one. It may be used by several goroutines and, over one folder, several processes.
type Executor struct {
	o        Options
	launcher *supervise.Launcher
	isolated isolation
	priority uint32 // of its rules of routing
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Prepares = (*Executor)(nil)
)

// New makes the executor. Close ends what it waits for.
func New(o Options) (*Executor, error) {
	if o.Dir == "" || o.Cloner == nil || o.Artifacts == nil {
		return nil, errors.New("the buildspec executor needs a folder, a cloner and a store of artifacts")
	}
	if o.Allowed == nil {
		o.Allowed = func(string, string) bool { return false }
	}
	if o.Ring == nil {
		o.Ring = func(string) {}
	}
	if o.Page == nil {
		o.Page = func(executor.Request) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Path == "" {
		o.Path = DefaultPath
	}
	if o.BatchAtOnce <= 0 {
		o.BatchAtOnce = DefaultAtOnce
	}
	mode := os.FileMode(0o700)
	if o.User != nil {
		mode = 0o711
	}
	if err := os.MkdirAll(o.Dir, mode); err != nil {
		return nil, fmt.Errorf("folder of builds: %w", err)
	}
	if err := os.Chmod(o.Dir, mode); err != nil { // it may be from before there was another user
		return nil, fmt.Errorf("folder of builds: %w", err)
	}
	e := &Executor{o: o}
	var err error
	if e.priority, err = priorityOf(o.Dir); err != nil {
		return nil, fmt.Errorf("folder of builds: %w", err)
	}
	if e.isolated, err = isolate(o); err != nil {
		return nil, err
	}
	e.allowFormer()
	e.launcher, err = supervise.New(supervise.Options{Command: o.Supervisor, Ended: e.ended})
	return e, err
}

// Close lets go of the builds under way, without stopping them. Where there are none it leaves the host as it was.
func (e *Executor) Close() error {
	err := e.launcher.Close()
	e.allowCredentials()
	return err
}

// DefaultFile is where a buildspec is looked for.
const DefaultFile = "buildspec.yml"
