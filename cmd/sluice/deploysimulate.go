package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor/appspec/rollout"
)

// deployCmd is "sluice deploy …".
type deployCmd struct {
	Simulate deploySimulateCmd `cmd:"" help:"Print the batches of a deployment to hosts, without deploying anything."`
}

// deploySimulateCmd is "sluice deploy simulate": which hosts get a revision at once, when a deployment stops, and whether it
// succeeds, by the rules that uses: appspec deploys by.
type deploySimulateCmd struct {
	Hosts     int    `required:"" placeholder:"N" help:"How many hosts there are."`
	Config    string `default:"OneAtATime" placeholder:"NAME" help:"OneAtATime, HalfAtATime, AllAtOnce, or how many hosts must stay healthy: a number, or a percentage."`
	Fail      []int  `placeholder:"HOST" help:"Hosts on which the deployment fails, counted from 1: 2,5."`
	Unhealthy []int  `placeholder:"HOST" help:"Hosts that are unhealthy before it, counted from 1."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

// simulateMost bounds the fleet: nobody reads more.
const simulateMost = 10_000

// simulation is what --json prints. Hosts count from 1.
type simulation struct {
	Config  string  `json:"config"`
	Hosts   int     `json:"hosts"`
	Minimum int     `json:"minimum_healthy"`
	Batches []batch `json:"batches"`
	// Untouched are the hosts that the deployment never came to.
	Untouched []int  `json:"untouched"`
	Status    string `json:"status"` // succeeded or failed
	Reason    string `json:"reason"`
}

type batch struct {
	Hosts  []int `json:"hosts"`
	Failed []int `json:"failed"`
}

// Run prints the batches. The exit status is 1 when the deployment would fail.
func (c *deploySimulateCmd) Run(e *env) error {
	config, err := rollout.Parse(c.Config)
	if err != nil {
		return &usageError{fmt.Errorf("--config: %w", err)}
	}
	if c.Hosts < 1 || c.Hosts > simulateMost {
		return &usageError{fmt.Errorf("--hosts %d: want 1 to %d", c.Hosts, simulateMost)}
	}
	fleet := make([]rollout.Host, c.Hosts)
	for i := range fleet {
		fleet[i] = rollout.Host{Name: fmt.Sprint(i + 1), Revision: rollout.RevisionOld}
	}
	if err := errors.Join(c.there("--fail", c.Fail), c.there("--unhealthy", c.Unhealthy)); err != nil {
		return &usageError{err}
	}
	for _, n := range c.Unhealthy {
		fleet[n-1].Unhealthy = true
	}
	fails := func(h rollout.Host) bool {
		return slices.ContainsFunc(c.Fail, func(n int) bool { return fmt.Sprint(n) == h.Name })
	}
	s := simulation{Config: config.String(), Hosts: c.Hosts, Minimum: config.Minimum(c.Hosts), Batches: []batch{}, Untouched: []int{}, Status: "failed"}
	batches, end := rollout.Simulate(config, fleet, fails)
	tried := make([]bool, c.Hosts)
	for _, hosts := range batches {
		b := batch{Failed: []int{}}
		for _, i := range hosts {
			tried[i] = true
			b.Hosts = append(b.Hosts, i+1)
			if fails(fleet[i]) {
				b.Failed = append(b.Failed, i+1)
			}
		}
		s.Batches = append(s.Batches, b)
	}
	for i, t := range tried {
		if !t {
			s.Untouched = append(s.Untouched, i+1)
		}
	}
	if s.Reason = end.Reason; end.Succeeded {
		s.Status = "succeeded"
	}
	if c.JSON {
		if err := printJSON(e.stdout, s); err != nil {
			return err
		}
		return s.verdict()
	}
	fmt.Fprintf(e.stdout, "%s, %s: at least %s healthy\n", s.Config, rollout.Counted(s.Hosts, "host", "hosts"), rollout.Counted(s.Minimum, "stays", "stay"))
	for i, b := range s.Batches {
		line := fmt.Sprintf("batch %d: %s", i+1, numbers(b.Hosts))
		if len(b.Failed) > 0 {
			line += "; failed: " + commas(b.Failed)
		}
		fmt.Fprintln(e.stdout, line)
	}
	if len(s.Untouched) > 0 {
		fmt.Fprintf(e.stdout, "not touched: %s\n", numbers(s.Untouched))
	}
	fmt.Fprintf(e.stdout, "%s: %s\n", s.Status, s.Reason)
	return s.verdict()
}

// verdict is what the exit status tells; the reason has been printed.
func (s simulation) verdict() error {
	if s.Status == "succeeded" {
		return nil
	}
	return &silentError{exitFailed}
}

// there checks that hosts that a flag names exist.
func (c *deploySimulateCmd) there(flag string, hosts []int) error {
	for _, n := range hosts {
		if n < 1 || n > c.Hosts {
			return fmt.Errorf("%s %d: hosts count from 1 to %d", flag, n, c.Hosts)
		}
	}
	return nil
}

// numbers names hosts.
func numbers(list []int) string {
	if len(list) == 1 {
		return "host " + commas(list)
	}
	return "hosts " + commas(list)
}

func commas(list []int) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = fmt.Sprint(n)
	}
	return strings.Join(out, ", ")
}
