package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// readiness is what was found out last about whether the database stores.
type readiness struct {
	mu  sync.Mutex // held while it is found out
	at  time.Time
	err error
}

// What Ready finds out holds for a second, so that however often it is asked the database is written to once in it. A probe
// that takes longer than two has failed.
const (
	readyFor     = time.Second
	probeTimeout = 2 * time.Second
)

// readyProbe is the setting that is written to see whether writing works.
const readyProbe = "store.ready"

// Ready tells whether the store can take a delivery in. It knows so from a batch that was stored within the last second, or
// else writes a small value in the way of a batch: to a disk that is full or read only, or to a standby, that fails. After
// a batch that was not stored it writes as much as a large delivery. What it found out holds for a second.
func (s *Store) Ready(ctx context.Context) error {
	if s.intake == nil {
		return errors.New("the database is open for reading only")
	}
	if !s.intake.failed.Load() && time.Since(time.Unix(0, s.intake.stored.Load())) < readyFor {
		return nil
	}
	r := &s.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout) // others rely on what is found out
	defer cancel()
	if err := s.probe(ctx); err != nil {
		r.err = fmt.Errorf("the database does not store: %w", err)
	} else {
		r.err = nil
	}
	r.at = time.Now()
	return r.err
}

// probe writes, and forgets a failure when that works.
func (s *Store) probe(ctx context.Context) error {
	if s.intake.failed.Load() {
		if err := s.engine.probe(ctx, strings.Repeat("sluice ", 10<<10)); err != nil {
			return err
		}
	}
	if err := s.engine.probe(ctx, ""); err != nil {
		return err
	}
	s.intake.failed.Store(false)
	return nil
}
