package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clones makes repositories with git, below one folder.
type clones struct {
	t    *testing.T
	root string
}

// git runs in a folder below the root; a clone by another protocol than a path is made of file://.
func (w clones) git(dir string, args ...string) string {
	w.t.Helper()
	c := exec.Command("git", append([]string{"-C", filepath.Join(w.root, dir), "-c", "user.name=Ann", "-c", "user.email=ann@example.com",
		"-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"}, args...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w clones) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// url is the address of a repository that is asked as over a network: no objects are shared.
func (w clones) url(name string) string { return "file://" + filepath.Join(w.root, name) }

// origin makes a repository with a release on master, a feature on development, an open release and a configuration.
func (w clones) origin(name, config string, initial ...string) {
	w.t.Helper()
	w.git("", append([]string{"init", "-q", "-b", "master", name}, initial...)...)
	commit := func(message string) {
		w.t.Helper()
		w.git(name, "add", "-A")
		w.git(name, "commit", "-q", "-m", message)
	}
	w.write(name+"/.github/sluice.yml", config)
	w.write(name+"/api/a", "1\n")
	w.write(name+"/web/w", "1\n")
	commit("feat: begin")
	for _, tag := range []string{"v1.3.0", "api/v1.3.0", "web/v7.0.0"} {
		w.git(name, "tag", "-a", "-m", "released", tag)
		w.git(name, "tag", "-a", "-m", "signed off", "-f", tag, tag) // a tag of a tag
	}
	w.git(name, "switch", "-q", "-c", "development")
	w.write(name+"/api/a", "2\n")
	commit("feat: list orders")
	w.write(name+"/web/w", "2\n")
	commit("fix: a colour")
	w.git(name, "config", "uploadpack.allowFilter", "true")
	w.git(name, "config", "uploadpack.allowAnySHA1InWant", "true")
}

// sluice runs the program in a folder of the root.
func (w clones) sluice(dir string, env map[string]string, args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	w.t.Chdir(filepath.Join(w.root, dir))
	var out, err bytes.Buffer
	status = run(args, func(name string) string { return env[name] }, strings.NewReader(""), &out, &err, wiring{})
	return status, out.String(), err.String()
}

func newClones(t *testing.T) clones {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	w := clones{t, t.TempDir()}
	t.Setenv("HOME", w.root)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	return w
}

const (
	oneApp  = "version: 1\napp: store\n"
	twoApps = "version: 1\napp: store\ncomponents:\n  - { name: api, paths: [\"api/**\"] }\n  - { name: web, paths: [\"web/**\"] }\n"
)

// TestTagAndVersionWorkOnAnyClone has git make each kind of clone, and asks version and tag of it.
func TestTagAndVersionWorkOnAnyClone(t *testing.T) {
	onDevelopment := func(name string, more ...string) func(w clones) string {
		return func(w clones) string {
			w.git("", append(append([]string{"clone", "-q", "-b", "development"}, more...), w.url("shop"), name)...)
			return name
		}
	}
	for _, c := range []struct {
		name     string
		make     func(w clones) string // its folder
		env      map[string]string
		version  string // that is printed first
		tag      string // that tag begins with; "": as the clone is, tag refuses
		branch   string // given to tag
		says     string // on standard error, of version
		origin   string // the configuration; empty: oneApp
		sha256   bool
		selected []string // flags of both
	}{
		{name: "whole", make: onDevelopment("c"), version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "sparse checkout", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", "--sparse", w.url("shop"), "c")
			w.git("c", "sparse-checkout", "set", "api")
			if got := w.git("c", "config", "extensions.worktreeConfig"); got != "true" {
				w.t.Fatalf("extensions.worktreeConfig is %q: this is not the clone that is meant", got)
			}
			return "c/api"
		}},
		{name: "SHA-256", make: onDevelopment("c"), sha256: true, version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "without blobs", make: onDevelopment("c", "--filter=blob:none", "--no-checkout"), version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "without trees", make: onDevelopment("c", "--filter=tree:0", "--no-checkout"), version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "without trees, a component", make: onDevelopment("c", "--filter=tree:0", "--no-checkout"), origin: twoApps,
			selected: []string{"--component", "web"}, version: "7.1.0", tag: "store/web:7.1.0-snapshot-"},
		{name: "whole, a component", make: onDevelopment("c"), origin: twoApps, selected: []string{"--component", "api"}, version: "1.4.0", tag: "store/api:1.4.0-snapshot-"},
		{name: "linked work tree", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", w.url("shop"), "main")
			w.git("main", "switch", "-q", "master")
			w.git("main", "worktree", "add", "-q", "../c", "development")
			return "c"
		}},
		{name: "submodule", version: "1.4.0", tag: "store:1.4.0-snapshot-", branch: "development", make: func(w clones) string {
			w.git("", "init", "-q", "outer")
			w.git("outer", "submodule", "--quiet", "add", "-b", "development", w.url("shop"), "sub")
			w.git("outer/sub", "checkout", "-q", "--detach")
			return "outer/sub/web"
		}},
		{name: "shallow", make: onDevelopment("c", "--depth=1"), version: "0.1.0", tag: "store:0.1.0-snapshot-",
			says: `This clone is shallow: older commits and the tags on them are not here, so the version may be wrong; "git fetch --unshallow --tags" mends that`},
		{name: "bare", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", "--bare", w.url("shop"), "c.git")
			return "c.git/refs"
		}},
		{name: "mirror", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", "--mirror", w.url("shop"), "c.git")
			return "c.git"
		}},
		{name: "packed refs", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", w.url("shop"), "c")
			w.git("c", "pack-refs", "--all", "--prune")
			return "c"
		}},
		{name: "no remote", version: "1.4.0", tag: "store:1.4.0-snapshot-", make: func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", w.url("shop"), "c")
			w.git("c", "remote", "remove", "origin")
			return "c"
		}},
		{name: "a remote of another name", make: onDevelopment("c", "--origin=upstream"), version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "borrowed objects", make: func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", "--shared", filepath.Join(w.root, "shop"), "c")
			return "c"
		}, version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "detached HEAD", make: detached("development"), version: "1.4.0"},
		{name: "GitHub: a branch", make: detached("development"), env: map[string]string{"GITHUB_REF": "refs/heads/development"},
			version: "1.4.0", tag: "store:1.4.0-snapshot-"},
		{name: "GitHub: production", make: detached("master"), env: map[string]string{"GITHUB_REF": "refs/heads/master"},
			version: "1.4.0", tag: "store:1.3.0"},
		{name: "GitHub: a pull request", make: detached("development"), env: map[string]string{"GITHUB_HEAD_REF": "feature/ABC-1-x", "GITHUB_REF": "refs/pull/1/merge"},
			version: "1.4.0", tag: "store:feature-ABC-1-"},
		{name: "GitHub: a release branch that the clone lacks", make: detached("development"), env: map[string]string{"GITHUB_REF": "refs/heads/release/2.5.0"},
			version: "2.5.0", tag: "store:2.5.0-candidate-"},
		{name: "GitHub: a tag", make: detached("development"), env: map[string]string{"GITHUB_REF": "refs/tags/v1.3.0"}, version: "1.4.0"},
		{name: "GitHub: another repository's build", make: detached("development"), version: "1.4.0",
			env: map[string]string{"GITHUB_REF": "refs/heads/release/2.5.0", "GITHUB_REPOSITORY": "acme/infra"}},
		{name: "GitLab", make: detached("development"), env: map[string]string{"CI_COMMIT_BRANCH": "release/2.5.0"}, version: "2.5.0", tag: "store:2.5.0-candidate-"},
		{name: "Jenkins: a tag", make: detached("development"), env: map[string]string{"BRANCH_NAME": "v1.3.0", "TAG_NAME": "v1.3.0"}, version: "1.4.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newClones(t)
			config, format := oneApp, "sha1"
			if c.origin != "" {
				config = c.origin
			}
			if c.sha256 {
				format = "sha256"
			}
			w.origin("shop", config, "--object-format="+format)
			dir := c.make(w)
			status, stdout, stderr := w.sluice(dir, c.env, append([]string{"version", "--explain"}, c.selected...)...)
			if first, _, _ := strings.Cut(stdout, "\n"); status != exitDone || first != c.version {
				t.Errorf("version ends with %d and prints %q and %q, want %s", status, stdout, stderr, c.version)
			}
			_, _, stderr = w.sluice(dir, c.env, append([]string{"version"}, c.selected...)...)
			if c.says == "" && stderr != "" || !strings.Contains(stderr, c.says) {
				t.Errorf("version says %q, want %q", stderr, c.says)
			}
			args := append([]string{"tag"}, c.selected...)
			if c.branch != "" {
				args = append(args, "--branch", c.branch)
			}
			status, stdout, stderr = w.sluice(dir, c.env, args...)
			switch {
			case c.tag == "" && (status != exitUsage || !strings.Contains(stderr, "HEAD is detached); name the one that was built with --branch")):
				t.Errorf("tag ends with %d and prints %q and %q; want it to ask for the branch", status, stdout, stderr)
			case c.tag != "" && (status != exitDone || !strings.HasPrefix(stdout, c.tag)):
				t.Errorf("tag ends with %d and prints %q and %q, want %s", status, stdout, stderr, c.tag)
			}
			head := w.git(dir, "rev-parse", "HEAD")
			if rev := head[:7]; strings.HasSuffix(c.tag, "-") && strings.TrimSpace(stdout) != c.tag+rev {
				t.Errorf("tag prints %q, want it to be of commit %s", stdout, rev)
			}
		})
	}
}

