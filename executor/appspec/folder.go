package appspec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// folder is a host that is a folder of this machine. In it are
//
//	blue, green   the two sides: what / is to an appspec
//	live          a symbolic link to one of them
//	revisions/ID  the bundles of the deployments that a side's scripts may be asked of
//	state.json    hostState
type folder struct {
	dir     string
	starter *starter
	users   []string // that scripts may run as, besides this one
}

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// load reads the host's state, and makes the host when there is none.
func (f *folder) load(context.Context) (hostState, error) {
	for _, s := range []sideName{blue, green} {
		if err := os.MkdirAll(f.path(string(s)), 0o755); err != nil { //nolint:gosec // whoever runs the service reads it
			return hostState{}, err
		}
	}
	state := newHostState()
	if _, err := actiondir.ReadJSON(f.path("state.json"), &state); err != nil {
		return state, err
	}
	if to, err := os.Readlink(f.path("live")); err == nil {
		state.Live = sideName(to) // the link is what counts
	} else if errors.Is(err, fs.ErrNotExist) {
		return state, f.point(state.Live)
	} else {
		return state, err
	}
	return state, nil
}

// save keeps the host's state.
func (f *folder) save(_ context.Context, state hostState) error {
	return actiondir.WriteJSON(f.path("state.json"), state)
}

// point makes a side live, at one stroke.
func (f *folder) point(to sideName) error {
	next := f.path(".live-new")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(string(to), next); err != nil {
		return err
	}
	if err := os.Rename(next, f.path("live")); err != nil {
		return err
	}
	return actiondir.SyncOne(f.dir)
}

// allow lets traffic go to a side.
func (f *folder) allow(_ context.Context, to sideName) error { return f.point(to) }

// download brings a revision's bundle to the host. What is there already was brought whole.
func (f *folder) download(ctx context.Context, id, bundle string) error {
	to := f.path("revisions", id)
	if actiondir.Exists(to) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // see load
		return err
	}
	tmp := f.path("revisions", ".new-"+id)
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.CopyFS(tmp, os.DirFS(bundle)); err != nil {
		return err
	}
	return actiondir.Place(ctx, tmp, to)
}

// install puts a revision's files into a side and sets the permissions. before is told the names of all files before the
// first of them is touched.
func (f *folder) install(ctx context.Context, at sideName, r revision, known []string, before func(all []string) error) error {
	bundle, err := os.OpenRoot(f.path("revisions", r.Deployment))
	if err != nil {
		return err
	}
	defer bundle.Close()
	host, err := os.OpenRoot(f.path(string(at)))
	if err != nil {
		return err
	}
	defer host.Close()
	in, err := prepare(r.Spec, bundle, host, known)
	if err != nil {
		return err
	}
	targets := in.targets()
	if err := before(union(known, targets)); err != nil {
		return err
	}
	if err := in.carryOut(ctx, bundle, host); err != nil {
		return err
	}
	if err := permit(r.Spec, host); err != nil {
		return err
	}
	return before(targets)
}

// union is both lists, sorted, each name once.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// keep removes the bundles of all deployments but those named.
func (f *folder) keep(_ context.Context, ids []string) error {
	entries, err := os.ReadDir(f.path("revisions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !slices.Contains(ids, e.Name()) {
			err = errors.Join(err, os.RemoveAll(f.path("revisions", e.Name())))
		}
	}
	return err
}

// run runs a script of a bundle. SLUICE_HOST_ROOT is the side's folder.
func (f *folder) run(ctx context.Context, x execution) (last string, err error) {
	c, err := f.command(x.bundle, x.script)
	if err != nil {
		return "", err
	}
	c.Env = append(append(c.Env, x.env...), "SLUICE_HOST_ROOT="+f.path(string(x.side)))
	return f.starter.run(ctx, c, x.timeout, x.prefix)
}

// serve is as host says; the file is below the host's folder.
func (f *folder) serve(_ context.Context, file string, on bool) error {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	name := strings.TrimPrefix(file, "/")
	if !on {
		return ignoreMissing(root.Remove(name))
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return to.Close()
}

// clock is this machine's own.
func (f *folder) clock(context.Context) (time.Duration, error) { return 0, nil }

func (f *folder) close() {}

// sweep ends what a script left running.
func (f *folder) sweep(variable string) { supervise.SweepVariable(variable) }

// command prepares a script of a bundle to be run.
func (f *folder) command(id string, s Script) (supervise.Command, error) {
	var c supervise.Command
	bundle := f.path("revisions", id)
	root, err := os.OpenRoot(bundle)
	if err != nil {
		return c, &scriptError{ScriptMissing, err.Error()}
	}
	defer root.Close()
	info, err := root.Stat(s.Location)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, &scriptError{ScriptMissing, fmt.Sprintf("the revision has no %s", s.Location)}
	case err != nil:
		return c, &scriptError{ScriptMissing, err.Error()}
	case !info.Mode().IsRegular():
		return c, &scriptError{ScriptMissing, s.Location + " is no regular file"}
	}
	if info.Mode()&0o111 == 0 { // as CodeDeploy's agent does
		if err := root.Chmod(s.Location, info.Mode().Perm()|0o111); err != nil {
			return c, &scriptError{ScriptNotExecutable, err.Error()}
		}
	}
	c.Args, c.Dir = []string{filepath.Join(bundle, s.Location)}, bundle
	if err := runAs(&c, s.RunAs, f.users); err != nil {
		return c, &scriptError{ScriptNotExecutable, err.Error()}
	}
	return c, nil
}

// notRunnable tells whether starting failed because the file names no interpreter; a shell reads it then.
func notRunnable(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
