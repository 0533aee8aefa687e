package buildspec

import (
	"context"
	"errors"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

// batchTitle is the line before the log of a build of a batch.
func batchTitle(identifier string) string { return "[sluice] Build " + identifier + "\n" }

// notRun is the log of a build of a batch whose turn never came.
func notRun(t batchBuild) string {
	why := "the batch was over before its turn"
	if len(t.After) > 0 {
		why = "it waits for " + strings.Join(t.After, ", ") + ", which did not all succeed before the batch was over"
	}
	return batchTitle(t.Identifier) + "[sluice] Not run: " + why + "\n"
}

// log is the logs of a batch's builds, one after the other: up to the first that runs, so that what has been shown stays as it is.
func (s *progressOfBatch) log() string {
	var out strings.Builder
	for _, i := range s.b.inTurn() {
		if s.reports[i] == nil {
			if s.skipped[i] {
				out.WriteString(notRun(s.b.Builds[i]))
				continue
			}
			break
		}
		out.WriteString(batchTitle(s.b.Builds[i].Identifier) + s.reports[i].Log)
		if !s.reports[i].Status.Final() {
			break
		}
	}
	return executor.LogEnd(out.String())
}

// batchSections is how many sections of a batch's log belong to each of its builds: more than it can have tries.
const batchSections = 1000

// readBatchLog reads the logs of a batch's builds, one after the other: sections 1 to 999 are the first one's.
func (e *Executor) readBatchLog(id string, b *batch, from executor.LogPlace, most int) (executor.LogPart, error) {
	_, ended, err := e.workspace(id).Report() // before anything is read: what is read after the end is all there is
	if err != nil {
		return executor.LogPart{}, err
	}
	order := b.inTurn()
	at := executor.LogPlace{Section: max(from.Section, 1), Offset: from.Offset}
	for {
		n := at.Section / batchSections
		if n >= len(order) {
			return executor.LogPart{Next: at, Ended: ended}, nil
		}
		build := b.Builds[order[n]]
		own := executor.LogPlace{Section: max(at.Section%batchSections, 1), Offset: at.Offset}
		next := executor.LogPlace{Section: (n+1)*batchSections + 1}
		title := ""
		if own.Section == 1 && own.Offset == 0 {
			title = batchTitle(build.Identifier)
		}
		part, err := e.workspace(id+batchMark+build.Identifier).ReadLog(own, max(most-len(title), 1))
		if errors.Is(err, executor.ErrNoLog) {
			never, err := e.neverBegins(id, b, order[n])
			if err != nil {
				return executor.LogPart{}, err
			}
			if !never && !ended {
				return executor.LogPart{Next: at}, nil
			}
			text := notRun(build)
			begin := min(int(own.Offset), len(text))
			end := min(begin+max(most, 1), len(text))
			part := executor.LogPart{Text: []byte(text[begin:end]), Next: executor.LogPlace{Section: at.Section, Offset: at.Offset + int64(end-begin)}}
			if end == len(text) {
				part.Next, part.Ended = next, ended && n == len(order)-1
			}
			return part, nil
		}
		if err != nil {
			return executor.LogPart{}, err
		}
		if len(part.Text) > 0 || part.Ended {
			part.Text = append([]byte(title), part.Text...)
		}
		part.Next.Section += n * batchSections
		if part.Ended {
			part.Next, part.Ended = next, ended && n == len(order)-1
			if len(part.Text) == 0 && !part.Ended {
				at = next
				continue
			}
		}
		return part, nil
	}
}

// neverBegins tells whether a build of a batch is one whose turn never comes.
func (e *Executor) neverBegins(id string, b *batch, i int) (bool, error) {
	s, err := e.standing(id, b, func(t batchBuild) (executor.Report, error) {
		report, done, err := e.workspace(id + batchMark + t.Identifier).Report()
		if !done {
			report.Status = pipeline.InProgress
		}
		return report, err
	})
	if err != nil {
		return false, err
	}
	s.ready()
	return s.skipped[i], nil
}

// ReadLog reads what a build has written, and what is said about its artifacts; of a batch what each of its builds has.
func (e *Executor) ReadLog(_ context.Context, r executor.Request, from executor.LogPlace, most int) (executor.LogPart, error) {
	w := e.workspace(r.ID)
	var b batch
	if found, err := actiondir.ReadJSON(w.Path(batchFile), &b); err != nil {
		return executor.LogPart{}, err
	} else if found {
		return e.readBatchLog(r.ID, &b, from, most)
	}
	return w.ReadLog(from, most)
}