// detached makes a clone as builds do, with a commit checked out and no branch.
func detached(of string) func(w clones) string {
	return func(w clones) string {
		w.git("", "clone", "-q", w.url("shop"), "c")
		w.git("c", "checkout", "-q", "--detach", "origin/"+of)
		return "c"
	}
}

// TestClonesThatCannotBeRead says what is wrong with them and what to do.
func TestClonesThatCannotBeRead(t *testing.T) {
	gone := func(w clones, name string) {
		w.t.Helper()
		if err := os.RemoveAll(filepath.Join(w.root, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		make func(w clones) string
		want int
		says string
	}{
		{"a partial clone without its remote", func(w clones) string {
			w.git("", "clone", "-q", "-b", "development", "--no-checkout", "--filter=tree:0", w.url("shop"), "c")
			gone(w, "shop")
			return "c"
		}, exitFailed, `this is a partial clone, and what it lacks could not be fetched`},
		{"a work tree of a clone that was moved", func(w clones) string {
			w.git("", "clone", "-q", w.url("shop"), "main")
			w.git("main", "worktree", "add", "-q", "-b", "x", "../c", "origin/development")
			gone(w, "main")
			return "c"
		}, exitFailed, "open the git repository in .: git rev-parse: not a git repository: "},
		{"no clone", func(w clones) string { w.write("c/file", ""); return "c" }, exitUsage, "there is no git repository here; go to a clone, or name its folder"},
		{"no git", func(w clones) string {
			w.git("", "clone", "-q", w.url("shop"), "c")
			w.t.Setenv("PATH", w.root)
			return "c"
		}, exitFailed, "git is not installed, and clones are read by it; install it"},
		{"no git and no clone", func(w clones) string {
			w.write("c/file", "")
			w.t.Setenv("PATH", w.root)
			return "c"
		}, exitUsage, "there is no git repository here; go to a clone, or name its folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newClones(t)
			w.origin("shop", oneApp)
			status, stdout, stderr := w.sluice(c.make(w), nil, "version")
			if status != c.want || stdout != "" || !strings.Contains(stderr, c.says) {
				t.Errorf("version ends with %d and prints %q and %q, want %d and %q", status, stdout, stderr, c.want, c.says)
			}
		})
	}
}

// TestCloneOfSomebodyElse has git think that a clone belongs to another user, as where a container's user is not the folder's.
func TestCloneOfSomebodyElse(t *testing.T) {
	for _, command := range []string{"version", "tag", "run"} {
		t.Run(command, func(t *testing.T) {
			w := newClones(t)
			w.origin("shop", oneApp)
			folder := filepath.Join(w.root, "shop")
			t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
			status, _, stderr := w.sluice("shop", nil, command)
			if want := `allow it with "git config --global --add safe.directory ` + folder + `"`; status == exitDone || !strings.Contains(stderr, want) {
				t.Errorf("it ends with %d and says %q, want %q", status, stderr, want)
			}
			w.git("", "config", "--global", "--add", "safe.directory", folder)
			if _, _, stderr := w.sluice("shop", nil, command); strings.Contains(stderr, "safe.directory") {
				t.Errorf("obeyed, it says %q", stderr)
			}
		})
	}
}

// TestCloneIsReadAtItsFolder and not where the variables of git's hooks lead.
func TestCloneIsReadAtItsFolder(t *testing.T) {
	w := newClones(t)
	w.origin("shop", oneApp)
	w.git("", "init", "-q", "-b", "master", "other")
	t.Setenv("GIT_DIR", filepath.Join(w.root, "other", ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(w.root, "other", ".git", "index"))
	if status, stdout, stderr := w.sluice("shop", nil, "version"); status != exitDone || stdout != "1.4.0\n" {
		t.Errorf("version ends with %d and prints %q and %q, want 1.4.0", status, stdout, stderr)
	}
}
