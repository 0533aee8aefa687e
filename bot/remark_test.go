package bot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// reviewOf is a new review of pull request 5 whose number is that of a comment, too.
func reviewOf(by forge.User, body string) event.Review {
	return event.Review{
		Origin:   event.Origin{Repo: forge.Repo{ID: 42, Owner: "acme", Name: "shop"}, Installation: 7, Sender: by},
		Activity: event.Submitted, ID: 100, Number: 5, Author: by, State: "COMMENTED", Body: body, Node: "PRR_100",
	}
}

// The text of a review is read for commands as a comment is. GitHub numbers the two apart.
func TestReviewed(t *testing.T) {
	seen := []string{"PRR_100:eyes", "PRR_100:rocket"}
	for name, c := range map[string]struct {
		change    func(*event.Review)
		body      string
		reactions []string
		said      int
	}{
		"answered":              {func(*event.Review) {}, "looks good\n/status", seen, 1},
		"nothing of ours":       {func(*event.Review) {}, "looks good", nil, 0},
		"of somebody else":      {func(e *event.Review) { e.Sender = person(2, "eve") }, "/status", nil, 0},
		"of a bot":              {func(e *event.Review) { e.Author.Bot, e.Sender.Bot = true, true }, "/status", nil, 0},
		"edited":                {func(e *event.Review) { e.Activity = event.Edited }, "/status", nil, 0},
		"dismissed":             {func(e *event.Review) { e.Activity, e.State = event.Dismissed, "DISMISSED" }, "/status", nil, 0},
		"refused":               {func(*event.Review) {}, "/release start", []string{"PRR_100:eyes", "PRR_100:confused"}, 1},
		"that GitHub forgot of": {func(e *event.Review) { e.SHA = "" }, "/status", seen, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			must(t, l.commented(t.Context(), commentOf(person(1, "ann"), "/help"))) // the comment of the same number
			before := len(l.gh.Said)
			l.gh.Reactions = nil
			e := reviewOf(person(1, "ann"), c.body)
			c.change(&e)
			for range 2 { // delivered again
				must(t, l.reviewed(t.Context(), e))
			}
			if diff := cmp.Diff(c.reactions, l.gh.Reactions); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := len(l.gh.Said) - before; got != c.said {
				t.Errorf("said %d times, want %d: %+v", got, c.said, l.gh.Said)
			}
		})
	}
}

// A review that was edited or dismissed before it was heard of does nothing.
func TestReviewChangedBeforeItsTurn(t *testing.T) {
	for _, what := range []event.Activity{event.Edited, event.Dismissed} {
		l := newLab(t, "")
		later := reviewOf(person(1, "ann"), "never mind")
		later.Activity = what
		must(t, l.reviewed(t.Context(), later))
		must(t, l.reviewed(t.Context(), reviewOf(person(1, "ann"), "/status")))
		if diff := cmp.Diff([]string{"PRR_100:eyes", "PRR_100:confused"}, l.gh.Reactions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// What is taken back with a comment was said in that comment, and not in the review of the same number; and the other way round.
func TestReviewAndCommentOfOneNumber(t *testing.T) {
	for via, change := range map[string]func(*lab) error{
		"comment": func(l *lab) error {
			e := commentOf(person(1, "ann"), "never mind")
			e.Activity, e.BodyBefore = event.Edited, "/approve"
			return l.commented(t.Context(), e)
		},
		"review": func(l *lab) error {
			e := reviewOf(person(2, "bob"), "/approve")
			e.Activity = event.Dismissed
			return l.reviewed(t.Context(), e)
		},
	} {
		l := newLab(t, "")
		l.write(func(tx *store.Tx) error {
			for i, v := range []string{"comment", "review"} {
				by := person(int64(i+1), []string{"ann", "bob"}[i])
				err := tx.SaveApproval(t.Context(), store.Approval{ID: v, RepoID: 42, ExecutionID: "x", Environment: "production", By: by, Verdict: store.VerdictApproved, CommentID: 100, Via: v, At: noon})
				if err != nil {
					return err
				}
			}
			return nil
		})
		must(t, change(l))
		l.write(func(tx *store.Tx) error {
			all, err := tx.Approvals(t.Context(), "x")
			for _, a := range all {
				if voided := !a.VoidedAt.IsZero(); voided != (a.Via == via) {
					t.Errorf("a %s was changed: what was said in a %s is taken back: %t", via, a.Via, voided)
				}
			}
			return err
		})
	}
}

// A command in a review is about the commit that was reviewed.
func TestReviewIsPinned(t *testing.T) {
	l := newLab(t, "")
	l.gh.Pulls = map[int]forge.PullRequest{5: {Number: 5, Open: true, Head: forge.Side{SHA: "two"}}}
	for reviewed, refused := range map[string]bool{"one": true, "two": false, "": false} {
		q := &request{Command: Command{Name: "approve"}, at: noon, sha: reviewed, pr: &store.Pull{RepoID: 42, Number: 5, Open: true, HeadSHA: "two"}}
		if err := l.pinned(t.Context(), q); (err != nil) != refused {
			t.Errorf("reviewed at %q: %v", reviewed, err)
		}
	}
}

// What is recorded of when a head came is when that was at the latest. A command from before that time counts where GitHub knows that
// the head was there already, and whoever pushed it is known from then on.
func TestCommandIsPinnedToWhenTheHeadCame(t *testing.T) {
	const recorded, said = 10 * time.Minute, 5 * time.Minute // after noon
	for name, c := range map[string]struct {
		since   time.Duration // 0: GitHub does not say
		fork    bool
		refused bool
	}{
		"the head was there":                  {since: 4 * time.Minute},
		"it came in the same second":          {since: said},
		"it came later":                       {since: 6 * time.Minute, refused: true},
		"GitHub does not say":                 {refused: true},
		"of a fork GitHub says no such thing": {since: 4 * time.Minute, fork: true, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			head := forge.Side{Branch: "hotfix/17", SHA: "two", RepoID: 42}
			if c.fork {
				head.RepoID = 43
			}
			l.gh.Pulls = map[int]forge.PullRequest{5: {Number: 5, Open: true, Head: head, Base: forge.Side{Branch: "master", RepoID: 42}}}
			if c.since != 0 {
				l.gh.Since = map[string]forge.Move{"hotfix/17@two": {Before: "one", By: person(7, "uma"), At: noon.Add(c.since)}}
			}
			q := &request{Command: Command{Name: "test"}, at: noon.Add(said), pr: &store.Pull{RepoID: 42, Number: 5, Open: true, HeadSHA: "two", HeadAt: noon.Add(recorded)}}
			if err := l.pinned(t.Context(), q); (err != nil) != c.refused {
				t.Errorf("%v", err)
			}
			var pushed []store.Push
			l.write(func(tx *store.Tx) (err error) {
				pushed, err = tx.Pushes(t.Context(), 42, "hotfix/17")
				return err
			})
			noted := len(pushed) == 1 && pushed[0].Before == "one" && pushed[0].SHA == "two" && pushed[0].Pusher.ID == 7
			if noted == c.refused || !noted && len(pushed) > 0 {
				t.Errorf("the push of which no word came is on record as %+v", pushed)
			}
		})
	}
}
