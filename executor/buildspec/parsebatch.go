package buildspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
)

// maxTasks is how many builds a batch may have, as in CodeBuild.
const maxTasks = 100

// BatchSpec is a batch: the builds that an action with `batch: true` runs.
type BatchSpec struct {
	Kind     string `json:"kind"` // build-list, build-graph, build-matrix or build-fanout
	Line     int    `json:"line"`
	FastFail bool   `json:"fast_fail,omitempty"`
	Tasks    []Task `json:"tasks,omitempty"` // none of a build-fanout
}

// Task is one build of a batch.
type Task struct {
	Identifier string `json:"identifier"`
	Line       int    `json:"line"`
	// Buildspec is the path of the task's own file; empty: the one that has the batch.
	Buildspec string `json:"buildspec,omitempty"`
	// Variables win over those of the file.
	Variables map[string]string `json:"variables,omitempty"`
	// After are the tasks that must have succeeded before.
	After []string `json:"after,omitempty"`
	// IgnoreFailure lets the batch succeed, and what comes after run, without it.
	IgnoreFailure bool `json:"ignore_failure,omitempty"`
}

// buildFanout is the kind of batch whose builds are told apart by a program of AWS's images.
const buildFanout = "build-fanout"

// batchKinds are the ways to write the builds of a batch.
var batchKinds = []string{"build-list", "build-graph", "build-matrix", buildFanout}

// batch reads the builds of a batch. What only AWS could do in them is refused, whether they are run or not.
func (r *reader) batch(s *Spec, e document.Entry) {
	b := &BatchSpec{}
	b.Line, _ = document.Position(e.At)
	var kinds []string
	for _, k := range r.Mapping(e.Value, "batch") {
		what := "batch." + k.Key
		switch {
		case k.Key == "fast-fail":
			b.FastFail = r.Yes(k, what)
			continue
		case !slices.Contains(batchKinds, k.Key):
			r.unknown(k, "batch.", append([]string{"fast-fail"}, batchKinds...)...)
			continue
		case k.Key == "build-matrix":
			b.Tasks = r.batchMatrix(k, what)
		case k.Key == buildFanout:
			r.batchFanout(k, what)
		default:
			b.Tasks = r.batchTasks(k, what)
		}
		kinds = append(kinds, k.Key)
	}
	switch {
	case len(kinds) == 0:
		r.Failf(e.At, "batch has none of %s", strings.Join(batchKinds, ", "))
		return
	case len(kinds) > 1:
		r.Failf(e.At, "batch has %s; it has one", strings.Join(kinds, " and "))
	case len(b.Tasks) == 0 && kinds[0] != buildFanout && r.Err() == nil:
		r.Failf(e.At, "batch.%s has no builds", kinds[0])
	case len(b.Tasks) > maxTasks:
		r.Failf(e.At, "batch has %d builds; at most %d are run", len(b.Tasks), maxTasks)
	}
	b.Kind = kinds[0]
	s.Batch = b
}

// batchTasks reads the tasks of a list or a graph.
func (r *reader) batchTasks(e document.Entry, what string) (out []Task) {
	var afters []document.Name
	for _, node := range r.Entries(e, what) {
		t := Task{}
		t.Line, _ = document.Position(node)
		for _, k := range r.Mapping(node, what) {
			switch k.Key {
			case "identifier":
				t.Identifier = r.Text(k, what+".identifier")
				if !identifierRE.MatchString(t.Identifier) {
					r.Failf(k.At, "%s.identifier: %q is not an identifier", what, t.Identifier)
				}
				if slices.ContainsFunc(out, func(o Task) bool { return o.Identifier == t.Identifier }) {
					r.Failf(k.At, "%s: two tasks are called %s", what, t.Identifier)
				}
			case "buildspec":
				t.Buildspec = r.glob(k, what+".buildspec", r.Text(k, what+".buildspec"))
			case "ignore-failure":
				t.IgnoreFailure = r.Yes(k, what+".ignore-failure")
			case "depend-on":
				list := r.List(k, what+".depend-on", "")
				for _, d := range list {
					t.After = append(t.After, d.Text)
				}
				afters = append(afters, list...)
			case "env":
				t.Variables = r.batchEnv(k, what+".env")
			case "debug-session":
				r.debugSession(k, what)
			default:
				r.unknown(k, what+".", "identifier", "buildspec", "env", "depend-on", "ignore-failure", "debug-session")
			}
		}
		if t.Identifier == "" {
			r.Failf(node, "%s: a task has no identifier", what)
		}
		out = append(out, t)
	}
	for _, d := range afters {
		if !slices.ContainsFunc(out, func(o Task) bool { return o.Identifier == d.Text }) {
			r.Failf(e.At, "%s.depend-on: there is no task %s (line %d)", what, d.Text, d.Line)
		}
	}
	if order := inTurn(out); len(order) < len(out) && r.Err() == nil {
		var circle []string
		for i, t := range out {
			if !slices.Contains(order, i) {
				circle = append(circle, t.Identifier)
			}
		}
		r.Failf(e.At, "%s.depend-on: %s wait for each other", what, strings.Join(circle, ", "))
	}
	return out
}

