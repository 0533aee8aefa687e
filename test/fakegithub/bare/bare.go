// Package bare reads and writes bare git repositories fast enough for a server that answers within a millisecond.
//
// Refs are read from their files and moved under git's own lock files, and loose objects are read and written here, so
// ordinary questions start no process. What is hard is left to the git program: three-way merges, diffs with renames,
// and objects that are in packs. Pushed objects stay loose, because every repository made here sets
// receive.unpackLimit high.
package bare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Zero is the object name that git uses for "no object".
const Zero = "0000000000000000000000000000000000000000"

// ErrNotFound is wrapped by errors about refs, objects and paths that do not exist.
var ErrNotFound = errors.New("not found in the repository")

// Repo is a bare repository. Its methods may be called at the same time, also while git pushes into it.
type Repo struct {
	// Dir is the folder with HEAD, objects and refs.
	Dir string

	extra  string // a quarantine's object folder, looked at first
	shared string // object folder of the repository this is a fork of
	memo   *memo  // nil in a view with a quarantine: what is in there may vanish
}

// memo remembers what cannot change: parsed objects, and what was computed from pairs of them.
type memo struct {
	mu      sync.RWMutex
	commits map[string]*Commit
	trees   map[string][]Entry
	merges  map[[2]string]merged
	diffs   map[[2]string][]FileChange
	ranges  map[[2]string]Range
}

// most is how many values of a kind are remembered before all of that kind are forgotten.
const most = 20_000

func remember[K comparable, V any](m *memo, in map[K]V, k K, v V) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(in) >= most {
		clear(in)
	}
	in[k] = v
}

func recall[K comparable, V any](m *memo, in map[K]V, k K) (V, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := in[k]
	return v, ok
}

const config = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[gc]
	auto = 0
[receive]
	unpackLimit = 1000000
	autogc = false
	denyDeleteCurrent = ignore
	hideRefs = refs/pull
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[http]
	receivepack = true
`

// Init makes an empty repository whose HEAD names the branch.
func Init(dir, branch string) (*Repo, error) {
	for _, d := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	r := &Repo{Dir: dir, memo: &memo{commits: map[string]*Commit{}, trees: map[string][]Entry{}, merges: map[[2]string]merged{},
		diffs: map[[2]string][]FileChange{}, ranges: map[[2]string]Range{}}}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	return r, r.SetHead(branch)
}

// SetHead points HEAD at a branch, which need not exist.
func (r *Repo) SetHead(branch string) error {
	return os.WriteFile(filepath.Join(r.Dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"), 0o644)
}

// Quarantined returns a view that also sees the objects of a push which is not accepted yet. Nothing seen through it is
// remembered.
func (r *Repo) Quarantined(objects string) *Repo {
	return &Repo{Dir: r.Dir, extra: objects, shared: r.shared}
}

// ShareObjects lets a repository use the objects of another, as a fork does. Call it before anything else.
func (r *Repo) ShareObjects(of *Repo) error {
	r.shared = filepath.Join(of.Dir, "objects")
	return os.WriteFile(filepath.Join(r.Dir, "objects/info/alternates"), []byte(r.shared+"\n"), 0o644)
}

// Env is the environment for git programs: no configuration but the repository's own.
func (r *Repo) Env() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.Dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_DIR=" + r.Dir, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		"GIT_AUTHOR_NAME=GitHub", "GIT_AUTHOR_EMAIL=noreply@github.com", "GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com"}
	if r.extra != "" {
		env = append(env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+r.extra)
	}
	return env
}

// git runs the program and returns its standard output. An exit status of 1 is no error: ok is false then.
func (r *Repo) git(ctx context.Context, stdin string, args ...string) (out []byte, ok bool, err error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env, cmd.Dir = r.Env(), r.Dir
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return stdout.Bytes(), true, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return stdout.Bytes(), false, nil
	}
	return nil, false, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
}

// FetchFrom copies the objects of a commit from another repository, for pull requests out of forks.
func (r *Repo) FetchFrom(ctx context.Context, from *Repo, sha string) error {
	_, ok, err := r.git(ctx, "", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", from.Dir, sha)
	if err == nil && !ok {
		err = fmt.Errorf("git fetch of %s from %s failed", sha, from.Dir)
	}
	return err
}
