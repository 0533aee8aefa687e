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

// limits bound what a build that works in a folder may use. What bounds an action bounds a batch as a whole: its builds share it.
func (e *Executor) limits(r executor.Request, work string) (supervise.Limits, error) {
	l := e.o.Limits
	if l.Disk > 0 {
		l.DiskDir = work
	}
	b, err := e.batchOf(r)
	if b == nil || err != nil {
		return l, err
	}
	at := int64(min(e.o.BatchAtOnce, len(b.Builds)))
	for _, limit := range []*int64{&l.Memory, &l.Disk, &l.Output} {
		*limit = (*limit + at - 1) / at // 0, no limit, stays it
	}
	l.Processes = (l.Processes + int(at) - 1) / int(at)
	if l.Output > 0 {
		written, err := e.written(actionID(r.ID), b, l.Output)
		switch {
		case err != nil:
			return l, err
		case written >= e.o.Limits.Output:
			return l, errBatchWrote
		}
		l.Output = min(l.Output, e.o.Limits.Output-written)
	}
	return l, nil
}

// timeout is how long a build may take from now on; 0 is any time. A batch's time began with the batch.
func (e *Executor) timeout(r executor.Request) (time.Duration, error) {
	b, err := e.batchOf(r)
	if b == nil || err != nil || r.Timeout <= 0 {
		return r.Timeout, err
	}
	return max(r.Timeout-time.Since(b.Began), time.Second), nil
}

// batchOf is the batch that a build is one of; nil when it is an action of its own.
func (e *Executor) batchOf(r executor.Request) (*batch, error) {
	id := actionID(r.ID)
	if id == r.ID {
		return nil, nil //nolint:nilnil // see above
	}
	var b batch
	if found, err := actiondir.ReadJSON(e.workspace(id).Path(batchFile), &b); err != nil {
		return nil, err
	} else if !found {
		return nil, fmt.Errorf("the batch of %s is not on this host", r.ID)
	}
	return &b, nil
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
