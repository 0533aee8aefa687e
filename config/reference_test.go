package config

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../docs/configuration.md"

// TestReferenceNamesEveryKey compares the tables of keys with the one table that loader and schema use, and with files that
// both accept, in which every key is.
func TestReferenceNamesEveryKey(t *testing.T) {
	for name, c := range map[string]struct {
		spec     *spec
		examples []string
	}{
		"keys":   {fileSpec(), []string{"example.yml", "organization.yml"}},
		"tests":  {testsSpec(), []string{"everytest.yml"}},
		"models": {modelSpec(), []string{"models.yml"}},
	} {
		data, err := os.ReadFile(reference)
		if err != nil {
			t.Fatal(err)
		}
		end := "<!-- /" + name + " -->"
		before, rest, ok := strings.Cut(string(data), "<!-- "+name+":")
		mark, rest, ok2 := strings.Cut(rest, "\n")
		got, after, ok3 := strings.Cut(rest, end)
		if !ok || !ok2 || !ok3 {
			t.Fatalf("no marks around the table of %s", name)
		}
		r := referenceTable{T: t, examples: map[string]string{}}
		for _, file := range c.examples {
			r.learn(treeOf(t, "testdata/"+file), c.spec, "")
		}
		r.rows(c.spec, "", false)
		want := "| key | value | limits | default | example | meaning |\n|---|---|---|---|---|---|\n" + r.String()
		if *update {
			if err := os.WriteFile(reference, []byte(before+"<!-- "+name+":"+mark+"\n"+want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
			got = want
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// referenceTable is a table of keys while it is written.
type referenceTable struct {
	*testing.T
	strings.Builder
	examples map[string]string // by path
}

// below is the path of what is inside a value that is not an object.
func below(s *spec, path string) string {
	if s.kind == listValue {
		return path + "[]"
	}
	return path + ".<name>"
}

// field is the path of a key.
func fieldPath(path, key string) string {
	if path == "pipelines" {
		key = "<kind>"
	}
	return join(path, key)
}

var plainRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._/#()-]*$`)

// literal writes a value as YAML that may stand anywhere.
func literal(n *node) string {
	var parts []string
	switch n.kind {
	case listNode:
		for _, item := range n.items {
			parts = append(parts, literal(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mapNode:
		for _, p := range n.pairs {
			parts = append(parts, p.key+": "+literal(p.value))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	if plainRE.MatchString(n.text) {
		return n.text
	}
	return fmt.Sprintf("%q", n.text)
}

// learn takes examples from a file; the first of each key counts.
func (r *referenceTable) learn(n *node, s *spec, path string) {
	if s == nil || n == nil {
		return
	}
	text := literal(n)
	if first, _, several := strings.Cut(text, "\\n"); several { // a key in PEM
		text = first + "…"
	}
	if r.examples[path] == "" && s.kind != objectValue && len(text) <= 60 {
		r.examples[path] = text
	}
	for _, p := range n.pairs {
		if s.kind == mappingValue {
			r.learn(p.value, s.elem, below(s, path))
		} else {
			r.learn(p.value, s.field(p.key), fieldPath(path, p.key))
		}
	}
	for _, item := range n.items {
		r.learn(item, s.elem, below(s, path))
	}
}

// rows writes the lines of everything in a spec.
func (r *referenceTable) rows(s *spec, path string, required bool) {
	if path != "" && s.kind != objectValue {
		def := s.def
		switch {
		case required:
			def = "required"
		case def != "":
			def = "`" + def + "`"
		}
		example := r.examples[path]
		if holds := s.kind == mappingValue && s.elem.kind == objectValue || s.kind == listValue && s.elem != nil && s.elem.kind == objectValue; holds ||
			s.unbuilt != "" || s.elsewhere.problem != "" || s.kind == constantValue {
			example = ""
		} else if example == "" {
			r.Errorf("no file in testdata has an example of %s in 60 characters", path)
		} else {
			example = "`" + example + "`"
		}
		cell := strings.NewReplacer("|", `\|`).Replace
		fmt.Fprintf(r, "| `%s` | %s | %s | %s | %s | %s |\n", path, cell(valueOf(s)), cell(limitsOf(s)), cell(def), cell(example), cell(s.doc))
	}
	switch {
	case s.kind == objectValue && path == "components[].pipelines":
		fmt.Fprintf(r, "| `%s` | mapping | | | | %s The keys are those of `pipelines.<kind>`. |\n", path+".<kind>", s.doc)
	case s.kind == objectValue && path == "pipelines" && len(s.fields) > 0 && s.fields[0].name != "description":
		r.rows(s.fields[0].spec, fieldPath(path, ""), false)
	case s.kind == objectValue:
		for _, f := range s.fields {
			r.rows(f.spec, join(path, f.name), f.required)
		}
	case s.elem != nil && s.elem.kind == objectValue:
		r.rows(s.elem, below(s, path), false)
	}
}

// limitsOf says how much of a value there may be, and what form it has.
func limitsOf(s *spec) string {
	if s.unbuilt != "" || s.elsewhere.problem != "" {
		return ""
	}
	switch s.kind {
	case textValue:
		most := s.maxLen
		if most == 0 {
			most = maxGlob
		}
		text := fmt.Sprintf("%d characters", most)
		if s.form != "" && !strings.HasPrefix(s.form, "fail") {
			text += "; " + s.form
		}
		return text
	case listValue:
		text := ""
		if s.maxItems > 0 {
			text = fmt.Sprintf("%d entries", s.maxItems)
		}
		if s.nonEmpty {
			text = "1 to " + text
		}
		if s.elem != nil && s.elem.kind == textValue {
			text += ", each " + limitsOf(s.elem)
		}
		return text
	case mappingValue:
		return fmt.Sprintf("%d names; %s", s.maxItems, s.nameForm)
	case plainValue:
		return fmt.Sprintf("a list: %d entries", s.maxItems)
	}
	return ""
}

// valueOf says in words what a value may be.
func valueOf(s *spec) string {
	if s.unbuilt != "" {
		return "not supported yet"
	}
	if s.elsewhere.problem != "" {
		return "list, in the organization's file"
	}
	switch s.kind {
	case wordValue, constantValue:
		return "`" + strings.Join(s.words, "`, `") + "`"
	case integerValue:
		return fmt.Sprintf("%d to %d", s.min, s.max)
	case booleanValue:
		return "`true`, `false`"
	case durationValue:
		text := printDuration(s.shortest) + " to " + printDuration(s.longest)
		if s.zero {
			text = "0s, " + text
		}
		return text
	case plainValue:
		return "text, number, truth value, or list"
	case mappingValue, anythingValue:
		return "mapping"
	case listValue:
		switch {
		case s.elem.kind == wordValue:
			return valueOf(s.elem) + ", or list"
		case s.single:
			return "text or list"
		}
		return "list"
	}
	if strings.HasPrefix(s.form, "fail") {
		return "`fail`, `continue`, `retry(n)`"
	}
	return "text"
}

func TestReferenceNamesEverySetting(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	var want [][2]string
	defaults := map[string]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ServerFlags]()) {
		want = append(want, [2]string{f.Tag.Get("name"), f.Tag.Get("env")})
		if _, def, ok := strings.Cut(f.Tag.Get("help"), "Default "); ok {
			defaults[f.Tag.Get("name")] = strings.TrimSuffix(def, ".")
		}
	}
	var got [][2]string
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `([A-Z_]+)` \\| (.*) \\|$").FindAllStringSubmatch(string(data), -1) {
		got = append(got, [2]string{m[1], m[2]})
		literal := strings.Trim(m[3], "`")
		if len(literal) == len(m[3])-2 && strings.Count(m[3], "`") == 2 && defaults[m[1]] != literal {
			t.Errorf("--%s: the default is %s here and %s in the help", m[1], literal, defaults[m[1]])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReferenceExamplesAreRight(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(examples) == 0 {
		t.Fatal("no examples")
	}
	r := mustParse(t, "version: 1\n", shop())
	org := acme("", "sluice/pipelines.yml", regexp.MustCompile("(?s)# acme/.github: sluice/pipelines.yml\n.*?```").FindString(string(data)))
	org.Models["sluice/pipelines.yml"] = bytes.TrimSuffix(org.Models["sluice/pipelines.yml"], []byte("```"))
	for _, e := range examples {
		var errs []*Error
		switch head, _, _ := strings.Cut(e[1], "\n"); head {
		case "# " + TestsFileName:
			_, errs = RunTests([]byte(e[1]), TestsFileName, r, somebodyMay)
		case "# acme/.github: " + FileName, "# acme/.github: sluice/pipelines.yml":
			theirs := *org
			theirs.File = []byte(e[1])
			if strings.Contains(head, "pipelines") {
				theirs.File = nil
			}
			errs = CheckOrganization(theirs)
		default:
			_, errs = ParseRepo([]byte(e[1]), of(org))
		}
		if len(errs) > 0 {
			t.Errorf("%v\nin\n%s", Join(errs), e[1])
		}
	}
}

func TestReferenceStatesTheLimits(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(data)), " ")
	want := fmt.Sprintf("at most %d KiB, %d levels and 10,000 keys, values and list items, %d keys in one mapping, and keys of at most %d bytes",
		maxFile>>10, maxDepth, maxKeys, maxKey)
	if !strings.Contains(text, want) || maxNodes != 10_000 {
		t.Errorf("the reference does not say %q", want)
	}
}
