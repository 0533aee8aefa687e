package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beginWithFiles gives a fuzz target the configurations of the tests to begin with.
func beginWithFiles(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/errors/*.yml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/example.yml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzParseRepo looks for files that cost too much, that make the loader panic, or that pass and then give the bot
// something it cannot use.
func FuzzParseRepo(f *testing.F) {
	beginWithFiles(f)
	for _, c := range hostile() {
		if len(c.file) < 4096 {
			f.Add([]byte(c.file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const (
			mostWork   = 2 * time.Second // under coverage
			mostMemory = 128 << 20
		)
		var r *Repo
		var errs []*Error
		took := worked(t, func() {
			if got := allocated(func() { r, errs = ParseRepo(data, shop()) }); got > mostMemory {
				t.Errorf("allocated %d MiB", got>>20)
			}
		})
		if took > mostWork {
			t.Errorf("took %s", took)
		}
		if (r == nil) == (len(errs) == 0) {
			t.Fatalf("repo %v with %d errors", r, len(errs))
		}
		if len(errs) > maxErrors+1 {
			t.Errorf("%d errors", len(errs))
		}
		for _, e := range errs {
			if e.Problem == "" || e.File == "" || len(e.Excerpt) > 4096 || len(e.Error()) > 8192 {
				t.Errorf("a bad error: %+v", e)
			}
		}
		if r != nil {
			usable(t, r)
		}
	})
}

// FuzzOrganization looks for the same in a file that is read with an organization's file and a file of models, whoever
// wrote them.
func FuzzOrganization(f *testing.F) {
	read := func(name string) []byte {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	own := []byte("version: 1\npipelines: { release: { extends: sluice/pipelines.yml#service, parameters: { workflow: a.yml } } }\n")
	f.Add(own, read("organization.yml"), read("models.yml"))
	f.Add(read("example.yml"), read("organization.yml"), read("models.yml"))
	f.Add(own, own, []byte("version: 1\npipelines: { service: { stages: [] } }\n"))
	for _, many := range []string{strings.Repeat("${parameters.a}", 500), "[" + strings.Repeat(`"${parameters.a}",`, 5000) + "]"} {
		f.Add([]byte("version: 1\npipelines: { release: { extends: sluice/pipelines.yml#service, parameters: { a: "+strings.Repeat("x", 500)+" } } }\n"), []byte(nil),
			[]byte("version: 1\npipelines: { service: { parameters: { a: { type: string } }, stages: [{ name: T, actions: [{ name: a, uses: checks, with: { x: "+many+" }, env: { X: "+many+" } }] }] } }\n"))
	}
	f.Fuzz(func(t *testing.T, own, theirs, models []byte) {
		const mostMemory = 256 << 20
		c := shop()
		c.Organization = &Organization{Name: "acme/.github", File: theirs, Models: map[string][]byte{"sluice/pipelines.yml": models}}
		var r *Repo
		var errs []*Error
		if got := allocated(func() { r, errs = ParseRepo(own, c) }); got > mostMemory {
			t.Errorf("allocated %d MiB", got>>20)
		}
		if (r == nil) == (len(errs) == 0) || len(errs) > maxErrors+1 {
			t.Fatalf("repo %v with %d errors", r, len(errs))
		}
		for _, e := range errs {
			if e.Problem == "" || e.File == "" || len(e.Error()) > 8192 {
				t.Errorf("a bad error: %+v", e)
			}
		}
		if r != nil {
			usable(t, r)
		}
		CheckOrganization(*c.Organization)
		Explain(own, c)
		ModelFiles(own)
	})
}

// usable asks a configuration for everything the bot asks for.
func usable(t *testing.T, r *Repo) {
	if problems := r.Names.Validate(); len(problems) > 0 {
		t.Errorf("names: %v", problems)
	}
	for _, kind := range pipelineKinds() {
		d, ok := r.Pipeline(kind, Revision{})
		if !ok {
			t.Errorf("no pipeline for %s", kind)
		}
		if problems := d.Validate(); len(problems) > 0 {
			t.Errorf("pipeline for %s: %v", kind, problems)
		}
		if _, err := json.Marshal(d); err != nil {
			t.Errorf("pipeline for %s: %v", kind, err)
		}
		if r.ApprovalHash(kind) == "" {
			t.Errorf("no hash for %s", kind)
		}
	}
	if r.Environment("production").Approve == nil {
		t.Error("production is not behind an approval")
	}
}

// FuzzSchema looks for files that one of loader and schema takes and the other does not, but for the mistakes that docs/configuration.md
// leaves to the loader (allUnsaid).
func FuzzSchema(f *testing.F) {
	schema := compiled(f, formats()["repository"])
	beginWithFiles(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		own := (&document{}).read(data)
		if own == nil {
			return // no editor can make sense of it either
		}
		d := &document{}
		_, errs := d.repo(own, shop())
		if err := schema.Validate(asEditor((&document{}).read(data))); err != nil {
			if len(errs) == 0 {
				t.Errorf("the loader takes and the schema refuses\n%s\n%v", data, err)
			}
			return
		}
		for _, e := range d.errs {
			if kindOf(e, "repository") == "" {
				t.Errorf("the schema takes and the loader refuses\n%s\n%v", data, e)
			}
		}
	})
}

// FuzzPrescan compares the pre-scan with the library: what it lets pass must not be deeper or larger than it says.
func FuzzPrescan(f *testing.F) {
	for _, c := range hostile() {
		if len(c.file) < 4096 {
			f.Add([]byte(c.file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = normalize(data)
		if len(data) > maxFile || prescan(data) != nil {
			return
		}
		d := &document{}
		if took := worked(t, func() { d.parseTree(data) }); took > 2*time.Second {
			t.Errorf("the library took %s for what the pre-scan let pass", took)
		}
		for _, e := range d.errs {
			if e.Problem == "the file cannot be read as YAML" {
				t.Logf("the library fell over: %q", data)
			}
		}
	})
}
