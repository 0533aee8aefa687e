// Package actiondir is the folder that an executor of this host keeps for one action, so that whoever asks about the action
// finds it again: after a restart, from another process, once it has ended.
package actiondir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Dir is the path of an action's folder. In it are
//
//	id           the ID of the action
//	lock         held while something is decided about it
//	try-N        the supervisor's folder of each try
//	stop         exists when somebody asked for the end: nothing is started any more
//	remarks      what the server has to say after the log
//	report.json  the end
//
// and whatever else its executor keeps there.
type Dir string

var nameRE = lazyregexp.New(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z`)

// SafeName makes one part of a path of a name, the same each time. Most names stay as they are.
func SafeName(name string) string {
	if nameRE.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "_" + hex.EncodeToString(sum[:16])
}

// Of is the folder of the action with the ID, below parent. It need not exist.
func Of(parent, id string) Dir { return Dir(filepath.Join(parent, SafeName(id))) }

// Path is the path of something in the folder.
func (d Dir) Path(name string) string { return filepath.Join(string(d), name) }

// Try is the supervisor's folder of the n-th try, from 1.
func (d Dir) Try(n int) string { return d.Path("try-" + strconv.Itoa(n)) }

// Current is the number of the last try; 0 when there was none yet.
func (d Dir) Current() int {
	n := 0
	for Exists(d.Try(n + 1)) {
		n++
	}
	return n
}

// Make makes the folder, if it is not there. Scripts that run as another user have to pass through it.
func (d Dir) Make() error { return os.MkdirAll(string(d), 0o711) } //nolint:gosec // see the comment

// Exists tells whether the folder is there: on a host that shares no data folder with the one that began it is not.
func (d Dir) Exists() bool { return Exists(string(d)) }

// SetID writes down whose folder it is.
func (d Dir) SetID(id string) error { return supervise.WriteFile(d.Path("id"), []byte(id)) }

// Ring tells ring the ID of the action; nothing, where it was not written down.
func (d Dir) Ring(ring func(id string)) {
	if id, err := os.ReadFile(d.Path("id")); err == nil {
		ring(string(id))
	}
}

// Locked does something while no other process or goroutine does anything in the folder, which exists. The error is that of
// do, or the cause of the context's end while it waited.
func (d Dir) Locked(ctx context.Context, do func() error) error {
	unlock, err := Lock(ctx, d.Path("lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// Stopped tells whether somebody asked for the end.
func (d Dir) Stopped() bool { return Exists(d.Path("stop")) }

// AskStop asks for the end, also of what has not begun. asked is false for an action that has ended: it stays as it is.
func (d Dir) AskStop() (asked bool, err error) {
	if _, done, err := d.Report(); done || err != nil {
		return false, err
	}
	if err := d.Make(); err != nil {
		return false, err
	}
	return true, os.WriteFile(d.Path("stop"), nil, 0o600)
}

// Report is what was reported at the end; ok is false before it.
func (d Dir) Report() (r executor.Report, ok bool, err error) {
	ok, err = ReadJSON(d.Path("report.json"), &r)
	return r, ok, err
}

// Finish writes the report that ends the action.
func (d Dir) Finish(r executor.Report) error { return WriteJSON(d.Path("report.json"), r) }

// Prune removes, by remove, the folders below parent of actions that ended before a time, and returns how many. A parent that
// does not exist has none. An action whose folder is gone must not be asked about again.
func Prune(ctx context.Context, parent string, before time.Time, remove func(dir string) error) (n int, err error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		d := Dir(filepath.Join(parent, entry.Name()))
		info, err := os.Stat(d.Path("report.json"))
		if err != nil || !info.ModTime().Before(before) {
			continue // under way, or young
		}
		if err := errors.Join(ctx.Err(), remove(string(d))); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
