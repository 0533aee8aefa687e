package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// GitHub's order is a convenience, not a condition; and no list makes the walk endless.
func TestFirstParentLineInAnyOrder(t *testing.T) {
	g := shop()
	for i := range 5 {
		g.commit("development", strings.Repeat("x", i+1))
		g.cut("side", "development")
		g.commit("side", "side")
		g.merge("development", "side")
	}
	c := g.compare(CompareRequest{Base: "master", Head: "development"})
	want := subjects(c.line())
	rapid.Check(t, func(t *rapid.T) {
		mixed := c
		mixed.Commits = rapid.Permutation(c.Commits).Draw(t, "order")
		if diff := cmp.Diff(want, subjects(mixed.line())); diff != "" {
			t.Fatalf("first-parent line (-want +got):\n%s", diff)
		}
	})
	circle := Comparison{HeadSHA: "a", Commits: []Commit{{SHA: "a", Parents: []string{"b"}}, {SHA: "b", Parents: []string{"a"}}}}
	if got := len(circle.line()); got != 2 {
		t.Errorf("a circle gave %d commits", got)
	}
}
