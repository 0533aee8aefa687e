package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// queued makes a commit the head of a merge queue's group.
func (l *lab) queued(sha string, g groupFacts) {
	l.t.Helper()
	raw, err := json.Marshal(g)
	must(l.t, err)
	l.write(func(tx *store.Tx) error {
		if err := l.follows(l.t.Context(), tx, sha, g.Head, g.Base); err != nil {
			return err
		}
		return tx.SetSetting(l.t.Context(), l.groupKey(sha), string(raw))
	})
}

const (
	group1 = "a11a11a11a11a11a11a11a11a11a11a11a11a11a"
	group2 = "b22b22b22b22b22b22b22b22b22b22b22b22b22b"
	other  = "c33c33c33c33c33c33c33c33c33c33c33c33c33c"
)

// The head of a merge queue's group says of each check what the heads of its pull requests say, and nothing better.
func TestCase33GroupCarriesOver(t *testing.T) {
	one := store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}
	two := store.Pull{Number: 2, HeadBranch: "feature/y", HeadSHA: cut, BaseBranch: "development"}
	passed := func(l *lab) { l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded)) }
	tests := []struct {
		name string
		make func(*lab)
		want string // branch, config, pipeline, promotion
	}{
		{"all passed", func(l *lab) {
			l.asks(one, good)
			passed(l)
		}, "success success success success"},
		{"the pipeline failed", func(l *lab) {
			l.asks(one, good)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Failed))
		}, "success success failure success"},
		{"the pipeline is still running", func(l *lab) {
			l.asks(one, good)
			l.built("x1", "feature/x", head, begun())
		}, "success success in_progress success"},
		{"the pipeline waits for its turn", func(l *lab) {
			l.asks(one, good)
			l.built("x1", "feature/x", head)
		}, "success success queued success"},
		{"the pipeline was cancelled", func(l *lab) {
			l.asks(one, good)
			l.built("x1", "feature/x", head, pipeline.CancelRequested{At: noon, By: pipeline.Actor{ID: 1, Login: "ann"}})
		}, "success success failure success"},
		{"no pipeline ran", func(l *lab) { l.asks(one, good) }, "success success failure success"},
		{"a fork that nobody allowed", func(l *lab) {
			p := one
			p.HeadRepoID = 99
			l.asks(p, good)
		}, "success success failure success"},
		{"it breaks the flow, and its configuration is wrong", func(l *lab) {
			l.asks(one, evil)
			passed(l)
		}, "failure failure success success"},
		{"the rules could not be judged", func(l *lab) {
			l.asks(one, `{"unknown":"The rules could not be judged"}`)
			passed(l)
		}, "failure failure success success"},
		{"nothing is known of the pull request", func(*lab) {}, "failure failure failure failure"},
		{"the pull request was closed", func(l *lab) {
			l.asks(one, good)
			passed(l)
			p := one
			p.RepoID, p.HeadRepoID = 42, 42
			l.write(func(tx *store.Tx) error { return tx.SavePull(t.Context(), p) })
		}, "failure failure failure failure"},
		{"its head has moved on", func(l *lab) {
			p := one
			p.HeadSHA = other
			l.asks(p, good)
			passed(l)
		}, "failure failure failure failure"},
		{"one before it in the queue failed", func(l *lab) {
			l.asks(one, good)
			passed(l)
			l.asks(two, good)
			l.built("x2", "feature/y", cut, begun(), settled("x2", pipeline.Failed))
			l.queued(group2, groupFacts{Pull: 2, Head: cut, Base: other})
		}, "success success failure success"},
		{"one before it in the queue is still tried", func(l *lab) {
			l.asks(one, good)
			passed(l)
			l.asks(two, good)
			l.built("x2", "feature/y", cut, begun())
			l.queued(group2, groupFacts{Pull: 2, Head: cut, Base: other})
		}, "success success in_progress success"},
		{"one before it in the queue is merged, whatever it was", func(l *lab) {
			l.asks(one, good)
			passed(l)
			p := two
			p.RepoID, p.HeadRepoID, p.Merged = 42, 42, true
			l.write(func(tx *store.Tx) error { return tx.SavePull(t.Context(), p) })
			l.built("x2", "feature/y", cut, begun(), settled("x2", pipeline.Failed))
			l.queued(group2, groupFacts{Pull: 2, Head: cut, Base: other})
		}, "success success success success"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, "")
			tt.make(l)
			l.queued(group1, groupFacts{Pull: 1, Head: head, Base: group2})
			runs, err := l.checksOf(t.Context(), group1)
			must(t, err)
			var names, got []string
			for _, r := range runs {
				names = append(names, r.Name)
				if r.Status == "completed" {
					r.Status = string(r.Conclusion)
				}
				got = append(got, r.Status)
				if r.SHA != group1 || len(r.Buttons) > 0 {
					t.Errorf("%s is at %s, with %d buttons; want it at the group and without", r.Name, r.SHA, len(r.Buttons))
				}
			}
			if diff := cmp.Diff([]string{CheckBranch, CheckConfig, CheckPipeline, CheckPromotion}, names); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s\n%s", diff, shown(runs))
			}
		})
	}
}

