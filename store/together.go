package store

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"
)

// Together runs parts of which none needs what another one reads, in a transaction that reads. What they ask for at the same
// time is one round trip where the database is another process. They take turns, so that they may share variables, in an
// order that is not defined. The first error ends it.
func (tx *Tx) Together(ctx context.Context, parts ...func(*Tx) error) error {
	c, ok := tx.conn.(*postgresReader)
	if !ok {
		for _, part := range parts {
			if err := part(tx); err != nil {
				return err
			}
		}
		return nil
	}
	return c.together(ctx, tx.store, parts)
}

// question is a statement of one of several parts, and its answer.
type question struct {
	query string
	args  []any
	rows  pgx.Rows
}

// questioner is the transaction as one of several parts sees it: asked something, it lets the others go on until they have
// asked too.
type questioner struct {
	*postgresReader
	ask func(*question) bool
}

// errAnotherFailed is not seen by callers: the error that ended the other part is.
var errAnotherFailed = errors.New("something that is read together with this failed")

func (q questioner) query(_ context.Context, query string, args ...any) (rows, error) {
	asked := &question{query: numbered(query), args: args}
	if !q.ask(asked) {
		return nil, errAnotherFailed
	}
	return asked.rows, nil
}

// running is a part that waits for an answer.
type running struct {
	asks *question
	next func() (*question, bool)
	err  *error
}

func (c *postgresReader) together(ctx context.Context, of *Store, parts []func(*Tx) error) error {
	var waiting []running
	for _, part := range parts {
		r := running{err: new(error)}
		var stop func()
		r.next, stop = iter.Pull(func(ask func(*question) bool) {
			*r.err = part(&Tx{conn: questioner{c, ask}, store: of})
		})
		defer stop()
		more := false
		if r.asks, more = r.next(); more {
			waiting = append(waiting, r)
		} else if *r.err != nil {
			return *r.err
		}
	}
	for len(waiting) > 0 {
		var err error
		if waiting, err = c.answer(ctx, waiting); err != nil {
			return err
		}
	}
	return nil
}

// answer asks what all wait for, lets each go on with its answer, and returns those that ask for more.
func (c *postgresReader) answer(ctx context.Context, waiting []running) (more []running, err error) {
	var batch pgx.Batch
	began := c.begins(&batch)
	for _, r := range waiting {
		batch.Queue(r.asks.query, r.asks.args...)
	}
	answers := c.on.SendBatch(ctx, &batch)
	defer func() { err = closed(answers, err) }()
	if began {
		if _, err := answers.Exec(); err != nil {
			return nil, err
		}
	}
	for _, r := range waiting {
		if r.asks.rows, err = answers.Query(); err != nil {
			return nil, err
		}
		answered := r.asks.rows
		asks, goesOn := r.next()
		answered.Close()
		switch {
		case answered.Err() != nil:
			return nil, answered.Err()
		case *r.err != nil:
			return nil, *r.err
		case goesOn:
			r.asks = asks
			more = append(more, r)
		}
	}
	return more, nil
}
