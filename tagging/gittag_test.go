package tagging

import (
	"strings"
	"testing"
)

func TestTagPattern(t *testing.T) {
	v := Version{Major: 1, Minor: 4, Hotfix: "17"}
	for pattern, want := range map[string]string{
		"v{ReleaseVersion}":       "v1.4.0-hotfix-17",
		"{ReleaseVersion}":        "1.4.0-hotfix-17",
		"api/v{ReleaseVersion}":   "api/v1.4.0-hotfix-17",
		"v{ReleaseVersion}.Final": "v1.4.0-hotfix-17.Final",
	} {
		p, err := ParseTagPattern(pattern)
		if err != nil || p.Print(v) != want || p.String() != pattern {
			t.Errorf("pattern %q (%q) writes %q, %v; want %q", pattern, p, p.Print(v), err, want)
		}
	}
	for _, pattern := range []string{
		"", "v", "v{Version}", "{ReleaseVersion}{ReleaseVersion}", "-{ReleaseVersion}", "/v{ReleaseVersion}", "v{ReleaseVersion}/",
		"a//{ReleaseVersion}", ".{ReleaseVersion}", "a/.v{ReleaseVersion}", "v {ReleaseVersion}", "v~{ReleaseVersion}", "v..{ReleaseVersion}",
		"{ReleaseVersion}.lock", "{ReleaseVersion}.lock/x", "{ReleaseVersion}.", "@{{ReleaseVersion}", "v\x07{ReleaseVersion}", `v\{ReleaseVersion}`,
	} {
		if p, err := ParseTagPattern(pattern); err == nil {
			t.Errorf("pattern %q was taken, as %q", pattern, p)
		}
	}
}

func TestForeignTagsAreNoReleases(t *testing.T) {
	p, err := ParseTagPattern(DefaultTagPattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"", "v", "1.4.0", "V1.4.0", "v1.4", "vv1.4.0", "v1.4.0-rc.1", "v1.4.0 ", "release-1.4.0", "api/v1.4.0"} {
		if v, err := p.Parse(tag); err == nil || !strings.Contains(err.Error(), "git tag") {
			t.Errorf("git tag %q is version %s, %v", tag, v, err)
		}
	}
}
