package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// orders gives a command about the candidate, as somebody would in a comment.
func (l *lab) orders(login, line string, r *store.Release) (reply string, ok bool) {
	l.t.Helper()
	c, wrong, ours := parseLine(line, "", false)
	if wrong != nil || !ours {
		l.t.Fatalf("%s: %v", line, wrong)
	}
	q := &request{Command: c, by: l.gh.Users[login], via: "test", done: func(*store.Tx) error { return nil }, release: r}
	if r != nil {
		l.write(func(tx *store.Tx) (err error) {
			if *r, err = tx.Release(l.t.Context(), r.ID); err != nil {
				return err
			}
			q.execution, err = oneExecution(l.t.Context(), tx, r.ExecutionID)
			return err
		})
	}
	reply, ok, err := l.carry(l.t.Context(), q)
	must(l.t, err)
	return reply, ok
}

// candidateOf reads the candidate's execution again.
func (l *lab) candidateOf(r *store.Release) *store.Execution {
	l.t.Helper()
	var x *store.Execution
	l.write(func(tx *store.Tx) (err error) {
		x, err = oneExecution(l.t.Context(), tx, r.ExecutionID)
		return err
	})
	return x
}

// counted is how many approvals the candidate has, and who rejects it.
func (l *lab) counted(r *store.Release) (given int, rejected string) {
	l.t.Helper()
	got, _, err := l.tally(l.t.Context(), r, l.candidateOf(r), pipeline.EnvironmentProduction)
	must(l.t, err)
	return got.Given, got.RejectedBy
}

const reviewsCount = `version: 1
environments: { production: { approve: { count: 2, reviews: true } } }
`

// A review counts for the commit that was reviewed alone, and as long as its author means it.
func TestReviewsCount(t *testing.T) {
	review := func(id int64, by int64, state, sha string) forge.Review {
		return forge.Review{ID: id, Author: person(by, map[int64]string{2: "dev", 6: "quinn", 7: "uma", 9: "robot"}[by]), State: state, SHA: sha, SubmittedAt: noon.Truncate(time.Second)}
	}
	robot := review(1, 9, "APPROVED", head)
	robot.Author.Bot = true
	early := review(1, 6, "APPROVED", head)
	early.SubmittedAt = noon.Add(-time.Hour)
	for name, c := range map[string]struct {
		reviews  []forge.Review
		given    int
		rejected string
	}{
		"an approval of this commit":         {[]forge.Review{review(1, 6, "APPROVED", head)}, 1, ""},
		"of two people":                      {[]forge.Review{review(1, 6, "APPROVED", head), review(2, 7, "APPROVED", head)}, 2, ""},
		"twice by one":                       {[]forge.Review{review(1, 6, "APPROVED", head), review(2, 6, "APPROVED", head)}, 1, ""},
		"an approval of another commit":      {[]forge.Review{review(1, 6, "APPROVED", cut)}, 0, ""},
		"from before the pipeline":           {[]forge.Review{early}, 0, ""},
		"of somebody who took part":          {[]forge.Review{review(1, 2, "APPROVED", head)}, 0, ""},
		"of a bot":                           {[]forge.Review{robot}, 0, ""},
		"dismissed":                          {[]forge.Review{review(1, 6, "DISMISSED", head)}, 0, ""},
		"a remark":                           {[]forge.Review{review(1, 6, "COMMENTED", head)}, 0, ""},
		"a remark after an approval":         {[]forge.Review{review(1, 6, "APPROVED", head), review(2, 6, "COMMENTED", head)}, 1, ""},
		"changes requested":                  {[]forge.Review{review(1, 7, "APPROVED", head), review(2, 6, "CHANGES_REQUESTED", cut)}, 1, "quinn"},
		"changes requested, then approved":   {[]forge.Review{review(1, 6, "CHANGES_REQUESTED", cut), review(2, 6, "APPROVED", head)}, 1, ""},
		"approved, then changes requested":   {[]forge.Review{review(1, 6, "APPROVED", head), review(2, 6, "CHANGES_REQUESTED", head)}, 0, "quinn"},
		"changes requested by a mere reader": {[]forge.Review{{ID: 1, Author: person(8, "reader"), State: "CHANGES_REQUESTED", SHA: head, SubmittedAt: noon}}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, reviewsCount)
			l.gh.Users["reader"] = person(8, "reader")
			l.gh.Roles["reader"] = forge.RoleRead
			l.gh.Reviewed = c.reviews
			must(t, l.takeReviews(t.Context(), r, x, 5))
			given, rejected := l.counted(r)
			if given != c.given || rejected != c.rejected {
				t.Errorf("%d approvals, rejected by %q; want %d, %q", given, rejected, c.given, c.rejected)
			}
			if moved, err := l.reject(t.Context(), r, x); moved || err != nil {
				t.Errorf("a review ended the candidate: %t %v", moved, err)
			}
		})
	}
}

