package store

import (
	"context"
	"fmt"
	"strings"
)

// Ready tells whether the store can take a delivery in: it answers, and the last deliveries could be stored. After a
// failure, for example of a full disk, it tries to write as much as a large delivery, so that it becomes ready again by
// itself.
func (s *Store) Ready(ctx context.Context) error {
	probe := s.Read
	if s.intake != nil && s.intake.failed.Load() {
		probe = s.Write
	}
	if err := probe(ctx, func(tx *Tx) error {
		if s.intake == nil || !s.intake.failed.Load() {
			_, err := tx.Setting(ctx, readyProbe)
			return err
		}
		if err := tx.SetSetting(ctx, readyProbe, strings.Repeat("sluice ", 10<<10)); err != nil {
			return err
		}
		return tx.SetSetting(ctx, readyProbe, "")
	}); err != nil {
		return fmt.Errorf("the database does not store: %w", err)
	}
	if s.intake != nil {
		s.intake.failed.Store(false)
	}
	return nil
}

// readyProbe is the setting that is written to see whether writing works.
const readyProbe = "store.ready"
