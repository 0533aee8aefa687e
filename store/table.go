package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// table is the mapping of a record to a table. All its statements are made from the one list of columns.
type table[T any] struct {
	name    string
	key     []string // the columns of the primary key
	columns func(*T) []column
}

// list returns the records that the clause selects: what stands after WHERE, with ORDER BY and LIMIT.
func (t table[T]) list(ctx context.Context, tx *Tx, clause string, args ...any) ([]T, error) {
	names := names(t.columns(new(T)))
	rows, err := tx.query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+t.name+" WHERE "+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		var record T
		if err := rows.Scan(destinations(t.columns(&record))...); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		found = append(found, record)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	return found, nil
}

// one returns the first record that the clause selects, or ErrNotFound.
func (t table[T]) one(ctx context.Context, tx *Tx, clause string, args ...any) (T, error) {
	return t.first(ctx, tx, clause+" LIMIT 1", args...)
}

// lock is one, and in a transaction that writes nobody else changes the record until its end.
func (t table[T]) lock(ctx context.Context, tx *Tx, clause string, args ...any) (T, error) {
	return t.first(ctx, tx, clause+" LIMIT 1"+tx.forUpdate(), args...)
}

func (t table[T]) first(ctx context.Context, tx *Tx, clause string, args ...any) (T, error) {
	found, err := t.list(ctx, tx, clause, args...)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s %v: %w", t.name, args, ErrNotFound)
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// insert adds the record and tells whether it did: false means that one with its key is there already.
func (t table[T]) insert(ctx context.Context, tx *Tx, record *T) (bool, error) {
	statement, args, err := t.writing(record, "DO NOTHING")
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, statement, args...)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", t.name, err)
	}
	return n > 0, nil
}

// put adds the record or overwrites the one with its key.
func (t table[T]) put(ctx context.Context, tx *Tx, record *T) error {
	var set []string
	for _, name := range names(t.columns(record)) {
		if !slices.Contains(t.key, name) {
			set = append(set, name+" = excluded."+name)
		}
	}
	statement, args, err := t.writing(record, "DO UPDATE SET "+strings.Join(set, ", "))
	if err != nil {
		return err
	}
	return tx.later(ctx, "write "+t.name, statement, args...)
}

// writing is the statement that adds the record, with its values.
func (t table[T]) writing(record *T, onConflict string) (statement string, args []any, err error) {
	columns := t.columns(record)
	if args, err = values(columns); err != nil {
		return "", nil, fmt.Errorf("write %s: %w", t.name, err)
	}
	return "INSERT INTO " + t.name + " (" + strings.Join(names(columns), ", ") + ") VALUES (?" +
		strings.Repeat(", ?", len(columns)-1) + ") ON CONFLICT (" + strings.Join(t.key, ", ") + ") " + onConflict, args, nil
}

// update overwrites the record that the clause selects and returns how many it found. The clause is what stands after
// WHERE.
func (t table[T]) update(ctx context.Context, tx *Tx, record *T, clause string, args ...any) (int64, error) {
	columns := t.columns(record)
	set, err := values(columns)
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", t.name, err)
	}
	n, err := tx.exec(ctx, "UPDATE "+t.name+" SET "+strings.Join(names(columns), " = ?, ")+" = ? WHERE "+clause, append(set, args...)...)
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", t.name, err)
	}
	return n, nil
}

func names(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func values(columns []column) ([]any, error) {
	values := make([]any, len(columns))
	for i, c := range columns {
		v, err := c.value()
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func destinations(columns []column) []any {
	fields := make([]any, len(columns))
	for i, c := range columns {
		fields[i] = c.field
	}
	return fields
}
