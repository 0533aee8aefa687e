package githubactions

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// carries tells whether a run's name has the token as a word of its own: ex-1-1-1 is not in "load ex-1-1-12".
func carries(name, token string) bool {
	for rest := name; ; {
		i := strings.Index(rest, token)
		if i < 0 || token == "" {
			return false
		}
		before, after := rest[:i], rest[i+len(token):]
		if (before == "" || !inToken(before[len(before)-1])) && (after == "" || !inToken(after[0])) {
			return true
		}
		rest = rest[i+1:]
	}
}

func inToken(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// reportOf translates a run.
func reportOf(run forge.WorkflowRun) executor.Report {
	report := executor.Report{
		Status: pipeline.InProgress, Summary: "the run is " + strings.ReplaceAll(run.Status, "_", " "),
		URL: run.HTMLURL, ExternalID: strconv.FormatInt(run.ID, 10),
	}
	if run.Status != "completed" {
		report.PollAfter = poll
		return report
	}
	report.Summary = "the run ended as " + strings.ReplaceAll(run.Conclusion, "_", " ")
	report.Variables = map[string]string{"run_id": report.ExternalID, "conclusion": run.Conclusion}
	switch run.Conclusion {
	case "success", "neutral":
		report.Status = pipeline.Succeeded
	case "cancelled":
		report.Status = pipeline.Stopped
	case "skipped": // every job was: nothing was done, so nothing can have succeeded
		report.Status, report.Summary = pipeline.Failed, "all jobs of the run were skipped"
	case "action_required":
		report.Status, report.Summary = pipeline.Failed, "the run waits for somebody at GitHub to allow it"
	default:
		report.Status = pipeline.Failed
		if run.Conclusion == "" {
			report.Summary = fmt.Sprintf("run %d ended without a conclusion", run.ID)
		}
	}
	return report
}

// memory keeps what would cost a call, or a second dispatch, to ask again. Losing it is safe: runs are found by name,
// and the caller says in StartTried when Start was tried before. What is older than two days is forgotten.
type memory struct {
	mu  sync.Mutex
	ids map[string]memo // by action execution ID
}

type memo struct {
	run  int64
	try  time.Time
	seen time.Time
}

func (m *memory) change(id string, now time.Time, do func(*memo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids == nil {
		m.ids = map[string]memo{}
	}
	for old, v := range m.ids {
		if now.Sub(v.seen) > 48*time.Hour {
			delete(m.ids, old)
		}
	}
	v := m.ids[id]
	do(&v)
	v.seen = now
	m.ids[id] = v
}

func (m *memory) learn(id string, run int64, now time.Time) {
	m.change(id, now, func(v *memo) { v.run = run })
}

func (m *memory) try(id string, now time.Time) {
	m.change(id, now, func(v *memo) { v.try = now })
}

func (m *memory) run(id string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids[id].run
}

// tried is when a dispatch was last tried, as far as anybody knows.
func (m *memory) tried(r executor.Request) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if own := m.ids[r.ID].try; own.After(r.StartTried) {
		return own
	}
	return r.StartTried
}
