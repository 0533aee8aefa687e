package buildspec

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Lookup is a variable whose value is kept elsewhere: one of Parameter and Secret is set. The value is masked everywhere.
type Lookup struct {
	Variable string `json:"variable"`
	Line     int    `json:"line"`
	// Parameter is the name of a parameter of AWS Systems Manager.
	Parameter string `json:"parameter,omitempty"`
	// Secret is the name or ARN of a secret of AWS Secrets Manager; of its JSON value Key is taken, where it is not empty.
	// Stage or Version choose which of its versions; neither is AWSCURRENT.
	Secret  string `json:"secret,omitempty"`
	Key     string `json:"key,omitempty"`
	Stage   string `json:"stage,omitempty"`
	Version string `json:"version,omitempty"`
}

// Sections of env that hold lookups.
const (
	parameterStore = "parameter-store"
	secretsManager = "secrets-manager"
)

func (l Lookup) section() string {
	if l.Parameter != "" {
		return "env." + parameterStore
	}
	return "env." + secretsManager
}

// Name is how the value is called where it is kept.
func (l Lookup) Name() string {
	if l.Parameter != "" {
		return l.Parameter
	}
	return l.Secret
}

var (
	parameterRE = lazyregexp.New(`\A[A-Za-z0-9_.:/-]+\z`)
	secretRE    = lazyregexp.New(`\A[A-Za-z0-9/_+=.@-]+\z`)
	secretARNRE = lazyregexp.New(`\A(arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]*:[0-9]*:secret:[A-Za-z0-9/_+=.@-]+)(?::(.*))?\z`)
)

// maxSecret is how long a secret's name may be with all that follows it, in bytes. A name of AWS's has 512 at most.
const maxSecret = 2048

// maxLookups is how many values a file may name.
const maxLookups = 100

// lookups reads env.parameter-store or env.secrets-manager.
func (r *reader) lookups(s *Spec, e document.Entry) {
	section := "env." + e.Key
	for _, v := range r.Mapping(e.Value, section) {
		what := section + "." + v.Key
		if !nameRE.MatchString(v.Key) {
			r.Failf(v.At, "%s is not a variable's name", what)
		} else if why := dangerous(v.Key); why != "" {
			r.Failf(v.At, "%s is refused: %s", what, why)
		}
		text := r.Text(v, what)
		l := Lookup{Parameter: text}
		if e.Key == secretsManager {
			var err error
			if l, err = parseSecret(text); err != nil {
				r.Failf(v.At, "%s: %v", what, err)
				continue
			}
		} else if !parameterRE.MatchString(text) {
			r.Failf(v.At, "%s: %q is not the name of a parameter", what, text)
			continue
		}
		l.Variable = v.Key
		l.Line, _ = document.Position(v.At)
		for _, other := range s.Looked {
			if other.Variable == l.Variable {
				r.Failf(v.At, "%s is in %s too, in line %d", what, other.section(), other.Line)
			}
		}
		s.Looked = append(s.Looked, l)
	}
	if len(s.Looked) > maxLookups {
		r.Failf(e.At, "%d parameters and secrets; at most %d are looked up", len(s.Looked), maxLookups)
	}
}

// parseSecret reads secret-id:json-key:version-stage:version-id, of which all but the first may be left out. The ID may be
// an ARN, which has colons of its own.
func parseSecret(text string) (Lookup, error) {
	if len(text) > maxSecret {
		return Lookup{}, fmt.Errorf("the name of a secret is longer than %d bytes", maxSecret)
	}
	id, rest, more := strings.Cut(text, ":")
	if strings.HasPrefix(text, "arn:") {
		m := secretARNRE.FindStringSubmatch(text)
		if m == nil {
			return Lookup{}, fmt.Errorf("%q is not the ARN of a secret", text)
		}
		id, rest, more = m[1], m[2], m[2] != ""
	} else if !secretRE.MatchString(id) {
		return Lookup{}, fmt.Errorf("%q is not the name of a secret", id)
	}
	l := Lookup{Secret: id}
	if !more {
		return l, nil
	}
	parts := strings.Split(rest, ":")
	if len(parts) > 3 {
		return Lookup{}, fmt.Errorf("%q has too many parts; want secret-id:json-key:version-stage:version-id", text)
	}
	parts = append(parts, "", "")
	l.Key, l.Stage, l.Version = parts[0], parts[1], parts[2]
	if l.Stage != "" && l.Version != "" {
		return Lookup{}, fmt.Errorf("%q names a stage and a version; want one of them", text)
	}
	return l, nil
}
