package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresReader is a transaction that sees one state of the database and cannot change it. Most read one thing only, so it
// begins along with its first statement, and nobody waits for its end: a read takes one round trip and not three.
type postgresReader struct {
	on    *pgxpool.Conn
	begun bool
}

// errReadOnly: package store changes nothing in Read.
var errReadOnly = errors.New("a statement that changes something, in a transaction that reads")

func (c *postgresReader) exec(context.Context, string, ...any) (int64, error) { return 0, errReadOnly }

func (c *postgresReader) later(context.Context, string, string, ...any) error { return errReadOnly }

func (c *postgresReader) forUpdate() string { return "" }

func (c *postgresReader) query(ctx context.Context, query string, args ...any) (rows, error) {
	if c.begun {
		return c.on.Query(ctx, numbered(query), args...) //nolint:sqlclosecheck // who asked closes them
	}
	var batch pgx.Batch
	c.begins(&batch)
	batch.Queue(numbered(query), args...)
	answers := c.on.SendBatch(ctx, &batch)
	if _, err := answers.Exec(); err != nil {
		return nil, errors.Join(err, answers.Close())
	}
	r, err := answers.Query()
	if err != nil {
		return nil, errors.Join(err, answers.Close())
	}
	return &lastRows{Rows: r, answers: answers}, nil
}

// begins begins the transaction with what is about to be sent, and tells whether it has not begun before.
func (c *postgresReader) begins(batch *pgx.Batch) bool {
	if c.begun {
		return false
	}
	c.begun = true
	batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	return true
}

// end gives the connection back, once the transaction is over. One that cannot be ended is closed by the pool.
func (c *postgresReader) end() {
	if !c.begun {
		c.on.Release()
		return
	}
	go func() {
		defer c.on.Release()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = c.on.Exec(ctx, "COMMIT")
	}()
}

// lastRows are the rows of the last statement of several that were sent together.
type lastRows struct {
	pgx.Rows
	answers pgx.BatchResults
}

func (r *lastRows) Close() {
	r.Rows.Close()
	_ = r.answers.Close() // Err reports what there is to report
}
