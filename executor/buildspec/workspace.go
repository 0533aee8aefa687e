package buildspec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
)

// workspace is the folder of one action. In it are, for each try,
//
//	try-N    the supervisor's folder
//	work-N   src, home, tmp, inputs/NAME, state; removed when the try has ended
//
// and lock, stop (nothing is started any more) and report.json (the end).
type workspace struct{ dir string }

var idRE = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z`)

func (e *Executor) workspace(id string) workspace {
	name := id
	if !idRE.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		name = "_" + hex.EncodeToString(sum[:16])
	}
	return workspace{filepath.Join(e.o.Dir, name)}
}

func (w workspace) path(name string) string { return filepath.Join(w.dir, name) }
func (w workspace) try(n int) string        { return w.path("try-" + strconv.Itoa(n)) }
func (w workspace) work(n int) string       { return w.path("work-" + strconv.Itoa(n)) }
func (w workspace) exists() bool            { return there(w.dir) }
func (w workspace) stopped() bool           { return there(w.path("stop")) }
func (w workspace) idFile() string          { return w.path("id") }

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// ended is called when a supervisor has.
func (e *Executor) ended(dir string) { e.ring(filepath.Dir(dir)) }

// ring tells of the action that a folder belongs to.
func (e *Executor) ring(dir string) {
	if id, err := os.ReadFile(workspace{dir}.idFile()); err == nil {
		e.o.Ring(string(id))
	}
}

// current is the number of the try under way; 0 when there was none yet.
func (w workspace) current() int {
	n := 0
	for there(w.try(n + 1)) {
		n++
	}
	return n
}

// locked does something while no other process or goroutine does anything in this workspace.
func (w workspace) locked(ctx context.Context, do func() error) error {
	f, err := os.OpenFile(w.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return do()
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock of %s: %w", w.dir, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// report returns what was reported at the end.
func (w workspace) report() (r executor.Report, ok bool, err error) {
	b, err := os.ReadFile(w.path("report.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err == nil, err
}

// finish writes the report and removes what the build worked in.
func (w workspace) finish(r executor.Report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := supervise.WriteFile(w.path("report.json"), b); err != nil {
		return err
	}
	return w.clear()
}

// Prune removes what is left of actions that ended before the time given, their logs above all, and caches not used since;
// it returns how many actions.
// An action whose folder is gone must not be asked about again.
func (e *Executor) Prune(ctx context.Context, before time.Time) (int, error) {
	entries, err := os.ReadDir(e.o.Dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, entry := range entries {
		w := workspace{filepath.Join(e.o.Dir, entry.Name())}
		info, err := os.Stat(w.path("report.json"))
		if err != nil || !info.ModTime().Before(before) {
			continue // under way, or young
		}
		if err := errors.Join(ctx.Err(), removeAll(w.dir)); err != nil {
			return n, err
		}
		n++
	}
	return n, e.pruneCaches(ctx, before)
}

// clear removes the working folders.
func (w workspace) clear() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "work-") {
			err = errors.Join(err, removeAll(w.path(e.Name())))
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
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return supervise.WriteFile(w.path("spec-"+strconv.Itoa(n)+".json"), b)
}

// spec returns what keepSpec wrote.
func (w workspace) spec(n int) (*Spec, error) {
	b, err := os.ReadFile(w.path("spec-" + strconv.Itoa(n) + ".json"))
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
