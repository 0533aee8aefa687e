package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// ReferencePattern finds "#{namespace.name}", a reference to a variable. In parameters (Action.With) it is a text as a whole.
const ReferencePattern = `#\{([A-Za-z0-9_-]+)\.([A-Za-z0-9@_-]+)\}`

var referenceRE = lazyregexp.New(ReferencePattern)

// CheckParameter says what is wrong with a text of parameters; empty: nothing. A reference in it must be all of it.
func CheckParameter(text string) (problem string) {
	if _, whole := wholeReference(text); whole {
		return ""
	}
	if m := referenceRE.FindString(text); m != "" {
		return m + " stands inside other text; a reference must be the whole value, or be put into env"
	}
	return ""
}

// wholeReference tells whether s is a reference and nothing else, and to which variable.
func wholeReference(s string) (variable string, ok bool) {
	if !strings.HasPrefix(s, "#{") {
		return "", false
	}
	m := referenceRE.FindStringSubmatch(s)
	if m == nil || m[0] != s {
		return "", false
	}
	return m[1] + "." + m[2], true
}

// lookup finds a variable. The error names those that there are in the namespace.
func lookup(variable string, vars map[string]string) (string, error) {
	if v, ok := vars[variable]; ok {
		return v, nil
	}
	namespace, _, _ := strings.Cut(variable, ".")
	var known []string
	for name := range maps.Keys(vars) {
		if strings.HasPrefix(name, namespace+".") {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return "", fmt.Errorf("variable #{%s} is not set: nothing was exported to %s", variable, namespace)
	}
	slices.Sort(known)
	return "", fmt.Errorf("variable #{%s} is not set; exported: %s", variable, strings.Join(known, ", "))
}

// resolveWith copies parameters with every text that is exactly a reference replaced by its value. References inside
// longer text stay as they are: values come from builds and must not be pasted into what may become a command.
func resolveWith(with map[string]any, vars map[string]string) (map[string]any, error) {
	if with == nil {
		return nil, nil
	}
	v, err := resolveValue(with, vars)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

func resolveValue(v any, vars map[string]string) (any, error) {
	switch v := v.(type) {
	case string:
		variable, ok := wholeReference(v)
		if !ok {
			return v, nil
		}
		return lookup(variable, vars)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) { // in order, so that the same error comes every time
			r, err := resolveValue(v[k], vars)
			if err != nil {
				return nil, err
			}
			out[k] = r
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			r, err := resolveValue(v[i], vars)
			if err != nil {
				return nil, err
			}
			out[i] = r
		}
		return out, nil
	}
	return v, nil
}

// resolveEnv copies environment variables with every reference replaced, wherever it stands.
func resolveEnv(env, vars map[string]string) (map[string]string, error) {
	if env == nil {
		return nil, nil
	}
	out := make(map[string]string, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		var failed error
		out[k] = referenceRE.ReplaceAllStringFunc(env[k], func(m string) string {
			value, err := lookup(m[2:len(m)-1], vars)
			if failed == nil {
				failed = err
			}
			return value
		})
		if failed != nil {
			return nil, failed
		}
	}
	return out, nil
}
