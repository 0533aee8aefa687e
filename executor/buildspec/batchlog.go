package buildspec

import (
	"context"
	"errors"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
)

// batchTitle is the line before the log of a build of a batch.
func batchTitle(identifier string) string { return "[sluice] Build " + identifier + "\n" }

// log is the logs of a batch's builds, one after the other: up to the first that runs, so that what has been shown stays as it is.
func (s *progressOfBatch) log() string {
	var out strings.Builder
	for i, t := range s.b.Builds {
		if s.reports[i] == nil {
			if s.skipped[i] {
				continue
			}
			break
		}
		out.WriteString(batchTitle(t.Identifier) + s.reports[i].Log)
		if !s.reports[i].Status.Final() {
			break
		}
	}
	text := out.String()
	if len(text) > executor.MaxLog {
		text = strings.ToValidUTF8(text[len(text)-executor.MaxLog:], "")
	}
	return text
}

// batchSections is how many sections of a batch's log belong to each of its builds: more than it can have tries.
const batchSections = 1000

// readBatchLog reads the logs of a batch's builds, one after the other: sections 1 to 999 are the first one's.
func (e *Executor) readBatchLog(id string, b *batch, from executor.LogPlace, most int) (executor.LogPart, error) {
	_, ended, err := e.workspace(id).Report() // before anything is read: what is read after the end is all there is
	if err != nil {
		return executor.LogPart{}, err
	}
	at := executor.LogPlace{Section: max(from.Section, 1), Offset: from.Offset}
	for {
		i := at.Section / batchSections
		if i >= len(b.Builds) {
			return executor.LogPart{Next: at, Ended: ended}, nil
		}
		own := executor.LogPlace{Section: max(at.Section%batchSections, 1), Offset: at.Offset}
		next := executor.LogPlace{Section: (i+1)*batchSections + 1}
		part, err := e.workspace(id+batchMark+b.Builds[i].Identifier).ReadLog(own, most)
		switch {
		case errors.Is(err, executor.ErrNoLog) && ended: // it was not run
			at = next
			continue
		case errors.Is(err, executor.ErrNoLog):
			return executor.LogPart{Next: at}, nil
		case err != nil:
			return executor.LogPart{}, err
		}
		if own.Section == 1 && own.Offset == 0 && len(part.Text) > 0 {
			part.Text = append([]byte(batchTitle(b.Builds[i].Identifier)), part.Text...)
		}
		part.Next.Section += i * batchSections
		if part.Ended {
			part.Next, part.Ended = next, ended && i == len(b.Builds)-1
			if len(part.Text) == 0 && !part.Ended {
				at = next
				continue
			}
		}
		return part, nil
	}
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
