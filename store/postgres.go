package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// migrationLock is the key of the advisory lock under which one replica migrates. It is held by a transaction, not by a
// session, so that it works behind a pooler too.
const migrationLock = 0x736c75696365 // "sluice"

// postgresEngine is a database that replicas share. Intake has connections of its own, so that slow work cannot keep a
// delivery waiting.
type postgresEngine struct {
	pool   *pgxpool.Pool
	intake *pgxpool.Pool
	jobs   drains[pgx.Tx]
}

func openPostgres(ctx context.Context, url string, opts Options) (_ *postgresEngine, err error) {
	e := &postgresEngine{}
	defer func() {
		if err != nil {
			_ = e.close()
		}
	}()
	// River's jobs and its elector take connections too.
	if e.pool, err = openPool(ctx, url, opts.MaxConns+2, ""); err != nil {
		return nil, err
	}
	if opts.ReadOnly {
		db := stdlib.OpenDBFromPool(e.pool)
		defer db.Close()
		p, err := provider(goose.DialectPostgres, db)
		if err != nil {
			return nil, err
		}
		return e, requireCurrent(ctx, p)
	}
	// The intake's one statement is planned once: what a batch holds changes nothing about how it is best stored. It is the
	// server that ends what takes too long, since only it can tell that nothing was stored. A second connection is for what
	// comes while a broken one is noticed.
	if e.intake, err = openPool(ctx, url, 2, "SET plan_cache_mode = force_generic_plan; SET lock_timeout = '1s'; SET statement_timeout = '5s'"); err != nil {
		return nil, err
	}
	if err := e.migrate(ctx, opts); err != nil {
		return nil, err
	}
	e.jobs, err = newDrains(riverpgxv5.New(e.pool), opts.Log)
	return e, err
}

// CheckPostgresURL says what is wrong with the address of a Postgres, its parameters, or the files that they name. Nothing is
// connected to, and the error shows no password.
func CheckPostgresURL(url string) error {
	_, err := parsePool(url)
	return err
}

func parsePool(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	return config, nil
}

// openPool connects. Each connection is set to setting too, where there is one.
func openPool(ctx context.Context, url string, conns int, setting string) (*pgxpool.Pool, error) {
	config, err := parsePool(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(conns)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if _, set := config.ConnConfig.RuntimeParams["application_name"]; !set {
		config.ConnConfig.RuntimeParams["application_name"] = "sluice"
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		// A process that is stopped inside a transaction keeps its locks, and would keep them for ever. What waits for the disk is
		// for each transaction to say, and not for a default of the server, the database or the role.
		_, err := c.Exec(ctx, "SET idle_in_transaction_session_timeout = '30s'; "+
			"SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; "+setting)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return pool, nil
}

func (e *postgresEngine) migrate(ctx context.Context, opts Options) error {
	return pgx.BeginFunc(ctx, e.intake, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"); err != nil { // a migration may take long
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return fmt.Errorf("wait for another replica's migration: %w", err)
		}
		db := stdlib.OpenDBFromPool(e.pool)
		defer db.Close()
		if err := migrate(ctx, goose.DialectPostgres, db, opts.Log); err != nil {
			return err
		}
		return migrateRiver(ctx, riverpgxv5.New(e.pool), opts.Log)
	})
}

func (e *postgresEngine) write(ctx context.Context, durable bool, f func(conn) error) error {
	on, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	c := &postgresWriter{on: on, durable: durable}
	defer c.end(ctx) // after a panic too
	if err := f(c); err != nil {
		return err
	}
	return c.commit(ctx)
}

func (e *postgresEngine) read(ctx context.Context, f func(conn) error) error {
	on, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	c := &postgresReader{on: on}
	defer c.end()
	return f(c)
}

func (e *postgresEngine) insertDrains(ctx context.Context, c conn, lanes []string, at time.Time) (map[string]int64, error) {
	tx, err := c.(*postgresWriter).begun(ctx)
	if err != nil {
		return nil, err
	}
	return e.jobs.insert(ctx, tx, lanes, at)
}

func (e *postgresEngine) removeDrain(ctx context.Context, c conn, id int64) (bool, error) {
	tx, err := c.(*postgresWriter).begun(ctx)
	if err != nil {
		return false, err
	}
	return e.jobs.remove(ctx, tx, id)
}

func (e *postgresEngine) clock() string {
	return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
}

// retryable: serialization failure, deadlock and a lock that was not had in time, and whatever pgx knows not to have reached the server. A connection
// lost at the commit is not among them: whether it was done only the caller's keys can tell.
func (e *postgresEngine) retryable(err error) bool {
	var problem *pgconn.PgError
	if errors.As(err, &problem) {
		return problem.Code == "40001" || problem.Code == "40P01" || problem.Code == "55P03"
	}
	return pgconn.SafeToRetry(err)
}

// lost: the server said that it ends the connection or is not ready, or said nothing.
func (e *postgresEngine) lost(err error) bool {
	var problem *pgconn.PgError
	if errors.As(err, &problem) {
		return goingDown(problem)
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// goingDown: the connection failed, or the server stops or starts (classes 08 and 57P).
func goingDown(problem *pgconn.PgError) bool {
	return strings.HasPrefix(problem.Code, "08") || strings.HasPrefix(problem.Code, "57P")
}

// passing: whatever is no answer of the server, and of its answers those about itself: read only, as a standby is (25), out
// of resources such as the disk (53), locked (55), called off or going down (57), an error of its system (58), and those
// after which a transaction is to be run again (40).
func (e *postgresEngine) passing(err error) bool {
	var problem *pgconn.PgError
	if !errors.As(err, &problem) || len(problem.Code) < 2 {
		return true
	}
	switch problem.Code[:2] {
	case "08", "25", "40", "53", "55", "57", "58":
		return true
	}
	return false
}

func (e *postgresEngine) probe(ctx context.Context, value string) error {
	_, err := e.intake.Exec(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", readyProbe, value)
	return err
}

// undurable asks for what no connection can set, and for what a pooler between may have taken back.
func (e *postgresEngine) undurable(ctx context.Context) (string, error) {
	var fsync, pages, commit string
	if err := e.pool.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')").
		Scan(&fsync, &pages, &commit); err != nil {
		return "", err
	}
	var off []string
	for _, of := range [][2]string{{"fsync", fsync}, {"full_page_writes", pages}, {"synchronous_commit", commit}} {
		if of[1] == "off" {
			off = append(off, of[0])
		}
	}
	if len(off) == 0 {
		return "", nil
	}
	return "Postgres runs with " + strings.Join(off, ", ") + " off: what it has acknowledged may be lost in a power cut", nil
}

func (e *postgresEngine) backup(context.Context, string) error {
	return errors.New("back up a Postgres database with pg_dump, or by your provider's snapshots")
}

func (e *postgresEngine) handles() Handles { return Handles{Postgres: e.pool} }

func (e *postgresEngine) close() error {
	for _, pool := range []*pgxpool.Pool{e.intake, e.pool} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}
