package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestComponentVersions computes versions and tags of a monorepo's components on a real clone: each goes by its own tags and by
// the commits that touch its own files.
func TestComponentVersions(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	commit := func(message string, files ...string) {
		t.Helper()
		for _, f := range files {
			name, text, _ := strings.Cut(f, "=")
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "-A")
		git("commit", "-q", "-m", message)
	}
	git("init", "-q", "-b", "master")
	commit("feat: begin", ".github/sluice.yml=version: 1\napp: shop\ncomponents:\n  - { name: api, paths: [\"api/**\"] }\n  - { name: web, paths: [\"web/**\", style.css] }\n",
		"api/a=1", "web/w=1", "style.css=1")
	git("tag", "api/v1.4.0")
	git("tag", "web/v2.0.0")
	git("tag", "v9.0.0") // of no component
	git("switch", "-q", "-c", "development")
	commit("fix: a slip in the interface", "api/a=2")
	commit("feat!: another look", "style.css=2")
	commit("docs: words\n\nRelease-As: 7.0.0", "README.md=words")
	git("switch", "-q", "-c", "hotfix/api/17", "api/v1.4.0")
	commit("fix: add up\n\nRelease-As: 8.0.0", "api/a=3")
	git("switch", "-q", "development")
	t.Chdir(dir)
	for _, c := range []struct {
		args []string
		out  string // of both streams, in part
		want int
	}{
		{[]string{"version", "--component", "api"}, "1.5.0\n", exitDone},
		{[]string{"version", "--component", "web"}, "3.0.0\n", exitDone},
		{[]string{"version", "--component", "api"}, "its commit changes no file of this component", exitDone},
		{[]string{"version", "--component", "api"}, "asked for: 7.0.0", exitDone},
		{[]string{"version", "--branch", "hotfix/api/17"}, "1.4.0-hotfix-17\n", exitDone},
		{[]string{"version", "--branch", "hotfix/api/17"}, "a hotfix has its version from what it mends", exitDone},
		{[]string{"version", "--branch", "hotfix/api/17"}, "asked for: 8.0.0", exitDone},
		{[]string{"version"}, "name a component with --component: api, web", exitUsage},
		{[]string{"version", "--component", "db"}, "there is no such component", exitUsage},
		{[]string{"version", "--branch", "release/web/2.7.0"}, "2.7.0\n", exitDone},
		{[]string{"version", "--branch", "release/web/2.7.0", "--component", "api"}, "is of web", exitUsage},
		{[]string{"tag", "--branch", "development", "--revision", "HEAD0000", "--image", "shop/web", "--component", "web"}, "", exitUsage},
		{[]string{"tag", "--branch", "release/api/1.5.0", "--revision", "3f2a9c1", "--image", "shop/api"}, "shop/api:1.5.0-candidate-3f2a9c1\n", exitDone},
		{[]string{"tag", "--branch", "development", "--component", "web"}, "shop/web:3.0.0-snapshot-", exitDone},
		{[]string{"tag", "--component", "api"}, "shop/api:1.5.0-snapshot-", exitDone},
		{[]string{"tag", "--branch", "release/api/1.5.0", "--revision", "3f2a9c1"}, "shop/api:1.5.0-candidate-3f2a9c1\n", exitDone},
		{[]string{"tag"}, "name a component with --component: api, web", exitUsage},
		{[]string{"tag", "--branch", "release/1.5.0", "--revision", "3f2a9c1", "--image", "shop"}, "names no component", exitUsage},
	} {
		var stdout, stderr bytes.Buffer
		got := run(c.args, func(string) string { return "" }, strings.NewReader(""), &stdout, &stderr, wiring{})
		if all := stdout.String() + stderr.String(); got != c.want || !strings.Contains(all, c.out) {
			t.Errorf("sluice %q ends with %d, want %d, and prints %q, want %q", c.args, got, c.want, all, c.out)
		}
	}
}
