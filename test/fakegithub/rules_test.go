package fakegithub_test

import (
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestRulesRefusePushes(t *testing.T) {
	cases := map[string]struct {
		rule fakegithub.Rule
		push []string // arguments of git push
		want string   // empty: accepted
	}{
		"a pull request is required":       {fakegithub.Rule{Type: "pull_request"}, []string{"HEAD:development"}, "Changes must be made through a pull request."},
		"no force":                         {fakegithub.Rule{Type: "non_fast_forward"}, []string{"--force", "HEAD~2:development"}, "Cannot force-push to this branch"},
		"a fast forward is no force":       {fakegithub.Rule{Type: "non_fast_forward"}, []string{"HEAD:development"}, ""},
		"no deletion":                      {fakegithub.Rule{Type: "deletion"}, []string{":development"}, "Cannot delete this branch"},
		"no creation":                      {fakegithub.Rule{Type: "creation"}, []string{"HEAD:refs/heads/new"}, "creations being restricted"},
		"no update":                        {fakegithub.Rule{Type: "update"}, []string{"HEAD:development"}, "Cannot update this protected ref"},
		"linear history":                   {fakegithub.Rule{Type: "required_linear_history"}, []string{"merged:development"}, "must not contain merge commits"},
		"checks are required":              {checksRule("ci"), []string{"HEAD:development"}, `Required status check "ci" is expected`},
		"names":                            {fakegithub.Rule{Type: "branch_name_pattern", Parameters: map[string]any{"operator": "starts_with", "pattern": "feature/"}}, []string{"HEAD:refs/heads/x"}, "must match a given pattern"},
		"a rule nobody knows":              {fakegithub.Rule{Type: "moon_phase"}, []string{"HEAD:development"}, ""},
		"tags are not branches":            {fakegithub.Rule{Type: "creation"}, []string{"HEAD:refs/tags/v1"}, ""},
		"a merge queue takes all changes":  {fakegithub.Rule{Type: "merge_queue"}, []string{"HEAD:development"}, "merge queue"},
		"the default branch is for ever":   {fakegithub.Rule{Type: "moon_phase"}, []string{":master"}, "default branch"},
		"refs/pull is closed":              {fakegithub.Rule{Type: "moon_phase"}, []string{"HEAD:refs/pull/1/head"}, "hidden"},
		"several refs are refused as one":  {fakegithub.Rule{Type: "update"}, []string{"HEAD:development", "HEAD:refs/heads/other"}, "Cannot update"},
		"what is not covered is free (ok)": {fakegithub.Rule{Type: "moon_phase"}, []string{"HEAD:refs/heads/free"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakegithub.Options{})
			w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"~ALL"}, Rules: []fakegithub.Rule{c.rule}})
			dir := w.clone("ann")
			w.mustGit(dir, "checkout", "-q", "-b", "side", "origin/development")
			w.mustGit(dir, "commit", "-q", "--allow-empty", "-m", "side")
			w.mustGit(dir, "checkout", "-q", "-b", "merged", "origin/development")
			w.mustGit(dir, "merge", "-q", "--no-ff", "-m", "merge", "side")
			w.mustGit(dir, "checkout", "-q", "-b", "work", "origin/development")
			w.mustGit(dir, "commit", "-q", "--allow-empty", "-m", "work")
			before := w.repo.SHA("development")
			out, err := w.git(dir, append([]string{"push", "origin"}, c.push...)...)
			if c.want == "" {
				if err != nil {
					t.Errorf("refused:\n%s", out)
				}
				return
			}
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("want a refusal with %q, got %v\n%s", c.want, err, out)
			}
			if after := w.repo.SHA("development"); after != before {
				t.Errorf("development moved from %s to %s", before, after)
			}
			if heard := w.heard(); len(heard) > 0 {
				t.Errorf("a refused push was told: %v", heard)
			}
		})
	}
}

func checksRule(names ...string) fakegithub.Rule {
	list := []any{}
	for _, n := range names {
		list = append(list, map[string]any{"context": n})
	}
	return fakegithub.Rule{Type: "required_status_checks", Parameters: map[string]any{"required_status_checks": list}}
}

func TestRulesBindTheAppUnlessItMayBypass(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	id := w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"refs/heads/master"}, Rules: []fakegithub.Rule{{Type: "pull_request"}}})
	base, head := "master", "development"
	_, res, err := w.bot.Repositories.Merge(w.ctx, "acme", "shop", &github.RepositoryMergeRequest{Base: &base, Head: &head})
	if res.StatusCode != 409 || !strings.Contains(err.Error(), "Changes must be made through a pull request") {
		t.Errorf("got %v, want 409 with the rule", err)
	}
	w.repo.RemoveRuleset(id)
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"refs/heads/master"}, Rules: []fakegithub.Rule{{Type: "pull_request"}},
		Bypass: []fakegithub.BypassActor{{Type: "Integration", ID: w.app.ID}}})
	if _, _, err := w.bot.Repositories.Merge(w.ctx, "acme", "shop", &github.RepositoryMergeRequest{Base: &base, Head: &head}); err != nil {
		t.Errorf("as a bypass actor: %v", err)
	}
}

