package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCheckPush(t *testing.T) {
	a, b, zero := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("0", 40)
	type report struct {
		Rules                   []Rule
		OutOfBand               int
		Backmerge, Voids, Alarm bool
		Keep                    string
	}
	for name, c := range map[string]struct {
		push PushFacts
		want report
	}{
		"a direct push to production":            {PushFacts{Branch: "master", Before: a, After: b}, report{Rules: []Rule{RuleDirectPush}, OutOfBand: 1, Backmerge: true}},
		"a release merged into production":       {PushFacts{Branch: "master", Before: a, After: b, Pulls: []Pull{{Number: 1, Head: "release/1.4.0"}}}, report{Backmerge: true}},
		"a finish merged into production":        {PushFacts{Branch: "master", Before: a, After: b, Pulls: []Pull{{Number: 1, Head: "sluice/finish-1.4.0"}}}, report{Backmerge: true}},
		"a feature merged into production":       {PushFacts{Branch: "master", Before: a, After: b, Pulls: []Pull{{Number: 1, Head: "issue-1"}}}, report{Rules: []Rule{RuleTarget}, OutOfBand: 1, Backmerge: true}},
		"our own merge into production":          {PushFacts{Branch: "master", Before: a, After: b, ByBot: true}, report{Backmerge: true}},
		"production, as nobody told":             {PushFacts{Branch: "master", Before: a, After: b, Unheard: true, Pulls: []Pull{{Head: "issue-1"}}}, report{Backmerge: true}},
		"merged early, as nobody told":           {PushFacts{Branch: "master", Before: a, After: b, Unheard: true, Early: []Pull{{Head: "release/1.4.0"}}}, report{Rules: []Rule{RuleEarly}, Backmerge: true}},
		"production rewritten, as nobody told":   {PushFacts{Branch: "master", Before: a, After: b, Unheard: true, Forced: true}, report{Rules: []Rule{RuleForcePush}, Backmerge: true, Alarm: true, Keep: a}},
		"production deleted, as nobody told":     {PushFacts{Branch: "master", Before: a, After: zero, Unheard: true}, report{Rules: []Rule{RuleDeleted}, Alarm: true, Keep: a}},
		"a candidate, as nobody told":            {PushFacts{Branch: "release/1.4.0", Before: a, After: b, Unheard: true}, report{Voids: true}},
		"development, as nobody told":            {PushFacts{Branch: "development", Before: a, After: b, Unheard: true}, report{}},
		"production rewritten":                   {PushFacts{Branch: "master", Before: a, After: b, Forced: true}, report{Rules: []Rule{RuleForcePush}, Backmerge: true, Alarm: true, Keep: a}},
		"production deleted":                     {PushFacts{Branch: "master", Before: a, After: zero}, report{Rules: []Rule{RuleDeleted}, Alarm: true, Keep: a}},
		"a direct push to development":           {PushFacts{Branch: "development", Before: a, After: b}, report{Rules: []Rule{RuleDirectPush}}},
		"a pull request merged into development": {PushFacts{Branch: "development", Before: a, After: b, Pulls: []Pull{{Number: 1, Head: "issue-1"}}}, report{}},
		"our own back-merge to development":      {PushFacts{Branch: "development", Before: a, After: b, ByBot: true}, report{}},
		"development rewritten":                  {PushFacts{Branch: "development", Before: a, After: b, Forced: true}, report{Rules: []Rule{RuleForcePush}, Alarm: true, Keep: a}},
		"development created":                    {PushFacts{Branch: "development", Before: zero, After: b}, report{}},
		"a commit on a candidate":                {PushFacts{Branch: "release/1.4.0", Before: a, After: b}, report{Voids: true}},
		"a candidate rewritten":                  {PushFacts{Branch: "release/1.4.0", Before: a, After: b, Forced: true}, report{Rules: []Rule{RuleForcePush}, Voids: true, Keep: a}},
		"a candidate created":                    {PushFacts{Branch: "release/1.4.0", Before: zero, After: b, Created: true}, report{}},
		"a candidate deleted by somebody":        {PushFacts{Branch: "release/1.4.0", Before: a, After: zero, Deleted: true}, report{Rules: []Rule{RuleDeleted}, Voids: true, Keep: a}},
		"a candidate deleted by us":              {PushFacts{Branch: "release/1.4.0", Before: a, After: zero, Deleted: true, ByBot: true}, report{Voids: true}},
		"a commit on a hotfix":                   {PushFacts{Branch: "hotfix/17", Before: a, After: b}, report{Voids: true}},
		"a feature rewritten is everyday work":   {PushFacts{Branch: "issue-1", Before: a, After: b, Forced: true}, report{}},
		"a feature deleted is everyday work":     {PushFacts{Branch: "issue-1", Before: a, After: zero}, report{}},
		"a finish branch pushed to":              {PushFacts{Branch: "sluice/finish-1.4.0", Before: a, After: b}, report{Rules: []Rule{RuleBotBranch}}},
		"a finish branch rewritten":              {PushFacts{Branch: "sluice/finish-1.4.0", Before: a, After: b, Forced: true}, report{Rules: []Rule{RuleBotBranch}}},
		"a finish branch pushed to by us":        {PushFacts{Branch: "sluice/finish-1.4.0", Before: a, After: b, ByBot: true}, report{}},
		"a finish branch deleted is made again":  {PushFacts{Branch: "sluice/finish-1.4.0", Before: a, After: zero}, report{}},
		"a back-merge branch is for people":      {PushFacts{Branch: "backmerge/x", Before: a, After: b}, report{}},
		"a release tag by hand":                  {PushFacts{Tag: "v1.4.0", Before: zero, After: b, ReleaseTag: true, TagVersion: "1.4.0"}, report{Rules: []Rule{RuleTagByHand}}},
		"production put back":                    {PushFacts{Branch: "master", Before: a, After: b, Forced: true, PutBack: true}, report{Backmerge: true}},
		"a candidate put back":                   {PushFacts{Branch: "release/1.4.0", Before: a, After: b, Forced: true, PutBack: true}, report{Voids: true}},
		"a finish branch put back":               {PushFacts{Branch: "sluice/finish-1.4.0", Before: a, After: b, Forced: true, PutBack: true}, report{}},
		"a tag by hand deleted as asked":         {PushFacts{Tag: "v1.4.0", Before: a, After: zero, ReleaseTag: true, TagWas: a, PutBack: true}, report{}},
		"a release tag by us":                    {PushFacts{Tag: "v1.4.0", Before: zero, After: b, ReleaseTag: true, ByBot: true}, report{}},
		"a release tag that the log has":         {PushFacts{Tag: "v1.4.0", Before: zero, After: b, ReleaseTag: true, KnownTag: true, TagWas: b}, report{}},
		"a release tag moved":                    {PushFacts{Tag: "v1.4.0", Before: a, After: b, Forced: true, ReleaseTag: true, TagWas: a}, report{Rules: []Rule{RuleTagMoved}, Alarm: true, Keep: a}},
		"a release tag deleted":                  {PushFacts{Tag: "v1.4.0", Before: a, After: zero, ReleaseTag: true, TagWas: a}, report{Rules: []Rule{RuleTagMoved}, Alarm: true, Keep: a}},
		"a hand-made tag deleted again":          {PushFacts{Tag: "v9.9.9", Before: a, After: zero, ReleaseTag: true}, report{}},
		"another tag is nobody's business":       {PushFacts{Tag: "nightly", Before: a, After: b, Forced: true}, report{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.push.By = "eve"
			for _, need := range PushNeeds(standard, c.push) {
				c.push.Comparisons = append(c.push.Comparisons, Comparison{CompareRequest: need, HeadSHA: need.Head, AheadBy: 1, Commits: []Commit{{SHA: need.Head}}})
			}
			r := CheckPush(standard, c.push)
			got := report{OutOfBand: len(r.OutOfBand), Backmerge: r.BackmergeOwed, Voids: r.VoidsApprovals, Alarm: r.Alarm, Keep: r.Keep}
			for _, v := range r.Violations {
				got.Rules = append(got.Rules, v.Rule)
				if !strings.HasSuffix(v.Problem.String(), ".") || !strings.HasSuffix(v.Remedy.String(), ".") {
					t.Errorf("problem and remedy are sentences, got %q and %q", v.Problem, v.Remedy)
				}
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// A tag's ref is at its tag object, where it has one: that is what a lease must name.
func TestAnAnnotatedTagIsPutBack(t *testing.T) {
	was, now, object := strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)
	r := CheckPush(standard, PushFacts{Tag: "v1.4.0", Before: was, After: now, ReleaseTag: true, TagWas: was, TagObject: object})
	want := []string{"git fetch origin " + was, "git push --force-with-lease=refs/tags/v1.4.0:" + object + " origin " + was + ":refs/tags/v1.4.0"}
	if diff := cmp.Diff(want, r.Violations[0].Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestAPushThatBringsDevelopmentIntoACandidate(t *testing.T) {
	g := shop()
	g.cut("release/1.4.0", "development")
	before := g.commit("release/1.4.0", "candidate fix")
	g.commit("development", "later")
	push := func() PushReport {
		p := PushFacts{Branch: "release/1.4.0", By: "eve", Before: before, After: g.heads["release/1.4.0"]}
		p.Comparisons = g.answers(PushNeeds(standard, p))
		return CheckPush(standard, p)
	}
	second := g.commit("release/1.4.0", "second fix")
	if r := push(); len(r.Violations) != 0 {
		t.Errorf("a commit of its own: %v", r.Violations)
	}
	g.merge("release/1.4.0", "development")
	r := push()
	if len(r.Violations) != 1 || r.Violations[0].Rule != RuleForeign {
		t.Fatalf("development merged in: %+v", r)
	}
	lease := "git push --force-with-lease=refs/heads/release/1.4.0:" + g.heads["release/1.4.0"] + " origin "
	want := []string{"git fetch origin", "git switch -C release/1.4.0 " + second, lease + "HEAD:refs/heads/release/1.4.0"}
	if diff := cmp.Diff(want, r.Violations[0].Commands); diff != "" {
		t.Errorf("commands where the push has a fix too (-want +got):\n%s", diff)
	}
	before = second
	want = []string{"git fetch origin " + before, lease + before + ":refs/heads/release/1.4.0"}
	if diff := cmp.Diff(want, push().Violations[0].Commands); diff != "" {
		t.Errorf("commands where it has none (-want +got):\n%s", diff)
	}
	merge := g.heads["release/1.4.0"]
	third := g.commit("release/1.4.0", "third fix")
	lease = strings.Replace(lease, merge, third, 1)
	want = []string{"git fetch origin", "git switch -C release/1.4.0 " + before, "git cherry-pick " + third, lease + "HEAD:refs/heads/release/1.4.0"}
	if diff := cmp.Diff(want, push().Violations[0].Commands); diff != "" {
		t.Errorf("commands where the fix came after (-want +got):\n%s", diff)
	}
}

// A conflict is resolved on the branch that Sluice keeps; anything else there is reported.
func TestAPushThatResolvesAConflictOfOurBranchIsNoFault(t *testing.T) {
	g := shop()
	g.work("sluice/finish-1.4.0", "development", "approved")
	g.commit("master", "direct")
	before := g.heads["sluice/finish-1.4.0"]
	rules := func() []Rule {
		facts := PushFacts{Branch: "sluice/finish-1.4.0", Before: before, After: g.heads["sluice/finish-1.4.0"], By: "eve"}
		facts.Comparisons = g.answers(PushNeeds(standard, facts))
		var out []Rule
		for _, v := range CheckPush(standard, facts).Violations {
			out = append(out, v.Rule)
		}
		return out
	}
	g.merge("sluice/finish-1.4.0", "master")
	if diff := cmp.Diff([]Rule(nil), rules()); diff != "" {
		t.Errorf("production merged in (-want +got):\n%s", diff)
	}
	resolved := g.heads["sluice/finish-1.4.0"]
	g.commit("sluice/finish-1.4.0", "more")
	if diff := cmp.Diff([]Rule{RuleBotBranch}, rules()); diff != "" {
		t.Errorf("with a commit on top (-want +got):\n%s", diff)
	}
	g.heads["sluice/finish-1.4.0"] = resolved
	g.work("issue-1", "master", "one")
	g.merge("sluice/finish-1.4.0", "issue-1")
	if diff := cmp.Diff([]Rule{RuleBotBranch}, rules()); diff != "" {
		t.Errorf("with a merge of something else (-want +got):\n%s", diff)
	}
}
