package buildspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/sluicehq/sluice/executor/document"
)

// Parse reads a buildspec. The error is document.Errors: everything that is wrong, with line and column. A key that cannot be
// honoured is wrong.
func Parse(file string, b []byte) (*Spec, error) {
	doc, root, err := document.Parse(file, b)
	if err != nil {
		return nil, err
	}
	r := &reader{doc}
	s := r.spec(root)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// reader reads a buildspec.
type reader struct{ *document.Reader }

func (r *reader) spec(root ast.Node) *Spec {
	s := &Spec{File: r.File(), Shell: "/bin/sh", Variables: map[string]string{}, Secondary: map[string]*ArtifactSpec{}}
	var versioned, phased bool
	for _, e := range r.Mapping(root, "a buildspec") {
		switch e.Key {
		case "version":
			versioned = true
			if v := r.Text(e, "version"); v != "0.2" && v != "" {
				r.Failf(e.At, "version %s is not run, only 0.2; in it all commands share one shell", v)
			}
		case "env":
			r.env(s, e.Value)
		case "phases":
			phased = true
			r.phases(s, e)
		case "artifacts":
			r.artifacts(s, e)
		case "proxy":
			r.proxy(s, e)
		case "batch":
			r.batch(s, e)
		case "reports":
			r.reports(s, e)
		case "cache":
			r.cache(s, e)
		case "run-as":
			s.RunAs = r.user(e, "run-as")
		default:
			r.unknown(e, "", "version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache")
		}
	}
	if !versioned {
		r.Failf(nil, "version is missing; write version: 0.2")
	}
	if !phased && s.Batch == nil { // the builds of a batch may all have files of their own
		r.Failf(nil, "phases is missing")
	}
	n := 0
	for _, p := range s.Phases {
		n += len(p.Commands) + len(p.Finally)
	}
	if n > MaxCommands {
		r.Failf(root, "%d commands; at most %d are run", n, MaxCommands)
	}
	return s
}

// proxy reads who goes through a proxy. Logs and artifacts go from the build to Sluice on this host, so neither does.
func (r *reader) proxy(s *Spec, e document.Entry) {
	for _, p := range r.Mapping(e.Value, "proxy") {
		switch p.Key {
		case "logs", "upload-artifacts":
			if r.Yes(p, "proxy."+p.Key) {
				r.remark(s, p, "proxy.%s: they stay on this host, so they need no proxy", p.Key)
			}
		default:
			r.unknown(p, "proxy.", "logs", "upload-artifacts")
		}
	}
}

// remark notes for the log what is honoured in another way.
func (r *reader) remark(s *Spec, e document.Entry, format string, args ...any) {
	line, _ := document.Position(e.At)
	s.Remarks = append(s.Remarks, document.Name{Text: fmt.Sprintf(format, args...), Line: line})
}

// unknown refuses a key with what there is otherwise.
func (r *reader) unknown(e document.Entry, prefix string, known ...string) {
	r.Failf(e.At, "%s%s is not known; known: %s", prefix, e.Key, strings.Join(known, ", "))
}

// entry is the value of a key, nil where there is none; known is false for what is no mapping, of which that alone is wrong.
func entry(e document.Entry, key string) (value ast.Node, known bool) {
	var values []*ast.MappingValueNode
	switch n := e.Value.(type) {
	case nil:
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	for _, v := range values {
		if name, ok := document.Scalar(v.Key); ok && name == key {
			return v.Value, true
		}
	}
	return nil, true
}

// lacks tells whether a mapping has not got a key.
func lacks(e document.Entry, key string) bool {
	value, known := entry(e, key)
	return known && value == nil
}

// needs refuses a mapping without a list, or with an empty one. What is there and no list has been refused when it was read.
func (r *reader) needs(e document.Entry, key, what string) {
	value, _ := entry(e, key)
	switch list, ok := value.(*ast.SequenceNode); {
	case lacks(e, key):
		r.Failf(e.At, "%s is missing", what)
	case ok && len(list.Values) == 0:
		r.Failf(e.At, "%s is empty", what)
	}
}

// user reads the name of a user.
func (r *reader) user(e document.Entry, what string) *document.Name {
	name := r.Text(e, what)
	if !userRE.MatchString(name) {
		r.Failf(e.At, "%s: %q is not the name of a user", what, name)
	}
	line, _ := document.Position(e.At)
	return &document.Name{Text: name, Line: line}
}

func (r *reader) env(s *Spec, n ast.Node) {
	for _, e := range r.Mapping(n, "env") {
		switch e.Key {
		case "shell":
			switch v := r.Text(e, "env.shell"); v {
			case "sh", "/bin/sh":
			case "bash", "/bin/bash":
				s.Shell = "/bin/bash"
			case "powershell.exe", "cmd.exe":
				r.Failf(e.At, "env.shell %s needs Windows, and builds run on this host; there are sh and bash", v)
			default:
				r.Failf(e.At, "env.shell %s is not run; there are sh and bash", v)
			}
		case "variables":
			for _, v := range r.Mapping(e.Value, "env.variables") {
				if !nameRE.MatchString(v.Key) {
					r.Failf(v.At, "env.variables.%s is not a variable's name", v.Key)
				} else if why := dangerous(v.Key); why != "" {
					r.Failf(v.At, "env.variables.%s is refused: %s", v.Key, why)
				}
				if v.Value == nil {
					s.Variables[v.Key] = ""
				} else {
					s.Variables[v.Key] = r.Text(v, "env.variables."+v.Key)
				}
				if strings.ContainsRune(s.Variables[v.Key], 0) {
					r.Failf(v.At, "env.variables.%s holds a zero byte", v.Key)
				}
			}
		case "parameter-store", "secrets-manager":
			r.lookups(s, e)
		case "exported-variables":
			s.Exported = r.List(e, "env.exported-variables", "")
			for i, v := range s.Exported {
				switch {
				case !nameRE.MatchString(v.Text):
					r.Failf(e.Value.(*ast.SequenceNode).Values[i], "%q is not a variable's name", v.Text)
				case strings.HasPrefix(v.Text, "AWS_"):
					r.Failf(e.Value.(*ast.SequenceNode).Values[i], "%s is not exported: AWS_ variables may be credentials", v.Text)
				}
			}
		case "git-credential-helper":
			s.GitCredentials = r.Yes(e, "env.git-credential-helper")
		default:
			r.unknown(e, "env.", "shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper")
		}
	}
	for _, v := range s.Exported {
		for _, l := range s.Looked {
			if l.Variable == v.Text {
				r.Failf(n, "env.exported-variables: %s is a secret from %s, and is not handed on", v.Text, l.section())
			}
		}
	}
}

func (r *reader) phases(s *Spec, e document.Entry) {
	order := []string{Install, PreBuild, Build, PostBuild}
	found := map[string]Phase{}
	for _, p := range r.Mapping(e.Value, "phases") {
		if !slices.Contains(order, p.Key) {
			r.Failf(p.At, "phases.%s is not known; known: %s", p.Key, strings.Join(order, ", "))
			continue
		}
		found[p.Key] = r.phase(s, p)
	}
	if len(found) == 0 && r.Err() == nil {
		r.Failf(e.At, "phases has none of %s", strings.Join(order, ", "))
	}
	for _, name := range order {
		if p, ok := found[name]; ok {
			s.Phases = append(s.Phases, p)
		}
	}
}

// breakpoint is the command that stops a build for a look by AWS Session Manager.
const breakpoint = "codebuild-breakpoint"

func (r *reader) phase(s *Spec, e document.Entry) Phase {
	p := Phase{Name: e.Key}
	p.Line, _ = document.Position(e.At)
	prefix := "phases." + e.Key + "."
	for _, k := range r.Mapping(e.Value, "phases."+e.Key) {
		switch k.Key {
		case "commands":
			p.Commands = r.commands(k, prefix+"commands")
		case "finally":
			p.Finally = r.commands(k, prefix+"finally")
		case "on-failure":
			v, err := parseOnFailure(r.Text(k, prefix+"on-failure"))
			if err != nil {
				r.Failf(k.At, "%son-failure: %v", prefix, err)
			}
			p.OnFailure = v
		case "run-as":
			p.RunAs = r.user(k, prefix+"run-as")
		case "runtime-versions":
			if p.Name != Install {
				r.Failf(k.At, "%sruntime-versions belongs to phases.install", prefix)
				continue
			}
			s.Runtimes = r.runtimes(k)
		default:
			r.unknown(k, prefix, "commands", "finally", "on-failure", "run-as", "runtime-versions")
		}
	}
	if p.Name != Install && lacks(e, "commands") {
		r.Failf(e.At, "%scommands is missing", prefix)
	}
	return p
}

func (r *reader) commands(e document.Entry, what string) []Command {
	if e.Value == nil {
		return nil
	}
	if list, ok := e.Value.(*ast.SequenceNode); ok { // a dash with nothing but a comment is no command
		some := *list
		some.Values = slices.DeleteFunc(slices.Clone(list.Values), func(n ast.Node) bool { return n.Type() == ast.NullType })
		e.Value = &some
	}
	names := r.List(e, what, "; a command with a colon needs quotes")
	out := make([]Command, 0, len(names))
	for i, n := range names {
		if strings.ContainsRune(n.Text, 0) {
			r.Failf(e.At, "%s: a command holds a zero byte", what)
		}
		if strings.TrimSpace(n.Text) == breakpoint {
			r.Failf(e.Value.(*ast.SequenceNode).Values[i], "%s: %s needs AWS Session Manager; the log streams while the build runs", what, breakpoint)
		}
		if strings.TrimSpace(n.Text) != "" {
			out = append(out, Command(n))
		}
	}
	return out
}
