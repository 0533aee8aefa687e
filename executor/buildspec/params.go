package buildspec

import (
	"fmt"
	"io/fs"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/sarif"
)

// params are the parameters in `with:`.
type params struct {
	file    string
	batch   bool   // run the builds of the file's batch
	network string // host or none
	env     map[string]string
	// sarif are globs for files of analysers, threshold what of their results is let pass.
	sarif     []string
	threshold sarif.Threshold
}

// Check takes file (a path in the repository, default buildspec.yml), batch (true runs the builds of the file's batch), network (host, the default, or none), env (a
// mapping that wins over the file's variables), and sarif, sarif_fail_on and sarif_max (sarif.Params).
func (e *Executor) Check(with map[string]any) error {
	_, err := readParams(with)
	return err
}

func readParams(with map[string]any) (params, error) {
	r := executor.Read(with)
	p := params{file: r.String("file"), batch: r.Bool("batch"), network: r.String("network"), env: r.Map("env")}
	var err error
	if p.sarif, p.threshold, err = sarif.Params(r); err != nil {
		return p, err
	}
	if err := r.Err(); err != nil {
		return p, err
	}
	if err := checkGlobs(p.sarif); err != nil {
		return p, err
	}
	if p.file == "" {
		p.file = DefaultFile
	}
	if !executor.IsReference(p.file) && (!fs.ValidPath(p.file) || p.file == ".") {
		return p, executor.Permanentf("with.file: %q is not the path of a file in the repository", p.file)
	}
	switch p.network {
	case "":
		p.network = "host"
	case "host", "none":
	default:
		if !executor.IsReference(p.network) {
			return p, executor.Permanentf("with.network: %q; want host or none", p.network)
		}
	}
	for name := range p.env {
		if err := checkVariable(name); err != nil {
			return p, executor.Permanentf("with.env.%w", err)
		}
	}
	return p, nil
}

func checkVariable(name string) error {
	if !nameRE.MatchString(name) {
		return fmt.Errorf("%s is not a variable's name", name)
	}
	if why := dangerous(name); why != "" {
		return fmt.Errorf("%s is refused: %s", name, why)
	}
	return nil
}
