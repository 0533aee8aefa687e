package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestMain(m *testing.M) {
	if done, status := storetest.Child(); done {
		os.Exit(status)
	}
	status := pgtest.Main(m)
	if err := goleak.Find(); err != nil && status == 0 {
		println(err.Error())
		status = 1
	}
	os.Exit(status)
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "sluice.db") })
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t testing.TB) string { return pgtest.URL(t) })
}

var _ = store.Open
