package buildspec

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/document"
)

// Secrets finds the values that buildspecs name in env.parameter-store and env.secrets-manager.
type Secrets interface {
	// Find returns a value as far as the operator lets the repository have it. For a secret it is the whole value: Key
	// is not looked at. An error that executor.Permanent marked fails the build: there is no such value, or the
	// repository may not have it. Any other is worth a retry.
	Find(ctx context.Context, owner, repo string, l Lookup) (string, error)
}

// lookUp finds the values of a build's lookups. wrong says which line asks for what cannot be had.
func (e *Executor) lookUp(ctx context.Context, r executor.Request, spec *Spec) (values map[string]string, wrong *document.Error, err error) {
	if len(spec.Looked) == 0 {
		return nil, nil, nil
	}
	at := func(l Lookup, format string, args ...any) *document.Error {
		return &document.Error{File: spec.File, Line: l.Line, Column: 1, Problem: fmt.Sprintf("%s.%s: ", l.section(), l.Variable) + fmt.Sprintf(format, args...)}
	}
	if e.o.Lookup == nil {
		return nil, at(spec.Looked[0], "the operator has set up no place for secrets; it is done by --build-secrets"), nil
	}
	values = map[string]string{}
	for _, l := range spec.Looked {
		value, err := e.o.Lookup.Find(ctx, r.Owner, r.Repo, l)
		if executor.IsPermanent(err) {
			return nil, at(l, "%v", err), nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s.%s: %w", l.section(), l.Variable, err)
		}
		if l.Key != "" {
			if value, err = field(value, l.Key); err != nil {
				return nil, at(l, "secret %s: %v", l.Secret, err), nil
			}
		}
		if strings.ContainsRune(value, 0) {
			return nil, at(l, "the value holds a zero byte, which no variable can"), nil
		}
		values[l.Variable] = value
	}
	return values, nil, nil
}

// field takes one value out of a secret's JSON.
func field(value, key string) (string, error) {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if d.Decode(&object) != nil {
		return "", fmt.Errorf("its value is not a JSON object, so it has no key %s", key) // never with the value
	}
	switch v := object[key].(type) {
	case nil:
		return "", fmt.Errorf("its value has no key %s", key)
	case string:
		return v, nil
	case map[string]any, []any:
		text, err := json.Marshal(v)
		return string(text), err
	default:
		return fmt.Sprint(v), nil
	}
}
