package document

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is too much, or not one YAML document, is refused at its place, and quickly.
func TestBounds(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "f.yml:1:1: the file is empty"},
		"a comment only":     {"# nothing\n", "f.yml:1:1: the file is empty"},
		"too large":          {strings.Repeat(" ", MaxSize+1), "f.yml:1:1: the file has 262145 bytes; at most 262144 are read"},
		"not text":           {"a: \xff", "f.yml:1:1: the file is not UTF-8 text"},
		"deep flow":          {"a: " + strings.Repeat("[", 33) + strings.Repeat("]", 33), "f.yml:1:36: nested deeper than 32"},
		"very deep flow":     {strings.Repeat("[", 100_000), "f.yml:1:1: 100000 brackets; at most 5000 are read"},
		"deep dashes":        {strings.Repeat("- ", 40) + "a", "f.yml:1:65: nested deeper than 32"},
		"two documents":      {"---\na: 1\n---\nb: 2\n", "f.yml:3:1: a second document; the file has one"},
		"a tag":              {"a: !!python/object 1\n", "f.yml:1:4: tags are not read"},
		"not YAML":           {"a: [1\nb: 2\n", "f.yml:"},
		"a multiplied alias": {multiplied(9), "f.yml:5:10: with what its aliases stand for the file has more than 10000 values"},
		"an unknown alias":   {"files: [a, *.txt]\n", "f.yml:1:12: no value above is called &.txt; a text that begins with * needs quotes"},
		"an alias of itself": {"a: &a [1, *a]\n", "f.yml:1:11: no value above is called &a"},
		"a merged text":      {"a: &a 1\nb: {<<: *a}\n", "f.yml:2:5: << takes a mapping, or a list of them"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, _, err := Parse("f.yml", []byte(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// multiplied are lists of nine aliases each for the list before: nine to the power of levels.
func multiplied(levels int) string {
	text := "l0: &l0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i <= levels; i++ {
		text += fmt.Sprintf("l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9), ", "))
	}
	return text
}

// An alias is the value that its anchor names, with the line on which that is written, and << is the entries of a mapping.
func TestAliases(t *testing.T) {
	r, root, err := Parse("f.yml", []byte(`
base: &base
  shell: bash
  steps: &steps
    - make
    - &check make check
more: &more {shell: sh, user: ci}
one: {<<: *base, shell: dash}
two: {user: root, <<: [*base, *more]}
three: *steps
four: [*check, "*check"]
`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, e := range r.Mapping(root, "the file") {
		switch e.Key {
		case "one", "two":
			for _, inner := range r.Mapping(e.Value, e.Key) {
				if inner.Key == "steps" {
					got[e.Key+".steps"] = r.List(inner, "steps", "")
					continue
				}
				got[e.Key+"."+inner.Key] = r.Text(inner, inner.Key)
			}
		case "three", "four":
			got[e.Key] = r.List(e, e.Key, "")
		}
	}
	steps := []Name{{"make", 5}, {"make check", 6}}
	want := map[string]any{
		"one.shell": "dash", "one.steps": steps, "two.user": "root", "two.shell": "bash", "two.steps": steps, "three": steps,
		"four": []Name{{"make check", 6}, {"*check", 11}},
	}
	if diff := cmp.Diff(want, got); diff != "" || r.Err() != nil {
		t.Errorf("%v, (-want +got):\n%s", r.Err(), diff)
	}
}

func TestReader(t *testing.T) {
	r, root, err := Parse("f.yml", []byte("\xef\xbb\xbfname: shop\r\nyes: no\r\nlist: [a, {b: 1}, 3]\r\nname: again\r\nempty:\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, e := range r.Mapping(root, "the file") {
		switch e.Key {
		case "name":
			got[e.Key] = r.Text(e, "name")
		case "yes":
			got[e.Key] = r.Yes(e, "yes")
		case "list":
			got[e.Key] = r.List(e, "list", "; quote it")
		case "empty":
			got[e.Key] = r.Text(e, "empty")
		}
	}
	want := map[string]any{"name": "shop", "yes": false, "list": []Name{{"a", 3}, {"3", 3}}, "empty": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	problems := `f.yml:3:11: list: every entry must be a text; quote it
f.yml:4:1: name is there twice, first in line 1
f.yml:5:1: empty must be a text`
	if diff := cmp.Diff(problems, r.Err().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
