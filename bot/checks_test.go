package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// built is a feature's execution at a commit, in the state that facts lead to.
func (l *lab) built(id, branch, sha string, facts ...pipeline.Fact) store.Execution {
	l.t.Helper()
	def := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{
		{Name: "Test", Actions: []pipeline.Action{{Name: "unit", Uses: "checks"}}},
	}}
	state := pipeline.New(pipeline.Input{ID: id, Definition: def, SHA: sha}, noon)
	x := store.Execution{ID: id, RepoID: 42, Kind: pipeline.KindFeature, Branch: branch, SHA: sha, State: state, Status: state.Status, CreatedAt: noon}
	for _, f := range facts {
		x = l.told(x, f)
	}
	l.write(func(tx *store.Tx) error {
		if err := tx.CreateExecution(l.t.Context(), &x); err != nil {
			return err
		}
		return nil
	})
	return x
}

// asks makes an open pull request at a commit with what was found about it.
func (l *lab) asks(p store.Pull, verdict string) {
	l.t.Helper()
	p.RepoID, p.Open, p.Verdict = 42, true, []byte(verdict)
	if p.HeadRepoID == 0 {
		p.HeadRepoID = 42
	}
	l.write(func(tx *store.Tx) error { return tx.SavePull(l.t.Context(), p) })
}

func (l *lab) at(branch, sha string) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		return tx.SaveBranch(l.t.Context(), store.Branch{RepoID: 42, Name: branch, SHA: sha})
	})
}

// shown writes check runs as people see them.
func shown(runs []forge.CheckRun) string {
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "%s: %s %s: %s", r.Name, r.Status, r.Conclusion, r.Title)
		for _, x := range r.Buttons {
			fmt.Fprintf(&b, " [%s]", x.Label)
		}
		b.WriteString("\n")
		for _, text := range []string{r.Summary, r.Text} {
			if text = strings.TrimSpace(text); text != "" {
				b.WriteString("    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n")
			}
		}
	}
	return b.String()
}

const (
	good = `{"verdict":{"Pass":true,"Title":"It keeps to the flow"},"config":{"touched":false}}`
	evil = `{"verdict":{"Pass":false,"Title":"A feature does not go into production"},"config":{"touched":true,` +
		`"problems":[{"Path":".github/sluice.yml","StartLine":3,"Title":"prodution","Message":"unknown @acme/all <img>"}]}}`
)

func begun() pipeline.Fact { return pipeline.Started{At: noon} }

func settled(id string, s pipeline.Status) pipeline.Fact {
	return pipeline.ActionSettled{At: noon.Add(75 * time.Second), ID: pipeline.ActionID(id, 1, 1, 1), Status: s, Summary: "as it went"}
}

