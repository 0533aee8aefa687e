package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements are the prepared statements of a SQLite pool. To prepare a statement takes SQLite longer than to run it; the
// texts are few, since every value is a parameter.
type statements struct {
	db *sql.DB

	mu    sync.Mutex
	known map[string]*sql.Stmt
	// wanted were run in a transaction without being known. They are prepared before the next one: in the midst of one
	// the writer's only connection is taken.
	wanted map[string]bool
}

// statementsMost bounds the statements kept.
const statementsMost = 256

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, known: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// find returns the prepared statement, or nil if it is not known yet.
func (s *statements) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	statement := s.known[query]
	if statement == nil && len(s.known)+len(s.wanted) < statementsMost {
		s.wanted[query] = true
	}
	return statement
}

// prepare prepares what was wanted. The caller holds no connection. What cannot be prepared is run as it is.
func (s *statements) prepare(ctx context.Context) {
	s.mu.Lock()
	if len(s.wanted) == 0 {
		s.mu.Unlock()
		return
	}
	wanted := s.wanted
	s.wanted = map[string]bool{}
	s.mu.Unlock()
	for query := range wanted {
		statement, err := s.db.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		s.mu.Lock()
		if s.known[query] == nil {
			s.known[query], statement = statement, nil
		}
		s.mu.Unlock()
		if statement != nil {
			_ = statement.Close() // another goroutine was faster
		}
	}
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, statement := range s.known {
		errs = append(errs, statement.Close())
	}
	s.known = map[string]*sql.Stmt{}
	return errors.Join(errs...)
}
