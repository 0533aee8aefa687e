package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// newDisplay shows a run as a tree on a terminal, and as plain lines elsewhere.
func newDisplay(e *env, r *rehearsal, plain bool) display {
	lines := &plainDisplay{out: e.stdout, r: r, logs: map[string]*logReader{}, seen: map[string]pipeline.Status{}}
	f, ok := e.stdout.(*os.File)
	if plain || !ok || !term.IsTerminal(int(f.Fd())) || e.getenv("TERM") == "dumb" {
		return lines
	}
	return &treeDisplay{plainDisplay: lines, size: func() (int, int) {
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
	logs map[string]*logReader // by action execution ID
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

func (p *plainDisplay) reported(id string, report executor.Report) {
	name := p.nameOf(id)
	for _, line := range p.log(id).read(report.Log, report.Status.Final()) {
		fmt.Fprintf(p.out, "%s  | %s\n", name, line)
	}
	if report.Status.Final() {
		for _, a := range report.Annotations {
			fmt.Fprintf(p.out, "%s  %s:%d: %s\n", name, oneLine(a.Path), a.StartLine, oneLine(a.Message))
		}
	}
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

func (p *plainDisplay) log(id string) *logReader {
	if p.logs[id] == nil {
		p.logs[id] = &logReader{}
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

// logReader makes whole lines of reports of a log, each of which is its end so far.
type logReader struct {
	text string // the last report
	rest string // the beginning of a line
}

// read gives the lines that are new. final: no more will come.
func (l *logReader) read(text string, final bool) []string {
	fresh := text
	switch {
	case strings.HasPrefix(text, l.text):
		fresh = text[len(l.text):]
	case l.text != "":
		known := l.text[max(0, len(l.text)-1024):]
		if at := strings.LastIndex(text, known); at >= 0 {
			fresh = text[at+len(known):]
		} else {
			fresh = "…\n" + text
		}
	}
	l.text = text
	l.rest += fresh
	lines := strings.Split(l.rest, "\n")
	l.rest = lines[len(lines)-1]
	lines = lines[:len(lines)-1]
	if final && l.rest != "" {
		lines, l.rest = append(lines, l.rest), ""
	}
	for i := range lines {
		lines[i] = printable(strings.TrimSuffix(lines[i], "\r"))
	}
	return lines
}