// What a review said is taken back with it, and without approve.reviews it says nothing.
func TestReviewsAreTakenBack(t *testing.T) {
	l, r, x := candidate(t, reviewsCount)
	l.gh.Reviewed = []forge.Review{{ID: 1, Author: l.gh.Users["quinn"], State: "APPROVED", SHA: head, SubmittedAt: noon}}
	for _, state := range []string{"APPROVED", "APPROVED"} { // the second look changes nothing
		l.gh.Reviewed[0].State = state
		must(t, l.takeReviews(t.Context(), r, x, 5))
		if given, _ := l.counted(r); given != 1 {
			t.Fatalf("%d approvals", given)
		}
	}
	if reply, ok := l.orders("quinn", "/approve cancel", r); ok || !strings.Contains(reply, "review") {
		t.Errorf("a review was taken back by a command: %s", reply)
	}
	l.gh.Reviewed[0].State = "DISMISSED"
	must(t, l.takeReviews(t.Context(), r, x, 5))
	if given, _ := l.counted(r); given != 0 {
		t.Error("a dismissed review counts")
	}

	l, r, x = candidate(t, "")
	l.gh.Reviewed = []forge.Review{{ID: 1, Author: l.gh.Users["quinn"], State: "APPROVED", SHA: head, SubmittedAt: noon}}
	must(t, l.takeReviews(t.Context(), r, x, 5))
	if given, _ := l.counted(r); given != 0 {
		t.Error("a review counts though nobody asked for that")
	}
}

