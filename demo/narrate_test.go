package demo

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// tellSomething has a narrator tell a chapter with a step and what was seen.
func tellSomething(colour bool) string {
	var out bytes.Buffer
	n := &narrator{out: &out, colour: colour, start: time.Now(), steps: 11}
	n.chapter("A feature branch is pushed")
	n.who(developer, "pushes %s", featureBranch)
	n.saw("built\nand deployed")
	return out.String()
}

// Each step says where the story stands and when, and colours are there only where they are wanted.
func TestNarrator(t *testing.T) {
	plain, coloured := tellSomething(false), tellSomething(true)
	for _, want := range []string{"[1/11] A feature branch is pushed", "0.0s", "developer pushes " + featureBranch, "✓ built\n           and deployed\n"} {
		if !strings.Contains(plain, want) {
			t.Errorf("it does not tell %q:\n%s", want, plain)
		}
	}
	if strings.Contains(plain, "\x1b") || !strings.Contains(coloured, "\x1b[36mdeveloper\x1b[0m") {
		t.Errorf("colours:\n%q\n%q", plain, coloured)
	}
}

// A story that does not come out as told ends with the reason, and leaves nothing behind.
func TestRunFails(t *testing.T) {
	var out bytes.Buffer
	o := Options{Out: &out, Auto: true, Dir: t.TempDir()}
	o.Start = func(context.Context, Settings) (Server, error) { return nil, errors.New("no room on the disk") }
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "start the server: no room on the disk") {
		t.Errorf("it ended with %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := Run(t.Context(), Options{Out: &out, Auto: true, Dir: t.TempDir(), Start: o.Start}); err == nil || !strings.Contains(err.Error(), "built with Go, which was not found") {
		t.Errorf("without Go: %v", err)
	}
}