// Once a group is merged its head is a commit of the base branch, and has that one's checks.
func TestCase33GroupMerged(t *testing.T) {
	l := newLab(t, "")
	l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
	l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
	l.queued(group1, groupFacts{Pull: 1, Head: head})
	l.at("development", group1)
	l.built("x2", "development", group1, begun(), settled("x2", pipeline.Failed))
	runs, err := l.checksOf(t.Context(), group1)
	must(t, err)
	if len(runs) != 1 || runs[0].Name != CheckPipeline || runs[0].Conclusion != forge.Failure {
		t.Errorf("want the failed pipeline of development alone, got:\n%s", shown(runs))
	}
}

// queueLab has pull request 12 of feature/x, at the commit cut, into development.
func queueLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, "")
	side := func(branch, sha string) forge.Side {
		return forge.Side{Branch: branch, SHA: sha, RepoID: 42, Owner: "acme"}
	}
	l.gh.Pulls = map[int]forge.PullRequest{12: {Number: 12, Open: true, Head: side("feature/x", cut), Base: side("development", "")}}
	l.gh.Comparisons = map[string]forge.Comparison{}
	for _, need := range gitflow.PullNeeds(l.names(), gitflow.PullFacts{Number: 12, Head: "feature/x", Base: "development", HeadSHA: cut, Open: true, HeadOwner: "acme"}) {
		l.gh.Comparisons[need.Base+"..."+need.Head] = forge.Comparison{AheadBy: 1, Commits: []forge.Commit{{SHA: cut, Message: "x"}}}
	}
	l.at("feature/x", cut)
	return l
}

