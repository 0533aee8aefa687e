package rehearse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
)

// Choice says which actions of a pipeline are run.
type Choice struct {
	// Only names stages, actions, or both as STAGE/ACTION; empty: all.
	Only []string
	// Until is the last one that is run, named the same way; empty: the last there is.
	Until string
	// Deploy are the environments that may be deployed to, Push lets images be pushed, Approve keeps approvals, which are
	// then given. Otherwise these are left out. A promotion and production are always left out: they are the server's.
	Deploy        []string
	Push, Approve bool
	// Unable says why an executor cannot run here, by its `uses:`.
	Unable map[string]string
}

// Left is an action that is left out, and why.
type Left struct{ Stage, Action, Why string }

// Choose takes out of a pipeline what is not to run. The definition handed in is not changed. An error says that nothing
// has such a name, that what was asked for cannot run here, or that nothing is left.
func Choose(d pipeline.Definition, c Choice) (pipeline.Definition, []Left, error) {
	for _, name := range append(slices.Clone(c.Only), c.Until) {
		if name != "" && !slices.ContainsFunc(names(d), func(n string) bool { return n == name }) {
			which := "the pipeline"
			if d.Kind != "" {
				which = "the " + d.Kind + " pipeline"
			}
			return d, nil, fmt.Errorf("%s has neither stage nor action %q; it has %s", which, name, strings.Join(all(d), ", "))
		}
	}
	out := d
	out.Stages = nil
	var left []Left
	ended := false
	for _, stage := range d.Stages {
		last, isLast := until(stage, c.Until)
		kept := stage
		kept.Actions = nil
		for _, a := range stage.Actions {
			asked := slices.ContainsFunc(c.Only, func(name string) bool { return matches(name, stage, a) })
			switch {
			case len(c.Only) > 0 && !asked, ended, isLast && last != nil && (order(a) > order(*last) || order(a) == order(*last) && a.Name != last.Name):
				continue // nobody asked for it
			}
			if why := c.why(a); why != "" {
				if slices.Contains(c.Only, a.Name) || slices.Contains(c.Only, stage.Name+"/"+a.Name) {
					return d, nil, fmt.Errorf("%s/%s cannot be run: %s", stage.Name, a.Name, why)
				}
				left = append(left, Left{stage.Name, a.Name, why})
				continue
			}
			kept.Actions = append(kept.Actions, a)
		}
		if len(kept.Actions) > 0 {
			out.Stages = append(out.Stages, kept)
		}
		ended = ended || isLast
	}
	if len(out.Stages) == 0 {
		var why []string
		for _, l := range left {
			why = append(why, fmt.Sprintf("%s/%s: %s", l.Stage, l.Action, l.Why))
		}
		return d, left, fmt.Errorf("nothing is left to run: %s", strings.Join(why, "; "))
	}
	return out, append(left, withoutStrayConditions(&out)...), nil
}

// withoutStrayConditions takes away conditions about variables of actions that are left out.
func withoutStrayConditions(d *pipeline.Definition) (left []Left) {
	exported := map[string]bool{"sluice": true, "variables": true}
	for _, stage := range d.Stages {
		for _, a := range stage.Actions {
			exported[cmp.Or(a.Namespace, a.Name)] = true
		}
	}
	for i := range d.Stages {
		stage := &d.Stages[i]
		for what, c := range map[string]**pipeline.Condition{"before_entry": &stage.BeforeEntry, "on_success": &stage.OnSuccess} {
			if *c == nil || !slices.ContainsFunc((*c).Rules, func(r pipeline.Rule) bool {
				namespace, _, _ := strings.Cut(r.Variable, ".")
				return !exported[namespace]
			}) {
				continue
			}
			*c = nil
			left = append(left, Left{stage.Name, what, "it asks for variables of an action that is left out"})
		}
	}
	return left
}

// why says why an action is left out; empty: it is not.
func (c Choice) why(a pipeline.Action) string {
	switch {
	case a.IsApproval() && !c.Approve:
		return "an approval is people's; --approve gives it"
	case a.IsApproval():
		return ""
	case a.IsPromote():
		return "only the server promotes"
	case a.Deploys && a.Environment == pipeline.EnvironmentProduction:
		return "only the server deploys to production"
	case a.Deploys && !slices.Contains(c.Deploy, a.Environment):
		return fmt.Sprintf("it deploys to %s; --deploy %s does", a.Environment, a.Environment)
	case c.Unable[a.Uses] != "":
		return c.Unable[a.Uses]
	case a.Uses == "image" && !c.Push:
		return "it pushes an image; --push does"
	}
	return ""
}

// until is the action of a stage that is the last; nil when the whole stage is.
func until(stage pipeline.Stage, name string) (last *pipeline.Action, is bool) {
	if name == stage.Name {
		return nil, true
	}
	for i, a := range stage.Actions {
		if name != "" && matches(name, stage, a) {
			return &stage.Actions[i], true
		}
	}
	return nil, false
}

func order(a pipeline.Action) int { return max(a.RunOrder, 1) }

func matches(name string, stage pipeline.Stage, a pipeline.Action) bool {
	return name == stage.Name || name == a.Name || name == stage.Name+"/"+a.Name
}

// names are all names by which something can be chosen.
func names(d pipeline.Definition) (out []string) {
	for _, s := range d.Stages {
		out = append(out, s.Name)
		for _, a := range s.Actions {
			out = append(out, a.Name, s.Name+"/"+a.Name)
		}
	}
	return out
}

// all are the names of the actions, with their stages.
func all(d pipeline.Definition) (out []string) {
	for _, s := range d.Stages {
		for _, a := range s.Actions {
			out = append(out, s.Name+"/"+a.Name)
		}
	}
	return out
}

// Need is something that an action takes and that nothing which is run makes.
type Need struct {
	By    string // STAGE/ACTION
	Name  string // of the artifact
	Maker string // STAGE/ACTION that makes it; empty: nothing does
	// Optional: a deployment that names no artifact takes all there are.
	Optional bool
}

// Needs lists the artifacts that chosen actions take from those of the whole pipeline that were not chosen.
func Needs(whole, chosen pipeline.Definition) (out []Need) {
	maker := map[string]string{}
	for _, s := range whole.Stages {
		for _, a := range s.Actions {
			for _, name := range a.Outputs {
				maker[name] = s.Name + "/" + a.Name
			}
		}
	}
	runs := all(chosen)
	for _, s := range chosen.Stages {
		for _, a := range s.Actions {
			for _, name := range a.Inputs {
				if !slices.Contains(runs, maker[name]) {
					out = append(out, Need{By: s.Name + "/" + a.Name, Name: name, Maker: maker[name]})
				}
			}
			if !a.Deploys || a.IsApproval() || len(a.Inputs) > 0 {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(maker)) {
				if !slices.Contains(runs, maker[name]) {
					out = append(out, Need{By: s.Name + "/" + a.Name, Name: name, Maker: maker[name], Optional: true})
				}
			}
		}
	}
	return out
}
