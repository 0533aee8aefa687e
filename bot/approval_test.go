package bot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

const (
	cut  = "1111111111111111111111111111111111111111"
	head = "2222222222222222222222222222222222222222"
)

// candidate is a lab with release 1.4.0, started by boss, whose candidate waits for its approval. dev pushed to the branch,
// ann wrote a pull request merged into it, carl wrote a commit, which names coco as co-author and tess committed.
func candidate(t *testing.T, yaml string) (*lab, *store.Release, *store.Execution) {
	t.Helper()
	return candidateOf(t, yaml, store.Release{Kind: pipeline.KindRelease, Version: "1.4.0", Branch: "release/1.4.0"})
}

// candidateOf is candidate for a release of another kind, of which it takes kind, version, branch and ID.
func candidateOf(t *testing.T, yaml string, of store.Release) (*lab, *store.Release, *store.Execution) {
	t.Helper()
	l := newLab(t, yaml)
	people := map[string]forge.User{}
	l.gh.Roles = map[string]forge.Role{}
	for i, login := range []string{"boss", "dev", "ann", "carl", "coco", "quinn", "uma"} {
		people[login] = person(int64(i+1), login)
		l.gh.Roles[login] = forge.RoleWrite
	}
	people["tess"], l.gh.Roles["tess"] = person(80, "tess"), forge.RoleWrite
	l.gh.Users = people
	l.gh.Teams = map[string][]string{"qa": {"quinn", "dev"}, "rm": {"boss"}}
	l.gh.Merged = []forge.PullRequest{
		{Number: 3, Author: people["ann"], CreatedAt: noon, UpdatedAt: noon.Add(time.Hour)},
		{Number: 1, Author: people["uma"], CreatedAt: noon.Add(-2 * time.Hour), UpdatedAt: noon.Add(-time.Hour)}, // of an earlier branch of the name
	}
	l.gh.Comparisons = map[string]forge.Comparison{cut + "..." + head: {AheadBy: 2, Commits: []forge.Commit{
		{SHA: "c1", Parents: []string{cut}, Author: people["carl"], Committer: people["tess"], Message: "fix\n\nCo-authored-by: Coco <5+coco@users.noreply.github.com>"},
		{SHA: head, Parents: []string{"c1", "x"}, Author: people["quinn"], Message: "Merge"},
	}}}
	r := store.Release{
		ID: "r1", RepoID: 42, Kind: of.Kind, Version: of.Version, Branch: of.Branch, HotfixID: of.HotfixID, CutSHA: cut, HeadSHA: head, SHA: head,
		Status: store.ReleaseOpen, StartedBy: people["boss"], Pull: 5, ExecutionID: "x1", StartedAt: noon,
	}
	l.write(func(tx *store.Tx) error {
		if err := tx.SaveRelease(t.Context(), r); err != nil {
			return err
		}
		return tx.AddPush(t.Context(), store.Push{RepoID: 42, Branch: r.Branch, Before: cut, SHA: head, Pusher: people["dev"], At: noon})
	})
	return l, &r, l.execution(r, "x1")
}

// says records a verdict as it was given, right or not.
func (l *lab) says(x *store.Execution, login string, change func(*store.Approval)) {
	l.t.Helper()
	_, state, ok := x.State.OpenApproval()
	if !ok {
		l.t.Fatal("nothing waits for an approval")
	}
	u := l.gh.Users[login]
	a := store.Approval{
		ID: state.ID + "/" + login, RepoID: 42, ReleaseID: "r1", ExecutionID: x.ID, Environment: "production",
		SHA: state.Approval.SHA, Digest: state.Approval.Digest, ConfigHash: state.Approval.ConfigHash, By: u,
		Verdict: store.VerdictApproved, At: noon,
	}
	if change != nil {
		change(&a)
	}
	l.write(func(tx *store.Tx) error { return tx.SaveApproval(l.t.Context(), a) })
}