func TestReviewsAreCounted(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "pull_request",
		Parameters: map[string]any{"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true}}}})
	ann, bob, qa := w.s.As("ann"), w.s.As("bob"), w.s.As("qa1")
	_, err := ann.Commit(w.ctx, "acme/shop", "feature", "One", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	refused := func(why string) {
		t.Helper()
		if _, err := bob.MergePull(w.ctx, "acme/shop", n, ""); err == nil || !strings.Contains(err.Error(), "405") {
			t.Errorf("%s: %v, want 405", why, err)
		}
		pr, _, err := w.bot.PullRequests.Get(w.ctx, "acme", "shop", n)
		w.must(err)
		if pr.GetMergeableState() != "blocked" {
			t.Errorf("%s: mergeable_state %q, want blocked", why, pr.GetMergeableState())
		}
	}
	refused("without a review")
	if _, err := ann.Review(w.ctx, "acme/shop", n, "APPROVE", ""); err == nil || !strings.Contains(err.Error(), "own pull request") {
		t.Errorf("approving one's own: %v", err)
	}
	_, err = qa.Review(w.ctx, "acme/shop", n, "APPROVE", "")
	w.must(err)
	refused("with a review by a reader")
	_, err = bob.Review(w.ctx, "acme/shop", n, "APPROVE", "")
	w.must(err)
	_, err = ann.Commit(w.ctx, "acme/shop", "feature", "Two", map[string]string{"f": "2\n"})
	w.must(err)
	refused("with a stale review")
	_, err = bob.Review(w.ctx, "acme/shop", n, "APPROVE", "")
	w.must(err)
	if _, err := bob.MergePull(w.ctx, "acme/shop", n, "squash"); err != nil {
		t.Errorf("with a review: %v", err)
	}
	if parents := w.repo.Parents(w.repo.SHA("development")); len(parents) != 1 {
		t.Errorf("a squash has parents %v, want one", parents)
	}
}

func TestWorkflowFilesNeedThePermission(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	_, err := w.s.As("ann").Commit(w.ctx, "acme/shop", "feature", "CI", map[string]string{".github/workflows/ci.yml": "on: push\n"})
	w.must(err)
	body := github.RepositoryContentFileOptions{Message: github.String("m"), Content: []byte("on: push\n"), Branch: github.String("master")}
	if _, _, err := w.bot.Repositories.CreateFile(w.ctx, "acme", "shop", ".github/workflows/other.yml", &body); status(err) != 403 || !strings.Contains(err.Error(), "workflows") {
		t.Errorf("got %v, want 403 naming the permission", err)
	}
	w.must(w.s.SetInstallation(w.inst.ID, map[string]string{"metadata": "read", "contents": "write", "workflows": "write"}, nil))
	if _, _, err := w.bot.Repositories.CreateFile(w.ctx, "acme", "shop", ".github/workflows/other.yml", &body); err != nil {
		t.Errorf("with the permission: %v", err)
	}
}

func TestRulesAreReadable(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.repo.AddRuleset(fakegithub.Ruleset{Name: "all", Include: []string{"refs/heads/release/**"}, Rules: []fakegithub.Rule{{Type: "pull_request"}, checksRule("ci"), {Type: "merge_queue"},
		{Type: "required_linear_history"}, {Type: "deletion"}, {Type: "non_fast_forward"}, {Type: "creation"}, {Type: "update"}}})
	rules, _, err := w.bot.Repositories.GetRulesForBranch(w.ctx, "acme", "shop", "release/1.0.0")
	w.must(err)
	if len(rules) != 8 {
		t.Errorf("got %d rules, want 8", len(rules))
	}
	if rules, _, err := w.bot.Repositories.GetRulesForBranch(w.ctx, "acme", "shop", "master"); err != nil || len(rules) != 0 {
		t.Errorf("master has rules %v (%v), want none", rules, err)
	}
	sets, _, err := w.bot.Repositories.GetAllRulesets(w.ctx, "acme", "shop", false)
	w.must(err)
	if _, _, err := w.bot.Repositories.GetRuleset(w.ctx, "acme", "shop", sets[0].GetID(), false); err != nil {
		t.Error(err)
	}
	boss := w.user("boss")
	_, _, err = boss.Repositories.UpdateBranchProtection(w.ctx, "acme", "shop", "master", &github.ProtectionRequest{
		RequiredStatusChecks: &github.RequiredStatusChecks{Strict: true, Contexts: &[]string{"ci"}, Checks: &[]*github.RequiredStatusCheck{{Context: "ci"}}}, RequiredPullRequestReviews: &github.PullRequestReviewsEnforcementRequest{RequiredApprovingReviewCount: 2}})
	w.must(err)
	p, _, err := w.bot.Repositories.GetBranchProtection(w.ctx, "acme", "shop", "master")
	w.must(err)
	if p.RequiredPullRequestReviews.RequiredApprovingReviewCount != 2 || (*p.RequiredStatusChecks.Checks)[0].Context != "ci" {
		t.Errorf("protection reads %+v", p)
	}
	w.repo.AddRuleset(fakegithub.Ruleset{Include: []string{"~ALL"}, Rules: []fakegithub.Rule{{Type: "moon_phase", Parameters: map[string]any{"full": true}}}})
	var raw []map[string]any
	w.must(w.s.As("ann").Do(w.ctx, "GET", "/repos/acme/shop/rules/branches/master", nil, &raw))
	if len(raw) != 1 || raw[0]["type"] != "moon_phase" {
		t.Errorf("an unknown rule reads %v", raw)
	}
}
