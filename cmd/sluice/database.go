package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/store"
)

// databaseFlags are the two settings of the server that say where the database is, for commands that need nothing else
// of it.
type databaseFlags struct {
	Data     string `env:"SLUICE_DATA" placeholder:"DIR" help:"Folder of the server's database, artifacts and logs. Default ./data."`
	Database string `env:"SLUICE_DATABASE_URL" placeholder:"URL" help:"sqlite:/path/file.db or postgres://…. Default SQLite in the data folder."`
}

// dir is the data folder.
func (f databaseFlags) dir(e *env) (string, error) {
	return filepath.Abs(cmp.Or(f.Data, e.getenv("SLUICE_DATA"), "data"))
}

// url is the store's URL. It may hold a password.
func (f databaseFlags) url(e *env) (string, error) {
	if url := strings.TrimSpace(cmp.Or(f.Database, e.getenv("SLUICE_DATABASE_URL"))); url != "" {
		return url, nil
	}
	dir, err := f.dir(e)
	return "sqlite:" + filepath.Join(dir, "sluice.db"), err
}

// read calls fn with the database opened for reading; a server may be running on it.
func (f databaseFlags) read(e *env, fn func(ctx context.Context, s *store.Store) error) error {
	return f.open(e, store.Options{ReadOnly: true}, fn)
}

// change calls fn with the database opened for writing: store.ErrInUse while a server runs on a SQLite file. The database must
// be there and have this version's schema: only the server makes or migrates one.
func (f databaseFlags) change(e *env, fn func(ctx context.Context, s *store.Store) error) error {
	if err := f.read(e, func(context.Context, *store.Store) error { return nil }); err != nil {
		return err
	}
	return f.open(e, store.Options{}, fn)
}

func (f databaseFlags) open(e *env, o store.Options, fn func(ctx context.Context, s *store.Store) error) error {
	url, err := f.url(e)
	if err != nil {
		return err
	}
	s, err := store.Open(e.ctx, url, o)
	if path, isSQLite := strings.CutPrefix(url, "sqlite:"); isSQLite && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s: set --data or --database as for sluice serve: %w", filepath.Dir(path), err)
	}
	if err != nil {
		return fmt.Errorf("%w (set --data or --database as for sluice serve)", err)
	}
	return errors.Join(fn(e.ctx, s), s.Close())
}
