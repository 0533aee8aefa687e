package buildspec

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
)

// workspace is the folder of one action. Besides what every such folder has, there are in it for each try
//
//	spec-N.json  the buildspec, as it was read
//	work-N       src, home, tmp, inputs/NAME, state; removed when the try has ended
type workspace struct{ actiondir.Dir }

func (e *Executor) workspace(id string) workspace { return workspace{actiondir.Of(e.o.Dir, id)} }

func (w workspace) work(n int) string { return w.Path("work-" + strconv.Itoa(n)) }

// ended is called when a supervisor has.
func (e *Executor) ended(dir string) { actiondir.Dir(filepath.Dir(dir)).Ring(e.o.Ring) }

// Finish writes the report and removes what the build worked in.
func (w workspace) Finish(r executor.Report) error {
	if err := w.Dir.Finish(r); err != nil {
		return err
	}
	return w.clear()
}

// Prune removes what is left of actions that ended before the time given, their logs above all, and caches not used since;
// it returns how many actions.
// An action whose folder is gone must not be asked about again.
func (e *Executor) Prune(ctx context.Context, before time.Time) (int, error) {
	n, err := actiondir.Prune(ctx, e.o.Dir, before, removeAll)
	if err != nil {
		return n, err
	}
	return n, e.pruneCaches(ctx, before)
}

// clear removes the working folders.
func (w workspace) clear() error {
	entries, err := os.ReadDir(string(w.Dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "work-") {
			err = errors.Join(err, removeAll(w.Path(e.Name())))
		}
	}
	return err
}

// removeAll removes a folder with folders in it that may not be written, as module caches have them.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // about to be removed
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// keepSpec writes down what was read at the start: the build may change its own buildspec meanwhile.
func (w workspace) keepSpec(n int, s *Spec) error {
	return actiondir.WriteJSON(w.specFile(n), s)
}

func (w workspace) specFile(n int) string { return w.Path("spec-" + strconv.Itoa(n) + ".json") }

// spec returns what keepSpec wrote.
func (w workspace) spec(n int) (*Spec, error) {
	b, err := os.ReadFile(w.specFile(n))
	if err != nil {
		return nil, err
	}
	var s Spec
	return &s, json.Unmarshal(b, &s)
}

// readSpec reads a buildspec from a clone: a regular file of a bounded size that lies in it.
func readSpec(src, file string) ([]byte, error) {
	root, err := os.OpenRoot(src)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &document.Error{File: file, Line: 1, Column: 1, Problem: "the revision has no such file; add it, or name another one by with.file"}
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &document.Error{File: file, Line: 1, Column: 1, Problem: "this is no regular file"}
	}
	f, err := root.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, document.MaxSize+1))
}

// giveTo makes the working folders of a try the user's; the commands' files in state stay the server's.
func giveTo(work string, u *supervise.User) error {
	if u == nil {
		return nil
	}
	return filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(work, "state") {
			return fs.SkipDir
		}
		return os.Lchown(path, int(u.UID), int(u.GID))
	})
}
