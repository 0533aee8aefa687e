package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// logLines is how many lines of its log a running action shows in the tree, and failedLines one that failed at the end.
const (
	logLines    = 3
	failedLines = 40
)

// treeDisplay draws the pipeline as a tree that changes in place, with the last lines of what runs.
type treeDisplay struct {
	*plainDisplay
	size   func() (width, height int)
	colour bool
	state  pipeline.State
	tails  map[string][]string // last lines of logs, by action execution ID
	marks  map[string][]executor.Annotation
	drawn  int // lines that stand on the terminal
}

func (t *treeDisplay) changed(s pipeline.State) {
	t.state = s
	t.draw()
}

func (t *treeDisplay) reported(id string, report executor.Report) {
	if t.tails == nil {
		t.tails, t.marks = map[string][]string{}, map[string][]executor.Annotation{}
	}
	tail := append(t.tails[id], t.log(id).read(report.Log, report.Status.Final())...)
	t.tails[id] = tail[max(0, len(tail)-failedLines):]
	t.marks[id] = report.Annotations
	t.draw()
}

// draw replaces what stands on the terminal. What does not fit is cut: a tree that scrolls could not be replaced.
func (t *treeDisplay) draw() {
	width, height := t.size()
	lines := t.lines(time.Now())
	if most := max(height-1, 1); len(lines) > most {
		lines = append(lines[:most-1:most-1], "…")
	}
	var b strings.Builder
	if t.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", t.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[2K" + t.paint(clipTo(line, width)) + "\n")
	}
	b.WriteString("\x1b[J")
	t.drawn = len(lines)
	_, _ = fmt.Fprint(t.out, b.String())
}

// lines are the tree.
func (t *treeDisplay) lines(now time.Time) (out []string) {
	for i, stage := range t.state.Stages {
		branch, below := "├─ ", "│  "
		if i == len(t.state.Stages)-1 {
			branch, below = "└─ ", "   "
		}
		out = append(out, branch+stage.Name)
		for j, a := range stage.Actions {
			twig, under := below+"├─ ", below+"│  "
			if j == len(stage.Actions)-1 {
				twig, under = below+"└─ ", below+"   "
			}
			out = append(out, twig+signOf(a.Status)+" "+a.Name+" "+progressOf(a, now))
			if a.Status == pipeline.InProgress {
				tail := t.tails[a.ID]
				for _, line := range tail[max(0, len(tail)-logLines):] {
					out = append(out, under+"  "+line)
				}
			}
		}
	}
	return out
}

func signOf(s pipeline.Status) string {
	switch s {
	case pipeline.Succeeded:
		return "✓"
	case pipeline.Failed:
		return "✗"
	case pipeline.InProgress:
		return "●"
	case pipeline.Stopped:
		return "■"
	}
	return "·"
}

func progressOf(a pipeline.ActionState, now time.Time) string {
	switch {
	case a.Status == pipeline.InProgress && !a.StartedAt.IsZero():
		return now.Sub(a.StartedAt).Round(time.Second).String()
	case a.Status.Final() && a.Status != pipeline.Skipped:
		return outcomeOf(a)
	}
	return strings.ToLower(string(a.Status))
}

// paint colours the sign of a line.
func (t *treeDisplay) paint(line string) string {
	if !t.colour {
		return line
	}
	for sign, colour := range map[string]string{"✓": "32", "✗": "31", "●": "33"} {
		if before, after, ok := strings.Cut(line, sign); ok && strings.Trim(before, "│├└─ ") == "" {
			return before + "\x1b[" + colour + "m" + sign + "\x1b[0m" + after
		}
	}
	return line
}

// clipTo cuts a line to the width of the terminal.
func clipTo(line string, width int) string {
	if r := []rune(line); len(r) > width-1 && width > 1 {
		return string(r[:width-2]) + "…"
	}
	return line
}

func (t *treeDisplay) end(s pipeline.State) {
	t.state = s
	t.draw()
	for _, stage := range s.Stages {
		for _, a := range stage.Actions {
			if a.Status != pipeline.Failed {
				continue
			}
			fmt.Fprintf(t.out, "\n%s/%s failed. The end of its log:\n", stage.Name, a.Name)
			for _, line := range t.tails[a.ID] {
				fmt.Fprintln(t.out, "  "+line)
			}
			for _, m := range t.marks[a.ID] {
				fmt.Fprintf(t.out, "%s:%d: %s\n", oneLine(m.Path), m.StartLine, oneLine(m.Message))
			}
		}
	}
	t.plainDisplay.end(s)
}
