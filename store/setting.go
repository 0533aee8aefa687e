package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Setting returns a value of the installation as a whole, for example a cursor into GitHub's delivery log, or of a repository:
// then its ID is the second part of the name ("queue-pardon/42"). One that was never set is empty.
func (tx *Tx) Setting(ctx context.Context, key string) (string, error) {
	var value string
	if _, err := tx.scalar(ctx, []any{&value}, "SELECT value FROM settings WHERE name = ?", key); err != nil {
		return "", fmt.Errorf("read setting %s: %w", key, err)
	}
	return value, nil
}

// SetSetting writes a value.
func (tx *Tx) SetSetting(ctx context.Context, key, value string) error {
	return tx.later(ctx, "write setting "+key,
		"INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, seen_at = 0", key, value)
}

// DeleteSetting removes a value. One that is not there is no error.
func (tx *Tx) DeleteSetting(ctx context.Context, key string) error {
	return tx.later(ctx, "delete setting "+key, "DELETE FROM settings WHERE name = ?", key)
}

// settingsOf names the settings of a repository.
func (tx *Tx) settingsOf(ctx context.Context, repo int64) ([]string, error) {
	id := strconv.FormatInt(repo, 10)
	rows, err := tx.query(ctx, "SELECT name FROM settings WHERE name LIKE ?", "%/"+id+"%")
	if err != nil {
		return nil, fmt.Errorf("settings of repository %d: %w", repo, err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("settings of repository %d: %w", repo, err)
		}
		if parts := strings.Split(name, "/"); parts[1] == id {
			names = append(names, name)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("settings of repository %d: %w", repo, err)
	}
	return names, nil
}
