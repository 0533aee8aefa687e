package fakegithub

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesAreFound(t *testing.T) {
	rt := newRouter((&Server{}).table())
	for path, want := range map[string]struct {
		route  string
		params map[string]string
	}{
		"/repos/a/b/git/ref/heads/feature/x":           {"/repos/{owner}/{repo}/git/ref/{ref}", map[string]string{"owner": "a", "repo": "b", "ref": "heads/feature/x"}},
		"/repos/a/b/git/ref/heads%2Ffeature%2Fx":       {"/repos/{owner}/{repo}/git/ref/{ref}", map[string]string{"owner": "a", "repo": "b", "ref": "heads/feature/x"}},
		"/repos/a/b/commits/release/1.0.0/check-runs":  {"/repos/{owner}/{repo}/commits/{ref}/check-runs", map[string]string{"owner": "a", "repo": "b", "ref": "release/1.0.0"}},
		"/repos/a/b/commits/release%2F1.0.0":           {"/repos/{owner}/{repo}/commits/{ref}", map[string]string{"owner": "a", "repo": "b", "ref": "release/1.0.0"}},
		"/repos/a/b/branches/hotfix/1/protection":      {"/repos/{owner}/{repo}/branches/{branch}/protection", map[string]string{"owner": "a", "repo": "b", "branch": "hotfix/1"}},
		"/repos/a/b/compare/x%2Fy...z/w":               {"/repos/{owner}/{repo}/compare/{basehead}", map[string]string{"owner": "a", "repo": "b", "basehead": "x/y...z/w"}},
		"/repos/a/b/contents/":                         {"/repos/{owner}/{repo}/contents/{path}", map[string]string{"owner": "a", "repo": "b", "path": ""}},
		"/repos/a/b/contents/x/y.txt":                  {"/repos/{owner}/{repo}/contents/{path}", map[string]string{"owner": "a", "repo": "b", "path": "x/y.txt"}},
		"/repos/a/b/issues/comments/7":                 {"/repos/{owner}/{repo}/issues/comments/{comment_id}", map[string]string{"owner": "a", "repo": "b", "comment_id": "7"}},
		"/repos/a/b/issues/7/comments":                 {"/repos/{owner}/{repo}/issues/{issue_number}/comments", map[string]string{"owner": "a", "repo": "b", "issue_number": "7"}},
		"/repos/a/b/git/matching-refs/heads/release/":  {"/repos/{owner}/{repo}/git/matching-refs/{ref}", map[string]string{"owner": "a", "repo": "b", "ref": "heads/release/"}},
		"/repos/a/b/releases/tags/api%2Fv1.0.0":        {"/repos/{owner}/{repo}/releases/tags/{tag}", map[string]string{"owner": "a", "repo": "b", "tag": "api/v1.0.0"}},
		"/repos/a/b/":                                  {"/repos/{owner}/{repo}", map[string]string{"owner": "a", "repo": "b"}},
		"/repos/a/b/nonsense":                          {},
		"/repos/a":                                     {},
		"/nothing/at/all":                              {},
		"/repos/a/b/commits/check-runs/check-runs":     {"/repos/{owner}/{repo}/commits/{ref}/check-runs", map[string]string{"owner": "a", "repo": "b", "ref": "check-runs"}},
		"/orgs/acme/teams/qa/memberships/ann%5Bbot%5D": {"/orgs/{org}/teams/{team_slug}/memberships/{username}", map[string]string{"org": "acme", "team_slug": "qa", "username": "ann[bot]"}},
	} {
		r, params := rt.find("GET", path)
		got := ""
		if r != nil {
			got = r.path
		}
		if got != want.route {
			t.Errorf("%s: route %q, want %q", path, got, want.route)
		}
		if diff := cmp.Diff(want.params, params); diff != "" {
			t.Errorf("%s: parameters (-want +got):\n%s", path, diff)
		}
	}
}

func TestPatterns(t *testing.T) {
	for pattern, c := range map[string]struct{ yes, no []string }{
		"refs/heads/release/**": {[]string{"refs/heads/release/1", "refs/heads/release/1/2"}, []string{"refs/heads/release", "refs/heads/releases/1"}},
		"refs/heads/*":          {[]string{"refs/heads/a"}, []string{"refs/heads/a/b"}},
		"refs/heads/**/*":       {[]string{"refs/heads/a", "refs/heads/a/b"}, []string{"refs/tags/a"}},
		"refs/tags/v[0-9].?":    {[]string{"refs/tags/v1.2"}, []string{"refs/tags/vx.2", "refs/tags/v1.22"}},
		"refs/heads/a.b":        {[]string{"refs/heads/a.b"}, []string{"refs/heads/axb"}},
	} {
		for _, name := range c.yes {
			if !fnmatch(pattern, name) {
				t.Errorf("%s should match %s", pattern, name)
			}
		}
		for _, name := range c.no {
			if fnmatch(pattern, name) {
				t.Errorf("%s should not match %s", pattern, name)
			}
		}
	}
}
