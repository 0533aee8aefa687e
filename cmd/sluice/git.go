package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// gitReader asks the installed git about one repository. Git knows every clone that it makes: sparse and partial ones, those with
// SHA-256, shallow ones, linked work trees, submodules and what will come. Only commands that change nothing are asked; what a
// partial clone lacks they fetch, as every git command does there.
type gitReader struct {
	ctx context.Context //nolint:containedctx // a clone is read within one subcommand, whose end it is
	dir string
	// alone has no configuration count but the repository's own: neither the host's nor what this process was given by variables.
	alone bool
}

// out is what a git command prints.
func (g gitReader) out(args ...string) (string, error) { return g.fed("", args...) }

// fed is what a git command prints that reads stdin.
func (g gitReader) fed(stdin string, args ...string) (string, error) {
	cmd := g.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", &gitError{command: "git " + args[0], said: strings.TrimSpace(stderr.String()), err: err}
	}
	return stdout.String(), nil
}

// command is a git command, to be run in the folder.
func (g gitReader) command(args ...string) *exec.Cmd {
	// Replacements are this clone's alone: the server does not know them.
	cmd := exec.CommandContext(g.ctx, "git", append([]string{"--no-replace-objects", "-C", g.dir}, args...)...)
	cmd.Env = gitEnvironment()
	if g.alone {
		cmd.Env = append(slices.DeleteFunc(cmd.Env, configuresGit), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_ATTR_NOSYSTEM=1")
	}
	return cmd
}

// file is a file of a commit; found is false where the commit has none of that path, or something else.
func (g gitReader) file(commit, path string) (data []byte, found bool, err error) {
	entry, err := g.out("ls-tree", "--full-tree", "-z", commit, "--", path)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	about, _, _ := strings.Cut(entry, "\t") // mode, type, object
	fields := strings.Fields(about)
	if len(fields) != 3 || !strings.HasPrefix(fields[0], "100") { // 120000 is a link
		return nil, false, nil
	}
	text, err := g.out("cat-file", "blob", fields[2])
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return []byte(text), true, nil
}

// found is the line that a git command prints, which ends with 1 and without a word where there is nothing.
func (g gitReader) found(args ...string) (string, bool, error) {
	text, err := g.out(args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", false, nil
	}
	return strings.TrimSuffix(text, "\n"), err == nil, err
}

// commit is the commit that a revision means; empty where there is none.
func (g gitReader) commit(revision string) (string, error) {
	sha, _, err := g.found("rev-parse", "--quiet", "--verify", "--end-of-options", revision+"^{commit}")
	return sha, err
}

// gitEnvironment is this process's environment without what would lead git to another repository than the folder's, as its hooks
// have it set. Nobody is asked for a password.
func gitEnvironment() []string {
	env := []string{"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0"}
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "LC_ALL", "GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE":
		default:
			env = append(env, v)
		}
	}
	return env
}

// configuresGit tells whether a variable, NAME=value, is configuration or attributes, or names where they are.
func configuresGit(variable string) bool {
	return strings.HasPrefix(variable, "GIT_CONFIG") || strings.HasPrefix(variable, "GIT_ATTR_")
}

// gitError is a git command that failed.
type gitError struct {
	command string
	said    string // on standard error
	err     error
}

func (e *gitError) Error() string {
	switch {
	case errors.Is(e.err, exec.ErrNotFound):
		return "git is not installed, and clones are read by it; install it"
	case strings.Contains(e.said, "promisor remote"):
		return fmt.Sprintf("this is a partial clone, and what it lacks could not be fetched (%s); run this where its remote can be reached, or bring everything "+
			"here first with \"git fetch --refetch --no-filter\"", strings.ReplaceAll(e.said, "\n", "; "))
	case strings.Contains(e.said, "dubious ownership"):
		folder := "FOLDER"
		if _, rest, ok := strings.Cut(e.said, " repository at '"); ok {
			folder, _, _ = strings.Cut(rest, "'")
		}
		return fmt.Sprintf("%s belongs to another user than the one who runs this, as in containers, and git does not read it; if it is yours, "+
			"allow it with \"git config --global --add safe.directory %s\"", folder, folder)
	case e.said == "":
		return fmt.Sprintf("%s: %v", e.command, e.err)
	}
	return fmt.Sprintf("%s: %s", e.command, strings.TrimPrefix(e.said, "fatal: "))
}

func (e *gitError) Unwrap() error { return e.err }

// noRepository tells whether git looked in vain for a repository. One that is there and broken (a work tree whose repository
// was moved) is another matter.
func noRepository(err error, dir string) bool {
	var failed *gitError
	if !errors.As(err, &failed) {
		return false
	}
	if errors.Is(err, exec.ErrNotFound) {
		return !insideRepository(dir)
	}
	return strings.Contains(failed.said, "not a git repository (or any")
}

// insideRepository looks for a repository without git.
func insideRepository(dir string) bool {
	at, err := filepath.Abs(dir)
	for err == nil {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return true
		}
		_, head := os.Stat(filepath.Join(at, "HEAD"))
		_, refs := os.Stat(filepath.Join(at, "refs"))
		if head == nil && refs == nil {
			return true
		}
		above := filepath.Dir(at)
		if above == at {
			return false
		}
		at = above
	}
	return false
}