// A group is told of by GitHub; its checks are there when they are asked for again, and follow what changes at the heads of its
// pull requests.
func TestCase33GroupFollows(t *testing.T) {
	l := queueLab(t)
	x := l.built("x1", "feature/x", cut, begun())
	queued := func(sha, base string) event.MergeGroup {
		return event.MergeGroup{Activity: event.ChecksRequested, SHA: sha, BaseSHA: base, BaseRef: "refs/heads/development",
			HeadRef: fmt.Sprintf("refs/heads/gh-readonly-queue/development/pr-12-%s", base)}
	}
	must(t, l.mergeGroup(t.Context(), queued(group1, other)))
	must(t, l.mergeGroup(t.Context(), queued(group1, other))) // delivered twice
	must(t, l.mergeGroup(t.Context(), queued(group2, group1)))
	if runs, err := newSession(l).checksOf(t.Context(), group1); err != nil || len(runs) != 4 {
		t.Errorf("%v, %d checks, want all four:\n%s", err, len(runs), shown(runs))
	}
	settle := func(s pipeline.Status) {
		x = l.told(x, settled("x1", s))
		l.write(func(tx *store.Tx) error { return tx.SaveExecution(t.Context(), &x) })
		clear(l.dirty)
		l.mark(cut)
		l.gh.Saved = nil
		must(t, l.reportChecks(t.Context()))
	}
	clear(l.dirty)
	settle(pipeline.Succeeded)
	said := map[string]forge.Conclusion{}
	for _, r := range l.gh.Saved {
		if r.Name == CheckPipeline {
			said[r.SHA] = r.Conclusion
		}
	}
	if diff := cmp.Diff(map[string]forge.Conclusion{cut: forge.Success, group1: forge.Success, group2: forge.Success}, said); diff != "" {
		t.Error(diff)
	}
	gone := queued(other, "")
	gone.Activity = event.Destroyed
	must(t, l.mergeGroup(t.Context(), gone))
	if runs, err := l.checksOf(t.Context(), other); err != nil || len(runs) != 0 {
		t.Errorf("a group that is gone: %v, %v", shown(runs), err)
	}

	// Of a group whose branch the queue takes away nothing is kept, and of the one behind it all.
	kept := func() (keys []string) {
		l.write(func(tx *store.Tx) error {
			for _, key := range []string{
				l.groupKey(group1), l.groupKey(group2), l.followersKey(cut), l.followersKey(other), l.followersKey(group1),
			} {
				value, err := tx.Setting(t.Context(), key)
				if err := ignoreMissing(err); err != nil {
					return err
				}
				if value != "" {
					keys = append(keys, key)
				}
			}
			return nil
		})
		return keys
	}
	goes := func(sha, base string) {
		name := strings.TrimPrefix(queued(sha, base).HeadRef, "refs/heads/")
		must(t, newSession(l).branchGone(t.Context(), l.classify(name), sha, nil))
	}
	goes(group1, other)
	if diff := cmp.Diff([]string{l.groupKey(group2), l.followersKey(cut), l.followersKey(group1)}, kept()); diff != "" {
		t.Errorf("kept when the first group is gone (-want +got):\n%s", diff)
	}
	goes(group2, group1)
	if left := kept(); len(left) > 0 {
		t.Errorf("kept when both groups are gone: %v", left)
	}
}

// A group whose event got lost is found by its branch and answered, once it stands in the queue; a branch that only has such a name
// is no group.
func TestCase33GroupFound(t *testing.T) {
	l := queueLab(t)
	l.built("x1", "feature/x", cut, begun(), settled("x1", pipeline.Succeeded))
	l.gh.Queue = map[string][]forge.QueueEntry{"development": {{Pull: 12, HeadSHA: group1, BaseSHA: other}}}
	branch := "gh-readonly-queue/development/pr-12-" + other
	for _, at := range []struct {
		branch, sha string
		checks      int
	}{
		{branch, group1, 4}, {branch, group1, 4}, // and again
		{branch, group2, 0}, {"feature/pr-12-" + other, group1, 4}, {"gh-readonly-queue/development", group2, 0},
	} {
		clear(l.dirty)
		must(t, l.groupThere(t.Context(), at.branch, at.sha, forge.User{}))
		if want := strings.HasPrefix(at.branch, queuePrefix) && at.checks > 0; l.dirty[at.sha] != want {
			t.Errorf("%s at %s is brought up to date: %t, want %t", at.branch, short(at.sha), !want, want)
		}
		runs, err := newSession(l).checksOf(t.Context(), at.sha)
		if err != nil || len(runs) != at.checks {
			t.Errorf("%s at %s: %v, %d checks, want %d:\n%s", at.branch, short(at.sha), err, len(runs), at.checks, shown(runs))
		}
	}
	if l.gh.QueueAsked != 2 {
		t.Errorf("the queue was asked %d times, want for each commit that is not known as a group", l.gh.QueueAsked)
	}
}
