package appspec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/goccy/go-yaml/ast"

	"github.com/sluicehq/sluice/executor/document"
)

// Parse reads an appspec.yml for hosts, as AWS CodeDeploy's "AppSpec file structure" for EC2/on-premises describes it. The
// error is document.Errors: everything that is wrong, with line and column. A key that cannot be honoured is wrong, and so
// is a file for Amazon ECS or AWS Lambda.
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

// reader reads an appspec.yml.
type reader struct{ *document.Reader }

func (r *reader) spec(root ast.Node) *Spec {
	s := &Spec{File: r.File(), Exists: Disallow, Hooks: map[Event][]Script{}}
	found := map[string]bool{}
	for _, e := range r.Mapping(root, "an appspec") {
		found[e.Key] = true
		switch e.Key {
		case "version":
			if v := r.Text(e, "version"); v != "0.0" && v != "" {
				r.Failf(e.At, "version %s is not known; write version: 0.0", v)
			}
		case "os":
			switch v := r.Text(e, "os"); v {
			case "linux", "":
			case "windows":
				r.Failf(e.At, "os windows is not deployed to; there is linux")
			default:
				r.Failf(e.At, "os %s is not known; there is linux", v)
			}
		case "files":
			r.files(s, e)
		case "file_exists_behavior":
			s.Exists = Exists(r.Text(e, "file_exists_behavior"))
			if !slices.Contains([]Exists{Disallow, Overwrite, Retain}, s.Exists) {
				r.Failf(e.At, "file_exists_behavior %s is not known; there are DISALLOW, OVERWRITE and RETAIN", s.Exists)
			}
		case "permissions":
			r.permissions(s, e)
		case "hooks":
			r.hooks(s, e)
		case "Resources", "resources", "Hooks":
			r.Failf(e.At, "%s: this is an appspec for Amazon ECS or AWS Lambda; hosts have os, files, permissions and hooks", e.Key)
		default:
			r.unknown(e, "", "version", "os", "files", "file_exists_behavior", "permissions", "hooks")
		}
	}
	for _, key := range []string{"version", "os"} {
		if !found[key] && r.Err() == nil {
			r.Failf(nil, "%s is missing; write %s", key, map[string]string{"version": "version: 0.0", "os": "os: linux"}[key])
		}
	}
	return s
}

func (r *reader) unknown(e document.Entry, prefix string, known ...string) {
	r.Failf(e.At, "%s%s is not known; known: %s", prefix, e.Key, strings.Join(known, ", "))
}

// entries are the mappings of a list.
func (r *reader) entries(e document.Entry, what string, most int) []ast.Node {
	if e.Value == nil {
		return nil
	}
	list, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		r.Failf(e.At, "%s must be a list", what)
		return nil
	}
	if len(list.Values) > most {
		r.Failf(e.At, "%s has %d entries; at most %d are read", what, len(list.Values), most)
		return nil
	}
	return list.Values
}

func (r *reader) files(s *Spec, e document.Entry) {
	for i, n := range r.entries(e, "files", maxFiles) {
		what := fmt.Sprintf("files[%d]", i)
		f, found := FileSpec{}, map[string]bool{}
		f.Line, _ = document.Position(n)
		for _, k := range r.Mapping(n, what) {
			v := r.Text(k, what+"."+k.Key)
			found[k.Key] = true
			switch k.Key {
			case "source":
				clean, ok := inBundle(v)
				if v == "" || !ok {
					r.Failf(k.At, "%s.source %q is not a path in the bundle; write it relative to the bundle's root, without ..", what, v)
				}
				f.Source = clean
			case "destination":
				if !onHost(v) {
					r.Failf(k.At, "%s.destination %q is not an absolute path below the host's root, without .. in it", what, v)
				}
				f.Destination = strings.TrimRight(v, "/")
			default:
				r.unknown(k, what+".", "source", "destination")
			}
		}
		if !found["source"] || !found["destination"] {
			r.Failf(n, "%s needs source and destination", what)
		}
		s.Files = append(s.Files, f)
	}
}

func (r *reader) permissions(s *Spec, e document.Entry) {
	for i, n := range r.entries(e, "permissions", maxPermissions) {
		what := fmt.Sprintf("permissions[%d]", i)
		p := Permission{Pattern: "**"}
		p.Line, _ = document.Position(n)
		for _, k := range r.Mapping(n, what) {
			r.permission(&p, k, what+".")
		}
		if p.Object == "" {
			r.Failf(n, "%s needs object", what)
		}
		s.Permissions = append(s.Permissions, p)
	}
}

