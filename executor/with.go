package executor

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Params reads the parameters of `with:`, key by key, and collects what is wrong with them. A key that was never asked
// for is wrong too, so that a misspelt one is found. Use Read, ask for every key, then Err.
//
// Check sees values before references are resolved, so a reference ("#{namespace.name}") is accepted wherever a single
// value is asked for: as a text it reads as it stands, as anything else as the zero value.
type Params struct {
	with map[string]any
	used map[string]bool
	errs []error
}

// Read starts reading with.
func Read(with map[string]any) *Params { return &Params{with: with, used: map[string]bool{}} }

// Err returns everything that is wrong, each error naming its key; nil when nothing is. The error is permanent.
func (p *Params) Err() error {
	errs := slices.Clone(p.errs)
	for _, k := range slices.Sorted(maps.Keys(p.with)) {
		if !p.used[k] {
			errs = append(errs, fmt.Errorf("with.%s is not known; known: %s", k,
				strings.Join(slices.Sorted(maps.Keys(p.used)), ", ")))
		}
	}
	return Permanent(errors.Join(errs...))
}

// IsReference tells whether v stands for a variable that is not resolved yet.
func IsReference(v any) bool {
	s, ok := v.(string)
	return ok && strings.HasPrefix(s, "#{") && strings.HasSuffix(s, "}")
}

// Has tells whether the key is there.
func (p *Params) Has(key string) bool {
	p.used[key] = true
	v, ok := p.with[key]
	return ok && v != nil
}

func (p *Params) wrong(key, want string) {
	p.errs = append(p.errs, fmt.Errorf("with.%s: want %s, got %T", key, want, p.with[key]))
}

// scalar writes a number as people do: after a trip through JSON 1000000 is a float64 and must not become 1e+06.
func scalar(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// Required reads a text that must be there and not empty.
func (p *Params) Required(key string) string {
	s := p.String(key)
	if v, ok := p.with[key]; !ok || v == nil || v == "" {
		p.errs = append(p.errs, fmt.Errorf("with.%s is required", key))
	}
	return s
}

// String reads a text; absent is empty. Numbers and booleans are taken as they are written.
func (p *Params) String(key string) string {
	if !p.Has(key) {
		return ""
	}
	switch v := p.with[key].(type) {
	case string:
		return v
	case bool, int, int64, uint64, float64:
		return scalar(v)
	}
	p.wrong(key, "a text")
	return ""
}

// Int reads a whole number; absent is 0.
func (p *Params) Int(key string) int64 {
	if !p.Has(key) || IsReference(p.with[key]) {
		return 0
	}
	switch v := p.with[key].(type) {
	case int:
		return int64(v)
	case int64:
		return v
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	p.wrong(key, "a whole number")
	return 0
}

// Bool reads true or false; absent is false.
func (p *Params) Bool(key string) bool {
	if !p.Has(key) || IsReference(p.with[key]) {
		return false
	}
	v, ok := p.with[key].(bool)
	if !ok {
		p.wrong(key, "true or false")
	}
	return v
}

// Duration reads a duration like "90s" or "10m"; absent is 0.
func (p *Params) Duration(key string) time.Duration {
	s := p.String(key)
	if s == "" || IsReference(s) {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		p.errs = append(p.errs, fmt.Errorf("with.%s: %q is not a duration; write it like 90s or 10m", key, s))
		return 0
	}
	return d
}

// Strings reads a list of texts; a single text is a list of one.
func (p *Params) Strings(key string) []string {
	if !p.Has(key) {
		return nil
	}
	switch v := p.with[key].(type) {
	case string:
		return []string{v}
	case []string:
		return slices.Clone(v)
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				p.wrong(key, "a list of texts")
				return nil
			}
			out = append(out, s)
		}
		return out
	}
	p.wrong(key, "a list of texts")
	return nil
}

// Map reads a mapping of names to texts. Numbers and booleans are taken as they are written.
func (p *Params) Map(key string) map[string]string {
	if !p.Has(key) {
		return nil
	}
	switch v := p.with[key].(type) {
	case map[string]string:
		return maps.Clone(v)
	case map[string]any:
		out := make(map[string]string, len(v))
		for k, e := range v {
			switch e := e.(type) {
			case string:
				out[k] = e
			case bool, int, int64, uint64, float64:
				out[k] = scalar(e)
			default:
				p.wrong(key+"."+k, "a text")
			}
		}
		return out
	}
	p.wrong(key, "a mapping of names to texts")
	return nil
}
