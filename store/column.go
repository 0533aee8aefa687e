package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// column ties a column's name to the field it is read into and written from. field is a pointer to a plain value, or a
// codec of this file; it serves both directions, so a record's mapping is written down once.
type column struct {
	name  string
	field any
}

// codec is what a field needs whose Go type is not a column type.
type codec interface {
	sql.Scanner
	driver.Valuer
}

// value is what the field sends to the database.
func (c column) value() (any, error) {
	switch p := c.field.(type) {
	case *string:
		return *p, nil
	case *int:
		return int64(*p), nil
	case *int64:
		return *p, nil
	case *bool:
		return *p, nil
	case codec:
		return p.Value()
	}
	return nil, fmt.Errorf("column %s: no way to store %T", c.name, c.field)
}

// micros stores a time as whole microseconds since 1970 in UTC, the zero time as 0: the same on both engines, compared
// and sorted as numbers.
type micros struct{ t *time.Time }

func (m micros) Value() (driver.Value, error) { return toMicros(*m.t), nil }

func (m micros) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T, want a whole number", v)
	}
	*m.t = fromMicros(n)
	return nil
}

func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// text stores a named string type.
type text[T ~string] struct{ s *T }

func (t text[T]) Value() (driver.Value, error) { return string(*t.s), nil }

func (t text[T]) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*t.s = T(v)
	case []byte:
		*t.s = T(v)
	default:
		return fmt.Errorf("a text is stored as %T", v)
	}
	return nil
}

// blob stores bytes. Nil and empty are the same and come back as nil.
type blob struct{ b *[]byte }

func (b blob) Value() (driver.Value, error) {
	if *b.b == nil {
		return []byte{}, nil
	}
	return *b.b, nil
}

func (b blob) Scan(v any) error {
	raw, err := rawBytes(v)
	if err != nil {
		return err
	}
	*b.b = append([]byte(nil), raw...)
	return nil
}

// words stores IDs, which hold no blanks, with a blank between them.
type words struct{ list *[]string }

func (w words) Value() (driver.Value, error) { return strings.Join(*w.list, " "), nil }

func (w words) Scan(v any) error {
	raw, err := rawBytes(v)
	if err != nil {
		return err
	}
	*w.list = nil
	if len(raw) > 0 {
		*w.list = strings.Fields(string(raw))
	}
	return nil
}

// document stores a value as JSON.
type document struct{ v any }

func (d document) Value() (driver.Value, error) { return json.Marshal(d.v) }

func (d document) Scan(v any) error {
	raw, err := rawBytes(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, d.v)
}

func rawBytes(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	case nil:
		return nil, nil
	}
	return nil, fmt.Errorf("bytes are stored as %T", v)
}

// user maps an account to its three columns: <name>_id, <name>_login, <name>_bot.
func user(name string, u *forge.User) []column {
	return []column{{name + "_id", &u.ID}, {name + "_login", &u.Login}, {name + "_bot", &u.Bot}}
}

func columns(parts ...[]column) []column {
	var all []column
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
