package main

import (
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/appspec"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/checks"
	"github.com/sluicehq/sluice/executor/githubactions"
	"github.com/sluicehq/sluice/executor/image"
)

// checkOnly are the executors as far as checking parameters goes: they reach nothing and can start nothing.
func checkOnly() *executor.Registry {
	return executor.NewRegistry(map[string]executor.Executor{
		"appspec":        &appspec.Executor{},
		"buildspec":      &buildspec.Executor{},
		"checks":         &checks.Executor{},
		"github-actions": &githubactions.Executor{},
		"image":          &image.Executor{},
	})
}