// What every situation of a commit shows; none of it leaves a required check out.
func TestChecks(t *testing.T) {
	situations := []struct {
		name string
		make func(*lab)
	}{
		{"a feature that passed", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
		}},
		{"a feature that waits for its turn", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.built("x1", "feature/x", head)
		}},
		{"a feature that failed", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Failed))
		}},
		{"a feature that was cancelled", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.built("x1", "feature/x", head, pipeline.CancelRequested{At: noon, By: pipeline.Actor{ID: 1, Login: "ann"}})
		}},
		{"the wrong target, and a configuration that calls people", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "master"}, evil)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
		}},
		{"rules that could not be judged", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, `{"unknown":"The rules could not be judged"}`)
			l.built("x1", "feature/x", head, begun())
		}},
		{"two pull requests at one commit, the worst of both", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.asks(store.Pull{Number: 2, HeadBranch: "feature/y", HeadSHA: head, BaseBranch: "master"}, evil)
			l.at("feature/x", head)
			l.at("feature/y", head)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
			l.built("x2", "feature/y", head, begun(), settled("x2", pipeline.Failed))
		}},
		{"a branch that has moved on does not hold up one that is here", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
			l.at("feature/x", head)
			l.at("feature/y", cut)
			l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
			l.built("x2", "feature/y", head, pipeline.SupersededBy{At: noon, ID: "x3"})
		}},
		{"a fork", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "development", HeadSHA: head, BaseBranch: "development", HeadRepoID: 99}, good)
		}},
		{"a head that was there before Sluice", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
		}},
		{"a back-merge", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "backmerge/1234567-development", HeadSHA: head, BaseBranch: "development"}, good)
		}},
		{"a group of the merge queue", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: cut, BaseBranch: "development"}, good)
			l.built("x1", "feature/x", cut, begun(), settled("x1", pipeline.Succeeded))
			l.queued(head, groupFacts{Pull: 1, Head: cut})
		}},
		{"a group of one that was let in red", func(l *lab) {
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: cut, BaseBranch: "development"}, evil)
			l.built("x1", "feature/x", cut, begun(), settled("x1", pipeline.Failed))
			l.queued(head, groupFacts{Pull: 1, Head: cut})
		}},
		{"a group into production", func(l *lab) {
			must(l.t, l.mergeGroup(l.t.Context(), event.MergeGroup{Activity: event.ChecksRequested, SHA: head, BaseRef: "refs/heads/master"}))
		}},
		{"a group of nobody knows what", func(l *lab) {
			must(l.t, l.mergeGroup(l.t.Context(), event.MergeGroup{Activity: event.ChecksRequested, SHA: head, BaseRef: "refs/heads/development", HeadRef: "gh-readonly-queue/development/x"}))
		}},
		{"a push by hand to production", func(l *lab) {
			l.write(func(tx *store.Tx) error {
				return tx.SetSetting(l.t.Context(), store.NotePush.Key(42, head), `[{"Rule":"direct-push","Problem":"It was pushed by hand.","Remedy":"Open a pull request."}]`)
			})
		}},
		{"a release that is in production", released(store.ReleaseReleased)},
		{"a release that was rolled back", released(store.ReleaseRolledBack)},
		{"a release whose deployment failed and was rolled back", rolledBack},
		{"a release that was abandoned", released(store.ReleaseAbandoned)},
		{"a release whose promotion failed", released(store.ReleaseFailed)},
		{"the head of a release's branch after the promotion began", func(l *lab) {
			l.asks(store.Pull{Number: 5, HeadBranch: "release/1.4.0", HeadSHA: head, BaseBranch: "master"}, good)
			l.write(func(tx *store.Tx) error {
				return tx.SaveRelease(l.t.Context(), store.Release{
					ID: "r1", RepoID: 42, Kind: "release", Version: "1.4.0", Branch: "release/1.4.0", SHA: cut, HeadSHA: head, Pull: 5, Status: store.ReleasePromoting,
				})
			})
		}},
		{"anything while observing", func(l *lab) {
			l.repo.Observe = true
			l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "master"}, evil)
		}},
	}
	var b strings.Builder
	for _, c := range situations {
		l := newLab(t, "")
		l.now = noon.Add(2 * time.Minute)
		c.make(l)
		runs, err := l.checksOf(t.Context(), head)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		fmt.Fprintf(&b, "# %s\n%s\n", c.name, shown(runs))
		for _, r := range runs {
			if r.SHA != head || r.Title == "" || r.Status == "completed" && r.Conclusion == "" {
				t.Errorf("%s: %+v", c.name, r)
			}
			switch r.Conclusion {
			case "neutral", "skipped", "stale":
				t.Errorf("%s: %s is %s, which counts as passed", c.name, r.Name, r.Conclusion)
			}
		}
	}
	golden(t, "checks.golden", b.String())
}

// rolledBack is a release whose deployment never succeeded.
func rolledBack(l *lab) { endedRelease(l, store.ReleaseRolledBack, time.Time{}) }

func released(status store.ReleaseStatus) func(*lab) {
	return func(l *lab) { endedRelease(l, status, noon) }
}

func endedRelease(l *lab, status store.ReleaseStatus, at time.Time) {
	l.asks(store.Pull{Number: 5, HeadBranch: "release/1.4.0", HeadSHA: head, BaseBranch: "master"}, good)
	l.write(func(tx *store.Tx) error {
		return tx.SaveRelease(l.t.Context(), store.Release{
			ID: "r1", RepoID: 42, Kind: "release", Version: "1.4.0", Branch: "release/1.4.0", SHA: head, HeadSHA: head, Pull: 5, Status: status,
			CandidateImage: "dev.test/shop:1.4.0-candidate-2222222", CandidateDigest: digest, Problem: "The deployment to production failed: x.",
			ReleasedAt: at,
		})
	})
}

