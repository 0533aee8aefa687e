package githubactions

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// tokenInput is the input by which a run is found again.
const tokenInput = "SLUICE_ACTION_ID"

// Limits of what is read and sent.
const (
	maxInputs   = 25        // GitHub's, of a dispatch
	maxWorkflow = 256 << 10 // bytes of a workflow file
	maxDepth    = 64        // of nesting
)

// workflow is what matters of a workflow file.
type workflow struct {
	runName string
	inputs  map[string]input
}

type input struct {
	Required bool `yaml:"required"`
	Default  any  `yaml:"default"`
}

var tokenRE = lazyregexp.New(`\$\{\{[^}]*\b(?:inputs|github\.event\.inputs)\.` + tokenInput + `\b[^}]*\}\}`)

// parse reads a workflow file. People with write access wrote it, so what would take long to read is refused first.
func parse(name string, data []byte) (workflow, error) {
	if len(data) > maxWorkflow || depth(data) > maxDepth {
		return workflow{}, executor.Permanentf("%s is larger than %d bytes or nested deeper than %d", name, maxWorkflow, maxDepth)
	}
	runName, events, err := top(data)
	if err != nil {
		return workflow{}, executor.Permanentf("%s cannot be read: %s", name, firstLine(yaml.FormatError(err, false, false)))
	}
	w := workflow{runName: runName}
	dispatched := false
	switch on := events.(type) {
	case string:
		dispatched = on == "workflow_dispatch"
	case []any:
		for _, event := range on {
			dispatched = dispatched || event == "workflow_dispatch"
		}
	case map[string]any:
		var event any
		event, dispatched = on["workflow_dispatch"]
		w.inputs = inputsOf(event)
	}
	if !dispatched {
		return workflow{}, executor.Permanentf("%s cannot be dispatched; add workflow_dispatch to its on:", name)
	}
	if _, ok := w.inputs[tokenInput]; !ok || !tokenRE.MatchString(w.runName) {
		return workflow{}, executor.Permanentf(
			"a run of %s could not be found again after a crash; declare the input %s under on.workflow_dispatch.inputs and "+
				"carry it in the run's name: run-name: %s ${{ inputs.%s }}", name, tokenInput, strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml"), tokenInput)
	}
	return w, nil
}

// top reads run-name and on. Only they are unfolded, and neither may hold an alias: a few lines of those can stand for
// billions of values.
func top(data []byte) (runName string, on any, err error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return "", nil, err
	}
	if len(file.Docs) != 1 {
		return "", nil, fmt.Errorf("it has %d documents", len(file.Docs))
	}
	body, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return "", nil, errors.New("it is not a mapping")
	}
	for _, v := range body.Values {
		var into any
		switch v.Key.String() {
		case "run-name":
			into = &runName
		case "on", `"on"`, "'on'":
			into = &on
		default:
			continue
		}
		if len(ast.Filter(ast.AliasType, v)) > 0 {
			return "", nil, fmt.Errorf("%s has an alias; write it out", v.Key)
		}
		if err := yaml.NodeToValue(v.Value, into); err != nil {
			return "", nil, err
		}
	}
	return runName, on, nil
}

func inputsOf(event any) map[string]input {
	inputs := map[string]input{}
	m, _ := event.(map[string]any)
	declared, _ := m["inputs"].(map[string]any)
	for name, v := range declared {
		fields, _ := v.(map[string]any)
		required, _ := fields["required"].(bool)
		inputs[name] = input{Required: required, Default: fields["default"]}
	}
	return inputs
}

// depth is a bound on how deep a YAML text can be nested: by brackets, by indentation, by dashes in a row.
func depth(data []byte) int {
	deepest, brackets := 0, 0
	for line := range strings.Lines(string(data)) {
		indent := 0
		for _, c := range line {
			if c != ' ' && c != '-' && c != '?' && c != '\t' {
				break
			}
			indent++
		}
		nested := (indent + 1) / 2
		if strings.TrimSpace(line) == "" {
			nested = 0
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				brackets++
			case ']', '}':
				brackets = max(brackets-1, 0)
			}
			deepest = max(deepest, nested+brackets)
		}
	}
	return deepest
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
