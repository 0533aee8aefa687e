package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUserRules(t *testing.T) {
	g, errs := ParseUserRules("acme/shop=www-data, acme/*=app, Other/x = svc$")
	if len(errs) != 0 {
		t.Fatal(errs)
	}
	for repo, want := range map[string][]string{"shop": {"www-data", "app"}, "Shop": {"www-data", "app"}, "api": {"app"}} {
		if diff := cmp.Diff(want, g.Users("acme", repo)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", repo, diff)
		}
	}
	if got := g.Users("other", "x"); !cmp.Equal(got, []string{"svc$"}) {
		t.Errorf("%v", got)
	}
	if got := (UserRules{}).Users("acme", "shop"); got != nil {
		t.Errorf("without rules %v are allowed", got)
	}
	for _, bad := range []string{"www-data", "acme/shop", "acme/shop=", "acme=app", "acme/shop=*", "acme/shop=a b", "acme/shop=a:b"} {
		if _, errs := ParseUserRules(bad); len(errs) != 1 || errs[0].Hint == "" {
			t.Errorf("%q: %v", bad, errs)
		}
	}
}
