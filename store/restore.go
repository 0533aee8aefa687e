package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Restore puts a backup (Store.Backup) in the place of a SQLite database, damaged or not, that no process has open. The
// backup is checked first; the file that was there is kept beside it as <name>.before-restore. What root restores belongs to the owner
// of the folder, as whom the server opens it.
func Restore(ctx context.Context, backup, url string) error {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return errors.New("restore: a Postgres database is restored with pg_restore, or by your provider's snapshots")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockFolder(path)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer func() { _ = lock.release() }()
	copied := path + ".restoring"
	if err := copyFile(backup, copied); err != nil {
		return fmt.Errorf("restore %s: %w", backup, err)
	}
	if err := checkFile(ctx, copied); err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", backup, err), os.Remove(copied))
	}
	if err := belong(filepath.Dir(path), copied, lock.file.Name()); err != nil {
		return errors.Join(fmt.Errorf("restore: %w", err), os.Remove(copied))
	}
	if err := errors.Join(move(path, path+".before-restore"), move(path+"-wal", path+".before-restore-wal"), move(path+"-shm", path+".before-restore-shm")); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := os.Rename(copied, path); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return lock.mark(stateClosing) // there is no WAL, and none is missing
}

// checkFile refuses what is not a whole database.
func checkFile(ctx context.Context, path string) error {
	db, err := openWriter(path, lockWait)
	if err != nil {
		return err
	}
	return errors.Join((&sqliteEngine{path: path}).check(ctx, db), db.Close())
}

// belong gives files to the owner of a folder, which root alone can and need do.
func belong(folder string, files ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var owner unix.Stat_t
	if err := unix.Stat(folder, &owner); err != nil {
		return fmt.Errorf("owner of %s: %w", folder, err)
	}
	for _, file := range files {
		if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// move renames a file, if there is one.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
