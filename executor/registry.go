package executor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Registry knows the executors by their `uses:`.
type Registry struct{ byUses map[string]Executor }

// NewRegistry makes a registry of the executors given by their `uses:`. The map is copied.
func NewRegistry(byUses map[string]Executor) *Registry {
	return &Registry{byUses: maps.Clone(byUses)}
}

// Lookup finds the executor for `uses:`. The error is permanent and names those there are.
func (r *Registry) Lookup(uses string) (Executor, error) {
	if e, ok := r.byUses[uses]; ok {
		return e, nil
	}
	return nil, Permanentf("uses: %q is not known here; known: %s", uses, strings.Join(r.Uses(), ", "))
}

// Uses lists what is known, sorted.
func (r *Registry) Uses() []string { return slices.Sorted(maps.Keys(r.byUses)) }

// Check looks at the parameters of an action, as Executor.Check does.
func (r *Registry) Check(uses string, with map[string]any) error {
	e, err := r.Lookup(uses)
	if err != nil {
		return err
	}
	if err := e.Check(with); err != nil {
		return fmt.Errorf("uses: %s: %w", uses, err)
	}
	return nil
}
