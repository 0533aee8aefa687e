package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
)

// Every line of a log is printed once, as a terminal can take it, and what was not kept is told.
func TestLogText(t *testing.T) {
	for name, c := range map[string]struct {
		parts []executor.LogPart
		want  []string
	}{
		"as it grows":        {[]executor.LogPart{{Text: []byte("a\nb\n")}, {Text: []byte("c\n")}}, []string{"a", "b", "c"}},
		"a long line":        {[]executor.LogPart{{Text: []byte("a")}, {Text: []byte("b\nc")}}, []string{"ab", "c"}},
		"some is not kept":   {[]executor.LogPart{{Text: []byte("a\nb")}, {LeftOut: 7, Text: []byte("z\n")}}, []string{"a", "b", "… 7 bytes left out …", "z"}},
		"control characters": {[]executor.LogPart{{Text: []byte("\x1b[31mred\x1b[0m\tb\r\n10%\r20%\n\u009bc\n")}}, []string{"red b", "10%", "20%", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var l logText
			var got []string
			for _, part := range c.parts {
				got = append(got, l.read(part)...)
			}
			if diff := cmp.Diff(c.want, append(got, l.end()...)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// What stands in a report beside the log is shown too: where something failed, and what tests came to.
func TestResultsOf(t *testing.T) {
	got := resultsOf(executor.Report{
		Annotations: []executor.Annotation{{Path: "a.go", StartLine: 3, Message: "Test failed:\nx"}},
		Tests: []executor.TestReport{
			{Group: "unit", Tests: 5, Passed: 1, Failed: 2, Errored: 1, Skipped: 1, Failures: []executor.TestFailure{{Title: "x", Path: "a.go", Line: 3}, {Title: "y", Message: "want 1\ngot 2"}}},
			{Group: "good", Tests: 2, Passed: 2},
			{Group: "cover", Files: 1, Lines: 4, Covered: 3, Branches: 2, Branched: 1},
			{Group: "lost", Problem: "no file"},
		},
	})
	want := []string{
		"a.go:3: Test failed: x",
		"report unit: 5 tests, 1 passed, 2 failed, 1 with errors, 1 skipped",
		"report unit: y: want 1 got 2",
		"report good: 2 tests, 2 passed",
		"report cover: 3 of 4 lines covered, 1 of 2 branches",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTree(t *testing.T) {
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	var out strings.Builder
	tree := &treeDisplay{
		plainDisplay: &plainDisplay{out: &out}, size: func() (int, int) { return 40, 7 }, colour: true,
		tails: map[string][]string{"x-1-2-1": {"one", "two", "three", "four"}},
		state: pipeline.State{Stages: []pipeline.StageState{
			{Name: "Test", Actions: []pipeline.ActionState{
				{Name: "unit", Attempt: pipeline.Attempt{ID: "x-1-1-1", Status: pipeline.Succeeded, StartedAt: began, EndedAt: began.Add(1500 * time.Millisecond), Summary: "3 phases"}},
				{Name: "load", Attempt: pipeline.Attempt{ID: "x-1-2-1", Status: pipeline.InProgress, StartedAt: began}},
			}},
			{Name: "Deploy", Actions: []pipeline.ActionState{{Name: "staging", Attempt: pipeline.Attempt{Status: pipeline.Waiting}}}},
		}},
	}
	want := []string{
		"├─ Test",
		"│  ├─ ✓ unit succeeded after 1.5s: 3 phases",
		"│  └─ ● load 12s",
		"│       two",
		"│       three",
		"│       four",
		"└─ Deploy",
		"   └─ · staging waiting",
	}
	if diff := cmp.Diff(want, tree.lines(began.Add(12*time.Second))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	tree.draw()
	first := out.String()
	tree.draw()
	second := out.String()[len(first):]
	if strings.Contains(first, "A\x1b") || !strings.HasPrefix(second, "\x1b[6A") {
		t.Errorf("drawn first\n%q\nthen\n%q", first, second)
	}
	for _, line := range strings.Split(second, "\n") {
		if !strings.Contains(line, "\x1b[32m") && len([]rune(line)) > 40+10 {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
	if !strings.Contains(first, "\x1b[32m✓\x1b[0m unit") || strings.Count(first, "\n") != 6 {
		t.Errorf("drawn\n%q", first)
	}
}
