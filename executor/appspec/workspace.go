package appspec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
)

// workspace is the folder of one deployment. In it are
//
//	try-N          the supervisor's folder; another one when the one before was killed
//	progress.json  what has happened
//	stop           exists when somebody asked for the end
//	report.json    the end
type workspace struct{ dir string }

var idRE = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z`)

// safeName makes one part of a path of a name.
func safeName(name string) string {
	if idRE.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "_" + hex.EncodeToString(sum[:16])
}

func (e *Executor) workspace(id string) workspace {
	return workspace{filepath.Join(e.o.Dir, "deployments", safeName(id))}
}

func (w workspace) path(name string) string { return filepath.Join(w.dir, name) }
func (w workspace) try(n int) string        { return w.path("try-" + strconv.Itoa(n)) }
func (w workspace) stopped() bool           { return there(stopFile(w.dir)) }

// current is the number of the last try; 0 when there was none.
func (w workspace) current() int {
	n := 0
	for there(w.try(n + 1)) {
		n++
	}
	return n
}

// locked does something while nobody else does anything in this folder.
func (w workspace) locked(ctx context.Context, do func() error) error {
	unlock, err := lock(ctx, w.path("lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// report is what was reported at the end.
func (w workspace) report() (r executor.Report, ok bool, err error) {
	ok, err = readJSON(w.path("report.json"), &r)
	return r, ok, err
}

func (w workspace) finish(r executor.Report) error { return writeJSON(w.path("report.json"), r) }

// ended is called when a supervisor has.
func (e *Executor) ended(dir string) {
	if id, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "id")); err == nil {
		e.o.Ring(string(id))
	}
}

// StopServices ends what the scripts of deployments have started on folders of this machine and left running. It is for
// whoever takes the hosts down for good.
func (e *Executor) StopServices() error {
	tries, err := filepath.Glob(filepath.Join(e.o.Dir, "deployments", "*", "try-*"))
	for _, dir := range tries {
		supervise.Sweep(dir)
	}
	return err
}

// Prune removes what is left of deployments that ended before the time given, their logs above all; it returns how many.
// Hosts and the revisions on them stay.
func (e *Executor) Prune(ctx context.Context, before time.Time) (int, error) {
	entries, err := os.ReadDir(filepath.Join(e.o.Dir, "deployments"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := 0
	for _, entry := range entries {
		w := workspace{filepath.Join(e.o.Dir, "deployments", entry.Name())}
		info, err := os.Stat(w.path("report.json"))
		if err != nil || !info.ModTime().Before(before) {
			continue // under way, or young
		}
		if err := errors.Join(ctx.Err(), os.RemoveAll(w.dir)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
