package buildspec

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// errBatchWrote says that a build of a batch cannot begin.
var errBatchWrote = executor.Permanentf("the builds of the batch have written all the output that they may together; the operator's --build-limits bound it")

// allowance is what a build that works in a folder may use, and how long. What bounds an action bounds a batch as a whole: its builds
// share it.
func (e *Executor) allowance(r executor.Request, work string) (l supervise.Limits, timeout time.Duration, err error) {
	l, timeout = e.o.Limits, r.Timeout
	if l.Disk > 0 {
		l.DiskDir = work
	}
	id := actionID(r.ID)
	if id == r.ID {
		return l, timeout, nil
	}
	var b batch
	if found, err := actiondir.ReadJSON(e.workspace(id).Path(batchFile), &b); err != nil {
		return l, 0, err
	} else if !found {
		return l, 0, fmt.Errorf("the batch of %s is not on this host", r.ID)
	}
	at := int64(min(e.o.BatchAtOnce, len(b.Builds)))
	for _, limit := range []*int64{&l.Memory, &l.Disk, &l.Output} {
		*limit = (*limit + at - 1) / at // 0, no limit, stays it
	}
	l.Processes = (l.Processes + int(at) - 1) / int(at)
	if l.Output > 0 {
		written, err := e.written(id, &b, l.Output)
		switch {
		case err != nil:
			return l, 0, err
		case written >= e.o.Limits.Output:
			return l, 0, errBatchWrote
		}
		l.Output = min(l.Output, e.o.Limits.Output-written)
	}
	if timeout > 0 {
		timeout = max(timeout-time.Since(b.Began), time.Second)
	}
	return l, timeout, nil
}

// written is how much the builds of a batch have written to their logs, with all that each of those that run may yet.
func (e *Executor) written(id string, b *batch, each int64) (sum int64, err error) {
	for _, t := range b.Builds {
		w := e.workspace(id + batchMark + t.Identifier)
		for n := range w.Current() {
			state, result, err := supervise.Look(w.Try(n + 1))
			if err != nil {
				return 0, err
			}
			switch state {
			case supervise.Absent:
			case supervise.Finished:
				sum += result.LogBytes
			default:
				sum += each
			}
		}
	}
	return sum, nil
}
