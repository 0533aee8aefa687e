package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckPullByKind(t *testing.T) {
	for name, c := range map[string]struct {
		pull     PullFacts
		rules    []Rule
		retarget string
	}{
		"a feature into production":               {PullFacts{Head: "issue-1", Base: "master"}, []Rule{RuleTarget}, "development"},
		"a feature into a candidate":              {PullFacts{Head: "issue-1", Base: "release/1.4.0"}, []Rule{RuleTarget}, "development"},
		"a feature into a hotfix":                 {PullFacts{Head: "issue-1", Base: "hotfix/17"}, []Rule{RuleTarget}, "development"},
		"a bugfix into production":                {PullFacts{Head: "fix/1", Base: "master"}, []Rule{RuleTarget}, "development"},
		"a release into another release":          {PullFacts{Head: "release/1.4.0", Base: "release/1.5.0"}, []Rule{RuleTarget}, "master"},
		"development into production":             {PullFacts{Head: "development", Base: "master"}, []Rule{RuleSource}, ""},
		"development into a candidate":            {PullFacts{Head: "development", Base: "release/1.4.0"}, []Rule{RuleSource}, ""},
		"production into development":             {PullFacts{Head: "master", Base: "development"}, []Rule{RuleSource}, ""},
		"a support line into production":          {PullFacts{Head: "support/1.3", Base: "master"}, []Rule{RuleSource}, ""},
		"a back-merge into production":            {PullFacts{Head: "backmerge/x", Base: "master"}, []Rule{RuleTarget}, "development"},
		"an ignored branch into development":      {PullFacts{Head: "gh-pages", Base: "development"}, []Rule{RuleSource}, ""},
		"a finish branch opened by somebody":      {PullFacts{Head: "sluice/finish-1.4.0", Base: "master"}, []Rule{RuleBotBranch}, ""},
		"anything into a finish branch":           {PullFacts{Head: "issue-1", Base: "sluice/finish-1.4.0"}, []Rule{RuleBotBranch}, "development"},
		"a fork's hotfix into production":         {PullFacts{Head: "hotfix/1", Base: "master", Fork: true}, []Rule{RuleFork}, "development"},
		"a fork's development into production":    {PullFacts{Head: "development", Base: "master", Fork: true}, []Rule{RuleFork}, "development"},
		"a fork's release into production":        {PullFacts{Head: "release/1.4.0", Base: "master", Fork: true}, []Rule{RuleFork}, "development"},
		"a fork's finish branch into production":  {PullFacts{Head: "sluice/finish-1.4.0", Base: "master", Fork: true}, []Rule{RuleFork}, "development"},
		"a malformed name into a feature":         {PullFacts{Head: "release/next", Base: "issue-1"}, []Rule{}, ""},
		"a malformed release into production":     {PullFacts{Head: "release/next", Base: "master"}, []Rule{RuleName, RuleUnknown}, ""},
		"a look-alike of production":              {PullFacts{Head: "mаster", Base: "development"}, []Rule{RuleName, RuleUnknown}, ""},
		"a case clash":                            {PullFacts{Head: "Hotfix/17", Base: "development"}, []Rule{RuleName}, ""},
		"a feature whose commits are not known":   {PullFacts{Head: "issue-1", Base: "development"}, []Rule{RuleUnknown}, ""},
		"anything into a feature":                 {PullFacts{Head: "development", Base: "issue-1"}, []Rule{}, ""},
		"anything into an ignored branch":         {PullFacts{Head: "issue-1", Base: "gh-pages"}, []Rule{}, ""},
		"the target into a back-merge branch":     {PullFacts{Head: "development", Base: "backmerge/x"}, []Rule{}, ""},
		"a support release into its line":         {PullFacts{Head: "release/1.3.1", Base: "support/1.3"}, []Rule{RuleUnknown}, ""},
		"a support release into another line":     {PullFacts{Head: "release/1.4.1", Base: "support/1.3"}, []Rule{RuleTarget}, "master"},
		"a line that only begins like the others": {PullFacts{Head: "release/1.30.1", Base: "support/1.3"}, []Rule{RuleTarget}, "master"},
	} {
		t.Run(name, func(t *testing.T) {
			c.pull.Number, c.pull.Open, c.pull.HeadSHA = 12, true, strings.Repeat("a", 40)
			v := CheckPull(standard, c.pull)
			rules, retarget := []Rule{}, ""
			for _, violation := range v.Violations {
				rules = append(rules, violation.Rule)
				retarget += violation.Retarget
				if !strings.HasSuffix(violation.Remedy.String(), ".") || !strings.HasSuffix(violation.Problem.String(), ".") {
					t.Errorf("problem and remedy are sentences, got %q and %q", violation.Problem, violation.Remedy)
				}
			}
			if diff := cmp.Diff(c.rules, rules); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			if retarget != c.retarget {
				t.Errorf("retarget offered to %q, want %q", retarget, c.retarget)
			}
		})
	}
}

func TestClosedPullRequestsAreNotJudged(t *testing.T) {
	v := CheckPull(standard, PullFacts{Head: "issue-1", Base: "master"})
	if !v.Pass || v.Sections[0].Outcome != Skipped {
		t.Errorf("verdict of a closed pull request: %+v", v)
	}
	if needs := PullNeeds(standard, PullFacts{Head: "issue-1", Base: "development"}); needs != nil {
		t.Errorf("a closed pull request asks for %v", needs)
	}
}

func TestDraftsAreJudgedAndSaidToBeDrafts(t *testing.T) {
	g := shop()
	g.cut("issue-1", "development")
	facts := g.pull(standard, "issue-1", "development")
	facts.Draft = true
	v := CheckPull(standard, facts)
	last := v.Sections[len(v.Sections)-1]
	if !v.Pass || last.Outcome != Noted || !strings.Contains(last.Text.String(), "draft") {
		t.Errorf("verdict of a draft: %+v", v)
	}
}

func TestFinishBranchMustHoldTheApprovedCommit(t *testing.T) {
	g := shop()
	g.cut("release/1.4.0", "development")
	approved := g.commit("release/1.4.0", "candidate fix")
	g.cut("sluice/finish-1.4.0", "release/1.4.0")
	check := func() Verdict {
		facts := g.pull(standard, "sluice/finish-1.4.0", "master")
		facts.ByBot, facts.FinishSHA = true, approved
		facts.Comparisons = g.answers(PullNeeds(standard, facts))
		return CheckPull(standard, facts)
	}
	if v := check(); !v.Pass {
		t.Errorf("at the approved commit: %v", v.Violations)
	}
	g.commit("master", "by hand")
	g.merge("sluice/finish-1.4.0", "master")
	if v := check(); !v.Pass || v.Sections[len(v.Sections)-1].Outcome != Noted {
		t.Errorf("with a merge of production on top: %+v", v)
	}
	g.commit("sluice/finish-1.4.0", "on top")
	if v := check(); v.Pass || v.Violations[0].Rule != RuleBotBranch || !strings.Contains(v.Violations[0].Problem.String(), "nobody approved") {
		t.Errorf("with a commit on top: %+v", v)
	}
	g.cut("sluice/finish-1.4.0", "master")
	g.commit("sluice/finish-1.4.0", "something else")
	if v := check(); v.Pass || v.Violations[0].Rule != RuleBotBranch {
		t.Errorf("without the approved commit: %+v", v)
	}
}
