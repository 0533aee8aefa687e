package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/store"
)

// backupCmd is "sluice backup FILE": a consistent copy of the SQLite database, while the server runs or not.
type backupCmd struct {
	databaseFlags

	File string `arg:"" placeholder:"FILE" help:"File to write; it must not exist."`
}

// Run writes the copy and tells how large it is.
func (c *backupCmd) Run(e *env) error {
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return &usageError{fmt.Errorf("%s exists; a backup overwrites nothing", path)}
	}
	return c.read(e, func(ctx context.Context, s *store.Store) error {
		if err := s.Backup(ctx, path); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s, %d bytes\n", path, info.Size())
		return nil
	})
}
