package githubactions

import (
	"fmt"
	"path"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// parameters are `with:`.
type parameters struct {
	workflow string            // file name in .github/workflows
	ref      string            // branch or tag whose workflow runs; empty: the branch of the execution
	inputs   map[string]string // sent as they are
	// sarif are the names of artifacts that hold what analysers found, threshold what of it is let pass.
	sarif     []string
	threshold sarif.Threshold
}

var (
	workflowRE = lazyregexp.New(`\A[A-Za-z0-9._-]+\.ya?ml\z`)
	inputRE    = lazyregexp.New(`\A[A-Za-z_][A-Za-z0-9_-]*\z`)
)

func read(with map[string]any) (parameters, error) {
	p := executor.Read(with)
	q := parameters{workflow: p.Required("workflow"), ref: p.String("ref"), inputs: p.Map("inputs")}
	var err error
	if q.sarif, q.threshold, err = sarif.Params(p); err != nil {
		return parameters{}, err
	}
	if err := p.Err(); err != nil {
		return parameters{}, err
	}
	if err := checkArtifacts(q.sarif); err != nil {
		return parameters{}, err
	}
	if !executor.IsReference(q.workflow) && !workflowRE.MatchString(q.workflow) {
		return parameters{}, executor.Permanentf("with.workflow: %q is not the name of a file in .github/workflows, like load.yml", q.workflow)
	}
	if strings.ContainsAny(q.ref, " ~^:?*[\\") || strings.Contains(q.ref, "..") {
		return parameters{}, executor.Permanentf("with.ref: %q is not a branch or tag", q.ref)
	}
	for name := range q.inputs {
		if !inputRE.MatchString(name) {
			return parameters{}, executor.Permanentf("with.inputs: %q is not a name for an input", name)
		}
		if strings.HasPrefix(name, "SLUICE_") {
			return parameters{}, executor.Permanentf("with.inputs: %s is set by Sluice itself; leave it out", name)
		}
	}
	return q, nil
}

func (p parameters) path() string { return path.Join(".github/workflows", p.workflow) }

// fill makes the inputs of a dispatch: those configured, the token, and the SLUICE_* variables that the workflow declares.
func (p parameters) fill(r executor.Request, w workflow) (map[string]string, error) {
	inputs := make(map[string]string, len(p.inputs)+4)
	for name, value := range p.inputs {
		if _, ok := w.inputs[name]; !ok {
			return nil, executor.Permanentf("with.inputs: %s does not declare the input %s under on.workflow_dispatch.inputs", p.workflow, name)
		}
		inputs[name] = value
	}
	for name, value := range r.Env {
		if _, ok := w.inputs[name]; ok && strings.HasPrefix(name, "SLUICE_") {
			inputs[name] = value
		}
	}
	inputs[tokenInput] = r.ID
	for name, in := range w.inputs {
		if _, ok := inputs[name]; !ok && in.Required && in.Default == nil {
			return nil, executor.Permanentf("%s requires the input %s; set with.inputs.%s", p.workflow, name, name)
		}
	}
	if len(inputs) > maxInputs {
		return nil, executor.Permanentf("%s would get %d inputs; GitHub takes %d", p.workflow, len(inputs), maxInputs)
	}
	return inputs, nil
}

// refOr is the ref that is dispatched.
func (p parameters) refOr(branch string) string {
	if p.ref != "" {
		return p.ref
	}
	return branch
}

func (p parameters) String() string { return fmt.Sprintf("workflow %s", p.workflow) }
