package buildspec

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Runtime is a line of runtime-versions: a language and which version of it the build wants.
type Runtime struct {
	Name    string `json:"name"`    // golang, nodejs, java, python, ruby, php, dotnet
	Version string `json:"version"` // as written: 1.22, 20.x, corretto17, latest, $VARIABLE
	Line    int    `json:"line"`
}

// runtimeNames are the languages a runtime can be of.
func runtimeNames() []string {
	return []string{"dotnet", "golang", "java", "nodejs", "php", "python", "ruby"}
}

var runtimeVersionRE = lazyregexp.New(`\A(?:latest|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|[A-Za-z]*[0-9]+(?:\.[0-9]+){0,3}(?:\.x)?)\z`)

// runtimes reads phases.install.runtime-versions.
func (r *reader) runtimes(e document.Entry) []Runtime {
	const what = "phases.install.runtime-versions"
	var out []Runtime
	for _, k := range r.Mapping(e.Value, what) {
		name := k.Key
		if name == "go" {
			name = "golang"
		}
		switch {
		case name == "android" || name == "docker":
			r.Failf(k.At, "%s.%s is part of AWS's images; on this host the operator installs it, without a version in the buildspec", what, k.Key)
			continue
		case !slices.Contains(runtimeNames(), name):
			r.Failf(k.At, "%s.%s is not known; known: %s", what, k.Key, strings.Join(runtimeNames(), ", "))
			continue
		}
		rt := Runtime{Name: name, Version: r.Text(k, what+"."+k.Key)}
		rt.Line, _ = document.Position(k.At)
		if !runtimeVersionRE.MatchString(rt.Version) {
			r.Failf(k.At, "%s.%s: %q is not a version; write 1.22, 20.x, corretto17, latest or $VARIABLE", what, k.Key, rt.Version)
		}
		for _, other := range out {
			if other.Name == rt.Name {
				r.Failf(k.At, "%s.%s is there twice, first in line %d", what, k.Key, other.Line)
			}
		}
		out = append(out, rt)
	}
	return out
}