// /approve [environment] [note], and taking it back.
func TestApproveAndTakeBack(t *testing.T) {
	l, r, _ := candidate(t, namedTwoAnyone)
	l.world(r)
	for _, step := range []struct {
		who, line, says string
		ok              bool
		given           int
	}{
		{"uma", "/approve cancel", "said nothing", false, 0},
		{"uma", "/approve staging looks fine", "asks for no approval now", false, 0},
		{"uma", "/approve production tried it on three phones", "", true, 1},
		{"quinn", "/approve cancel", "said nothing", false, 1},
		{"quinn", "/approve looks fine to me", "", true, 2},
		{"quinn", "/approve cancel", "", true, 1},
		{"uma", "/reject cancel", "Nobody has rejected", false, 1},
		{"dev", "/approve", "takes part in a change", false, 1},
		{"uma", "/approve staging cancel", "said nothing", false, 1},
		{"uma", "/approve production cancel", "", true, 0},
	} {
		reply, ok := l.orders(step.who, step.line, r)
		if ok != step.ok || !strings.Contains(reply, step.says) {
			t.Errorf("%s %s: %t %q, want %t, %q", step.who, step.line, ok, reply, step.ok, step.says)
		}
		if given, _ := l.counted(r); given != step.given {
			t.Errorf("%s %s: %d approvals, want %d", step.who, step.line, given, step.given)
		}
	}
	var notes []string
	said, err := l.said(t.Context(), r, l.candidateOf(r))
	must(t, err)
	for _, a := range said {
		notes = append(notes, a.Reason)
	}
	if diff := cmp.Diff([]string{"looks fine to me", "tried it on three phones"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A slip in an environment's name approves nothing, and an ordinary note is one whatever the environments are called.
func TestNotesAndNames(t *testing.T) {
	l := newLab(t, `version: 1
components: [{ name: web, paths: ["web/**"] }]
environments:
  { dev: {}, test: {}, prod: {}, qa: {}, uat: {}, live: {}, int: {}, stage: {}, demo: {}, staging: {}, preview: {}, acceptance: {}, production: {} }
`)
	for note, want := range map[string]string{
		"stagin": "staging", "stagin it": "staging", "Staging": "staging", "stagign, fine": "staging", "staging: fine": "staging",
		"prodution": "production", "PRODUCTION": "production", "prdo": "prod", "tets": "test", "tset": "test", "stge": "stage",
		"Live": "live", "QA": "qa", "inte": "int", "live, it works": "live", "web/stagin": "web/staging", "web/prdo": "web/prod", "wbe/production fine": "web/production",
	} {
		if meant, _ := l.misspelt(note); meant != want {
			t.Errorf("%s is taken for %q, want %q", note, meant, want)
		}
	}
	for _, note := range []string{
		"", "yes", "fine", "nice", "we", "see", "per", "it", "at", "as", "ok", "good", "done", "tested", "tests", "lives", "great", "reviewed",
		"acceptable", "products", "🎉", "tested on my phone", "good to go", "love it", "like it", "it works", "in time", "proud of it",
		"tests pass", "text reads well", "best so far", "demos went well", "state of the art", "staged rollout is fine", "previews look fine",
		"review done", "day is right", "and/or later", "works in production", "in", "released by me", "n/a",
	} {
		if meant, _ := l.misspelt(note); meant != "" {
			t.Errorf("the note %q is taken for %s", note, meant)
		}
	}

	l, r, _ := candidate(t, "version: 1\nenvironments: { test: {}, production: { approve: { count: 2 } } }\n")
	l.world(r)
	if reply, ok := l.orders("uma", "/approve tested on my phone", r); !ok {
		t.Errorf("an ordinary note is refused: %s", reply)
	}
	if reply, ok := l.orders("quinn", "/approve prodution", r); ok || !strings.Contains(reply, "no environment `prodution`; did you mean `/approve production`") {
		t.Errorf("a slip is answered with %t %q", ok, reply)
	}
	if given, _ := l.counted(r); given != 1 {
		t.Errorf("%d approvals, want 1", given)
	}
}

const namedTwoAnyone = `version: 1
environments: { production: { approve: { count: 2 } } }
`

// A veto ends the candidate until an approver lifts it; then the approval is asked for anew.
func TestVetoIsLifted(t *testing.T) {
	l, r, _ := candidate(t, namedTwoAnyone)
	l.world(r)
	if _, ok := l.orders("uma", "/approve", r); !ok {
		t.Fatal("uma may approve")
	}
	if _, ok := l.orders("quinn", "/reject it is slow", r); !ok {
		t.Fatal("quinn may reject")
	}
	if moved, err := l.reject(t.Context(), r, l.candidateOf(r)); !moved || err != nil {
		t.Fatalf("the rejection: %t %v", moved, err)
	}
	if x := l.candidateOf(r); x.Status != pipeline.Failed {
		t.Fatalf("the candidate is %s", x.Status)
	}
	l.gh.Roles["carl"] = forge.RoleRead
	if reply, ok := l.orders("carl", "/reject cancel", r); ok {
		t.Errorf("somebody without the right lifted a veto: %s", reply)
	}
	if reply, ok := l.orders("uma", "/reject cancel", r); !ok || !strings.Contains(reply, "anew") {
		t.Fatalf("lifting the veto: %t %s", ok, reply)
	}
	x := l.candidateOf(r)
	if _, _, open := x.State.OpenApproval(); !open {
		t.Fatalf("the approval is not asked for again: %s", pipeline.Why(x.State, noon))
	}
	if given, rejected := l.counted(r); given != 0 || rejected != "" {
		t.Errorf("after it: %d approvals, rejected by %q", given, rejected)
	}
}

// world gives the candidate what a whole look at it needs: heads, a pull request, comparisons.
func (l *lab) world(r *store.Release) {
	l.gh.Heads = map[string]string{r.Branch: head, "master": cut, "development": cut}
	l.gh.Pulls = map[int]forge.PullRequest{5: {Number: 5, Open: true, Head: forge.Side{Branch: r.Branch, SHA: head, RepoID: 42}, Base: forge.Side{Branch: "master", SHA: cut, RepoID: 42}}}
	own := l.gh.Comparisons[cut+"..."+head]
	own.MergeBase = cut
	l.gh.Comparisons[cut+"..."+head], l.gh.Comparisons[head+"..."+cut] = own, forge.Comparison{BehindBy: 2, MergeBase: cut}
}

// An account that changed its name keeps its approval; whoever took the name over does not get it.
func TestRenamedApprover(t *testing.T) {
	l, r, x := candidate(t, "version: 1\nenvironments: { production: { approve: { users: [quinn, quinn-new] } } }\n")
	l.says(x, "quinn", nil)
	l.gh.Users["quinn"] = person(66, "quinn") // somebody else took the name
	l.gh.Users["quinn-new"] = person(6, "quinn-new")
	l.gh.Roles["quinn-new"] = forge.RoleWrite
	if given, _ := l.counted(r); given != 1 {
		t.Error("the approval was lost with the name")
	}
	clear(l.accounts)
	l.gh.Roles["quinn-new"] = forge.RoleNone // quinn has left; the namesake may write
	if given, _ := l.counted(r); given != 0 {
		t.Error("the right of a namesake was taken for the approver's")
	}
	clear(l.accounts)
	delete(l.gh.Users, "quinn-new")
	if given, _ := l.counted(r); given != 0 {
		t.Error("an account that is gone still approves")
	}
}
