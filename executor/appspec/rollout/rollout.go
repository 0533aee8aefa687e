// Package rollout decides which hosts of a fleet get a new revision next, when to stop, and whether the whole deployment
// succeeded: AWS CodeDeploy's rules for deployments to hosts. It deploys nothing and keeps nothing; the caller holds the
// fleet, deploys the batch it is told, writes down how that went, and asks again. So a caller that crashed asks with what
// it wrote down and goes on.
//
// The rules are those of the CodeDeploy User Guide, "Instance health" and "Working with deployment configurations". A
// [Config] says how many hosts must stay healthy. A batch takes as many healthy hosts as may be missing at once, and as
// many unhealthy ones as fit, since those lower nothing. Hosts that failed last time come first, then those whose revision
// is not known, then those with an older one, then those that have the new one already. When no more healthy host may be
// missed while there is work left, the deployment stops and has failed; the hosts that were not touched keep what they
// have. It succeeds when the minimum, and at least one host, got the revision.
package rollout

import (
	"fmt"
	"slices"
)

// Revision is what is known of a host's revision before the deployment.
type Revision string

// The revisions, in the order in which their hosts are deployed to.
const (
	RevisionUnknown Revision = ""        // nothing is known, or nothing was ever deployed
	RevisionOld     Revision = "old"     // another one than is being deployed
	RevisionCurrent Revision = "current" // the one that is being deployed
)

// Outcome is how the deployment to a host went.
type Outcome string

// The outcomes.
const (
	Pending   Outcome = ""          // not tried yet
	Succeeded Outcome = "succeeded" // it has the revision and is healthy
	Failed    Outcome = "failed"    // it could not be deployed to, or is unhealthy with it
)

// Host is one host of the fleet.
type Host struct {
	Name string
	// Unhealthy is true when the last deployment to the host failed, or it could not be reached.
	Unhealthy bool
	Revision  Revision
	Outcome   Outcome
}

// healthy tells whether the host counts for the minimum now: as it was before it was tried, and as that went after.
func (h Host) healthy() bool {
	if h.Outcome == Pending {
		return !h.Unhealthy
	}
	return h.Outcome == Succeeded
}

// Decision is what comes next.
type Decision struct {
	// Batch are the places in the fleet of the hosts to deploy to now, all at once; empty at the end.
	Batch []int
	// Done is true at the end, and Succeeded then says how it ended. Reason is one sentence about it.
	Done, Succeeded bool
	Reason          string
}

// Next says what comes next in a fleet, in which no host is being deployed to now. Hosts of one rank are taken in the order
// of the list. It always comes to an end: each batch settles at least one host.
func Next(c Config, fleet []Host) Decision {
	n := len(fleet)
	minimum := c.Minimum(n)
	healthy, succeeded, failed := 0, 0, 0
	var left []int
	for i, h := range fleet {
		if h.healthy() {
			healthy++
		}
		switch h.Outcome {
		case Pending:
			left = append(left, i)
		case Succeeded:
			succeeded++
		case Failed:
			failed++
		}
	}
	needed := max(minimum, 1)
	switch {
	case n == 0:
		return Decision{Done: true, Reason: "there is no host to deploy to"}
	case len(left) == n && minimum >= n:
		return Decision{Done: true, Reason: fmt.Sprintf("nothing was deployed: %s must stay healthy%s, and there %s, so none may be touched; "+
			"use AllAtOnce, OneAtATime, or a lower minimum", Counted(minimum, "host", "hosts"), c.aside(), is(n))}
	case len(left) == 0 && succeeded >= needed:
		return Decision{Done: true, Succeeded: true, Reason: fmt.Sprintf("%d of %s the revision; %s needed", succeeded, Counted(n, "host has", "hosts have"), Counted(needed, "was", "were"))}
	case len(left) == 0:
		return Decision{Done: true, Reason: fmt.Sprintf("%d of %s the revision, and %s needed", succeeded, Counted(n, "host has", "hosts have"), Counted(needed, "was", "were"))}
	}
	slices.SortStableFunc(left, func(a, b int) int { return fleet[a].rank() - fleet[b].rank() })
	spare, room := healthy-minimum, c.concurrency(n)
	var batch []int
	for _, i := range left {
		if len(batch) == room {
			break
		}
		if fleet[i].healthy() {
			if spare <= 0 {
				continue
			}
			spare--
		}
		batch = append(batch, i)
	}
	if len(batch) == 0 {
		return Decision{Done: true, Reason: fmt.Sprintf("stopped after %d of %s failed: %s healthy and %d must stay so; %s not touched",
			failed, Counted(n, "host", "hosts"), Counted(healthy, "is", "are"), minimum, Counted(len(left), "was", "were"))}
	}
	return Decision{Batch: batch}
}

// Counted is a number with the word that goes with it: one with 1, many with all others.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// is is "is 1", or "are" and another number.
func is(n int) string {
	if n == 1 {
		return "is 1"
	}
	return fmt.Sprintf("are %d", n)
}

// rank orders the hosts of a deployment.
func (h Host) rank() int {
	switch {
	case h.Unhealthy:
		return 0
	case h.Revision == RevisionUnknown:
		return 1
	case h.Revision == RevisionOld:
		return 2
	}
	return 3
}

// Simulate plays a deployment in which the hosts named in fails fail, and returns its batches and its end. The fleet
// handed in is not changed.
func Simulate(c Config, fleet []Host, fails func(Host) bool) (batches [][]int, end Decision) {
	fleet = slices.Clone(fleet)
	for {
		d := Next(c, fleet)
		if d.Done {
			return batches, d
		}
		batches = append(batches, d.Batch)
		for _, i := range d.Batch {
			fleet[i].Outcome = Succeeded
			if fails(fleet[i]) {
				fleet[i].Outcome = Failed
			}
		}
	}
}
