package pipeline

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Variable is something that may be said when an execution is started by hand: "#{variables.NAME}". Its value is shown to
// everybody who may see the execution, so it is no place for secrets.
type Variable struct {
	Name string `json:"name"`
	// Default holds where nothing was said: a push says nothing. It may be empty.
	Default     string `json:"default"`
	Description string `json:"description,omitempty"`
}

// Limits of variables, in characters and in number; they are CodePipeline's.
const (
	MaxVariables           = 50
	MaxVariableName        = 128
	MaxVariableValue       = 1000
	MaxVariableDescription = 200
)

// VariablesNamespace is the namespace of a definition's own variables; no action may have it.
const VariablesNamespace = "variables"

// variableNameRE is what a variable may be called.
var variableNameRE = lazyregexp.New(`\A[A-Za-z0-9@_-]+\z`)

// CheckVariables says what is wrong with values that somebody gives for variables, by name. The error is a *RefusedError.
func CheckVariables(declared []Variable, given map[string]string) error {
	names := make([]string, len(declared))
	for i, v := range declared {
		names[i] = v.Name
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		var err error
		switch problem := valueProblem(given[name]); {
		case len(names) == 0:
			_, err = refused("there is no variable %s: the pipeline declares none", name)
		case !slices.Contains(names, name):
			_, err = refused("there is no variable %s; the pipeline has %s", name, strings.Join(names, ", "))
		case problem != "":
			_, err = refused("the value of the variable %s %s", name, problem)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// valueProblem says what is wrong with a value; empty: nothing.
func valueProblem(value string) string {
	switch {
	case !utf8.ValidString(value):
		return "is no text in UTF-8"
	case utf8.RuneCountInString(value) > MaxVariableValue:
		return "is longer than 1000 characters"
	case strings.ContainsFunc(value, unicode.IsControl):
		return "has a line break or another control character in it"
	}
	return ""
}

// valued are the values of a definition's variables by their full names, and what was given of them.
func (d Definition) valued(given map[string]string) (values, taken map[string]string) {
	for _, v := range d.Variables {
		if values == nil {
			values = make(map[string]string, len(d.Variables))
		}
		value, said := given[v.Name]
		switch {
		case !said:
			value = v.Default
		case taken == nil:
			taken = map[string]string{v.Name: value}
		default:
			taken[v.Name] = value
		}
		values[VariablesNamespace+"."+v.Name] = value
	}
	return values, taken
}

// declares tells whether the definition has a variable, given by its full name.
func (d Definition) declares(variable string) bool {
	name, ours := strings.CutPrefix(variable, VariablesNamespace+".")
	return ours && slices.ContainsFunc(d.Variables, func(v Variable) bool { return v.Name == name })
}

// variables finds what is wrong with a definition's variables.
func (v *validation) variables() {
	if n := len(v.d.Variables); n > MaxVariables {
		v.report(-1, -1, "variables", "there are %d; a pipeline has %d at most", n, MaxVariables)
	}
	for i, one := range v.d.Variables {
		field := "variables." + one.Name
		if len(one.Name) > MaxVariableName || !variableNameRE.MatchString(one.Name) {
			v.report(-1, -1, field, "use letters, digits, dashes, underscores and @, %d at most", MaxVariableName)
		}
		if slices.ContainsFunc(v.d.Variables[:i], func(o Variable) bool { return o.Name == one.Name }) {
			v.report(-1, -1, field, "there are two of this name")
		}
		if problem := valueProblem(one.Default); problem != "" {
			v.report(-1, -1, field+".default", "it %s", problem)
		}
		if utf8.RuneCountInString(one.Description) > MaxVariableDescription {
			v.report(-1, -1, field+".description", "it is longer than %d characters", MaxVariableDescription)
		}
	}
}
