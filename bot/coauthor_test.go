package bot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
)

// Who is named as a co-author takes part in the change, in whatever form the address is known; an approval of theirs does not count.
func TestCase27CoAuthors(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		knows   forge.Authors // GitHub
		why     string        // of quinn, who approves; empty: it counts
	}{
		"an address with a number":       {"6+quinn@users.noreply.github.com", forge.Authors{Complete: true}, "wrote part of commit"},
		"and the name of long ago":       {"6+quentin@users.noreply.github.com", forge.Authors{Complete: true}, "wrote part of commit"},
		"the old form":                   {"Quinn@users.noreply.github.com", forge.Authors{Complete: true}, "wrote part of commit"},
		"the old form, on a server":      {"quinn@users.noreply.git.acme.test", forge.Authors{Complete: true}, "wrote part of commit"},
		"the old form, of nobody":        {"gone@users.noreply.github.com", forge.Authors{Complete: true}, ""},
		"an address that GitHub knows":   {"q@acme.test", forge.Authors{Users: []forge.User{person(4, "carl"), person(6, "quinn")}, Complete: true}, "wrote part of commit"},
		"an address that nobody knows":   {"q@acme.test", forge.Authors{Users: []forge.User{person(4, "carl")}, Complete: true}, ""},
		"more authors than GitHub lists": {"q@acme.test", forge.Authors{Users: []forge.User{person(4, "carl")}}, "does not list all authors"},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "")
			key := r.CutSHA + "..." + r.HeadSHA
			change := l.gh.Comparisons[key]
			change.Commits[0].Message = fmt.Sprintf("fix\n\nco-authored-by: Quinn <%s>", c.address)
			l.gh.Comparisons[key] = change
			l.gh.CoWrote = map[string]forge.Authors{"c1": c.knows}
			excluded, err := l.takenPart(t.Context(), r, x)
			must(t, err)
			if why := excluded.why(6); why != "" != (c.why != "") || !strings.Contains(why, c.why) {
				t.Errorf("quinn is excluded because %q, want %q", why, c.why)
			}
			l.says(x, "quinn", nil)
			_, by, err := l.tally(t.Context(), r, x, "production")
			must(t, err)
			if diff := cmp.Diff(c.why == "", len(by) == 1); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// Whose an address of the old form is, GitHub is asked once, in however many commits it stands and however often approvals are counted.
func TestCase27OneQuestionForAnAddress(t *testing.T) {
	l, r, x := candidate(t, "")
	key := r.CutSHA + "..." + r.HeadSHA
	change := l.gh.Comparisons[key]
	for i := range 3 {
		change.Commits = append(change.Commits, forge.Commit{
			SHA: fmt.Sprintf("d%d", i), Author: l.gh.Users["carl"], Message: "fix\n\nCo-authored-by: Quinn <quinn@users.noreply.github.com>",
		})
	}
	l.gh.Comparisons[key] = change
	for range 2 {
		excluded, err := l.takenPart(t.Context(), r, x)
		must(t, err)
		if why := excluded.why(6); why != "wrote part of commit d0" {
			t.Errorf("quinn is excluded because %q", why)
		}
	}
	if diff := cmp.Diff([]string{"quinn"}, l.gh.LookedUp); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// So many co-authors that nobody looks them all up: anybody may be one.
func TestCase27TooManyCoAuthors(t *testing.T) {
	l, r, x := candidate(t, "")
	key := r.CutSHA + "..." + r.HeadSHA
	change := l.gh.Comparisons[key]
	var message strings.Builder
	message.WriteString("fix\n\n")
	for i := range maxNamed + 1 {
		fmt.Fprintf(&message, "Co-authored-by: X <x%d@acme.test>\n", i)
	}
	change.Commits[0].Message = message.String()
	l.gh.Comparisons[key] = change
	excluded, err := l.takenPart(t.Context(), r, x)
	must(t, err)
	if why := excluded.why(6); !strings.Contains(why, "more than 300 co-authors") {
		t.Errorf("quinn is excluded because %q", why)
	}
}
