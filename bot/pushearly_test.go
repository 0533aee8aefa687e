package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// looking is a GitHub that looks, at each check it is given, at what is recorded then; and may be given none.
type looking struct {
	*FakeGitHub
	lab   *lab
	seen  []string
	fails int // how many checks are not taken
}

var errNoChecks = errors.New("GitHub takes no checks")

func (g *looking) SaveCheckRun(ctx context.Context, run forge.CheckRun) (int64, error) {
	if g.fails > 0 {
		g.fails--
		return 0, errNoChecks
	}
	err := g.lab.b.Store.Read(ctx, func(tx *store.Tx) error {
		head, err := tx.Branch(ctx, 42, "feature/x")
		if ignoreMissing(err) != nil {
			return err
		}
		all, err := tx.ExecutionsAt(ctx, 42, run.SHA)
		for _, x := range all {
			g.seen = append(g.seen, fmt.Sprintf("%s of %s: execution on %s %s, branch at %q", run.Name, run.SHA, x.Branch, x.Status, head.SHA))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return g.FakeGitHub.SaveCheckRun(ctx, run)
}

// The check of a push is there before all else that follows from it, and says no more than what is written down. One that
// GitHub does not take keeps nothing back, and is told by the end of the handling.
func TestCheckOfPushComesFirst(t *testing.T) {
	const earlier, planned = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	early := "sluice/pipeline of " + planned + ": execution on feature/x InProgress, branch at \"" + earlier + "\""
	for name, c := range map[string]struct {
		fails int
		want  []string
		err   error
	}{
		"taken":         {0, []string{early}, nil},
		"taken at last": {1, []string{"sluice/pipeline of " + planned + ": execution on feature/x InProgress, branch at \"" + planned + "\""}, nil},
		"not taken":     {9, nil, errNoChecks},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			gh := &looking{FakeGitHub: l.gh, lab: l, fails: c.fails}
			l.session.gh = gh
			l.gh.Heads = map[string]string{"feature/x": planned, "development": earlier, "master": earlier}
			l.at("feature/x", earlier)
			err := l.pushed(t.Context(), event.Push{Origin: event.Origin{Sender: person(3, "ann")}, Ref: "refs/heads/feature/x", Branch: "feature/x", Before: earlier, After: planned})
			must(t, err)
			if err := l.settle(t.Context()); !errors.Is(err, c.err) {
				t.Errorf("settled: %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, slices.Compact(gh.seen)); diff != "" {
				t.Errorf("checks and what was recorded then (-want +got):\n%s", diff)
			}
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) error {
				head, err := tx.Branch(t.Context(), 42, "feature/x")
				if head.SHA != planned {
					t.Errorf("the branch is recorded at %s", head.SHA)
				}
				return err
			}))
		})
	}
}
