package image

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// scratch is the base without anything in it.
const scratch = "scratch"

// params are the parameters in `with:`.
type params struct {
	base       string
	from       []source
	workdir    string
	entrypoint []string
	cmd        []string
	env        map[string]string
	expose     []string // port/protocol
	user       string
	labels     map[string]string
	platforms  []v1.Platform // empty: the base's, or linux/amd64
	attest     []string      // sbom, provenance; both, unless it is given
}

// source is something that goes into the layer: a file or folder of an artifact, and where it goes.
type source struct {
	artifact string
	path     string // in the artifact; "." is all of it. {os} and {arch} stand for the platform's
	to       string // in the image; a folder's content goes into it, a file becomes it or goes below when it ends with /
}

// Check takes base (a reference or scratch), from (the name of an artifact, or a list of names and of mappings with
// artifact, path and to), workdir, entrypoint, cmd, env, expose, user, labels, platforms and attest (sbom, provenance).
func (e *Executor) Check(with map[string]any) error {
	_, err := readParams(with)
	return err
}

func readParams(with map[string]any) (params, error) {
	r := executor.Read(with)
	p := params{
		base: r.Required("base"), workdir: r.String("workdir"), entrypoint: r.Strings("entrypoint"), cmd: r.Strings("cmd"),
		env: r.Map("env"), user: r.String("user"), labels: r.Map("labels"),
		attest: r.Strings("attest"),
	}
	if _, given := with["attest"]; !given {
		p.attest = []string{attestSBOM, attestProvenance}
	}
	platforms := r.Strings("platforms")
	r.Has("from")
	r.Has("expose")
	errs := []error{r.Err()}
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if p.workdir != "" && !executor.IsReference(p.workdir) && !path.IsAbs(p.workdir) {
		fail("with.workdir: %q is not an absolute path", p.workdir)
	}
	for _, what := range p.attest {
		if what != attestSBOM && what != attestProvenance {
			fail("with.attest: %q is not known; known: %s, %s", what, attestSBOM, attestProvenance)
		}
	}
	for _, text := range platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil || platform.OS == "" || platform.Architecture == "" {
			fail("with.platforms: %q is not a platform like linux/amd64", text)
			continue
		}
		p.platforms = append(p.platforms, *platform)
	}
	var err error
	if p.expose, err = readPorts(with["expose"]); err != nil {
		fail("with.expose: %w", err)
	}
	if p.from, err = readSources(with["from"], p.workdir); err != nil {
		fail("with.from: %w", err)
	}
	for _, v := range []map[string]string{p.env, p.labels} {
		for k := range v {
			if k == "" || strings.ContainsAny(k, "=\x00") {
				fail("%q is not a name", k)
			}
		}
	}
	return p, executor.Permanent(errors.Join(errs...))
}

var portRE = lazyregexp.New(`\A([1-9][0-9]{0,4})(/(?:tcp|udp))?\z`)

func readPorts(v any) ([]string, error) {
	var out []string
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	for _, e := range list {
		m := portRE.FindStringSubmatch(fmt.Sprint(e))
		if m == nil {
			return nil, fmt.Errorf("%v is not a port like 8080 or 53/udp", e)
		}
		protocol := m[2]
		if protocol == "" {
			protocol = "/tcp"
		}
		out = append(out, m[1]+protocol)
	}
	return out, nil
}

func readSources(v any, workdir string) ([]source, error) {
	var out []source
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	for _, e := range list {
		s := source{path: ".", to: "/"}
		if workdir != "" {
			s.to = workdir
		}
		switch e := e.(type) {
		case string:
			s.artifact = e
		case map[string]any:
			for key, value := range e {
				text, isText := value.(string)
				if !isText {
					return nil, fmt.Errorf("%s must be a text", key)
				}
				switch key {
				case "artifact":
					s.artifact = text
				case "path":
					s.path = text
				case "to":
					s.to = text
				default:
					return nil, fmt.Errorf("%s is not known; known: artifact, path, to", key)
				}
			}
		default:
			return nil, fmt.Errorf("want the name of an artifact or a mapping, got %T", e)
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (s source) check() error {
	switch {
	case s.artifact == "":
		return errors.New("artifact is missing")
	case path.IsAbs(s.path) || slices.Contains(strings.Split(s.path, "/"), ".."):
		return fmt.Errorf("path %q is not a path in the artifact", s.path)
	case !executor.IsReference(s.to) && !path.IsAbs(s.to) || slices.Contains(strings.Split(s.to, "/"), ".."):
		return fmt.Errorf("to %q is not an absolute path", s.to)
	}
	return nil
}

// on is the path for a platform.
func (s source) on(p v1.Platform) string {
	return strings.NewReplacer("{os}", p.OS, "{arch}", p.Architecture).Replace(s.path)
}
