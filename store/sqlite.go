package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine is a database file of one process: one connection that writes, a pool that reads.
type sqliteEngine struct {
	path   string
	writer *sql.DB
	reader *sql.DB
	// written and looked are the statements of the two.
	written, looked *statements
	jobs            drains[*sql.Tx]
	lock            *folderLock // nil when read only
	batch           *sqliteBatch
}

// sqliteDSN names the file and what every connection is set to. A commit of the writer is on disk (synchronous FULL);
// the WAL may grow to 80 MB before it is copied back, which keeps that out of all but one commit in a thousand.
func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"foreign_keys(1)"}, pragmas...)}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

func openSQLite(ctx context.Context, path string, opts Options) (_ *sqliteEngine, err error) {
	if path == "" || strings.HasPrefix(path, ":") {
		return nil, fmt.Errorf("sqlite:%s: name a file, as in sqlite:/var/lib/sluice/sluice.db", path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	e := &sqliteEngine{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if opts.ReadOnly {
		return e, e.openReader(ctx, opts)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if e.lock, err = lockFolder(path); err != nil {
		return nil, err
	}
	if err := e.lock.checkFiles(path); err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	first, err := openWriter(path, lockWait)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	if err := e.prepare(ctx, first, opts); err != nil {
		return nil, err
	}
	if e.writer, err = openWriter(path, lockGlance); err != nil {
		return nil, err
	}
	e.written = newStatements(e.writer)
	if e.jobs, err = newDrains(riversqlite.New(e.writer), opts.Log); err != nil {
		return nil, err
	}
	if e.batch, err = prepareBatch(ctx, e.writer); err != nil {
		return nil, err
	}
	if err := e.lock.mark(stateOpen); err != nil {
		return nil, err
	}
	return e, e.openReader(ctx, opts)
}

// createPrivate makes an empty file that only this user may read, where none is. SQLite would make one by the umask: for everybody,
// mostly. An empty file is a new database to it, and what it puts beside one has the mode of that.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// A transaction waits so long for the lock that another program holds. SQLite itself waits for a glance only, because
// nothing can call it off while it does; begin does the rest.
const (
	lockWait   = 5 * time.Second
	lockGlance = 250 * time.Millisecond
)

func busyTimeout(d time.Duration) string { return fmt.Sprintf("busy_timeout(%d)", d.Milliseconds()) }

// openWriter opens the one connection that writes, on which SQLite waits so long for a lock.
func openWriter(path string, wait time.Duration) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteDSN(path, busyTimeout(wait), "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(20000)",
		"journal_size_limit(100000000)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// prepare looks whether the file is sound, brings the schema up to date and takes back the work of the process before.
func (e *sqliteEngine) prepare(ctx context.Context, db *sql.DB, opts Options) error {
	if err := e.check(ctx, db); err != nil {
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, db, opts.Log); err != nil {
		return err
	}
	if err := migrateRiver(ctx, riversqlite.New(db), opts.Log); err != nil {
		return err
	}
	return releaseAll(ctx, db)
}

func (e *sqliteEngine) openReader(ctx context.Context, opts Options) (err error) {
	if _, err := os.Stat(e.path); err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	if e.reader, err = sql.Open("sqlite", sqliteDSN(e.path, busyTimeout(lockWait), "query_only(1)")); err != nil {
		return err
	}
	e.looked = newStatements(e.reader)
	e.reader.SetMaxOpenConns(opts.MaxConns)
	e.reader.SetMaxIdleConns(opts.MaxConns)
	if !opts.ReadOnly {
		return nil
	}
	p, err := provider(goose.DialectSQLite3, e.reader)
	if err != nil {
		return err
	}
	return requireCurrent(ctx, p)
}

// check refuses a damaged file: pages that contradict each other, or no database at all. A file that cannot be opened or written to
// need not be damaged.
func (e *sqliteEngine) check(ctx context.Context, db *sql.DB) error {
	found, err := quickCheck(ctx, db)
	if err != nil && e.passing(err) {
		return fmt.Errorf("%s: %w: see that it is a file that the server's user may read and write, as the folder that it is in; nothing was changed", e.path, err)
	}
	if err != nil {
		return e.damaged(err.Error())
	}
	if len(found) != 1 || found[0] != "ok" {
		return e.damaged(strings.Join(found, "; "))
	}
	return nil
}

// quickCheck returns what SQLite finds, which is one "ok" for a sound file.
func quickCheck(ctx context.Context, db *sql.DB) (found []string, err error) {
	rows, err := db.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var finding string
		if err := rows.Scan(&finding); err != nil {
			return nil, err
		}
		found = append(found, finding)
	}
	return found, rows.Err()
}

func (e *sqliteEngine) damaged(finding string) error {
	return fmt.Errorf("%s: %s: restore the last backup (sluice restore); nothing was changed: %w", e.path, finding, ErrDamaged)
}

// releaseAll takes back what a process that was killed had claimed. The lock says that it is gone.
func releaseAll(ctx context.Context, db *sql.DB) error {
	for _, statement := range []string{
		"UPDATE lanes SET owner = '', lease_until = 0 WHERE owner <> ''",
		"UPDATE river_job SET state = 'available' WHERE state = 'running'",
		"DELETE FROM river_leader",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("return the work of the process before: %w", err)
		}
	}
	return nil
}

func (e *sqliteEngine) write(ctx context.Context, durable bool, f func(conn) error) error {
	e.written.prepare(ctx)
	c, err := e.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("wait for the writer: %w", err)
	}
	defer c.Close()
	if !durable {
		if _, err := c.ExecContext(ctx, "PRAGMA synchronous = NORMAL"); err != nil {
			return err
		}
		defer e.durableAgain(ctx, c)
	}
	tx, err := e.begin(ctx, c)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing; after a panic it frees the writer
	if err := f(sqliteConn{tx, e.written}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// begin begins a transaction that writes, on the writer or a connection of it.
func (e *sqliteEngine) begin(ctx context.Context, on interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}) (*sql.Tx, error) {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		tx, err := on.BeginTx(ctx, nil)
		if err == nil {
			return tx, nil
		}
		if !e.retryable(err) || time.Since(began) > lockWait || !pause(ctx, attempt) {
			return nil, fmt.Errorf("begin: %w", err)
		}
	}
}

// durableAgain makes commits of the connection wait for the disk again, or gives the connection up: the next one is
// durable from the start.
func (e *sqliteEngine) durableAgain(ctx context.Context, c *sql.Conn) {
	if _, err := c.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = FULL"); err != nil {
		_ = c.Raw(func(any) error { return driver.ErrBadConn })
	}
}

func (e *sqliteEngine) read(ctx context.Context, f func(conn) error) error {
	e.looked.prepare(ctx)
	tx, err := e.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	return f(sqliteConn{tx, e.looked})
}

func (e *sqliteEngine) insertDrains(ctx context.Context, c conn, lanes []string, at time.Time) (map[string]int64, error) {
	return e.jobs.insert(ctx, c.(sqliteConn).tx, lanes, at)
}

func (e *sqliteEngine) removeDrain(ctx context.Context, c conn, id int64) (bool, error) {
	return e.jobs.remove(ctx, c.(sqliteConn).tx, id)
}

func (e *sqliteEngine) clock() string { return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)" }

func (e *sqliteEngine) retryable(err error) bool {
	var problem *sqlite.Error
	return errors.As(err, &problem) && (problem.Code()&0xff == sqlite3.SQLITE_BUSY || problem.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func (e *sqliteEngine) lost(error) bool { return false }

// passing: of what is wrong with the statement, its values or the file itself nothing passes.
func (e *sqliteEngine) passing(err error) bool {
	var problem *sqlite.Error
	if !errors.As(err, &problem) {
		return errors.Is(err, driver.ErrBadConn)
	}
	switch problem.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return false
}

func (e *sqliteEngine) probe(ctx context.Context, value string) error {
	return e.write(ctx, true, func(c conn) error {
		return (&Tx{conn: c}).SetSetting(ctx, readyProbe, value)
	})
}

// undurable: nobody but Sluice sets how SQLite writes.
func (e *sqliteEngine) undurable(context.Context) (string, error) { return "", nil }

func (e *sqliteEngine) backup(ctx context.Context, path string) error {
	if err := createPrivate(path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	if err := e.vacuumInto(ctx, path); err != nil {
		return errors.Join(fmt.Errorf("back up to %s: %w", path, err), os.Remove(path))
	}
	return nil
}

func (e *sqliteEngine) vacuumInto(ctx context.Context, path string) error {
	db := e.writer
	if db == nil {
		var err error
		if db, err = sql.Open("sqlite", sqliteDSN(e.path, busyTimeout(lockWait))); err != nil {
			return err
		}
		defer db.Close()
	}
	_, err := db.ExecContext(ctx, "VACUUM INTO ?", path)
	return err
}

func (e *sqliteEngine) handles() Handles { return Handles{SQLite: e.writer} }

func (e *sqliteEngine) close() error {
	var errs []error
	if e.batch != nil {
		errs = append(errs, e.batch.close())
	}
	if e.reader != nil {
		errs = append(errs, e.looked.close(), e.reader.Close())
	}
	if e.writer != nil {
		errs = append(errs, e.written.close(), e.lock.mark(stateClosing), e.writer.Close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.release())
	}
	return errors.Join(errs...)
}
