package main

import (
	"fmt"
	"io"
	"maps"

	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/supervise"
)

// superviseOne supervises one program until it has ended, in a folder shared with the server. The program starts itself so, by
// supervise.Subcommand, that builds, deployments and the demo's processes outlive the server. stdin is a supervise.Spec.
func superviseOne(dir string, stdin io.Reader, stderr io.Writer) (status int) {
	runners := buildspec.Runners()
	maps.Copy(runners, appspec.Runners())
	if err := supervise.Main(dir, stdin, runners); err != nil {
		fmt.Fprintf(stderr, "sluice: %v\n", err)
		return exitFailed
	}
	return exitDone
}

// execWithoutNetwork becomes a program that has no network; what it returns is the status of one that could not be started.
func execWithoutNetwork(args []string, stderr io.Writer) (status int) {
	if err := supervise.ExecWithoutNetwork(args); err != nil {
		fmt.Fprintf(stderr, "sluice: %v\n", err)
	}
	return exitFailed
}
