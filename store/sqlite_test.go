package store_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/store/storetest"
)

// heldURL tells the test binary to open a database, write a delivery, say so and wait to be killed.
const heldURL = "SLUICE_TEST_HELD_URL"

func holdDatabase(url string) int {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		println(err.Error())
		return 1
	}
	if _, err := s.Accept(context.Background(), event.Delivery{ID: "of the killed process", RepoID: 1, Body: []byte("{}")}); err != nil {
		println(err.Error())
		return 1
	}
	println("ready")
	select {}
}

// held starts a process that has the database open, and returns how to kill it.
func held(t *testing.T, url string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), heldURL+"="+url)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := said.Read(line); err != nil || string(line[:5]) != "ready" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

func file(url string) string { return strings.TrimPrefix(url, "sqlite:") }

func TestSQLiteIsForOneProcess(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	kill := held(t, url)
	_, err := store.Open(t.Context(), url, store.Options{})
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), file(url)) {
		t.Errorf("a second process opened it: %v", err)
	}
	reader := storetest.Open(t, url, store.Options{ReadOnly: true}) // export may look on
	if err := reader.Read(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Delivery(t.Context(), "of the killed process")
		return err
	}); err != nil {
		t.Errorf("reading beside the server: %v", err)
	}
	if _, err := reader.Accept(t.Context(), event.Delivery{ID: "x"}); err == nil {
		t.Error("a database open for reading accepted a delivery")
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := reader.Backup(t.Context(), backup); err != nil {
		t.Errorf("backup beside the server: %v", err)
	}
	if err := reader.Backup(t.Context(), backup); !errors.Is(err, os.ErrExist) {
		t.Errorf("backup over a file: %v", err)
	}
	kill()
	restored := filepath.Join(t.TempDir(), "restored.db")
	if err := store.Restore(t.Context(), backup, "sqlite:"+restored); err != nil {
		t.Errorf("restore: %v", err)
	}
	if err := store.Restore(t.Context(), file(url)+".lock", "sqlite:"+restored); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("restore of what is no database: %v", err)
	}
	for _, url := range []string{url, "sqlite:" + restored} {
		s := storetest.Open(t, url, store.Options{})
		if got, err := s.Accept(t.Context(), event.Delivery{ID: "of the killed process", RepoID: 1, Body: []byte("{}")}); err != nil || got != store.Duplicate {
			t.Errorf("%s: what the killed process acknowledged: %v, %v", url, got, err)
		}
	}
}

func TestSQLiteRefusesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string){
		"bytes flipped": func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for page := 4096; page+200 < len(content); page += 4096 {
				for i := range 150 {
					content[page+i] ^= 0x5a
				}
			}
			write(t, path, content)
		},
		"not a database": func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("not a database. ", 1000))) },
		"emptied":        func(t *testing.T, path string) { write(t, path, nil) },
		"removed":        func(t *testing.T, path string) { remove(t, path) },
	} {
		t.Run(name, func(t *testing.T) {
			url := storetest.SQLite(t)
			s := storetest.Open(t, url, store.Options{})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, file(url))
			_, err := store.Open(t.Context(), url, store.Options{})
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("opened: %v, want ErrDamaged", err)
			}
		})
	}
}

// What is stored is not for everybody on the host: neither the file, nor what SQLite puts beside it, nor a backup.
func TestSQLiteIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "sluice.db"), filepath.Join(dir, "backup.db")
	s := storetest.Open(t, "sqlite:"+path, store.Options{})
	if _, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock", backup} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want it for its owner alone", name, info, err)
		}
	}
}

// Who may not open the file, or has named another thing, is not told to restore a backup.
func TestSQLiteThatCannotBeOpenedIsNotDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sluice.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
	if err == nil || errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "a file that the server's user may read and write") {
		t.Errorf("opened: %v", err)
	}
}

