package appspec

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
)

const (
	// bakeLooks is how often hosts are looked at in a bake time, at most every second.
	bakeLooks = 60
	// bakeMisses is how many looks in a row have to fail before a host counts as unwell: one alone may be chance.
	bakeMisses = 3
	// clockOff is how far a host's clock may be from this one's.
	clockOff = 5 * time.Second
)

// bake watches the hosts that got the revision until the bake time is over. problem names the one that is not well any more.
func (d *deployment) bake(ctx context.Context, hosts []int) (problem string, err error) {
	err = d.notes.change(func(p *progress) {
		if p.BakeUntil.IsZero() { // else it began under a supervisor that is gone
			p.BakeUntil = time.Now().Add(d.plan.Bake)
		}
		p.Now = fmt.Sprintf("%s until %s", baking, p.BakeUntil.UTC().Format(time.RFC3339))
	})
	if err != nil {
		return "", err
	}
	over := time.NewTimer(time.Until(d.notes.BakeUntil))
	defer over.Stop()
	tick := time.NewTicker(max(d.plan.Bake/bakeLooks, time.Second))
	defer tick.Stop()
	inRow := make([]int, len(d.hosts))
	for {
		for _, i := range hosts {
			at := d.plan.Hosts[i]
			trouble := d.plan.Probe.of(at.Address).once(ctx)
			if ctx.Err() != nil {
				break
			}
			if trouble == nil {
				inRow[i] = 0
				continue
			}
			inRow[i]++
			d.misses[i]++
			if inRow[i] == bakeMisses {
				message := fmt.Sprintf("not well in the bake time: %s", executor.OneLine(trouble.Error()))
				return fmt.Sprintf("%s: %s", at.Name, message), d.notes.settle(i, baking, rollout.Failed, message)
			}
		}
		select {
		case <-over.C:
			return "", nil
		case <-tick.C:
		case <-ctx.Done():
			if why := halted(ctx); why != "" {
				return why, nil
			}
			return "", context.Cause(ctx)
		}
	}
}

// odd names the hosts that differ from their peers: in revision, in how often the probe failed, or in the time of day.
func (d *deployment) odd(ctx context.Context) string {
	var out []string
	for i, on := range d.hosts {
		name := d.plan.Hosts[i].Name
		if d.misses[i] > 0 {
			out = append(out, fmt.Sprintf("%s failed %d probes of the bake time", name, d.misses[i]))
		}
		state, err := on.load(ctx)
		if err != nil {
			continue // why it cannot be reached is said where that mattered
		}
		if last := state.live().Last; last != nil && last.Digest != d.plan.Revision.Digest {
			out = append(out, fmt.Sprintf("%s still has %s", name, last.name()))
		}
		if off, err := on.clock(ctx); err == nil {
			out = append(out, oddClock(name, off)...)
		}
	}
	return strings.Join(out, "; ")
}

// oddClock says that a clock is ahead of ours, or behind it; nothing when it is about right.
func oddClock(name string, ahead time.Duration) []string {
	switch {
	case ahead > clockOff:
		return []string{fmt.Sprintf("the clock of %s is %s ahead", name, ahead.Round(time.Second))}
	case ahead < -clockOff:
		return []string{fmt.Sprintf("the clock of %s is %s behind", name, (-ahead).Round(time.Second))}
	}
	return nil
}
