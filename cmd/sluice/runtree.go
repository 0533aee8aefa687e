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
	// By action execution ID: last lines of logs, and what stands beside them in reports.
	tails, results map[string][]string
	drawn          int // lines that stand on the terminal
}

func (t *treeDisplay) changed(s pipeline.State) {
	t.state = s
	t.draw()
}

func (t *treeDisplay) wrote(id string, part executor.LogPart) {
	t.keep(id, t.log(id).read(part))
	t.draw()
}

func (t *treeDisplay) reported(id string, report executor.Report) {
	if report.Status.Final() {
		t.keep(id, t.log(id).end())
		t.results[id] = resultsOf(report)
	}
	t.draw()
}

// keep keeps the last lines of an action's log.
func (t *treeDisplay) keep(id string, lines []string) {
	tail := append(t.tails[id], lines...)
	t.tails[id] = tail[max(0, len(tail)-failedLines):]
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
			name := stage.Name + "/" + a.Name
			if a.Status == pipeline.Failed {
				fmt.Fprintf(t.out, "\n%s failed. The end of its log:\n", name)
				for _, line := range t.tails[a.ID] {
					fmt.Fprintln(t.out, "  "+line)
				}
			}
			for _, line := range t.results[a.ID] {
				fmt.Fprintf(t.out, "%s  %s\n", name, line)
			}
		}
	}
	t.plainDisplay.end(s)
}
