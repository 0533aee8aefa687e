package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// newDisplay shows a run as a tree on a terminal, and as plain lines elsewhere.
func newDisplay(e *env, r *rehearsal, plain bool) display {
	lines := &plainDisplay{out: e.stdout, r: r, logs: map[string]*logText{}, seen: map[string]pipeline.Status{}}
	f, ok := e.stdout.(*os.File)
	if plain || !ok || !term.IsTerminal(int(f.Fd())) || e.getenv("TERM") == "dumb" {
		return lines
	}
	return &treeDisplay{plainDisplay: lines, tails: map[string][]string{}, results: map[string][]string{}, size: func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}, colour: e.getenv("NO_COLOR") == ""}
}

// plainDisplay writes lines.
type plainDisplay struct {
	out  io.Writer
	r    *rehearsal
	logs map[string]*logText // by action execution ID
	seen map[string]pipeline.Status
}

func (p *plainDisplay) begin() {
	what := p.r.title
	if p.r.source.branch != "" {
		what += " of " + p.r.source.branch
	}
	if p.r.source.sha != "" {
		what += fmt.Sprintf(" at %.7s", p.r.source.sha)
	}
	fmt.Fprintln(p.out, what)
	for _, s := range p.r.input.Definition.Stages {
		for _, a := range s.Actions {
			fmt.Fprintf(p.out, "  %s/%s (%s)\n", s.Name, a.Name, a.Uses)
		}
	}
	for _, n := range p.r.notes {
		fmt.Fprintln(p.out, "note: "+oneLine(n))
	}
}

func (p *plainDisplay) changed(s pipeline.State) {
	for _, stage := range s.Stages {
		for _, a := range stage.Actions {
			if a.ID == "" || p.seen[a.ID] == a.Status {
				continue
			}
			p.seen[a.ID] = a.Status
			name := stage.Name + "/" + a.Name
			if a.Status == pipeline.InProgress {
				attempt := ""
				if a.Number > 1 {
					attempt = fmt.Sprintf(", attempt %d", a.Number)
				}
				fmt.Fprintf(p.out, "%s  began%s\n", name, attempt)
				continue
			}
			fmt.Fprintf(p.out, "%s  %s\n", name, outcomeOf(a))
		}
	}
}

// outcomeOf says how an action ended.
func outcomeOf(a pipeline.ActionState) string {
	text := strings.ToLower(string(a.Status))
	if !a.StartedAt.IsZero() && !a.EndedAt.IsZero() {
		text += " after " + tookOf(a.EndedAt.Sub(a.StartedAt))
	}
	if a.Summary != "" {
		text += ": " + oneLine(a.Summary)
	}
	return text
}

func tookOf(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func (p *plainDisplay) wrote(id string, part executor.LogPart) {
	p.lines(id, p.log(id).read(part))
}

func (p *plainDisplay) reported(id string, report executor.Report) {
	if !report.Status.Final() {
		return
	}
	p.lines(id, p.log(id).end())
	for _, line := range resultsOf(report) {
		fmt.Fprintf(p.out, "%s  %s\n", p.nameOf(id), line)
	}
}

// lines prints lines of an action's log.
func (p *plainDisplay) lines(id string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(p.out, "%s  | %s\n", p.nameOf(id), line)
	}
}

// resultsOf are the lines for what stands in a report beside the log: remarks on lines of files, and results of tests.
func resultsOf(report executor.Report) (lines []string) {
	for _, a := range report.Annotations {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", oneLine(a.Path), a.StartLine, oneLine(a.Message)))
	}
	for _, t := range report.Tests {
		if t.Problem != "" {
			continue // the log has it
		}
		name := "report " + oneLine(t.Group) + ": "
		lines = append(lines, name+resultOf(t))
		for _, f := range t.Failures {
			if f.Path == "" { // else it is an annotation
				lines = append(lines, name+oneLine(f.Title)+": "+oneLine(f.Message))
			}
		}
	}
	return lines
}

// resultOf sums up a report of tests or coverage.
func resultOf(t executor.TestReport) string {
	if t.Lines > 0 || t.Files > 0 {
		text := fmt.Sprintf("%d of %d lines covered", t.Covered, t.Lines)
		if t.Branches > 0 {
			text += fmt.Sprintf(", %d of %d branches", t.Branched, t.Branches)
		}
		return text
	}
	text := fmt.Sprintf("%d tests, %d passed", t.Tests, t.Passed)
	for _, more := range []struct {
		n    int
		what string
	}{{t.Failed, "failed"}, {t.Errored, "with errors"}, {t.Skipped, "skipped"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return text
}

// nameOf is what people call an action.
func (p *plainDisplay) nameOf(id string) string {
	_, stage, action, _, ok := pipeline.ParseActionID(id)
	if !ok {
		return id
	}
	s := p.r.input.Definition.Stages[stage-1]
	return s.Name + "/" + s.Actions[action-1].Name
}

func (p *plainDisplay) log(id string) *logText {
	if p.logs[id] == nil {
		p.logs[id] = &logText{}
	}
	return p.logs[id]
}

func (p *plainDisplay) end(s pipeline.State) {
	fmt.Fprintf(p.out, "%s %s after %s\n", p.r.ran(), strings.ToLower(string(s.Status)), tookOf(time.Since(s.StartedAt)))
}

// ran is what was run: the pipeline, or what of it was asked for.
func (r *rehearsal) ran() string {
	asked, all := 0, 0
	var names []string
	for _, s := range r.input.Definition.Stages {
		for _, a := range s.Actions {
			names = append(names, s.Name+"/"+a.Name)
			asked++
		}
	}
	for _, s := range r.whole.Stages {
		all += len(s.Actions)
	}
	if asked+len(r.left) == all {
		return r.title
	}
	return strings.Join(names, ", ") + " of the " + r.title
}

// oneLine is text that a terminal can take: one line, without control characters.
func oneLine(text string) string {
	return strings.Join(strings.Fields(printable(text)), " ")
}

// printable takes out what would move the cursor of a terminal or change its colours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, text)
}

// logText makes whole lines of the parts of a log.
type logText struct {
	rest string // the beginning of a line that is longer than a part
}

// read gives the lines that a part ends, as a terminal can take them.
func (l *logText) read(part executor.LogPart) (lines []string) {
	if part.LeftOut > 0 {
		lines = append(l.end(), fmt.Sprintf("… %d bytes left out …", part.LeftOut))
	}
	fresh := strings.Split(l.rest+supervise.Plain(part.Text), "\n")
	l.rest = fresh[len(fresh)-1]
	for _, line := range fresh[:len(fresh)-1] {
		lines = append(lines, printable(line))
	}
	return lines
}

// end gives what was not ended.
func (l *logText) end() (lines []string) {
	if l.rest != "" {
		lines, l.rest = []string{printable(l.rest)}, ""
	}
	return lines
}
