package store_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/store/storetest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(heldURL); url != "" {
		os.Exit(holdDatabase(url))
	}
	ignore := goleak.IgnoreCurrent()
	status := pgtest.Main(m)
	if err := goleak.Find(ignore); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.SQLite) }

func TestPostgres(t *testing.T) { storetest.Run(t, storetest.Postgres) }
