package document

import (
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
		"an anchor":          {"a: &x 1\n", "f.yml:1:4: anchors and aliases are not read; write the value again"},
		"a tag":              {"a: !!python/object 1\n", "f.yml:1:4: tags are not read"},
		"not YAML":           {"a: [1\nb: 2\n", "f.yml:"},
		"a multiplied alias": {"a: &a [1]\nb: [*a, *a]\n", "f.yml:1:4: anchors"},
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
