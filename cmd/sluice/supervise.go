package main

import (
	"maps"

	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/supervise"
)

// superviseCmd is the hidden subcommand the program starts itself with, so that builds, deployments and the demo's
// processes outlive the server. Its name is supervise.Subcommand. Its standard input is a supervise.Spec.
type superviseCmd struct {
	Dir string `arg:"" help:"The folder shared with the server."`
}

// Run supervises one program until it has ended.
func (c *superviseCmd) Run(e *env) error {
	runners := buildspec.Runners()
	maps.Copy(runners, appspec.Runners())
	return supervise.Main(c.Dir, e.stdin, runners)
}
