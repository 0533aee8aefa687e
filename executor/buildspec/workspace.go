package buildspec

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/document"
)

// workspace is the folder of one action. Besides what every such folder has, there are in it for each try
//
//	spec-N.json  the buildspec, as it was read
//	work-N       the folders of the try (folders.go); removed when it has ended
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
// it returns how many actions. What builds of younger ones worked in goes too, where the server was ended before it did that.
// An action whose folder is gone must not be asked about again.
func (e *Executor) Prune(ctx context.Context, before time.Time) (int, error) {
	n, err := actiondir.Prune(ctx, e.o.Dir, before, removeAll)
	if err != nil {
		return n, err
	}
	entries, err := os.ReadDir(e.o.Dir)
	if err != nil {
		return n, err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		w := workspace{actiondir.Dir(filepath.Join(e.o.Dir, entry.Name()))}
		if err := errors.Join(ctx.Err(), w.tidy(ctx)); err != nil {
			return n, err
		}
	}
	return n, e.pruneCaches(ctx, before)
}

// tidy removes the working folders of an action that has ended, which Finish does unless it is interrupted.
func (w workspace) tidy(ctx context.Context) error {
	if works, err := w.works(); err != nil || len(works) == 0 || !actiondir.Exists(w.Path("report.json")) {
		return err
	}
	return w.Locked(ctx, w.clear)
}

// works are the paths of the working folders.
func (w workspace) works() (paths []string, err error) {
	entries, err := os.ReadDir(string(w.Dir))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "work-") {
			paths = append(paths, w.Path(e.Name()))
		}
	}
	return paths, err
}

// clear removes the working folders.
func (w workspace) clear() error {
	works, err := w.works()
	for _, work := range works {
		err = errors.Join(err, removeAll(work))
	}
	return err
}

// shallow is how deep removeAll goes into folders that could not be removed as they are.
const shallow = 100

// removeAll removes a folder, also with folders in it that may not be written, as module caches have them, or that are
// nested deeper than files can be open at once. Links in it lead nobody out of it.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for moved := 1; moved > 0; {
		moved = 0
		_ = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil //nolint:nilerr // what is wrong with it shows when it is removed
			}
			if strings.Count(p, "/") < shallow {
				_ = root.Chmod(p, 0o700)
				return nil
			}
			if root.Rename(p, rand.Text()) == nil { // further up, where the next round finds it
				moved++
			}
			return fs.SkipDir
		})
	}
	return os.RemoveAll(dir)
}

// keepSpec begins to write down what was read at the start, since the build may change its own buildspec meanwhile. kept waits
// until that is on disk.
func (w workspace) keepSpec(n int, s *Spec) (kept func() error) {
	done := make(chan error, 1)
	go func() { done <- actiondir.WriteJSON(w.specFile(n), s) }()
	return sync.OnceValue(func() error { return <-done })
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
