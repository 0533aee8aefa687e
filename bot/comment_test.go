package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// commentOf is a new comment on issue 5.
func commentOf(by forge.User, body string) event.Comment {
	return event.Comment{
		Origin:   event.Origin{Repo: forge.Repo{ID: 42, Owner: "acme", Name: "shop"}, Installation: 7, Sender: by},
		Activity: event.Created, ID: 100, Number: 5, Author: by, Body: body, Open: true,
	}
}

func TestCommented(t *testing.T) {
	for name, c := range map[string]struct {
		by        forge.User
		body      string
		reactions []string
		said      string // in the one reply; empty: none
	}{
		"nothing of ours":         {person(1, "ann"), "looks good\n/lgtm", nil, ""},
		"answered":                {person(1, "ann"), "/status", []string{"100:eyes", "100:rocket"}, "Nothing was deployed yet."},
		"refused":                 {person(1, "ann"), "/release start", []string{"100:eyes", "100:confused"}, "needs the role maintain"},
		"written wrongly":         {person(1, "ann"), "/status\n/unpin", []string{"100:eyes", "100:confused"}, "an argument is missing"},
		"by our own bot":          {forge.User{ID: usID, Login: "sluice[bot]", Bot: true}, "/status", nil, ""},
		"by our own bot, unnamed": {forge.User{ID: usID, Login: "x"}, "/status", nil, ""},
		"by another bot":          {forge.User{ID: 9, Login: "renovate[bot]", Bot: true}, "/status", nil, ""},
		"in a quote":              {person(1, "ann"), "> /status", nil, ""},
		"of a stranger, who calls others": {
			person(1, "ann"), "/status a @acme/all", []string{"100:eyes", "100:confused"}, "too many: \"@\u200bacme/all\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			for range 2 { // delivered again
				must(t, l.commented(t.Context(), commentOf(c.by, c.body)))
			}
			if diff := cmp.Diff(c.reactions, l.gh.Reactions); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if c.said == "" {
				if len(l.gh.Said) > 0 {
					t.Errorf("said %q", l.gh.Said[0].Body)
				}
				return
			}
			if len(l.gh.Said) != 1 || !strings.Contains(l.gh.Said[0].Body, c.said) || !strings.HasPrefix(l.gh.Said[0].Body, "@"+c.by.Login+" ") {
				t.Errorf("said %+v, want one that has %q", l.gh.Said, c.said)
			}
		})
	}
}

// Somebody else's edit or an edit of a comment is no command.
func TestEditedCommentIsNoCommand(t *testing.T) {
	l := newLab(t, "")
	e := commentOf(person(1, "ann"), "/status")
	e.Activity, e.BodyBefore = event.Edited, "hello"
	must(t, l.commented(t.Context(), e))
	e = commentOf(person(1, "ann"), "/status")
	e.Sender = person(2, "eve")
	must(t, l.commented(t.Context(), e))
	if len(l.gh.Said)+len(l.gh.Reactions) > 0 {
		t.Errorf("said %v, reacted %v", l.gh.Said, l.gh.Reactions)
	}
}

// A comment that was edited or deleted before it was heard of does nothing: deliveries come in any order.
func TestCase24ChangedBeforeItsTurn(t *testing.T) {
	for _, what := range []event.Activity{event.Edited, event.Deleted} {
		l := newLab(t, "")
		later := commentOf(person(1, "ann"), "/status")
		later.Activity, later.Body = what, "never mind"
		must(t, l.commented(t.Context(), later))
		for range 2 {
			must(t, l.commented(t.Context(), commentOf(person(1, "ann"), "/status")))
		}
		if len(l.gh.Said) != 1 || !strings.Contains(l.gh.Said[0].Body, "before its turn") {
			t.Errorf("%s: said %+v", what, l.gh.Said)
		}
	}
}
