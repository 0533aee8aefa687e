package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sluicehq/sluice/store"
)

// restoreCmd is "sluice restore FILE": a backup takes the place of the SQLite database.
type restoreCmd struct {
	databaseFlags

	File string `arg:"" placeholder:"FILE" help:"File that sluice backup wrote."`
}

// Run puts the backup in its place. What happened on GitHub since the backup is found when the server next starts.
func (c *restoreCmd) Run(e *env) error {
	if _, err := os.Stat(c.File); errors.Is(err, fs.ErrNotExist) {
		return &usageError{err}
	}
	url, err := c.url(e)
	if err != nil {
		return err
	}
	if err := store.Restore(e.ctx, c.File, url); err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, "restored; the server looks at GitHub again when it starts")
	return nil
}
