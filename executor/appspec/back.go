package appspec

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
)

// back takes the hosts that a failed deployment touched back to what they had: in place the last revision that was deployed
// successfully is deployed again, blue/green the other side gets the traffic. It returns a sentence about it.
func (d *deployment) back(ctx context.Context) (string, error) {
	touched := d.touched()
	switch {
	case len(touched) == 0:
		return "", nil
	case d.plan.NoRollback:
		return "it is not rolled back, since rollback is off", nil
	}
	good, err := d.good()
	if err != nil {
		return "", err
	}
	if good == nil && d.plan.Kind == inPlace {
		return "nothing was ever deployed successfully, so there is nothing to roll back to", nil
	}
	_, _ = fmt.Fprintln(d.starter.session, "the deployment failed: "+d.notes.Problem)
	problem, err := d.rollBack(ctx, touched)
	switch {
	case err != nil:
		return "", err
	case problem != "":
		return "the rollback failed as well: " + problem, nil
	case d.plan.Kind == blueGreen:
		return "rolled back: what was live before is live", nil
	}
	return fmt.Sprintf("rolled back to %s", good.name()), nil
}

// touched are the hosts that are to go back: in place those that were tried at all, blue/green those where traffic was.
func (d *deployment) touched() []int {
	ph := d.lastPhase()
	return d.every(func(h *hostProgress) bool {
		return h.Outcomes[ph] != rollout.Pending || d.plan.Kind == blueGreen && h.Outcomes[deploying] == rollout.Failed
	})
}

// good is the last revision that was deployed successfully.
func (d *deployment) good() (*revision, error) {
	var known group
	_, err := actiondir.ReadJSON(filepath.Join(d.plan.Group, "group.json"), &known)
	return known.Good, err
}

// rollBack is a deployment of its own, with the same configuration. Hosts that were not touched are healthy as they are; those
// on which the deployment failed come first.
func (d *deployment) rollBack(ctx context.Context, touched []int) (problem string, err error) {
	is := map[int]bool{}
	for _, i := range touched {
		is[i] = true
	}
	for {
		d.notes.mu.Lock()
		fleet := make([]rollout.Host, len(d.notes.Hosts))
		for i, h := range d.notes.Hosts {
			fleet[i] = rollout.Host{Name: h.Name, Outcome: h.Outcomes[returning], Revision: rollout.RevisionOld}
			fleet[i].Unhealthy = h.Outcomes[deploying] == rollout.Failed || h.Outcomes[shifting] == rollout.Failed || h.Outcomes[baking] == rollout.Failed
			if !is[i] {
				fleet[i].Outcome = rollout.Succeeded
			}
		}
		d.notes.mu.Unlock()
		next := rollout.Next(d.config, fleet)
		if next.Done {
			if failed := d.every(func(h *hostProgress) bool { return h.Outcomes[returning] == rollout.Failed }); !next.Succeeded || len(failed) > 0 {
				return next.Reason + d.firstMessage(returning), nil
			}
			return "", nil
		}
		if err := d.batch(ctx, returning, next.Batch); err != nil {
			return "", err
		}
	}
}

// goBack takes one host back.
func (d *deployment) goBack(ctx context.Context, v *visit) error {
	was := d.notes.Hosts[v.host].Live
	if d.plan.Kind == inPlace {
		good, err := d.good()
		if err != nil {
			return err
		}
		v.side, v.to = was, *good
		return v.bring(ctx)
	}
	if v.state.Live != was || len(d.eventsOf(v.host, returning)) > 0 {
		return v.shift(ctx, was)
	}
	v.state.Failed = false // the side that serves was never touched
	return v.on.save(ctx, v.state)
}

// eventsOf are the events of a host in a phase.
func (d *deployment) eventsOf(host int, ph phase) (out []eventResult) {
	d.notes.mu.Lock()
	defer d.notes.mu.Unlock()
	for _, e := range d.notes.Hosts[host].Events {
		if e.Phase == ph {
			out = append(out, e)
		}
	}
	return out
}
