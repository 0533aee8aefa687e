package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresWriter is a transaction that writes. Its beginning, and every statement that nothing is to be learnt from (later),
// wait for the next one that has to be answered, or for the commit, and go along with it: one round trip for all of them.
type postgresWriter struct {
	on      *pgxpool.Conn
	durable bool
	tx      pgx.Tx // nil: it has not begun
	kept    []keptStatement
}

// keptStatement is a statement that was not sent yet.
type keptStatement struct {
	what, query string
	args        []any
}

func (c *postgresWriter) forUpdate() string { return " FOR UPDATE" }

func (c *postgresWriter) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if c.tx != nil && len(c.kept) == 0 {
		tag, err := c.on.Exec(ctx, numbered(query), args...)
		return tag.RowsAffected(), err
	}
	answers, err := c.send(ctx, numbered(query), args...)
	if err != nil {
		return 0, err
	}
	tag, err := answers.Exec()
	return tag.RowsAffected(), closed(answers, err)
}

func (c *postgresWriter) later(_ context.Context, what, query string, args ...any) error {
	c.kept = append(c.kept, keptStatement{what, numbered(query), args})
	return nil
}

func (c *postgresWriter) query(ctx context.Context, query string, args ...any) (rows, error) {
	if c.tx != nil && len(c.kept) == 0 {
		return c.on.Query(ctx, numbered(query), args...) //nolint:sqlclosecheck // who asked closes them
	}
	answers, err := c.send(ctx, numbered(query), args...)
	if err != nil {
		return nil, err
	}
	r, err := answers.Query()
	if err != nil {
		return nil, closed(answers, err)
	}
	return &lastRows{Rows: r, answers: answers}, nil
}

// send sends what waits and, behind it, a statement, whose answer is the next one of answers.
func (c *postgresWriter) send(ctx context.Context, query string, args ...any) (answers pgx.BatchResults, err error) {
	answers, err = c.sendKept(ctx, func(b *pgx.Batch) { b.Queue(query, args...) })
	if err != nil {
		return nil, closed(answers, err)
	}
	return answers, nil
}

// closed ends the answers and is the first error.
func closed(answers pgx.BatchResults, err error) error {
	if end := answers.Close(); err == nil {
		return end
	}
	return err
}

// sendKept sends what waits and what more adds, and reads the answers to what waited.
func (c *postgresWriter) sendKept(ctx context.Context, more func(*pgx.Batch)) (pgx.BatchResults, error) {
	var batch pgx.Batch
	if c.tx == nil {
		batch.BeginTx(pgx.TxOptions{})
		if !c.durable {
			batch.Queue("SET LOCAL synchronous_commit = off")
		}
	}
	begins := batch.Len()
	for _, s := range c.kept {
		batch.Queue(s.query, s.args...)
	}
	more(&batch)
	kept := c.kept
	c.kept = nil
	answers := c.on.SendBatch(ctx, &batch)
	if c.tx == nil {
		c.tx = answers.Tx()
	}
	for range begins {
		if _, err := answers.Exec(); err != nil {
			return answers, err
		}
	}
	for _, s := range kept {
		if _, err := answers.Exec(); err != nil {
			return answers, fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return answers, nil
}

// begun is the transaction for who does not go through this one: nothing waits any more.
func (c *postgresWriter) begun(ctx context.Context) (pgx.Tx, error) {
	if c.tx == nil || len(c.kept) > 0 {
		answers, err := c.sendKept(ctx, func(*pgx.Batch) {})
		if err := closed(answers, err); err != nil {
			return nil, err
		}
	}
	return c.tx, nil
}

// commit ends the transaction. One in which nothing was asked or written is none.
func (c *postgresWriter) commit(ctx context.Context) error {
	switch {
	case len(c.kept) > 0:
		answers, err := c.send(ctx, "COMMIT")
		if err != nil {
			return err
		}
		tag, err := answers.Exec()
		if err := closed(answers, err); err != nil {
			return err
		}
		if tag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return nil
	case c.tx != nil:
		return c.tx.Commit(ctx)
	}
	return nil
}

// end gives the connection back. What was not committed is rolled back; where that fails pgx closes the connection.
func (c *postgresWriter) end(ctx context.Context) {
	defer c.on.Release()
	if c.tx != nil && c.on.Conn().PgConn().TxStatus() != 'I' {
		_ = c.tx.Rollback(ctx)
	}
}
