package config

import "testing"

func TestRepoGlobs(t *testing.T) {
	g, errs := ParseRepoGlobs("acme/shop, Acme/api-*,other/{a,b},")
	if len(errs) > 0 {
		t.Fatal(Join(errs))
	}
	for repo, want := range map[[2]string]bool{
		{"acme", "shop"}: true, {"ACME", "Shop"}: true, {"acme", "api-1"}: true, {"acme", "API-"}: true, {"other", "b"}: true,
		{"acme", "shopping"}: false, {"xacme", "shop"}: false, {"acme", "xapi-1"}: false, {"other", "c"}: false, {"", ""}: false,
		{"acme", "api-/x"}: false, {"acme/shop", ""}: false,
	} {
		if got := g.Match(repo[0], repo[1]); got != want {
			t.Errorf("%v: %v", repo, got)
		}
	}
	if all, _ := ParseRepoGlobs("*/*"); !all.Match("a", "b") {
		t.Error("*/* does not match a/b")
	}
	if (RepoGlobs{}).Match("a", "b") {
		t.Error("none matches a/b")
	}
	for _, bad := range []string{"acme", "acme/", "/shop", "a/b/c", "**", "a/[", "a/{b"} {
		if _, errs := ParseRepoGlobs(bad); len(errs) != 1 {
			t.Errorf("%q: %d errors", bad, len(errs))
		}
	}
}

func TestRegistryRules(t *testing.T) {
	g, errs := ParseRegistryRules("acme/*=registry.example.com/acme/**, acme/shop=localhost:5000/shop, */tools=registry.example.com/*/tools")
	if len(errs) > 0 {
		t.Fatal(Join(errs))
	}
	for _, c := range []struct {
		owner, repo, image string
		want               bool
	}{
		{"acme", "shop", "registry.example.com/acme/shop", true},
		{"acme", "shop", "registry.example.com/acme/a/b/c", true},
		{"Acme", "Shop", "localhost:5000/shop", true},
		{"acme", "api", "localhost:5000/shop", false},
		{"other", "shop", "registry.example.com/acme/shop", false},
		{"other", "tools", "registry.example.com/x/tools", true},
		{"other", "tools", "registry.example.com/x/y/tools", false},
		{"acme", "shop", "registry.example.com.evil.test/acme/shop", false},
		{"acme", "shop", "registry.example.com/acme/../other/shop", false},
		{"acme", "shop", "registry.example.com/acme//shop", false},
		{"acme", "shop", "registry.example.com/acme/shop@sha256:00", false},
		{"acme", "shop", "registry.example.com/acmeshop", false},
		{"acme", "shop", "", false},
		{"", "", "registry.example.com/acme/shop", false},
	} {
		if got := g.Allows(c.owner, c.repo, c.image); got != c.want {
			t.Errorf("%s/%s may name %q: %v, want %v", c.owner, c.repo, c.image, got, c.want)
		}
	}
	if (RegistryRules{}).Allows("acme", "shop", "registry.example.com/shop") {
		t.Error("no rule allows something")
	}
	for _, bad := range []string{"acme/shop", "acme=r.example.com/x", "acme/shop=r.example.com", "acme/shop=*/x", "acme/shop=", "=r.example.com/x", "a/b=r.example.com/["} {
		if _, errs := ParseRegistryRules(bad); len(errs) != 1 {
			t.Errorf("%q: %d errors", bad, len(errs))
		}
	}
	if again, errs := ParseRegistryRules(g.String()); len(errs) > 0 || again.String() != g.String() {
		t.Errorf("%q is read as %q", g, again)
	}
}
