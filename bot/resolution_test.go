package bot

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// laggingGitHub answers the first question about a pull request with the head it has, and later ones from a copy that still has an
// earlier head, or that has it again after a force push.
type laggingGitHub struct {
	*FakeGitHub
	Earlier map[int]string // heads by number
	asked   map[int]bool
}

func (g *laggingGitHub) Pull(ctx context.Context, n int) (forge.PullRequest, error) {
	p, err := g.FakeGitHub.Pull(ctx, n)
	if g.asked[n] && g.Earlier[n] != "" {
		p.Head.SHA = g.Earlier[n]
	}
	g.asked[n] = true
	return p, err
}

func (g *laggingGitHub) PullsFrom(_ context.Context, head, base string) (out []forge.PullRequest, err error) {
	for _, p := range g.Pulls {
		if p.Head.Branch == head && (base == "" || p.Base.Branch == base) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (g *laggingGitHub) ReleaseByTag(context.Context, string) (forge.Release, error) {
	return forge.Release{}, forge.ErrNotFound
}

const (
	// smuggled is a plain commit that somebody pushed.
	smuggled = "3333333333333333333333333333333333333333"
	bringing = 9 // the pull request of a branch that Sluice made
)

// pushedOnto is a lab with release 1.4.0, which is released at head, where somebody put a commit on top of that. Later reads of the pull
// requests have their heads from before.
func pushedOnto(t *testing.T) (*lab, *store.Release) {
	t.Helper()
	l, r, _ := candidate(t, "")
	l.world(r)
	r.Status = store.ReleaseReleased
	l.write(func(tx *store.Tx) error { return tx.SaveRelease(t.Context(), *r) })

	l.gh.Heads[r.Branch] = smuggled
	own := l.gh.Comparisons[cut+"..."+head]
	own.AheadBy++
	own.Commits = append(own.Commits[:len(own.Commits):len(own.Commits)], forge.Commit{SHA: smuggled, Parents: []string{head}, Message: "smuggled"})
	l.gh.Comparisons[cut+"..."+smuggled] = own
	l.gh.Comparisons[head+"..."+smuggled] = forge.Comparison{AheadBy: 1, MergeBase: head}
	l.gh.Comparisons[smuggled+"..."+head] = forge.Comparison{BehindBy: 1, MergeBase: head}
	l.gh.Comparisons[smuggled+"..."+cut] = forge.Comparison{BehindBy: 3, MergeBase: cut}
	l.session.gh = &laggingGitHub{FakeGitHub: l.gh, Earlier: map[int]string{r.Pull: head, bringing: head}, asked: map[int]bool{}}
	return l, r
}

// bring opens the pull request of a branch that Sluice made, at smuggled.
func (l *lab) bring(branch, base string) {
	l.gh.Heads[branch] = smuggled
	l.gh.Pulls[bringing] = forge.PullRequest{
		Number: bringing, Open: true, Author: forge.User{ID: usID}, Head: forge.Side{Branch: branch, SHA: smuggled, RepoID: 42},
		Base: forge.Side{Branch: base, SHA: l.gh.Heads[base], RepoID: 42},
	}
}

// What the rules say of a head is said of the head that the pull request was read with, and that Sluice would merge or report on.
func TestTheFaultIsOfTheHeadThatWasRead(t *testing.T) {
	t.Run("a branch into production", func(t *testing.T) {
		l, r := pushedOnto(t)
		l.bring("sluice/finish-1.4.0", "master")
		w := &world{}
		w.Candidate.SHA, w.Production = head, gitflow.Line{Branch: "master", SHA: cut}
		must(t, l.lookFinishPull(t.Context(), r, w))
		if fault := w.FinishPull.Fault; w.FinishPull.HeadSHA != smuggled || fault == nil || len(fault.Commits) != 1 || fault.Commits[0].SHA != smuggled {
			t.Errorf("at %s: %+v", short(w.FinishPull.HeadSHA), fault)
		}
	})
	t.Run("a release's own branch", func(t *testing.T) {
		l, r := pushedOnto(t)
		own := l.gh.Pulls[r.Pull]
		own.Head.SHA = smuggled
		l.gh.Pulls[r.Pull] = own
		at := &atSHA{sha: smuggled, ahead: r, pulls: []store.Pull{{
			RepoID: 42, Number: r.Pull, HeadBranch: r.Branch, HeadSHA: smuggled, BaseBranch: "master", Open: true,
		}}}
		run, err := l.aheadCheck(t.Context(), forge.CheckRun{Name: CheckPromotion, SHA: smuggled}, at)
		must(t, err)
		if run.Conclusion != forge.Failure || !strings.Contains(run.Summary, "smuggled") {
			t.Errorf("%s %s: %s\n%s", run.Status, run.Conclusion, run.Title, run.Summary)
		}
	})
	t.Run("a back-merge", func(t *testing.T) {
		const branch = "backmerge/2222222-to-development"
		l, _ := pushedOnto(t)
		l.gh.Heads["master"] = head
		l.bring(branch, "development")
		l.gh.Comparisons[cut+"..."+smuggled] = forge.Comparison{AheadBy: 1, MergeBase: cut, Commits: []forge.Commit{{SHA: smuggled, Parents: []string{cut}}}}
		intent, err := json.Marshal(branchIntent{Branch: branch, SHA: head, Target: "development", Tip: head})
		must(t, err)
		l.write(func(tx *store.Tx) error {
			key := effectKey(42, effectCreateBranch, branch)
			if _, err := tx.Intend(t.Context(), store.Effect{Key: key, RepoID: 42, Kind: string(effectCreateBranch), Intent: intent}); err != nil {
				return err
			}
			return tx.EffectDone(t.Context(), key, []byte("{}"))
		})
		w := &world{}
		w.Production, w.Development = gitflow.Line{Branch: "master", SHA: head}, gitflow.Line{Branch: "development", SHA: cut}
		must(t, l.lookBackmerges(t.Context(), w))
		if len(w.Backmerges) != 1 || w.Backmerges[0].Pull.HeadSHA != smuggled || w.Backmerges[0].Pull.Fault == nil {
			t.Errorf("%+v", w.Backmerges)
		}
	})
}