// A restored database is the backup and nothing else: not the WAL that lies about from before.
func TestRestoreOverADamagedDatabase(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	s := storetest.Open(t, url, store.Options{})
	accept := func(s *store.Store, id string) store.Outcome {
		got, err := s.Accept(t.Context(), event.Delivery{ID: id, RepoID: 1})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	accept(s, "before")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), backup, url); !errors.Is(err, store.ErrInUse) {
		t.Errorf("restore under a running server: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	held(t, url)() // leaves a WAL
	write(t, file(url), []byte("damaged"))
	if err := store.Restore(t.Context(), backup, url); err != nil {
		t.Fatal(err)
	}
	s = storetest.Open(t, url, store.Options{})
	got := []store.Outcome{accept(s, "before"), accept(s, "of the killed process")}
	if got[0] != store.Duplicate || got[1] != store.Accepted {
		t.Errorf("from before the backup: %v, from after it: %v", got[0], got[1])
	}
}

// What root restores is the server's, whose folder it is.
func TestWhatRootRestoresIsTheServers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	backup, folder := filepath.Join(dir, "backup.db"), filepath.Join(dir, "data")
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	if err := errors.Join(s.Backup(t.Context(), backup), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	server := os.Geteuid()
	if server == 0 {
		server = 65532
		if err := os.Chown(folder, server, server); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "sluice.db")
	for _, again := range []bool{false, true} {
		if err := store.Restore(t.Context(), backup, "sqlite:"+path); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, path + ".lock"} {
			var info unix.Stat_t
			if err := unix.Stat(name, &info); err != nil || int(info.Uid) != server || info.Mode&0o777 != 0o600 {
				t.Errorf("again %v: %s is %d's with mode %o, %v; want %d's alone", again, name, info.Uid, info.Mode&0o777, err, server)
			}
		}
	}
}

// The commits since the last checkpoint are in the WAL. Without it the database looks well and has lost them.
func TestSQLiteRefusesALostWAL(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	held(t, url)()
	if err := os.Rename(file(url)+"-wal", file(url)+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), url, store.Options{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("opened: %v, want ErrDamaged", err)
	}
	if err := os.Rename(file(url)+"-elsewhere", file(url)+"-wal"); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, url, store.Options{})
	if err := s.Read(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Delivery(t.Context(), "of the killed process")
		return err
	}); err != nil {
		t.Errorf("with its WAL: %v", err)
	}
}

// A full disk refuses deliveries, loses none, and is no reason to restart.
func TestSQLiteDiskFull(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.SQLite(t), store.Options{})
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages := func(max string) {
		t.Helper()
		if _, err := s.Handles().SQLite.Exec("PRAGMA max_page_count = " + max); err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // SQLite takes that as "no more than there are"
	big := make([]byte, 200_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(big) // does not compress
	if got, err := s.Accept(t.Context(), event.Delivery{ID: "big", RepoID: 1, Body: big}); !errors.Is(err, event.ErrUnavailable) {
		t.Fatalf("on a full disk: %v, %v, want ErrUnavailable", got, err)
	}
	becomes(t, s, false)
	pages("1000000")
	becomes(t, s, true)
	if got, err := s.Accept(t.Context(), event.Delivery{ID: "big", RepoID: 1, Body: big}); err != nil || got != store.Accepted {
		t.Errorf("after there was room again: %v, %v", got, err)
	}
}

// Another program holds the write lock for a while: nobody is told of it.
func TestSQLiteBusy(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, url, store.Options{})
	other, err := sql.Open("sqlite", "file:"+file(url)+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error)
	go func() {
		got, err := s.Accept(t.Context(), event.Delivery{ID: "a", RepoID: 1})
		if err == nil && got != store.Accepted {
			err = errors.New(got.String())
		}
		accepted <- err
	}()
	select {
	case err := <-accepted:
		t.Errorf("answered while the database was locked: %v", err)
	case <-time.After(300 * time.Millisecond):
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := <-accepted; err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mysql://root:secret@localhost/sluice", "sqlite:", "sqlite::memory:", "/var/lib/sluice.db",
		"postgres://sluice:secret@127.0.0.1:1/nothing-listens?connect_timeout=1"} {
		_, err := store.Open(t.Context(), url, store.Options{})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	newer := "INSERT INTO schema_version (version_id, is_applied) VALUES (99999, TRUE)"
	for name, database := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "Postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			s := storetest.Open(t, url, store.Options{})
			var err error
			if h := s.Handles(); h.SQLite != nil {
				_, err = h.SQLite.Exec(newer)
			} else {
				_, err = h.Postgres.Exec(t.Context(), newer)
			}
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				if _, err := store.Open(t.Context(), url, store.Options{ReadOnly: readOnly}); !errors.Is(err, store.ErrNewerSchema) {
					t.Errorf("read only %v: %v, want ErrNewerSchema", readOnly, err)
				}
			}
		})
	}
}

// What is opened for reading is not migrated.
func TestOlderSchemaIsNotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sluice.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("CREATE TABLE something (id INTEGER)")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), "sqlite:"+path, store.Options{ReadOnly: true}); err == nil {
		t.Error("it was opened")
	}
	if _, err := store.Open(t.Context(), "sqlite:"+path+".not-there", store.Options{ReadOnly: true}); err == nil {
		t.Error("a file that is not there was opened for reading")
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
