package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// What people do, with git and with GitHub's buttons.

// pushRequest is one commit on a branch, pushed with git over HTTP.
type pushRequest struct {
	who, branch, message string
	// from is where a branch that is new begins. Empty: development.
	from  string
	files map[string]string
	force bool // the commit takes the place of the branch's head
}

// push commits and pushes, and returns the commit's SHA. Without files a file of its own is added.
func (f *flow) push(q pushRequest) (string, error) {
	if _, err := f.git(q.who, "fetch", "--quiet", "--prune", "origin"); err != nil {
		return "", err
	}
	start := "origin/" + q.branch
	if f.repo.SHA("refs/heads/"+q.branch) == "" {
		start = q.from
		if start == "" {
			start = "origin/development"
		} else if f.repo.SHA("refs/heads/"+start) != "" {
			start = "origin/" + start
		}
	}
	if q.force {
		start += "^"
	}
	if _, err := f.git(q.who, "switch", "--quiet", "--force-create", q.branch, "--no-track", start); err != nil {
		return "", err
	}
	files := q.files
	if len(files) == 0 {
		f.commits++
		files = map[string]string{fmt.Sprintf("change-%d.txt", f.commits): q.message + "\n"}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(f.dir, "clone-"+q.who, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o600); err != nil {
			return "", err
		}
	}
	steps := [][]string{{"add", "--all"}, {"commit", "--quiet", "-m", q.message}, {"push", "--quiet", "origin", q.branch}}
	if q.force {
		steps[2] = []string{"push", "--quiet", "--force", "origin", q.branch}
	}
	for _, args := range steps {
		if _, err := f.git(q.who, args...); err != nil {
			return "", err
		}
	}
	return f.git(q.who, "rev-parse", "HEAD")
}

// resolve merges a branch into another with git, as a person does who resolves a conflict: by taking files as given.
func (f *flow) resolve(who, branch, other string, files map[string]string) (string, error) {
	for _, args := range [][]string{{"fetch", "--quiet", "--prune", "origin"}, {"switch", "--quiet", "--force-create", branch, "--no-track", "origin/" + branch}} {
		if _, err := f.git(who, args...); err != nil {
			return "", err
		}
	}
	_, _ = f.git(who, "merge", "--quiet", "--no-commit", "--no-ff", "origin/"+other) // it conflicts; that is what this is for
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(f.dir, "clone-"+who, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "-m", "Merge " + other + " into " + branch}, {"push", "--quiet", "origin", branch}} {
		if _, err := f.git(who, args...); err != nil {
			return "", err
		}
	}
	return f.git(who, "rev-parse", "HEAD")
}

// open opens a pull request.
func (f *flow) open(who, head, base, title string) (int, error) {
	return f.hub.As(who).OpenPull(f.tb.Context(), f.name, head, base, title, "")
}

// number reads the number of an issue or pull request, or finds the newest pull request of a branch.
func (f *flow) number(text string) (int, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "#")); err == nil {
		return n, nil
	}
	if i, ok := f.repo.PullByHead(text); ok {
		return i.Number, nil
	}
	return 0, fmt.Errorf("%q is no number, and no pull request comes from a branch of that name", text)
}

// comment comments on an issue or pull request and returns the comment's ID.
func (f *flow) comment(who string, number int, text string) (int64, error) {
	return f.hub.As(who).Comment(f.tb.Context(), f.name, number, text)
}

// merge merges a pull request and returns the SHA of its base then.
func (f *flow) merge(who string, number int, method string) (string, error) {
	return f.hub.As(who).MergePull(f.tb.Context(), f.name, number, method)
}

// button presses a button of our newest check run of a name. The identifier is that of the button without what it carries.
func (f *flow) button(who, sha, name, identifier string) error {
	c, ok := f.repo.Check(sha, name)
	if !ok {
		return fmt.Errorf("there is no check %s at %s", name, sha)
	}
	for _, a := range c.Actions {
		if name, _, _ := strings.Cut(a.Identifier, "-"); name == identifier {
			identifier = a.Identifier
		}
	}
	return f.hub.As(who).ClickButton(f.tb.Context(), f.name, c.ID, identifier)
}

// rerun presses GitHub's own re-run button of a check run, or of the whole suite (name "all").
func (f *flow) rerun(who, sha, name string) error {
	for _, c := range f.repo.CheckRuns(sha) {
		if c.AppID != f.app.ID {
			continue
		}
		if name == "all" {
			return f.hub.As(who).RerunSuite(f.tb.Context(), f.name, c.SuiteID)
		}
		if c.Name == name {
			return f.hub.As(who).RerunCheck(f.tb.Context(), f.name, c.ID)
		}
	}
	return fmt.Errorf("there is no check %s at %s", name, sha)
}

// again has GitHub send the deliveries again that did not arrive, as Sluice itself asks it to every five minutes.
func (f *flow) again() error {
	for range 20 {
		if err := f.hub.Settle(f.tb.Context()); err != nil {
			return err
		}
		if f.hub.Redeliver() == 0 {
			return nil
		}
	}
	return fmt.Errorf("deliveries go on failing")
}

// everyGUID lists the deliveries so far, each once, in the order in which they were first sent.
func (f *flow) everyGUID() []string {
	var out []string
	seen := map[string]bool{}
	for _, d := range f.hub.Deliveries() {
		if !seen[d.GUID] {
			seen[d.GUID] = true
			out = append(out, d.GUID)
		}
	}
	return out
}

// fork makes a fork of the repository that belongs to somebody, with a branch that has a commit more.
func (f *flow) fork(who, branch, from string) error {
	name := who + "/" + flowApp
	if _, err := f.hub.AddRepo(name, fakegithub.RepoConfig{ForkOf: f.name}); err != nil {
		return err
	}
	r := f.hub.Repo(name)
	if err := r.SetRef("refs/heads/"+branch, f.repo.SHA(from)); err != nil {
		return err
	}
	_, err := r.Seed(branch, "feat: a stranger's change", map[string]string{"stranger.txt": "hello\n"})
	return err
}

// forkPush adds a commit to a branch of somebody's fork, which begins at the repository's development where it is new.
func (f *flow) forkPush(who, branch string) error {
	name := who + "/" + flowApp
	r := f.hub.Repo(name)
	if r == nil {
		return fmt.Errorf("%s has no fork", who)
	}
	if r.SHA("refs/heads/"+branch) == "" {
		if err := r.SetRef("refs/heads/"+branch, f.repo.SHA("development")); err != nil {
			return err
		}
	}
	f.commits++
	_, err := f.hub.As(who).Commit(f.tb.Context(), name, branch, "feat: a stranger's other change", map[string]string{fmt.Sprintf("stranger-%d.txt", f.commits): "hello\n"})
	return err
}

// many adds commits without changes to a branch, and pushes them at once.
func (f *flow) many(who, branch string, n int) error {
	if _, err := f.git(who, "fetch", "--quiet", "--prune", "origin"); err != nil {
		return err
	}
	sha, err := f.git(who, "rev-parse", "origin/"+branch)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "commit refs/heads/many\ncommitter %s <%s@example.com> %d +0000\ndata <<END\nchore: %d\nEND\n", who, who, 1900000000+i, i)
		if i == 0 {
			fmt.Fprintf(&b, "from %s\n", sha)
		}
		b.WriteString("\n")
	}
	cmd := exec.CommandContext(f.tb.Context(), "git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = filepath.Join(f.dir, "clone-"+who), strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git fast-import: %w\n%s", err, out)
	}
	_, err = f.git(who, "push", "--quiet", "origin", "many:"+branch)
	return err
}
