package store

import (
	"context"
	"fmt"
)

// Setting returns a value of the installation as a whole, for example a cursor into GitHub's delivery log. One that was
// never set is empty.
func (tx *Tx) Setting(ctx context.Context, key string) (string, error) {
	var value string
	if _, err := tx.scalar(ctx, []any{&value}, "SELECT value FROM settings WHERE name = ?", key); err != nil {
		return "", fmt.Errorf("read setting %s: %w", key, err)
	}
	return value, nil
}

// SetSetting writes a value.
func (tx *Tx) SetSetting(ctx context.Context, key, value string) error {
	if _, err := tx.exec(ctx, "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		key, value); err != nil {
		return fmt.Errorf("write setting %s: %w", key, err)
	}
	return nil
}