func TestWhoTookPart(t *testing.T) {
	l, r, _ := candidate(t, "")
	got, err := l.takenPart(t.Context(), r, nil)
	must(t, err)
	want := map[int64]string{
		1: "started it", 2: "pushed to the branch", 3: "wrote pull request #3", 4: "wrote commit c1", 5: "wrote part of commit c1", 80: "committed c1",
	}
	if diff := cmp.Diff(want, got.by); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A release that goes on under another version does not forget who worked on it.
func TestWhoTookPartBefore(t *testing.T) {
	l, r, _ := candidate(t, "")
	before := *r
	before.Status, before.Reason = store.ReleaseAbandoned, goesOnAs("1.4.1")
	next := store.Release{
		ID: "r2", RepoID: 42, Kind: r.Kind, Version: "1.4.1", Branch: "release/1.4.1", CutSHA: head, HeadSHA: head,
		Status: store.ReleaseOpen, StartedBy: person(6, "quinn"), StartedAt: noon.Add(time.Hour),
	}
	l.write(func(tx *store.Tx) error {
		if err := tx.SaveRelease(t.Context(), before); err != nil {
			return err
		}
		return tx.SaveRelease(t.Context(), next)
	})
	got, err := l.takenPart(t.Context(), &next, nil)
	must(t, err)
	for id, login := range map[int64]string{1: "boss", 2: "dev", 4: "carl", 6: "quinn"} {
		if got.why(id) == "" {
			t.Errorf("%s may approve", login)
		}
	}
}

func TestApprovalsCount(t *testing.T) {
	wrong := func(change func(*store.Approval)) func(*lab, *store.Execution) {
		return func(l *lab, x *store.Execution) { l.says(x, "quinn", change) }
	}
	by := func(logins ...string) func(*lab, *store.Execution) {
		return func(l *lab, x *store.Execution) {
			for _, login := range logins {
				l.says(x, login, nil)
			}
		}
	}
	for name, c := range map[string]struct {
		yaml string
		said func(*lab, *store.Execution)
		want gitflow.Approvals
		by   []string
	}{
		"nobody yet":                  {"", by(), gitflow.Approvals{Eligible: 2}, nil},
		"somebody who took no part":   {"", by("quinn"), gitflow.Approvals{Given: 1, Eligible: 1}, []string{"quinn"}},
		"who started it":              {"", by("boss"), gitflow.Approvals{Eligible: 2, Lost: "boss", LostWhy: "started it"}, nil},
		"who pushed to the branch":    {"", by("dev"), gitflow.Approvals{Eligible: 2, Lost: "dev", LostWhy: "pushed to the branch"}, nil},
		"who wrote a pull request":    {"", by("ann"), gitflow.Approvals{Eligible: 2, Lost: "ann", LostWhy: "wrote pull request #3"}, nil},
		"who wrote a commit":          {"", by("carl"), gitflow.Approvals{Eligible: 2, Lost: "carl", LostWhy: "wrote commit c1"}, nil},
		"who is named as co-author":   {"", by("coco"), gitflow.Approvals{Eligible: 2, Lost: "coco", LostWhy: "wrote part of commit c1"}, nil},
		"who committed a commit":      {"", by("tess"), gitflow.Approvals{Eligible: 2, Lost: "tess", LostWhy: "committed c1"}, nil},
		"all of them and one other":   {"", by("boss", "dev", "ann", "carl", "coco", "tess", "uma"), gitflow.Approvals{Given: 1, Eligible: 1}, []string{"uma"}},
		"of another revision":         {"", wrong(func(a *store.Approval) { a.SHA = cut }), gitflow.Approvals{Eligible: 2}, nil},
		"of another digest":           {"", wrong(func(a *store.Approval) { a.Digest = "sha256:b" }), gitflow.Approvals{Eligible: 2}, nil},
		"under another configuration": {"", wrong(func(a *store.Approval) { a.ConfigHash = "old" }), gitflow.Approvals{Eligible: 2}, nil},
		"of another execution":        {"", wrong(func(a *store.Approval) { a.ExecutionID = "x0" }), gitflow.Approvals{Eligible: 2}, nil},
		"of an earlier attempt":       {"", wrong(func(a *store.Approval) { a.ID = pipeline.ActionID("x1", 2, 1, 9) + "/6" }), gitflow.Approvals{Eligible: 2}, nil},
		"for another environment":     {"", wrong(func(a *store.Approval) { a.Environment = "staging" }), gitflow.Approvals{Eligible: 2}, nil},
		"taken back": {
			"", wrong(func(a *store.Approval) { a.VoidedAt, a.VoidReason = noon, "edited" }), gitflow.Approvals{Eligible: 2, Void: "edited"}, nil,
		},
		"rejected": {
			"", wrong(func(a *store.Approval) { a.Verdict, a.Reason = store.VerdictRejected, "slow" }),
			gitflow.Approvals{Eligible: 2, RejectedBy: "quinn", Reason: "slow"}, nil,
		},
		"by somebody whose rights are gone": {"", func(l *lab, x *store.Execution) {
			l.says(x, "quinn", nil)
			l.gh.Roles["quinn"] = forge.RoleRead
		}, gitflow.Approvals{Eligible: 1, Lost: "quinn", LostWhy: "the right to approve is gone"}, nil},
		"by whose number took part, whatever the name": {"", wrong(func(a *store.Approval) { a.By = person(2, "quinn") }), gitflow.Approvals{Eligible: 2, Lost: "quinn", LostWhy: "pushed to the branch"}, nil},
		"of two, one":                      {namedTwo, by("quinn"), gitflow.Approvals{Given: 1, Eligible: 2}, nil},
		"of two, both":                     {namedTwo, by("quinn", "uma"), gitflow.Approvals{Given: 2, Eligible: 2}, []string{"quinn", "uma"}},
		"one who is not named":             {namedTwo, by("carl"), gitflow.Approvals{Eligible: 2, Lost: "carl", LostWhy: "wrote commit c1"}, nil},
		"authors may, where it is said so": {authorsToo, by("dev"), gitflow.Approvals{Given: 1, Eligible: 1}, []string{"dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, c.yaml)
			c.said(l, x)
			got, by, err := l.approvals(t.Context(), r, x)
			must(t, err)
			c.want.Wanted, c.want.Setting, c.want.Needed = true, "environments.production.approve", 1
			if c.yaml == namedTwo {
				c.want.Needed = 2
			}
			var logins []string
			if got.Given >= got.Needed {
				for _, u := range by {
					logins = append(logins, u.Login)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.by, logins); diff != "" {
				t.Errorf("by (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	namedTwo = `version: 1
environments: { production: { approve: { teams: [qa], users: [uma], count: 2 } } }
`
	authorsToo = `version: 1
environments: { production: { approve: { teams: [qa], allow_author: true } } }
`
	byHand = `version: 1
environments: { production: { promote: { auto: false } } }
`
)

// Who asked for the promotion must still have the right while it is to be used.
func TestPromotionIsWanted(t *testing.T) {
	l, r, x := candidate(t, byHand)
	wanted := func() bool {
		got, _, err := l.approvals(t.Context(), r, x)
		must(t, err)
		return got.Wanted
	}
	if wanted() {
		t.Error("nobody asked for it")
	}
	r.PromoteBy, l.gh.Roles["boss"] = person(1, "boss"), forge.RoleMaintain
	if !wanted() {
		t.Error("a release manager asked for it")
	}
	l.gh.Roles["boss"] = forge.RoleWrite
	if wanted() {
		t.Error("the right is gone")
	}
}

// A rejected candidate is asked about anew by a retry: what was said of the attempt before does not count.
func TestRetryAfterRejection(t *testing.T) {
	l, r, x := candidate(t, "")
	l.says(x, "quinn", func(a *store.Approval) { a.Verdict = store.VerdictRejected })
	_, state, _ := x.State.OpenApproval()
	again := l.told(*x, pipeline.Rejected{At: noon, ID: state.ID, By: pipeline.Actor{ID: 6, Login: "quinn"}})
	again = l.told(again, pipeline.RetryRequested{At: noon, By: pipeline.Actor{ID: 1, Login: "boss"}})
	got, _, err := l.approvals(t.Context(), r, &again)
	must(t, err)
	if got.RejectedBy != "" || got.Given != 0 {
		t.Errorf("the earlier attempt counts: %+v", got)
	}
	l.says(&again, "uma", nil)
	if got, by, err := l.approvals(t.Context(), r, &again); err != nil || got.Given != 1 || !has(by, l.gh.Users["uma"]) {
		t.Errorf("approved anew: %+v %v %v", got, by, err)
	}
}

// An approval into another environment moves the pipeline on and promotes nothing.
func TestEntryIsNoPromotion(t *testing.T) {
	l := newLab(t, "")
	l.gh.Roles = map[string]forge.Role{"quinn": forge.RoleWrite}
	l.gh.Users = map[string]forge.User{"quinn": person(6, "quinn")}
	r := store.Release{ID: "r1", RepoID: 42, Branch: "release/1.4.0", Version: "1.4.0", CutSHA: head, HeadSHA: head, SHA: head, Status: store.ReleaseOpen}
	def := pipeline.Definition{Kind: pipeline.KindRelease, Stages: []pipeline.Stage{
		{Name: "Enter", Actions: []pipeline.Action{{Name: "staging", Uses: pipeline.UsesApproval, Environment: "staging"}}},
		{Name: "Approval", Actions: []pipeline.Action{{Name: "production", Uses: pipeline.UsesApproval, Environment: "production"}}},
	}}
	state, _ := pipeline.Start(pipeline.Input{ID: "x1", Definition: def, SHA: head}, noon)
	x := store.Execution{ID: "x1", RepoID: 42, Kind: pipeline.KindRelease, Branch: r.Branch, SHA: head, State: state, Status: state.Status, CreatedAt: noon}
	l.write(func(tx *store.Tx) error {
		if err := tx.SaveRelease(t.Context(), r); err != nil {
			return err
		}
		return tx.CreateExecution(t.Context(), &x)
	})
	if moved, err := l.decideEntry(t.Context(), &r, &x); moved || err != nil {
		t.Fatalf("nobody approved: %t %v", moved, err)
	}
	l.says(&x, "quinn", func(a *store.Approval) { a.Environment = "staging" })
	if moved, err := l.promote(t.Context(), &r, &world{execution: &x}); moved || err != nil {
		t.Fatalf("promoted by an approval for staging: %t %v", moved, err)
	}
	if moved, err := l.decideEntry(t.Context(), &r, &x); !moved || err != nil {
		t.Fatalf("approved: %t %v", moved, err)
	}
	l.write(func(tx *store.Tx) (err error) {
		x, err = tx.Execution(t.Context(), "x1")
		return err
	})
	if action, _, open := x.State.OpenApproval(); !open || action.Environment != "production" {
		t.Errorf("the next approval is for %q, open %t", action.Environment, open)
	}
	if got, _, err := l.approvals(t.Context(), &r, &x); err != nil || got.Given != 0 {
		t.Errorf("the approval for staging counts for production: %+v %v", got, err)
	}
}
