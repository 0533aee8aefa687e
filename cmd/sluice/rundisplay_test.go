package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
)

// Reports show the end of a log; every line of it is printed once.
func TestLogReader(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 100) + "\n"
	for name, c := range map[string]struct {
		reports []string
		want    []string
	}{
		"as it grows":           {[]string{"a\n", "a\nb", "a\nbc\nd"}, []string{"a", "bc", "d"}},
		"nothing new":           {[]string{"a\n", "a\n", "a\n"}, []string{"a"}},
		"the beginning is gone": {[]string{"x\n" + long, long + "b\n"}, []string{"x", strings.TrimSuffix(long, "\n"), "b"}},
		"too much at once":      {[]string{"a\n", "z\n"}, []string{"a", "…", "z"}},
		"control characters":    {[]string{"\x1b[31mred\x1b[0m\tb\r\n\u009bc\n"}, []string{"[31mred[0m b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var l logReader
			var got []string
			for i, report := range c.reports {
				got = append(got, l.read(report, i == len(c.reports)-1)...)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
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
