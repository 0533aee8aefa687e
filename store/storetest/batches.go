package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
)

// batches hands in many deliveries while something else is written: they share transactions, and so waits for the disk, of
// which each has its place in its lane and its job behind it.
func batches(t *testing.T, s suite) {
	const count = 100
	before := s.commits(t)
	release := writing(t, s.Store)
	var come, done sync.WaitGroup
	for n := range count {
		come.Add(1)
		done.Go(func() {
			come.Done()
			if got, err := s.Accept(t.Context(), event.Delivery{ID: strconv.Itoa(n), RepoID: 1, Body: []byte("{}")}); err != nil || got != store.Accepted {
				t.Errorf("%d: %v, %v", n, got, err)
			}
		})
	}
	come.Wait()
	release()
	done.Wait()
	// The writer's own is one of them. How many the senders need depends on how late the last of them come.
	if n := s.commits(t) - before - 1; n < 1 || n > count/2 {
		t.Errorf("%d deliveries that waited together took %d transactions", count, n)
	}
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		load, err := tx.Load(ctx, s.clock.now)
		if load.Due != count+1 || load.OpenLanes != 1 {
			t.Errorf("load %+v", load)
		}
		return err
	})
}

// commits counts the transactions that wrote something.
func (s suite) commits(t *testing.T) (n int) {
	t.Helper()
	path, sqlite := strings.CutPrefix(s.url, "sqlite:")
	if !sqlite {
		row := s.Handles().Postgres.QueryRow(t.Context(), "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM deliveries UNION ALL SELECT xmin FROM lane_items) AS written")
		if err := row.Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// https://www.sqlite.org/fileformat2.html#walformat: frames behind a header, and of each transaction the last has the size of the
	// database.
	wal, err := os.ReadFile(path + "-wal")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	const header, frame = 32, 24
	if len(wal) < header {
		return 0
	}
	page := int(binary.BigEndian.Uint32(wal[8:]))
	for at := header; at+frame+page <= len(wal); at += frame + page {
		if string(wal[at+8:at+16]) == string(wal[16:24]) && binary.BigEndian.Uint32(wal[at+4:]) > 0 {
			n++
		}
	}
	return n
}

// durability looks that a delivery waits for the disk, also right after something was written that did not.
func durability(t *testing.T, s suite) {
	accept := func(id string) {
		t.Helper()
		if got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1}); err != nil || got != store.Accepted {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	s.onlyDurable(t, "deliveries")
	accept("first")
	failed := errors.New("nothing is written")
	for _, want := range []error{nil, failed} {
		if err := s.WriteDelayed(t.Context(), func(tx *store.Tx) error {
			if err := tx.PostItem(t.Context(), store.LaneItem{Lane: "repo:2", Kind: "fact"}); err != nil {
				return err
			}
			return want
		}); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		accept("after " + strconv.FormatBool(want == nil))
		s.write(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.PostItem(ctx, store.LaneItem{Lane: "repo:2", Kind: "fact"})
		})
		s.isDurable(t)
	}
}

// durableAnyway opens a database whose default is that commits do not wait for the disk.
func durableAnyway(t *testing.T, s suite) {
	want := ""
	if pool := s.Handles().Postgres; pool != nil {
		if _, err := pool.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`); err != nil {
			t.Fatal(err)
		}
		var fsync string
		if err := pool.QueryRow(t.Context(), "SHOW fsync").Scan(&fsync); err != nil {
			t.Fatal(err)
		}
		if fsync == "off" { // as in most tests
			want = "Postgres runs with fsync off: what it has acknowledged may be lost in a power cut"
		}
	}
	s.onlyDurable(t, "deliveries")
	s.onlyDurable(t, "audit")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Store = Open(t, s.url, store.Options{Now: s.clock.Now})
	s.isDurable(t)
	if got, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1, Body: []byte("{}")}); err != nil || got != store.Accepted {
		t.Errorf("%v, %v", got, err)
	}
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Audit(ctx, store.AuditEntry{RepoID: 1, Action: "looked"})
		return err
	})
	if got, err := s.Undurable(t.Context()); err != nil || got != want {
		t.Errorf("it says %q, %v; want %q", got, err, want)
	}
}

// isDurable asks the connection that writes whether its commits wait for the disk.
func (s suite) isDurable(t *testing.T) {
	t.Helper()
	var mode, journal string
	if db := s.Handles().SQLite; db != nil {
		if err := errors.Join(db.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&mode), db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&journal)); err != nil {
			t.Fatal(err)
		}
		if mode != "2" || journal != "wal" {
			t.Errorf("synchronous is %s, want 2 (FULL); journal_mode is %s, want wal", mode, journal)
		}
		return
	}
	if err := s.Handles().Postgres.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	if mode != "on" {
		t.Errorf("synchronous_commit is %s", mode)
	}
}

// onlyDurable has Postgres refuse rows of a table in transactions that would not wait for the disk. SQLite has one connection
// that writes, which isDurable asks.
func (s suite) onlyDurable(t *testing.T, table string) {
	t.Helper()
	pool := s.Handles().Postgres
	if pool == nil {
		return
	}
	for _, statement := range []string{
		`CREATE OR REPLACE FUNCTION only_durable() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF current_setting('synchronous_commit') <> 'on' THEN RAISE EXCEPTION 'this commit does not wait for the disk'; END IF;
			RETURN NEW; END $$`,
		"CREATE TRIGGER only_durable BEFORE INSERT ON " + table + " FOR EACH ROW EXECUTE FUNCTION only_durable()",
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}
