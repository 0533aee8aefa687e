package actiondir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor/supervise"
)

// Exists tells whether there is anything at a path.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// ReadJSON reads a file; ok is false when there is none.
func ReadJSON(path string, into any) (ok bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return true, nil
}

// WriteJSON writes a file so that it is there as a whole or as it was, on disk.
func WriteJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return supervise.WriteFile(path, b)
}

// Sync waits until a folder, and everything in it, is on disk, so that what is noted about it afterwards holds after a power cut
// too. Links are their folder's.
func Sync(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		return SyncOne(path)
	})
}

// SyncOne waits until a file is on disk, or what names a folder has.
func SyncOne(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Place gives a folder its name once everything in it is on disk: under the new name it is whole, or not there.
func Place(ctx context.Context, from, to string) error {
	if err := Sync(ctx, from); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncOne(filepath.Dir(to))
}

// Lock waits for the lock on a file, which it makes, and returns what gives it back. It holds against other processes and
// other goroutines. The error is the context's cause when that ends first.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		}
	}
}
