package buildspec

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// notHere are keys that CodeBuild has and this executor has not, with the reason; by their path in the file.
var notHere = map[string]string{
	"run-as":                    "a build runs as one user, which the operator sets",
	"batch":                     "write several actions into the pipeline instead; they run in parallel",
	"cache":                     "nothing is kept between builds",
	"reports":                   "test reports are not read yet",
	"env.parameter-store":       "AWS Systems Manager is not asked; use the codebuild executor",
	"env.secrets-manager":       "AWS Secrets Manager is not asked; use the codebuild executor",
	"phase.run-as":              "a build runs as one user, which the operator sets",
	"phase.runtime-versions":    "the build uses what is installed on this host; install another version in a command",
	"artifacts.s3-prefix":       "artifacts are kept by Sluice, not in S3",
	"env.git-credential-helper": "no credentials are given to builds",
	"proxy":                     "there is no proxy between a build and Sluice",
}

// Parse reads a buildspec. The error is Errors: everything that is wrong, with line and column. A key that cannot be
// honoured is wrong.
func Parse(file string, b []byte) (*Spec, error) {
	root, bad := parseTree(file, b)
	if bad != nil {
		return nil, Errors{bad}
	}
	r := &reader{file: file}
	s := r.spec(root)
	if len(r.errs) > 0 {
		slices.SortStableFunc(r.errs, func(a, b *Error) int { return a.Line - b.Line })
		return nil, r.errs
	}
	return s, nil
}

func (r *reader) spec(root ast.Node) *Spec {
	s := &Spec{File: r.file, Shell: "/bin/sh", Variables: map[string]string{}, Secondary: map[string]*ArtifactSpec{}}
	var versioned, phased bool
	for _, e := range r.mapping(root, "a buildspec") {
		switch e.key {
		case "version":
			versioned = true
			if v := r.text(e, "version"); v != "0.2" && v != "" {
				r.failf(e.at, "version %s is not run, only 0.2; in it all commands share one shell", v)
			}
		case "env":
			r.env(s, e.value)
		case "phases":
			phased = true
			r.phases(s, e)
		case "artifacts":
			r.artifacts(s, e)
		case "proxy":
			for _, p := range r.mapping(e.value, "proxy") {
				if r.yes(p, "proxy."+p.key) {
					r.failf(p.at, "proxy.%s: %s", p.key, notHere["proxy"])
				}
			}
		default:
			r.unknown(e, "", e.key, "version", "env", "phases", "artifacts")
		}
	}
	if !versioned {
		r.failf(nil, "version is missing; write version: 0.2")
	}
	if !phased {
		r.failf(nil, "phases is missing")
	}
	n := 0
	for _, p := range s.Phases {
		n += len(p.Commands) + len(p.Finally)
	}
	if n > MaxCommands {
		r.failf(root, "%d commands; at most %d are run", n, MaxCommands)
	}
	return s
}

// unknown refuses a key: with the reason when CodeBuild has it, with what there is otherwise.
func (r *reader) unknown(e entry, prefix, path string, known ...string) {
	if why, ok := notHere[path]; ok {
		r.failf(e.at, "%s%s is not supported: %s", prefix, e.key, why)
		return
	}
	r.failf(e.at, "%s%s is not known; known: %s", prefix, e.key, strings.Join(known, ", "))
}

func (r *reader) env(s *Spec, n ast.Node) {
	for _, e := range r.mapping(n, "env") {
		switch e.key {
		case "shell":
			switch v := r.text(e, "env.shell"); v {
			case "sh", "/bin/sh":
			case "bash", "/bin/bash":
				s.Shell = "/bin/bash"
			default:
				r.failf(e.at, "env.shell %s is not run; there are sh and bash", v)
			}
		case "variables":
			for _, v := range r.mapping(e.value, "env.variables") {
				if !nameRE.MatchString(v.key) {
					r.failf(v.at, "env.variables.%s is not a variable's name", v.key)
				} else if why := dangerous(v.key); why != "" {
					r.failf(v.at, "env.variables.%s is refused: %s", v.key, why)
				}
				if v.value == nil {
					s.Variables[v.key] = ""
				} else {
					s.Variables[v.key] = r.text(v, "env.variables."+v.key)
				}
				if strings.ContainsRune(s.Variables[v.key], 0) {
					r.failf(v.at, "env.variables.%s holds a zero byte", v.key)
				}
			}
		case "exported-variables":
			s.Exported = r.list(e, "env.exported-variables", "")
			for i, v := range s.Exported {
				switch {
				case !nameRE.MatchString(v.Text):
					r.failf(e.value.(*ast.SequenceNode).Values[i], "%q is not a variable's name", v.Text)
				case strings.HasPrefix(v.Text, "AWS_"):
					r.failf(e.value.(*ast.SequenceNode).Values[i], "%s is not exported: AWS_ variables may be credentials", v.Text)
				}
			}
		case "git-credential-helper":
			if r.yes(e, "env.git-credential-helper") {
				r.unknown(e, "env.", "env.git-credential-helper")
			}
		default:
			r.unknown(e, "env.", "env."+e.key, "shell", "variables", "exported-variables")
		}
	}
}

func (r *reader) phases(s *Spec, e entry) {
	order := []string{Install, PreBuild, Build, PostBuild}
	found := map[string]Phase{}
	for _, p := range r.mapping(e.value, "phases") {
		if !slices.Contains(order, p.key) {
			r.failf(p.at, "phases.%s is not known; known: %s", p.key, strings.Join(order, ", "))
			continue
		}
		found[p.key] = r.phase(p)
	}
	if len(found) == 0 && len(r.errs) == 0 {
		r.failf(e.at, "phases has none of %s", strings.Join(order, ", "))
	}
	for _, name := range order {
		if p, ok := found[name]; ok {
			s.Phases = append(s.Phases, p)
		}
	}
}

func (r *reader) phase(e entry) Phase {
	p := Phase{Name: e.key}
	p.Line, _ = position(e.at)
	prefix := "phases." + e.key + "."
	listed := false
	for _, k := range r.mapping(e.value, "phases."+e.key) {
		switch k.key {
		case "commands":
			listed = true
			p.Commands = r.commands(k, prefix+"commands")
		case "finally":
			p.Finally = r.commands(k, prefix+"finally")
		case "on-failure":
			v, err := parseOnFailure(r.text(k, prefix+"on-failure"))
			if err != nil {
				r.failf(k.at, "%son-failure: %v", prefix, err)
			}
			p.OnFailure = v
		default:
			r.unknown(k, prefix, "phase."+k.key, "commands", "finally", "on-failure")
		}
	}
	if !listed && p.Name != Install {
		r.failf(e.at, "%scommands is missing", prefix)
	}
	return p
}

func (r *reader) commands(e entry, what string) []Command {
	if e.value == nil {
		return nil
	}
	names := r.list(e, what, "; a command with a colon needs quotes")
	out := make([]Command, 0, len(names))
	for _, n := range names {
		if strings.ContainsRune(n.Text, 0) {
			r.failf(e.at, "%s: a command holds a zero byte", what)
		}
		if strings.TrimSpace(n.Text) != "" {
			out = append(out, Command(n))
		}
	}
	return out
}
