package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Tx is a transaction with a method for everything that is stored. It is valid inside the function that was given it,
// for one goroutine. Methods named for a record return it; those with a plural return what is there, which may be
// nothing; a missing single record is ErrNotFound unless the method says otherwise.
type Tx struct {
	conn
	store *Store
	// raised are the lanes that got something to do; whoever listens is told after the commit.
	raised map[string]bool
	after  []func()
}

// AfterCommit has f called once the transaction is committed, and not at all if it is not. A retried transaction calls
// only what its last pass asked for.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// conn is the part of a transaction that differs between the engines. Statements are written with question marks.
type conn interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
	query(ctx context.Context, query string, args ...any) (rows, error)
	// later is exec for a statement of which only an error is of interest, which may come from a later call instead, the
	// commit at the latest. what is said before the error. args must not change any more.
	later(ctx context.Context, what, query string, args ...any) error
	// forUpdate is what a SELECT ends with that locks its rows until the end of the transaction.
	forUpdate() string
}

// rows is what *sql.Rows and pgx.Rows have in common.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

type sqliteConn struct {
	tx       *sql.Tx
	prepared *statements
}

func (c sqliteConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	var r sql.Result
	var err error
	if s := c.prepared.find(query); s != nil {
		r, err = c.tx.StmtContext(ctx, s).ExecContext(ctx, args...)
	} else {
		r, err = c.tx.ExecContext(ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (c sqliteConn) query(ctx context.Context, query string, args ...any) (rows, error) {
	var r *sql.Rows
	var err error
	if s := c.prepared.find(query); s != nil {
		r, err = c.tx.StmtContext(ctx, s).QueryContext(ctx, args...)
	} else {
		r, err = c.tx.QueryContext(ctx, query, args...)
	}
	if err != nil {
		return nil, err
	}
	return sqlRows{r}, nil
}

func (c sqliteConn) later(ctx context.Context, what, query string, args ...any) error {
	if _, err := c.exec(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// forUpdate: there is one writer, and it has the whole database.
func (c sqliteConn) forUpdate() string { return "" }

type sqlRows struct{ *sql.Rows }

func (r sqlRows) Close() { _ = r.Rows.Close() } // Err has reported what there is to report

// numbered turns the question marks of a statement into Postgres's $1, $2, …. No statement of this package has a
// question mark that is not a parameter.
func numbered(query string) string {
	b := make([]byte, 0, len(query)+16)
	n := 0
	for i := 0; i < len(query); i++ {
		if query[i] != '?' {
			b = append(b, query[i])
			continue
		}
		n++
		b = append(b, '$')
		if n >= 10 {
			b = append(b, byte('0'+n/10%10))
		}
		b = append(b, byte('0'+n%10))
	}
	return string(b)
}

// scalar reads one row of one statement into dest and tells whether there was one.
func (tx *Tx) scalar(ctx context.Context, dest []any, query string, args ...any) (bool, error) {
	r, err := tx.query(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if !r.Next() {
		return false, r.Err()
	}
	if err := r.Scan(dest...); err != nil {
		return false, err
	}
	r.Close()
	return true, r.Err()
}
