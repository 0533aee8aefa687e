package pipeline

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// Line is a line of a report: a stage, or an action below its stage.
type Line struct {
	Stage       string
	Action      string // empty: the line is the stage's
	Uses        string
	Environment string
	Status      Status
	Attempt     int // counts from 1; 0: not started
	StartedAt   time.Time
	Duration    time.Duration // so far, or in all
	Summary     string        // one line; text of executors and people
	URL         string        // http or https, or empty
}

// Lines is what there is to tell about an execution: each stage followed by its actions.
func Lines(s State, now time.Time) []Line {
	var lines []Line
	for i := range s.Stages {
		st := &s.Stages[i]
		lines = append(lines, Line{
			Stage: st.Name, Status: st.Status, StartedAt: st.StartedAt,
			Duration: since(st.StartedAt, st.EndedAt, now), Summary: oneLine(st.tell()),
		})
		for j := range st.Actions {
			a, d := &st.Actions[j], &s.Definition.Stages[i].Actions[j]
			lines = append(lines, Line{
				Stage: st.Name, Action: a.Name, Uses: d.Uses, Environment: d.Environment,
				Status: a.Status, Attempt: a.Number, StartedAt: a.StartedAt,
				Duration: since(a.StartedAt, a.EndedAt, now), Summary: oneLine(a.tell(d, now)), URL: webURL(a.URL),
			})
		}
	}
	return lines
}

// tell says in one line what there is to say about a stage itself.
func (st *StageState) tell() string {
	if st.Disabled != nil && st.Status == Waiting {
		return st.disabledBy()
	}
	var parts []string
	if st.Reason != "" {
		parts = append(parts, st.Reason)
	}
	for _, o := range st.Overrides {
		parts = append(parts, o.String())
	}
	return strings.Join(parts, "; ")
}

// tell says in one line how an action stands.
func (a *ActionState) tell(d *Action, now time.Time) string {
	switch {
	case a.AwaitsRequest:
		return "waits for /promote until " + moment(a.Deadline)
	case a.Approval != nil && a.Status == InProgress:
		return fmt.Sprintf("waits for approval to enter %s, until %s", d.Environment, moment(a.Approval.ExpiresAt))
	case a.Status == InProgress && a.StopReason != "":
		return "stopping: " + a.StopReason
	case a.Status == InProgress && a.WaitsFor != "":
		return fmt.Sprintf("waits, until %s at most: %s", moment(a.Deadline), a.WaitsFor)
	case a.Status == InProgress && a.Summary == "" && a.RunningAt.IsZero() && d.Deploys:
		return "waits for its turn in " + d.Environment
	}
	return a.Summary
}

func since(start, end, now time.Time) time.Duration {
	switch {
	case start.IsZero():
		return 0
	case end.IsZero():
		end = now
	}
	return max(end.Sub(start), 0)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// maxSummary is how many characters of a summary a report shows.
const maxSummary = 300

// oneLine takes control characters out and cuts.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' }), " ")
	if r := []rune(s); len(r) > maxSummary {
		return string(r[:maxSummary-1]) + "…"
	}
	return s
}

