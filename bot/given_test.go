package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Values for variables may change what is tested, so whoever gave them for a candidate has taken part in it.
func TestWhoGaveVariablesDoesNotApprove(t *testing.T) {
	l, r, x := candidate(t, "")
	counting := func() int {
		t.Helper()
		_, by, err := l.tally(t.Context(), r, x, "production")
		must(t, err)
		return len(by)
	}
	x.StartedBy = l.gh.Users["quinn"]
	l.says(x, "quinn", nil)
	if n := counting(); n != 1 {
		t.Errorf("%d approvals count of somebody who started it without values, want 1", n)
	}
	x.State.Given = map[string]string{"SUITE": "none"}
	if n := counting(); n != 0 {
		t.Errorf("%d approvals count of somebody who gave values, want none", n)
	}
	parts, err := l.takenPart(t.Context(), r, x)
	must(t, err)
	if diff := cmp.Diff("gave values for variables of its pipeline", parts.why(x.StartedBy.ID)); diff != "" {
		t.Errorf("why (-want +got):\n%s", diff)
	}
}

func TestGivenText(t *testing.T) {
	_, _, x := candidate(t, "")
	if got := givenText(x); got != "" {
		t.Errorf("nobody gave any: %q", got)
	}
	x.StartedBy = person(6, "quinn")
	x.State.Given = map[string]string{"SUITE": "none", "NOTE": strings.Repeat("é", 200)}
	want := "`NOTE=" + strings.Repeat("é", 80) + "…`, `SUITE=none`, given by `quinn`"
	if diff := cmp.Diff(want, givenText(x)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
