package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// narrator tells the story: a line for each step as it happens, with the time since the start.
type narrator struct {
	out    io.Writer
	colour bool
	start  time.Time
	step   int
	steps  int
}

func (n *narrator) paint(code, s string) string {
	if !n.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (n *narrator) at() string {
	return n.paint("2", fmt.Sprintf("%5.1fs", time.Since(n.start).Seconds()))
}

// chapter begins a step of the story.
func (n *narrator) chapter(title string) {
	n.step++
	fmt.Fprintf(n.out, "\n%s %s\n", n.at(), n.paint("1", fmt.Sprintf("[%d/%d] %s", n.step, n.steps, title)))
}

// who tells what a person does.
func (n *narrator) who(person, format string, args ...any) {
	fmt.Fprintf(n.out, "%s   %s %s\n", n.at(), n.paint("36", person), fmt.Sprintf(format, args...))
}

// saw tells what was seen to have happened.
func (n *narrator) saw(format string, args ...any) {
	lines := strings.Split(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n")
	fmt.Fprintf(n.out, "%s   %s %s\n", n.at(), n.paint("32", "✓"), lines[0])
	for _, l := range lines[1:] {
		fmt.Fprintf(n.out, "           %s\n", l)
	}
}
