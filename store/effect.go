package store

import (
	"context"
	"fmt"
	"unicode/utf8"
)

func effects() table[Effect] {
	return table[Effect]{"effects", []string{"effect_key"}, func(e *Effect) []column {
		return []column{
			{"effect_key", &e.Key}, {"repo_id", &e.RepoID}, {"kind", &e.Kind}, {"intent", blob{&e.Intent}}, {"done", &e.Done},
			{"result", blob{&e.Result}}, {"attempts", &e.Attempts}, {"created_at", micros{&e.CreatedAt}},
			{"updated_at", micros{&e.UpdatedAt}},
		}
	}}
}

// Effect returns the effect with the key.
func (tx *Tx) Effect(ctx context.Context, key string) (Effect, error) {
	return effects().one(ctx, tx, "effect_key = ?", key)
}

// Intend writes down that an effect is about to be done, and returns it as it stands: one that was intended before keeps
// its first Intent and comes back with Attempts counted up, and Done and Result if it has been done.
func (tx *Tx) Intend(ctx context.Context, e Effect) (Effect, error) {
	now := tx.store.now()
	e.Done, e.Result, e.Attempts, e.CreatedAt, e.UpdatedAt = false, nil, 1, now, now
	added, err := effects().insert(ctx, tx, &e)
	if err != nil || added {
		return e, err
	}
	if err := tx.later(ctx, "intend "+e.Key, "UPDATE effects SET attempts = attempts + 1, updated_at = ? WHERE effect_key = ? AND done = ?",
		toMicros(now), e.Key, false); err != nil {
		return Effect{}, err
	}
	return tx.Effect(ctx, e.Key)
}

// EffectDone writes what came of an effect. Of an effect that is done already the first result stays.
func (tx *Tx) EffectDone(ctx context.Context, key string, result []byte) error {
	n, err := tx.exec(ctx, "UPDATE effects SET result = CASE WHEN done THEN result ELSE ? END, done = ?, updated_at = ? WHERE effect_key = ?",
		append([]byte{}, result...), true, toMicros(tx.store.now()), key)
	if err != nil {
		return fmt.Errorf("effect %s: %w", key, err)
	}
	if n == 0 {
		return fmt.Errorf("effect %s: %w", key, ErrNotFound)
	}
	return nil
}

// Effects returns the effects of a repository whose kind starts with the prefix, oldest first.
func (tx *Tx) Effects(ctx context.Context, repo int64, kindPrefix string) ([]Effect, error) {
	return effects().list(ctx, tx, "repo_id = ? AND substr(kind, 1, ?) = ? ORDER BY created_at, effect_key",
		repo, utf8.RuneCountInString(kindPrefix), kindPrefix)
}
