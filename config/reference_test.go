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

// TestReferenceNamesEveryKey compares the tables of keys with the one table that loader and schema use.
func TestReferenceNamesEveryKey(t *testing.T) {
	for name, spec := range map[string]*spec{"keys": fileSpec(), "tests": testsSpec(), "models": modelSpec()} {
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
		want := "| key | value | default | meaning |\n|---|---|---|---|\n" + rows(spec, "", false)
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

// rows are the lines of the table for everything in a spec.
func rows(s *spec, path string, required bool) string {
	var b strings.Builder
	if path != "" && s.kind != objectValue {
		def := s.def
		switch {
		case required:
			def = "required"
		case def != "":
			def = "`" + def + "`"
		}
		cell := strings.NewReplacer("|", `\|`).Replace
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", path, cell(valueOf(s)), cell(def), cell(s.doc))
	}
	switch s.kind {
	case objectValue:
		if path == "pipelines" {
			fmt.Fprintf(&b, "%s", rows(s.fields[0].spec, "pipelines.<kind>", false))
			return b.String()
		}
		for _, f := range s.fields {
			b.WriteString(rows(f.spec, join(path, f.name), f.required))
		}
	case mappingValue:
		if s.elem.kind == objectValue {
			b.WriteString(rows(s.elem, path+".<name>", false))
		}
	case listValue:
		if s.elem != nil && s.elem.kind == objectValue {
			b.WriteString(rows(s.elem, path+"[]", false))
		}
	}
	return b.String()
}

// valueOf says in words what a value may be.
func valueOf(s *spec) string {
	if s.unbuilt != "" {
		return "not supported yet"
	}
	if s.elsewhere != "" {
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
