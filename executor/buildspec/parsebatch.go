package buildspec

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
)

// batchKinds are the ways to write the builds of a batch.
var batchKinds = []string{"build-list", "build-graph", "build-matrix", "build-fanout"}

// batch checks the builds of a batch. They are not started: an action is one build, as StartBuild is, and CodeBuild then
// passes the section over too. What only AWS could do in them is refused nevertheless, since somebody meant it.
func (r *reader) batch(s *Spec, e document.Entry) {
	var kinds []string
	for _, k := range r.Mapping(e.Value, "batch") {
		switch {
		case k.Key == "fast-fail":
			r.Yes(k, "batch.fast-fail")
		case slices.Contains(batchKinds, k.Key):
			kinds = append(kinds, k.Key)
			if k.Key == "build-list" || k.Key == "build-graph" {
				r.batchTasks(k, "batch."+k.Key)
			} else {
				r.batchKeys(k, "batch."+k.Key)
			}
		default:
			r.unknown(k, "batch.", append([]string{"fast-fail"}, batchKinds...)...)
		}
	}
	switch {
	case len(kinds) == 0:
		r.Failf(e.At, "batch has none of %s", strings.Join(batchKinds, ", "))
	case len(kinds) > 1:
		r.Failf(e.At, "batch has %s; it has one", strings.Join(kinds, " and "))
	default:
		r.remark(s, e, "batch: an action is one build, so %s is not started; write several actions into the pipeline, they run in parallel", kinds[0])
	}
}

// batchTasks reads the tasks of a list or a graph.
func (r *reader) batchTasks(e document.Entry, what string) {
	seen := map[string]bool{}
	for _, task := range r.Entries(e, what) {
		identifier := ""
		for _, k := range r.Mapping(task, what) {
			switch k.Key {
			case "identifier":
				identifier = r.Text(k, what+".identifier")
				if seen[identifier] {
					r.Failf(k.At, "%s: two tasks are called %s", what, identifier)
				}
				seen[identifier] = true
			case "buildspec":
				r.Text(k, what+".buildspec")
			case "ignore-failure":
				r.Yes(k, what+".ignore-failure")
			case "depend-on":
				r.List(k, what+".depend-on", "")
			case "env":
				r.batchEnv(k, what+".env")
			case "debug-session":
				r.debugSession(k, what)
			default:
				r.unknown(k, what+".", "identifier", "buildspec", "env", "depend-on", "ignore-failure", "debug-session")
			}
		}
		if identifier == "" {
			r.Failf(task, "%s: a task has no identifier", what)
		}
	}
}

func (r *reader) debugSession(k document.Entry, what string) {
	if r.Yes(k, what+".debug-session") {
		r.Failf(k.At, "%s.debug-session needs AWS Session Manager; the log streams while a build runs", what)
	}
}

// batchEnv reads the machine of a task: only AWS has its types of computers.
func (r *reader) batchEnv(e document.Entry, what string) {
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
				if why := dangerous(v.Key); why != "" {
					r.Failf(v.At, "%s.variables.%s is refused: %s", what, v.Key, why)
				}
			}
		default:
			r.unknown(k, what+".", "variables", "privileged-mode", "compute-type", "image", "type")
		}
	}
}

// batchKeys reads a matrix (static and dynamic) or a fan-out.
func (r *reader) batchKeys(e document.Entry, what string) {
	for _, k := range r.Mapping(e.Value, what) {
		switch k.Key {
		case "static", "dynamic":
			for _, inner := range r.Mapping(k.Value, what+"."+k.Key) {
				switch inner.Key {
				case "env":
					r.batchEnv(inner, what+"."+k.Key+".env")
				case "ignore-failure":
					r.Yes(inner, what+"."+k.Key+".ignore-failure")
				case "debug-session":
					r.debugSession(inner, what)
				case "buildspec":
				default:
					r.unknown(inner, what+"."+k.Key+".", "buildspec", "env", "ignore-failure", "debug-session")
				}
			}
		case "parallelism":
			r.Text(k, what+".parallelism")
		case "ignore-failure":
			r.Yes(k, what+".ignore-failure")
		default:
			r.unknown(k, what+".", "static", "dynamic", "parallelism", "ignore-failure")
		}
	}
}
