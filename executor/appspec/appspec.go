package appspec

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// Artifacts keeps revisions; *artifact.Store is one.
type Artifacts interface {
	Extract(ctx context.Context, a pipeline.Artifact, dir string) error
}

// DefaultPath is the PATH of scripts when Options has none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Options are what the executor needs.
type Options struct {
	// Dir is the folder of deployments, revisions and hosts, below the data folder. A user that scripts run as must be able
	// to reach it.
	Dir string
	// Allowed tells whether the operator lets the repository run on this host. Nil: none.
	Allowed   func(owner, repo string) bool
	Artifacts Artifacts
	// SSH is how machines are reached; zero: none are. SSHAllowed tells which of them, as user@host:port, a repository may
	// deploy to; nil: none.
	SSH        SSH
	SSHAllowed func(owner, repo, machine string) bool
	// Supervisor is the command that starts a supervisor; nil means this binary with supervise.Subcommand.
	Supervisor []string
	// Users are the users, besides the server's own, that scripts of a repository may run as on folders of this machine, AnyUser
	// among them for all; nil: none.
	Users func(owner, repo string) []string
	// Ring is called with the action's ID when it has moved; nil is fine. See executor.Bell.
	Ring func(id string)
	// Path is the PATH of scripts. Defaults to DefaultPath.
	Path string
	// Secrets are values that never reach a log.
	Secrets []string
}

// Executor deploys. New makes one. It may be used by several goroutines and, over one folder, several processes.
type Executor struct {
	o        Options
	launcher *supervise.Launcher
}

var (
	_ executor.Executor = (*Executor)(nil)
	_ executor.Prepares = (*Executor)(nil)
	_ executor.Alarmed  = (*Executor)(nil)
)

// New makes the executor. Close ends what it waits for.
func New(o Options) (*Executor, error) {
	if o.Dir == "" || o.Artifacts == nil {
		return nil, errors.New("the appspec executor needs a folder and a store of artifacts")
	}
	if o.Allowed == nil {
		o.Allowed = func(string, string) bool { return false }
	}
	if o.SSHAllowed == nil {
		o.SSHAllowed = func(string, string, string) bool { return false }
	}
	if o.Users == nil {
		o.Users = func(string, string) []string { return nil }
	}
	if o.Ring == nil {
		o.Ring = func(string) {}
	}
	if o.Path == "" {
		o.Path = DefaultPath
	}
	if err := os.MkdirAll(o.Dir, 0o711); err != nil { //nolint:gosec // runas has to pass through
		return nil, fmt.Errorf("folder of deployments: %w", err)
	}
	e := &Executor{o: o}
	var err error
	e.launcher, err = supervise.New(supervise.Options{Command: o.Supervisor, Ended: e.ended})
	return e, err
}

// Close lets go of the deployments under way, without stopping them.
func (e *Executor) Close() error { return e.launcher.Close() }

// Check takes hosts, config, type, from, rollback, ignore_stop_failures, probe_http, probe_tcp, probe_timeout and bake.
func (e *Executor) Check(with map[string]any) error {
	_, err := readParams(with)
	return err
}
