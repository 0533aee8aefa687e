package gitflow

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func monorepo() Names {
	n := DefaultNames([]string{"master", "development"})
	n.Components = []string{"api", "web"}
	return n
}

func TestComponentBranches(t *testing.T) {
	type said struct {
		Kind                         Kind
		Component, Version, ID, Line string
		Deploys, Flawed              bool
	}
	for branch, want := range map[string]said{
		"release/api/1.4.0": {Kind: KindRelease, Component: "api", Version: "1.4.0", Deploys: true},
		"release/web/1.4.0": {Kind: KindRelease, Component: "web", Version: "1.4.0", Deploys: true},
		"release/1.4.0":     {Kind: KindRelease, Flawed: true},
		"release/db/1.4.0":  {Kind: KindRelease, Flawed: true},
		"release/api/1.4":   {Kind: KindRelease, Component: "api", Flawed: true},
		"hotfix/api/17":     {Kind: KindHotfix, Component: "api", ID: "17", Deploys: true},
		"hotfix/17":         {Kind: KindHotfix, Flawed: true},
		"support/web/1.4":   {Kind: KindSupport, Component: "web", Line: "1.4", Deploys: true},
		"support/1.4":       {Kind: KindSupport, Flawed: true},
		"feature/api/login": {Kind: KindFeature, Deploys: true},
		"development":       {Kind: KindDevelopment, Deploys: true},
	} {
		b := monorepo().Classify(branch)
		got := said{b.Kind, b.Component, b.Version, b.ID, b.Line, b.Deploys, len(b.Flaws) > 0}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", branch, diff)
		}
	}
	if got := monorepo().Classify("release/1.4.0").Flaws[0].Text.String(); got != `"release/1.4.0" names no component of this repository ("api, web"); write it like "release/api/1.4.0".` {
		t.Errorf("flaw: %s", got)
	}
}

func TestComponentNamesAndBack(t *testing.T) {
	n := monorepo()
	n.Component = "web"
	release, err := n.ReleaseBranch("1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	hotfix, err := n.HotfixBranch("17")
	if err != nil {
		t.Fatal(err)
	}
	support, err := n.SupportBranch("1.4")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{release, hotfix, support, n.FinishBranch("1.4.0")}
	if diff := cmp.Diff([]string{"release/web/1.4.0", "hotfix/web/17", "support/web/1.4", "sluice/finish-web-1.4.0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	component, version, ok := n.FinishOf("sluice/finish-web-1.4.0-hotfix-17")
	if component != "web" || version != "1.4.0-hotfix-17" || !ok {
		t.Errorf("the finish branch is read as %q %q %v", component, version, ok)
	}
	for _, branch := range got[:3] {
		if c := monorepo().Classify(branch).Component; c != "web" {
			t.Errorf("%s is read as component %q", branch, c)
		}
	}
}

// A component's releases are counted, ordered and merged among themselves.
func TestComponentsKeepApart(t *testing.T) {
	n := monorepo()
	branches := []string{"release/web/1.0.0", "release/api/2.0.0", "release/api/1.9.0"}
	n.Component = "api"
	var open []string
	for _, b := range OpenReleases(n, branches) {
		open = append(open, b.Name)
	}
	if diff := cmp.Diff([]string{"release/api/1.9.0", "release/api/2.0.0"}, open); diff != "" {
		t.Errorf("open releases of api (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		head, base string
		want       bool
	}{
		{"hotfix/api/17", "release/api/2.0.0", true},
		{"hotfix/api/17", "release/web/1.0.0", false},
		{"hotfix/api/17", "master", true},
		{"release/api/2.0.0", "support/web/2.0", false},
		{"fix/login", "release/web/1.0.0", true},
	} {
		if got := mayMerge(n.Classify(c.head), n.Classify(c.base)); got != c.want {
			t.Errorf("%s into %s: %v, want %v", c.head, c.base, got, c.want)
		}
	}
	// A candidate owes what its component runs, and nothing else of production.
	if diff := cmp.Diff([]CompareRequest{{}, {Base: "c", Head: "r"}}, LacksNeeds(n, "c", "r")); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}