func (r *reader) permission(p *Permission, k document.Entry, prefix string) {
	switch k.Key {
	case "object":
		if p.Object = strings.TrimRight(r.Text(k, prefix+"object"), "/"); !onHost(p.Object) {
			r.Failf(k.At, "%sobject %q is not an absolute path below the host's root, without .. in it", prefix, p.Object)
		}
	case "pattern":
		p.Pattern = r.pattern(k, prefix+"pattern", r.Text(k, prefix+"pattern"))
	case "except":
		for _, v := range r.List(k, prefix+"except", "") {
			p.Except = append(p.Except, r.pattern(k, prefix+"except", v.Text))
		}
	case "owner", "group":
		v := r.Text(k, prefix+k.Key)
		if !userRE.MatchString(v) {
			r.Failf(k.At, "%s%s %q is not a name", prefix, k.Key, v)
		}
		if k.Key == "owner" {
			p.Owner = v
		} else {
			p.Group = v
		}
	case "mode":
		r.mode(p, k, prefix)
	case "type":
		for _, v := range r.List(k, prefix+"type", "") {
			switch v.Text {
			case "file":
				p.Files = true
			case "directory":
				p.Folders = true
			default:
				r.Failf(k.At, "%stype %q is not known; there are file and directory", prefix, v.Text)
			}
		}
	case "acls":
		for _, v := range r.List(k, prefix+"acls", "") {
			e, err := parseACL(v.Text)
			if err != nil {
				r.Failf(k.At, "%sacls: %v", prefix, err)
				continue
			}
			if slices.ContainsFunc(p.ACL, func(o ACLEntry) bool { return o.Default == e.Default && o.Group == e.Group && o.Name == e.Name }) {
				r.Failf(k.At, "%sacls: %s is there twice", prefix, e.Name)
			}
			p.ACL = append(p.ACL, e)
		}
	case "context":
		r.Failf(k.At, "%scontext is not supported: SELinux labels are not set; use a script of AfterInstall", prefix)
	default:
		r.unknown(k, prefix, "object", "pattern", "except", "owner", "group", "mode", "acls", "type")
	}
}

// mode reads an octal mode. YAML takes one that begins with a zero for a number and drops that: 0644 without quotes is read
// as it is written here, and what cannot be a mode is refused.
func (r *reader) mode(p *Permission, k document.Entry, prefix string) {
	v := r.Text(k, prefix+"mode")
	if !modeRE.MatchString(v) {
		r.Failf(k.At, `%smode %q is not an octal mode; write it like "0644" or "4755"`, prefix, v)
		return
	}
	n, err := strconv.ParseUint(v, 8, 12)
	if err != nil {
		r.Failf(k.At, "%smode: %v", prefix, err)
		return
	}
	p.Mode, p.HasMode = uint32(n), true
}

func (r *reader) pattern(k document.Entry, what, v string) string {
	if v == "" || len(v) > maxPattern || !doublestar.ValidatePattern(v) {
		r.Failf(k.At, "%s %q is not a pattern of file names", what, v)
	}
	return v
}

func (r *reader) hooks(s *Spec, e document.Entry) {
	for _, h := range r.Mapping(e.Value, "hooks") {
		event := Event(h.Key)
		switch {
		case !slices.Contains(events(), event):
			r.Failf(h.At, "hooks.%s is not an event of a deployment to hosts; there are %s", h.Key, scripted())
			continue
		case event.Fixed():
			r.Failf(h.At, "hooks.%s runs no scripts; there are %s", h.Key, scripted())
			continue
		}
		for i, n := range r.entries(h, "hooks."+h.Key, maxScripts) {
			s.Hooks[event] = append(s.Hooks[event], r.script(n, fmt.Sprintf("hooks.%s[%d]", h.Key, i)))
		}
		// A script without a timeout of its own has what the others leave.
		if explicit := timeouts(s.Hooks[event]); explicit > MaxEventTime {
			r.Failf(h.At, "hooks.%s: its timeouts are %s together; at most %s", h.Key, explicit, MaxEventTime)
		}
		for i := range s.Hooks[event] {
			if s.Hooks[event][i].Timeout == 0 {
				s.Hooks[event][i].Timeout = MaxEventTime
			}
		}
	}
}

func timeouts(scripts []Script) (sum time.Duration) {
	for _, s := range scripts {
		sum += s.Timeout
	}
	return sum
}

// scripted lists the events that run scripts.
func scripted() string {
	var out []string
	for _, e := range events() {
		if !e.Fixed() {
			out = append(out, string(e))
		}
	}
	return strings.Join(out, ", ")
}

func (r *reader) script(n ast.Node, what string) Script {
	s := Script{}
	s.Line, _ = document.Position(n)
	for _, k := range r.Mapping(n, what) {
		v := r.Text(k, what+"."+k.Key)
		switch k.Key {
		case "location":
			clean, ok := inBundle(v)
			if !ok || v == "" || clean == "." {
				r.Failf(k.At, "%s.location %q is not a file of the bundle; write it relative to the bundle's root, without ..", what, v)
			}
			s.Location = clean
		case "timeout":
			seconds, err := strconv.Atoi(v)
			if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > MaxEventTime {
				r.Failf(k.At, "%s.timeout %q is not a number of seconds from 1 to %d", what, v, int(MaxEventTime/time.Second))
				continue
			}
			s.Timeout = time.Duration(seconds) * time.Second
		case "runas":
			if s.RunAs = v; !userRE.MatchString(v) {
				r.Failf(k.At, "%s.runas %q is not a user's name", what, v)
			}
		default:
			r.unknown(k, what+".", "location", "timeout", "runas")
		}
	}
	if s.Location == "" {
		r.Failf(n, "%s needs location", what)
	}
	return s
}
