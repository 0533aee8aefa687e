package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/store"
)

// outside is a world in which something can be done once.
type outside struct {
	made, looked int
	answer       error // of the act; the act is done all the same
}

func (o *outside) effect(always bool) effect[string] {
	return effect[string]{
		kind: effectCreateTag, key: "v1", intent: "sha", always: always,
		probe: func(context.Context) (string, bool, error) {
			o.looked++
			return "found", o.made > 0, nil
		},
		act: func(context.Context) (string, error) {
			o.made++
			return "made", o.answer
		},
	}
}

// Wherever the process dies, the thing is made once, and a repetition returns what came of it.
func TestEffectSurvivesCrashes(t *testing.T) {
	type crash struct{}
	for point, want := range map[string]string{
		"create-tag:intent": "made", "create-tag:act": "made", "create-tag:acted": "found", "create-tag:result": "made",
	} {
		t.Run(point, func(t *testing.T) {
			l, o := newLab(t, ""), &outside{}
			l.b.Failpoint = func(at, _ string) {
				if at == point {
					panic(crash{})
				}
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s is never passed", point)
					}
				}()
				_, _ = do(t.Context(), l.session, o.effect(false))
			}()
			l.b.Failpoint = nil
			for range 2 {
				got, err := do(t.Context(), l.session, o.effect(false))
				if err != nil || got != want {
					t.Errorf("again: %q, %v, want %q", got, err, want)
				}
			}
			if o.made != 1 {
				t.Errorf("made %d times", o.made)
			}
		})
	}
}

func TestEffectLooksOnlyInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		always bool
		answer error
		looked int
	}{
		"the first attempt acts at once":           {false, nil, 0},
		"unless somebody else may have done it":    {true, nil, 1},
		"after an answer that was lost, it looks":  {false, errors.New("connection reset"), 1},
		"and after one that was lost, of that too": {true, errors.New("connection reset"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			l, o := newLab(t, ""), &outside{answer: c.answer}
			for range 3 {
				_, err := do(t.Context(), l.session, o.effect(c.always))
				if err != nil && !errors.Is(err, c.answer) {
					t.Fatal(err)
				}
			}
			if o.made != 1 || o.looked != c.looked {
				t.Errorf("made %d times, looked %d times, want %d", o.made, o.looked, c.looked)
			}
		})
	}
}

func TestFailpointNames(t *testing.T) {
	names := FailpointNames()
	var kinds []effectKind
	for name, value := range constants(t, "effect") {
		if !strings.HasPrefix(name, "effectKind") {
			kinds = append(kinds, effectKind(value))
		}
	}
	slices.Sort(kinds)
	listed := effectKinds()
	slices.Sort(listed)
	if diff := cmp.Diff(kinds, listed); diff != "" {
		t.Errorf("the table of effects (-constants +table):\n%s", diff)
	}
	for _, k := range kinds {
		points := []string{"intent", "act", "acted", "result"}
		if slices.Contains(harmlessKinds(), k) {
			points = []string{"act", "acted"}
		}
		for _, at := range points {
			if point := fmt.Sprintf("%s:%s", k, at); !slices.Contains(names, point) {
				t.Errorf("no point %s", point)
			}
		}
	}
}

// A comment of ours is found again by its mark, not written twice, and nobody else's is taken for it.
func TestSayOnce(t *testing.T) {
	l := newLab(t, "")
	l.b.Failpoint = func(at, _ string) {
		if at == "comment:acted" {
			panic("crash")
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = l.say(t.Context(), 5, "reply-1", "hello")
	}()
	l.b.Failpoint = nil
	must(t, l.say(t.Context(), 5, "reply-1", "hello"))
	must(t, l.say(t.Context(), 5, "reply-2", "hello"))
	if len(l.gh.Said) != 2 {
		t.Errorf("said %+v", l.gh.Said)
	}
}

// The answer to a command is given again after a crash between the decision and the answer.
func TestAnswersAreKept(t *testing.T) {
	l := newLab(t, "")
	e := commentOf(person(1, "ann"), "/status")
	first, ok, err := l.runOnce(t.Context(), Command{Name: "status", Line: 1}, remark{Comment: e}, "")
	if err != nil || !ok || first == "" {
		t.Fatalf("%q %t %v", first, ok, err)
	}
	l.write(func(tx *store.Tx) error {
		return tx.SaveEnvironment(t.Context(), store.Environment{RepoID: 42, Name: "production", Version: "9.9.9"})
	})
	again, ok, err := l.runOnce(t.Context(), Command{Name: "status", Line: 1}, remark{Comment: e}, "")
	if err != nil || !ok || again != first {
		t.Errorf("again: %q %t %v, want %q", again, ok, err, first)
	}
	for range 2 {
		no, ok, err := l.runOnce(t.Context(), Command{Name: "unpin", Args: []string{"production"}, Line: 2}, remark{Comment: e}, "")
		if err != nil || ok || !strings.Contains(no, "role maintain") {
			t.Errorf("refused: %q %t %v", no, ok, err)
		}
	}
}

// What a plan asks for again after it was done was undone by people: it is looked for, and done again if it is not there.
func TestPlannedEffectIsDoneAgainWhenUndone(t *testing.T) {
	l, o := newLab(t, ""), &outside{}
	e := o.effect(false)
	e.planned = true
	for _, c := range []struct {
		made, want, looked int
	}{
		{0, 1, 0}, {1, 1, 1}, {0, 1, 2}, {1, 1, 3},
	} {
		o.made = c.made
		if _, err := do(t.Context(), l.session, e); err != nil || o.made != c.want || o.looked != c.looked {
			t.Errorf("of %d there: %v, %d there afterwards, looked %d times; want %d, %d", c.made, err, o.made, o.looked, c.want, c.looked)
		}
	}
}