// inTurn are the places of tasks in the order of the file, but that each comes after those it waits for. Those that could never
// begin, because they wait for each other, are not among them.
func inTurn(tasks []Task) (order []int) {
	begun := map[string]bool{}
	for before := -1; before != len(order); {
		before = len(order)
		for i, t := range tasks {
			if !begun[t.Identifier] && !slices.ContainsFunc(t.After, func(a string) bool { return !begun[a] }) {
				begun[t.Identifier] = true
				order = append(order, i)
			}
		}
	}
	return order
}

func (r *reader) debugSession(k document.Entry, what string) {
	if r.Yes(k, what+".debug-session") {
		r.Failf(k.At, "%s.debug-session needs AWS Session Manager; the log streams while a build runs", what)
	}
}

// batchEnv reads the machine of a task: only AWS has its types of computers. It returns the variables.
func (r *reader) batchEnv(e document.Entry, what string) map[string]string {
	out := map[string]string{}
	for _, k := range r.Mapping(e.Value, what) {
		switch k.Key {
		case "compute-type", "image", "type", "fleet":
			r.Failf(k.At, "%s.%s chooses a computer of AWS's; builds run on this host", what, k.Key)
		case "privileged-mode":
			if r.Yes(k, what+".privileged-mode") {
				r.Failf(k.At, "%s.privileged-mode is refused: a build gets no privileges on this host", what)
			}
		case "variables":
			for _, v := range r.Mapping(k.Value, what+".variables") {
				if r.batchVariable(v, what) {
					out[v.Key] = r.Text(v, what+".variables."+v.Key)
				}
			}
		default:
			r.unknown(k, what+".", "variables", "privileged-mode", "compute-type", "image", "type")
		}
	}
	return out
}

func (r *reader) batchVariable(v document.Entry, what string) bool {
	if err := checkVariable(v.Key); err != nil {
		r.Failf(v.At, "%s.variables.%v", what, err)
		return false
	}
	return true
}

// batchMatrix reads a matrix: a build for each combination of what its lists have, in the order of the file.
func (r *reader) batchMatrix(e document.Entry, what string) []Task {
	line, _ := document.Position(e.At)
	out := []Task{{Line: line, Variables: map[string]string{}}}
	each := func(list []document.Name, set func(t *Task, value string)) {
		var more []Task
		for _, t := range out {
			for _, v := range list {
				next := t
				next.Variables = maps.Clone(t.Variables)
				set(&next, v.Text)
				more = append(more, next)
			}
		}
		if out = more; len(out) > maxTasks {
			out = out[:maxTasks+1] // which batch refuses
		}
	}
	for _, k := range r.Mapping(e.Value, what) {
		for _, inner := range r.Mapping(k.Value, what+"."+k.Key) {
			name := what + "." + k.Key + "." + inner.Key
			switch {
			case k.Key != "static" && k.Key != "dynamic":
			case inner.Key == "debug-session":
				r.debugSession(inner, what+"."+k.Key)
			case inner.Key == "ignore-failure":
				ignore := r.Yes(inner, name)
				for i := range out {
					out[i].IgnoreFailure = ignore
				}
			case inner.Key == "env" && k.Key == "static":
				variables := r.batchEnv(inner, name)
				for i := range out {
					maps.Copy(out[i].Variables, variables)
				}
			case inner.Key == "env":
				r.matrixEnv(inner, name, each)
			case inner.Key == "buildspec" && k.Key == "dynamic":
				list := r.List(inner, name, "")
				for i := range list {
					list[i].Text = r.glob(inner, name, list[i].Text)
				}
				each(list, func(t *Task, value string) { t.Buildspec = value })
			default:
				r.unknown(inner, what+"."+k.Key+".", "buildspec", "env", "ignore-failure", "debug-session")
			}
		}
		if k.Key != "static" && k.Key != "dynamic" {
			r.unknown(k, what+".", "static", "dynamic")
		}
	}
	for i := range out {
		out[i].Identifier = fmt.Sprintf("build%d", i+1)
	}
	return out
}

// matrixEnv reads lists of values of variables.
func (r *reader) matrixEnv(e document.Entry, what string, each func([]document.Name, func(*Task, string))) {
	for _, k := range r.Mapping(e.Value, what) {
		switch k.Key {
		case "compute-type", "image", "type", "fleet":
			r.Failf(k.At, "%s.%s chooses a computer of AWS's; builds run on this host", what, k.Key)
		case "variables":
			for _, v := range r.Mapping(k.Value, what+".variables") {
				if r.batchVariable(v, what) {
					each(r.List(v, what+".variables."+v.Key, ""), func(t *Task, value string) { t.Variables[v.Key] = value })
				}
			}
		default:
			r.unknown(k, what+".", "variables", "compute-type", "image", "type")
		}
	}
}

// batchFanout reads builds that share their tests.
func (r *reader) batchFanout(e document.Entry, what string) {
	for _, k := range r.Mapping(e.Value, what) {
		switch k.Key {
		case "parallelism":
			r.Text(k, what+".parallelism")
		case "ignore-failure":
			r.Yes(k, what+".ignore-failure")
		default:
			r.unknown(k, what+".", "parallelism", "ignore-failure")
		}
	}
}
