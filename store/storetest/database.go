package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/store"
)

// empty is a SQLite database with the schema and nothing in it. Migrating takes most of a test's time, so it is done
// once for a test process.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sluice-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sluice.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func migrate(url string) error {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// SQLite returns the URL of a database of the test's own, with the schema and nothing in it.
func SQLite(t testing.TB) string {
	t.Helper()
	file, err := empty()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sluice.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// Postgres returns the URL of a database of the test's own, with the schema and nothing in it. The test is skipped where
// there is no Postgres; TestMain must end with pgtest.Main or pgtest.Stop.
func Postgres(t testing.TB) string {
	t.Helper()
	return pgtest.Copy(t, "sluice", migrate)
}

// Open opens a store and closes it when the test ends.
func Open(t testing.TB, url string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
