package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestTagAndVersionStatus tells apart what a script cannot: that the answer is no, and that the question is wrong.
func TestTagAndVersionStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	tag := func(branch string, more ...string) []string {
		return append([]string{"tag", "--branch", branch, "--revision", "3f2a9c1", "--image", "orders"}, more...)
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"a tag", tag("feature/a"), exitDone},
		{"a branch without images", tag("gh-pages"), exitFailed},
		{"a branch of back-merges", tag("backmerge/a"), exitFailed},
		{"a flag is missing", []string{"tag", "--branch", "a"}, exitUsage},
		{"an empty branch", tag(""), exitUsage},
		{"a ref that is no branch", tag("refs/pull/7/merge"), exitUsage},
		{"no revision", []string{"tag", "--branch", "a", "--revision", "HEAD", "--image", "orders"}, exitUsage},
		{"an image with a tag", []string{"tag", "--branch", "a", "--revision", "3f2a9c1", "--image", "orders:1"}, exitUsage},
		{"an empty image", []string{"tag", "--branch", "a", "--revision", "3f2a9c1", "--image="}, exitUsage},
		{"no version", tag("development", "--version", "1.4"), exitUsage},
		{"a version is missing", tag("development"), exitUsage},
		{"a snapshot is promoted", tag("development", "--version", "1.4.0", "--promoted"), exitUsage},
		{"another release's version", tag("release/1.4.0", "--version", "1.5.0"), exitUsage},
		{"another hotfix's version", tag("hotfix/17", "--version", "1.4.0-hotfix-16"), exitUsage},
		{"an unknown flag", tag("a", "--nonsense"), exitUsage},
		{"no clone", []string{"version"}, exitUsage},
		{"no folder", []string{"version", "nowhere"}, exitUsage},
		{"too many folders", []string{"version", ".", "."}, exitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			got := run(c.args, func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr, wiring{})
			if got != c.want {
				t.Fatalf("sluice %q ends with %d, want %d\n%s%s", c.args, got, c.want, &stdout, &stderr)
			}
			if silent := stderr.Len() == 0; silent != (got == exitDone) || silent == (stdout.Len() == 0) {
				t.Errorf("sluice %q ends with %d and prints %q, and as errors %q", c.args, got, &stdout, &stderr)
			}
		})
	}
}
