package lazyregexp

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMethodsAreThoseOfRegexp(t *testing.T) {
	r := New(`([a-z]+)-([0-9]+)`)
	const text = "one-1 two-22 three"
	plain := r.Regexp()
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"MatchString", r.MatchString(text), plain.MatchString(text)},
		{"MatchString, none", r.MatchString("three"), false},
		{"FindString", r.FindString(text), plain.FindString(text)},
		{"FindAllString", r.FindAllString(text, -1), plain.FindAllString(text, -1)},
		{"FindStringSubmatch", r.FindStringSubmatch(text), plain.FindStringSubmatch(text)},
		{"FindAllStringSubmatch", r.FindAllStringSubmatch(text, 1), plain.FindAllStringSubmatch(text, 1)},
		{"FindAllStringSubmatchIndex", r.FindAllStringSubmatchIndex(text, -1), plain.FindAllStringSubmatchIndex(text, -1)},
		{"ReplaceAllString", r.ReplaceAllString(text, "$2-$1"), "1-one 22-two three"},
		{"ReplaceAllStringFunc", r.ReplaceAllStringFunc(text, func(string) string { return "x" }), "x x three"},
		{"String", r.String(), plain.String()},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestCompiledOnceWhenUsed(t *testing.T) {
	r := New(`a+`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !r.MatchString("baa") {
				t.Error("no match")
			}
		})
	}
	all.Wait()
	if r.Regexp() != r.Regexp() {
		t.Error("compiled twice")
	}
}

func TestAWrongExpressionPanicsEachTime(t *testing.T) {
	r := New(`(wrong`) // and nobody hears of it
	for n := range 2 {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, "(wrong") || !strings.Contains(said, "missing closing )") {
					t.Errorf("use %d: %s", n+1, said)
				}
			}()
			r.MatchString("")
		}()
	}
}