// webURL lets only web addresses through.
func webURL(s string) string {
	if (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.ContainsAny(s, " \t\r\n<>()\"'`|\\") {
		return s
	}
	return ""
}

// mark is the sign in front of a status.
func (s Status) mark() string {
	switch s {
	case Succeeded:
		return "✅"
	case Failed:
		return "❌"
	case InProgress:
		return "🔄"
	case Stopped, Superseded:
		return "⏹️"
	case Skipped:
		return "⏭️"
	}
	return "⏳"
}

// Table is the stage table for a check's text, in Markdown: a line for each stage and each action, with durations.
// Text of executors and people is shown as it is and can neither mention anybody nor break the table.
func Table(s State, now time.Time) string {
	var b strings.Builder
	b.WriteString("| | stage / action | status | time | |\n|---|---|---|---|---|\n")
	for _, l := range Lines(s, now) {
		name := "**" + escape(l.Stage) + "**"
		if l.Action != "" {
			name = "&nbsp;&nbsp;" + escape(l.Action)
			if l.URL != "" {
				name = "&nbsp;&nbsp;[" + escape(l.Action) + "](" + l.URL + ")"
			}
			if l.Attempt > 1 {
				name += fmt.Sprintf(" (attempt %d)", l.Attempt)
			}
		}
		took := ""
		if !l.StartedAt.IsZero() {
			took = span(l.Duration)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.Status.mark(), name, l.Status, took, escape(l.Summary))
	}
	return b.String()
}

// escape writes text so that Markdown and GitHub leave it alone: no markup, no HTML, no table cells, no mentions, no
// references to issues, nothing that turns the direction of writing.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune("\\`*_{}[]()+!|~^$=>", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@' || r == '#': // a blank without width keeps mentions and references from being seen
			b.WriteRune(r)
			b.WriteRune('\u200b')
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f:
			fmt.Fprintf(&b, "\\\\u%04x", r)
		case r == '<' || r == '&' || r == '"':
			b.WriteString(html.EscapeString(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Why says in one sentence what the execution is waiting for, or why it ended.
func Why(s State, now time.Time) string {
	switch {
	case s.Status == Waiting && s.Turn != nil:
		return fmt.Sprintf("It waits for its turn as number %d in the queue, behind %s.", s.Turn.Number, oneLine(s.Turn.Behind))
	case s.Status == Waiting:
		return "It waits for its turn: another execution is before it."
	case s.Status == Succeeded:
		return "It succeeded."
	case s.Status.Final():
		return fmt.Sprintf("It ended as %s: %s.", s.Status, oneLine(strings.TrimSuffix(s.Reason, ".")))
	case s.Stopping != nil:
		return fmt.Sprintf("It is stopping (%s) and waits for %s to end.", oneLine(s.Stopping.Reason), s.waiting(now))
	case !s.Resolving.IsZero():
		return fmt.Sprintf("It asks the registry which digest %s has, until %s.", s.Image.Reference, moment(s.Resolving))
	}
	if what := s.waiting(now); what != "" {
		return "It waits for " + what + "."
	}
	if st := s.arrived(); st != nil {
		return fmt.Sprintf("It waits: %s (until %s at most).", st.disabledBy(), moment(st.keptUntil()))
	}
	if h := s.Hold; h != nil {
		return fmt.Sprintf("It is held by %s until %s: %s.", h.By.Login, moment(h.Until), oneLine(h.Reason))
	}
	return "It goes on."
}

// Running is an action that its executor may be at work on.
type Running struct {
	ID          string // of the attempt
	Stage, Name string
	Environment string // which it deploys to; empty: none
	URL         string // http or https, or empty
	// Spared says that a cancellation with HaltWait leaves it to its end: it was not told to stop before, and does something already.
	Spared bool
}

// Running lists the actions that have begun and not ended. Approvals, and what waits for its environment, are none of them.
func (s State) Running() []Running {
	var out []Running
	s.each(func(i, _ int, d *Action, a *ActionState) bool {
		if a.Status == InProgress && a.Approval == nil && a.WaitsFor == "" {
			r := Running{ID: a.ID, Stage: s.Stages[i].Name, Name: a.Name, URL: webURL(a.URL), Spared: a.StopReason == "" && begun(d, a)}
			if d.Deploys {
				r.Environment = d.Environment
			}
			out = append(out, r)
		}
		return true
	})
	return out
}

// waiting names what runs.
func (s *State) waiting(now time.Time) string {
	var parts []string
	s.each(func(i, _ int, d *Action, a *ActionState) bool {
		name := s.Stages[i].Name + "/" + a.Name
		switch {
		case a.AwaitsRequest:
			parts = append(parts, "somebody to say /promote (by "+moment(a.Deadline)+")")
		case a.Approval != nil && a.Status == InProgress:
			parts = append(parts, fmt.Sprintf("approval to enter %s (by %s)", d.Environment, moment(a.Approval.ExpiresAt)))
		case a.Status == InProgress && a.WaitsFor != "" && a.StopReason == "":
			parts = append(parts, fmt.Sprintf("%s to begin (%s; until %s at most)", name, oneLine(a.WaitsFor), moment(a.Deadline)))
		case a.Status == InProgress:
			parts = append(parts, fmt.Sprintf("%s (%s so far)", name, span(since(a.StartedAt, a.EndedAt, now))))
		}
		return true
	})
	return strings.Join(parts, ", ")
}