// What a check says is sent once, and again when it was something else in between, however often that happens.
func TestChecksAreSentWhenTheyChange(t *testing.T) {
	l := newLab(t, "")
	run := func(c forge.Conclusion) forge.CheckRun {
		return completed(forge.CheckRun{Name: CheckBranch, SHA: head, Title: string(c)}, c)
	}
	var want []forge.Conclusion
	for range 3 {
		for _, c := range []forge.Conclusion{forge.Success, forge.Failure} {
			want = append(want, c)
			for range 2 {
				l.now = l.now.Add(time.Second)
				must(t, l.reportCheck(t.Context(), run(c)))
			}
		}
	}
	var got []forge.Conclusion
	for _, r := range l.gh.Saved {
		got = append(got, r.Conclusion)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if l.gh.Saved[1].ID == 0 {
		t.Error("the second is a run of its own, not an update")
	}
	must(t, l.reportCheck(t.Context(), forge.CheckRun{Name: CheckBranch, SHA: head, Title: "again", Status: "in_progress"}))
	if last := l.gh.Saved[len(l.gh.Saved)-1]; last.ID != 0 {
		t.Error("a completed run was opened again; branch rules do not see that")
	}
}

func TestSeverity(t *testing.T) {
	order := []struct {
		status string
		c      forge.Conclusion
	}{
		{"completed", forge.Success}, {"queued", ""}, {"in_progress", ""}, {"completed", forge.Cancelled}, {"completed", forge.ActionRequired}, {"completed", forge.Failure},
	}
	for i := 1; i < len(order); i++ {
		if severity(order[i-1].status, order[i-1].c) >= severity(order[i].status, order[i].c) {
			t.Errorf("%v is not worse than %v", order[i], order[i-1])
		}
	}
}

func TestQueuedPull(t *testing.T) {
	for ref, want := range map[string]int{
		"refs/heads/gh-readonly-queue/development/pr-12-abc": 12,
		"gh-readonly-queue/feature/pr-3/x/pr-12-abc":         12,
		"gh-readonly-queue/development/pr--abc":              0,
		"gh-readonly-queue/development/pr-x-abc":             0,
		"gh-readonly-queue/development":                      0,
		"":                                                   0,
	} {
		n, ok := queuedPull(ref)
		if ok != (want > 0) || ok && n != want {
			t.Errorf("%q: %d, %t; want %d", ref, n, ok, want)
		}
	}
}

func BenchmarkChecksOf(b *testing.B) {
	l := newLab(b, "")
	l.asks(store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "development"}, good)
	l.built("x1", "feature/x", head, begun(), settled("x1", pipeline.Succeeded))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.checksOf(b.Context(), head); err != nil {
			b.Fatal(err)
		}
	}
}

// A crash comes after a new run took the place of a completed one, and before that was noted; meanwhile what there was to say is
// over, and the check says again what the completed one said. The new run says it then, and does not stay as it was made.
func TestARunThatACrashLeftIsCompleted(t *testing.T) {
	for name, noted := range map[string]bool{"made, and not noted": false, "made and noted": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			ends := completed(forge.CheckRun{Name: CheckPipeline, SHA: head, Title: "Passed"}, forge.Success)
			must(t, l.reportCheck(t.Context(), ends))
			l.write(func(tx *store.Tx) error {
				known, err := tx.Check(t.Context(), 42, head, CheckPipeline)
				if err != nil {
					return err
				}
				key := effectKey(42, effectCheck, afterCheck(known))
				if _, err := tx.Intend(t.Context(), store.Effect{Key: key, RepoID: 42, Kind: string(effectCheck), Intent: []byte(`""`)}); err != nil || !noted {
					return err
				}
				return tx.EffectDone(t.Context(), key, []byte(`{"id": 7, "hash": "of other words", "status": "in_progress"}`))
			})
			l.gh.Runs = []forge.CheckRun{{ID: 1, AppID: l.us.AppID, Name: CheckPipeline, Status: "completed", Conclusion: forge.Success, Title: "Passed"},
				{ID: 7, AppID: l.us.AppID, Name: CheckPipeline, Status: "in_progress", Title: "It waits"}}
			must(t, l.reportCheck(t.Context(), ends))
			if last := l.gh.Saved[len(l.gh.Saved)-1]; last.ID != 7 || last.Status != "completed" {
				t.Errorf("run %d is made to say %s", last.ID, last.Status)
			}
			sent := len(l.gh.Saved)
			must(t, l.reportCheck(t.Context(), ends))
			if len(l.gh.Saved) != sent {
				t.Error("it is said once more")
			}
		})
	}
}

