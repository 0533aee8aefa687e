package bot

import (
	"context"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// Beside the release of a component another component's stands at the same head, until somebody pushes to the first one's branch, with a
// pull request of its own, on which only quinn speaks.

const (
	besideID   = "r2"
	besidePull = 6
)

// beside puts the candidate of the other component there. It needs two approvals too, and only one person speaks for it.
func (s *story) beside() {
	ctx := s.t.Context()
	r := store.Release{
		ID: besideID, RepoID: 42, Kind: pipeline.KindRelease, Component: "web", Version: "1.4.0", Tag: "web/v1.4.0", Branch: "release/web/1.4.0",
		CutSHA: cut, HeadSHA: head, SHA: head, Status: store.ReleaseOpen, StartedBy: s.gh.Users["boss"], Pull: besidePull, ExecutionID: "x2", StartedAt: noon,
	}
	x := s.execution(r, r.ExecutionID)
	x.Component = r.Component
	s.write(func(tx *store.Tx) error {
		if err := tx.SaveExecution(ctx, x); err != nil {
			return err
		}
		if err := tx.SaveRelease(ctx, r); err != nil {
			return err
		}
		if err := tx.AddPush(ctx, store.Push{RepoID: 42, Branch: r.Branch, Before: cut, SHA: head, Pusher: s.gh.Users["dev"], At: noon}); err != nil {
			return err
		}
		if err := tx.SaveBranch(ctx, store.Branch{RepoID: 42, Name: r.Branch, SHA: head, UpdatedAt: noon}); err != nil {
			return err
		}
		return tx.SavePull(ctx, store.Pull{
			RepoID: 42, Number: besidePull, Open: true, HeadBranch: r.Branch, HeadSHA: head, HeadAt: noon, HeadRepoID: 42, BaseBranch: "master",
		})
	})
	s.gh.Heads[r.Branch] = head
	s.gh.Pulls[besidePull] = forge.PullRequest{
		Number: besidePull, Open: true, Head: forge.Side{Branch: r.Branch, SHA: head, RepoID: 42}, Base: forge.Side{Branch: "master", SHA: cut, RepoID: 42},
	}
}

// speaksBeside has quinn say something on the other pull request. It is about the other candidate, and about no other.
func (s *story) speaksBeside() {
	who, id := s.gh.Users["quinn"], int64(len(s.seen)+1)
	line := []string{"/approve", "/approve", "/approve cancel", "/reject slow", "/reject cancel", "/promote --emergency --reason down"}[s.rand.IntN(6)]
	s.seen[id] = head
	s.coming = append(s.coming, event.Comment{
		Origin: event.Origin{Sender: who}, Activity: event.Created, ID: id, Number: besidePull, IsPullRequest: true, Open: true, Body: line, Author: who, CreatedAt: s.now,
	})
	s.gh.Everywhere = append(slices.Clone(s.gh.Everywhere), forge.Comment{ID: id, Issue: besidePull, Pull: true, Author: who, Body: line, CreatedAt: s.now, UpdatedAt: s.now})
	s.note("comment %d: %s %s on #%d", id, who.Login, line, besidePull)
}

// staysBeside walks the other release and fails where it goes on: one person has spoken for it, whatever was said of the first one.
func (s *story) staysBeside() {
	must(s.t, newSession(s.lab).walk(s.t.Context(), besideID))
	var r store.Release
	var all []store.Execution
	s.write(func(tx *store.Tx) (err error) {
		if r, err = tx.Release(s.t.Context(), besideID); err == nil {
			all, err = tx.ExecutionsByRelease(s.t.Context(), besideID)
		}
		return err
	})
	deployed := slices.ContainsFunc(all, func(x store.Execution) bool { return x.Kind == pipeline.KindProduction })
	if r.Status != store.ReleaseOpen || deployed {
		s.t.Fatalf("the release beside it is %s, deployed: %t, and nobody but quinn spoke for it\n%s", r.Status, deployed, strings.Join(s.log, "\n"))
	}
}

// Reviews are of the first pull request.
func (h *history) Reviews(ctx context.Context, number int) ([]forge.Review, error) {
	if number == besidePull {
		return nil, nil
	}
	return h.FakeGitHub.Reviews(ctx, number)
}
