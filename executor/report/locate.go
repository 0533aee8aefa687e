package report

import (
	"path"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// Files are the files of a revision, by which places in reports and traces are found again.
type Files struct {
	root  string // where the revision was checked out, with a slash at the end
	paths map[string]bool
	base  map[string]string // paths by their last part; "" where several share it
}

// NewFiles takes the paths of a revision's files, with slashes and relative to its root. checkout is where it was checked
// out during the build, since tools write absolute paths; it may be empty.
func NewFiles(checkout string, paths []string) *Files {
	f := &Files{paths: make(map[string]bool, len(paths)), base: make(map[string]string, len(paths))}
	if checkout != "" {
		f.root = strings.TrimRight(slashes(checkout), "/") + "/"
	}
	for _, p := range paths {
		f.paths[p] = true
		if _, twice := f.base[path.Base(p)]; twice {
			f.base[path.Base(p)] = ""
			continue
		}
		f.base[path.Base(p)] = p
	}
	return f
}

func slashes(s string) string { return strings.ReplaceAll(s, `\`, "/") }

// resolve finds the file of the revision that a tool means by a path. A name without folders must be the only one; of a
// longer one at least a folder must agree, so that a library's index.js is not taken for ours.
func (f *Files) resolve(name string) (string, bool) {
	name = strings.TrimPrefix(slashes(name), "file://")
	if f.root != "" {
		if inside, ok := strings.CutPrefix(name, f.root); ok {
			name = path.Clean(inside)
			return name, f.paths[name]
		}
	}
	name = strings.TrimPrefix(path.Clean(name), "/")
	if f.paths[name] {
		return name, true
	}
	if !strings.Contains(name, "/") {
		p := f.base[name]
		return p, p != ""
	}
	for strings.Contains(name, "/") {
		_, name, _ = strings.Cut(name, "/")
		if strings.Contains(name, "/") && f.paths[name] {
			return name, true
		}
	}
	return "", false
}

// How places look in messages and traces. Each pattern has a file and a line; the one for Java has the class before them.
var (
	javaFrame   = lazyregexp.New(`\bat (?:[\w.$]+/)?([\w$.]+)\.[\w$<>]+\(([\w$-]+\.(?:java|kt|scala|groovy|clj)):(\d+)\)`)
	placeInText = []*lazyregexp.Regexp{
		lazyregexp.New(`File "([^"\n]+)", line (\d+)`),                                         // Python
		lazyregexp.New(`\bin ([^\n]+?):line (\d+)`),                                            // .NET
		lazyregexp.New(`((?:[A-Za-z]:)?[^\s:()"'<>\[\]|]+\.[A-Za-z][A-Za-z0-9]{0,9}):(\d+)\b`), // Go, JavaScript, Ruby, pytest, …
	}
)

// Locate finds the line of the revision where a test failed: the first place in its trace or message that is a file of the
// revision, since a trace begins with what failed; else where the report says that the test is. ok is false where neither
// is known.
func (f *Files) Locate(c Case) (file string, line int, ok bool) {
	for _, text := range []string{c.Trace, c.Message} {
		if file, line, ok = f.first(text); ok {
			return file, line, true
		}
	}
	if c.File != "" {
		if file, ok = f.resolve(c.File); ok {
			return file, max(c.Line, 1), true
		}
	}
	return "", 0, false
}

// first is the first place in a text that is a file of the revision.
func (f *Files) first(text string) (file string, line int, ok bool) {
	at := len(text) + 1
	take := func(pos int, name, number string) {
		if pos >= at {
			return
		}
		if found, is := f.resolve(name); is && atoi(number) > 0 {
			file, line, ok, at = found, atoi(number), true, pos
		}
	}
	for _, m := range javaFrame.FindAllStringSubmatchIndex(text, -1) {
		class := text[m[2]:m[3]]
		folder := strings.ReplaceAll(class, ".", "/")
		take(m[0], path.Join(path.Dir(folder), text[m[4]:m[5]]), text[m[6]:m[7]])
		if !ok {
			take(m[0], f.below(path.Join(path.Dir(folder), text[m[4]:m[5]])), text[m[6]:m[7]])
		}
	}
	for _, p := range placeInText {
		for _, m := range p.FindAllStringSubmatchIndex(text, -1) {
			take(m[0], text[m[2]:m[3]], text[m[4]:m[5]])
		}
	}
	return file, line, ok
}

// below is the only file of the revision whose path ends so: Java says the package, and not src/main/java before it.
func (f *Files) below(end string) string {
	p := f.base[path.Base(end)]
	if p != "" {
		if strings.HasSuffix(p, "/"+end) {
			return p
		}
		return ""
	}
	found := ""
	for p := range f.paths {
		if strings.HasSuffix(p, "/"+end) {
			if found != "" {
				return ""
			}
			found = p
		}
	}
	return found
}
