package appspec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/appspec/rollout"
)

const (
	// bakeLooks is how often hosts are looked at in a bake time, at most once in bakeOften.
	bakeLooks = 60
	bakeOften = 500 * time.Millisecond
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
	tick := time.NewTicker(max(d.plan.Bake/bakeLooks, bakeOften))
	defer tick.Stop()
	inRow := make([]int, len(d.hosts))
	for {
		if d.plan.Probe.set() {
			if problem, err := d.look(ctx, hosts, inRow); problem != "" || err != nil {
				return problem, err
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

// ask probes hosts once, all at the same time.
func (d *deployment) ask(ctx context.Context, hosts []int) []answer {
	out := make([]answer, len(hosts))
	var asking sync.WaitGroup
	for n, i := range hosts {
		asking.Go(func() { out[n] = d.plan.Probe.of(d.plan.Hosts[i].Address).once(ctx) })
	}
	asking.Wait()
	return out
}

// look probes hosts and counts the answers, also how often in a row each host was not well. problem names the first that was too
// often.
func (d *deployment) look(ctx context.Context, hosts []int, inRow []int) (problem string, err error) {
	answers := d.ask(ctx, hosts)
	if ctx.Err() != nil {
		return "", nil //nolint:nilerr // these are no answers
	}
	err = d.notes.change(func(p *progress) {
		for n, i := range hosts {
			p.Hosts[i].Asked++
			if answers[n].errs {
				p.Hosts[i].Errors++
			}
		}
	})
	if err != nil {
		return "", err
	}
	for n, i := range hosts {
		trouble := answers[n].problem
		if trouble == nil {
			inRow[i] = 0
			continue
		}
		if inRow[i]++; inRow[i] == bakeMisses {
			message := "not well in the bake time: " + executor.OneLine(trouble.Error())
			return fmt.Sprintf("%s: %s", d.plan.Hosts[i].Name, message), d.notes.settle(i, baking, rollout.Failed, message)
		}
	}
	return "", nil
}

// odd names the hosts that differ from their peers: in revision, in the error rate of the bake time, or in the time of day.
func (d *deployment) odd(ctx context.Context) string {
	out := oddRates(d.notes.Hosts)
	for i, on := range d.hosts {
		name := d.plan.Hosts[i].Name
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

const (
	// oddAsked is how often a host must have been asked for its error rate to say anything.
	oddAsked = 10
	// oddRate is how far, in percentage points, a host's error rate must be above its peers' median to be named.
	oddRate = 10
)

// oddRates names the hosts whose error rate in the bake time is far above their peers'; without peers, one that had errors.
func oddRates(hosts []*hostProgress) (out []string) {
	for _, h := range hosts {
		if h.Asked == 0 {
			continue
		}
		var peers []float64
		for _, o := range hosts {
			if o != h && o.Asked > 0 {
				peers = append(peers, o.rate())
			}
		}
		switch {
		case len(peers) == 0 && h.Errors > 0:
			out = append(out, fmt.Sprintf("%s answered %d of %d probes of the bake time with an error, or late", h.Name, h.Errors, h.Asked))
		case len(peers) > 0 && h.Asked >= oddAsked && h.rate() >= median(peers)+oddRate:
			out = append(out, fmt.Sprintf("%s answered %.0f%% of the probes of the bake time with an error, or late, the median of its peers is %.0f%%",
				h.Name, h.rate(), median(peers)))
		}
	}
	return out
}

// rate is the share of errors among the answers of the bake time, in percent.
func (h *hostProgress) rate() float64 { return 100 * float64(h.Errors) / float64(h.Asked) }

// median of at least one value.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
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