// dying does something of which the server dies at a point.
func (l *lab) dying(point string, do func() error) {
	l.t.Helper()
	type crash struct{}
	l.b.Failpoint = func(at, _ string) {
		if at == point {
			panic(crash{})
		}
	}
	defer func() {
		l.b.Failpoint = nil
		if p := recover(); p != (crash{}) {
			l.t.Errorf("at %s: %v", point, p)
		}
	}()
	l.t.Errorf("%s is never passed: %v", point, do())
}

// keepRuns keeps what check runs were made to say, as GitHub does.
func (l *lab) keepRuns() {
	l.gh.Runs = nil
	for i, run := range l.gh.Saved {
		if run.ID == 0 {
			run.ID, run.AppID = int64(i+1), l.us.AppID
			l.gh.Runs = append(l.gh.Runs, run)
			continue
		}
		for j, r := range l.gh.Runs {
			if r.ID == run.ID {
				run.AppID = r.AppID
				l.gh.Runs[j] = run
			}
		}
	}
}

// A crash leaves unnoted that a run was made, or was made to say something else; meanwhile the check is to say again what is noted. No
// run stays at what nobody says any more.
func TestWhatACrashLeftUnnotedIsTakenBack(t *testing.T) {
	run := func(c forge.Conclusion) forge.CheckRun {
		return completed(forge.CheckRun{Name: CheckBranch, SHA: head, Title: string(c)}, c)
	}
	for _, point := range []string{"check-run:intent", "check-run:act", "check-run:acted", "check-run:result"} {
		t.Run(point, func(t *testing.T) {
			l := newLab(t, "")
			must(t, l.reportCheck(t.Context(), run(forge.Failure)))
			for range 2 { // also where the same was left, and taken back, before
				l.dying(point, func() error { return l.reportCheck(t.Context(), run(forge.Success)) })
				must(t, l.reportCheck(t.Context(), run(forge.Failure)))
				l.keepRuns()
				if len(l.gh.Runs) != 1 || l.gh.Runs[0].Conclusion != forge.Failure {
					t.Fatalf("GitHub shows %+v", l.gh.Runs)
				}
				sent := len(l.gh.Saved)
				must(t, l.reportCheck(t.Context(), run(forge.Failure)))
				if len(l.gh.Saved) != sent {
					t.Error("it is said once more")
				}
			}
		})
	}
}

// A crash leaves unnoted what sluice/promotion said of a pull request into production, which then gets another base. It is made true.
func TestPromotionThatACrashLeftUnnotedIsMadeTrue(t *testing.T) {
	for _, point := range []string{"check-run:act", "check-run:acted", "check-run:result"} {
		t.Run(point, func(t *testing.T) {
			l := newLab(t, "")
			p := store.Pull{Number: 1, HeadBranch: "feature/x", HeadSHA: head, BaseBranch: "master"}
			l.asks(p, good)
			report := func(name string) func() error {
				return func() error {
					at, err := l.gather(t.Context(), head)
					if err != nil {
						return err
					}
					runs, err := l.checksBy(t.Context(), at)
					for _, r := range runs {
						if err == nil && (name == "" || r.Name == name) {
							err = l.reportAfter(t.Context(), at.reported[r.Name], r)
						}
					}
					return err
				}
			}
			l.dying(point, report(CheckPromotion))
			l.keepRuns()
			p.BaseBranch = "development"
			l.asks(p, good)
			must(t, report("")())
			l.keepRuns()
			var shown []string
			for _, r := range l.gh.Runs {
				if r.Name == CheckPromotion {
					shown = append(shown, string(r.Conclusion)+": "+r.Title)
				}
			}
			if diff := cmp.Diff([]string{"cancelled: No pull request into production is open here any more"}, shown); diff != "" {
				t.Errorf("sluice/promotion (-want +got):\n%s", diff)
			}
		})
	}
}
