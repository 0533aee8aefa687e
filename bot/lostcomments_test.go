package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// remark is a comment made so long before now.
func (l *lab) remark(id int64, by forge.User, before time.Duration, body string) forge.Comment {
	at := l.now.Add(-before)
	return forge.Comment{ID: id, Issue: 5, Author: by, Body: body, CreatedAt: at, UpdatedAt: at}
}

// handleFound handles the items of comments that were found, in their turn, and returns when each was due after now.
func (l *lab) handleFound() (due []time.Duration) {
	l.t.Helper()
	claim, next, err := l.b.Store.ClaimLane(l.t.Context(), laneOf(42), "tester", store.Turn{Now: l.now.Add(time.Hour), Lease: time.Minute})
	must(l.t, err)
	for next.Item != nil {
		due = append(due, next.Item.DueAt.Sub(l.now))
		var f foundRemark
		must(l.t, queue.Item{Payload: next.Item.Payload}.Decode(&f))
		must(l.t, l.remarkFound(l.t.Context(), f))
		next, err = l.b.Store.Settle(l.t.Context(), claim, store.Settlement{Item: *next.Item, Result: store.ItemDone}, store.Turn{Now: l.now.Add(time.Hour), Lease: time.Minute})
		must(l.t, err)
	}
	return due
}

// A comment that nobody told of is found by looking, and answered once: carried out while it is what was said last, and not long
// ago; else its author is asked to say it again.
func TestLostComments(t *testing.T) {
	ann, robot := person(1, "ann"), forge.User{ID: 9, Login: "robot[bot]", Bot: true}
	us := forge.User{ID: usID, Login: "sluice[bot]", Bot: true}
	tests := map[string]struct {
		comments func(*lab) []forge.Comment
		told     int64 // a comment that was told
		want     []string
		due      []time.Duration
	}{
		"one": {func(l *lab) []forge.Comment { return []forge.Comment{l.remark(101, ann, time.Hour, "/help")} }, 0, []string{"101 rocket"}, []time.Duration{0}},
		"two, in the order in which they were made": {func(l *lab) []forge.Comment {
			return []forge.Comment{l.remark(102, ann, time.Minute, "/help"), l.remark(101, ann, time.Hour, "/status")}
		}, 0, []string{"101 rocket", "102 rocket"}, []time.Duration{0, 0}},
		"one that was told of": {func(l *lab) []forge.Comment { return []forge.Comment{l.remark(101, ann, time.Hour, "/help")} }, 101, nil, nil},
		"one before another that was told of": {func(l *lab) []forge.Comment {
			return []forge.Comment{l.remark(101, ann, time.Hour, "/help"), l.remark(102, ann, time.Minute, "/status")}
		}, 102, []string{"101 confused: since"}, []time.Duration{10 * time.Minute}},
		"one after another that was told of": {func(l *lab) []forge.Comment {
			return []forge.Comment{l.remark(101, ann, time.Hour, "/help"), l.remark(102, ann, time.Minute, "/status")}
		}, 101, []string{"102 rocket"}, []time.Duration{0}},
		"one of hours ago": {func(l *lab) []forge.Comment { return []forge.Comment{l.remark(101, ann, 3*time.Hour, "/help")} }, 0,
			[]string{"101 confused: 3h after"}, []time.Duration{10 * time.Minute}},
		"one of days ago": {func(l *lab) []forge.Comment { return []forge.Comment{l.remark(101, ann, 73*time.Hour, "/help")} }, 0, nil, nil},
		"one without a command": {func(l *lab) []forge.Comment {
			return []forge.Comment{l.remark(101, ann, time.Hour, "Well done.\n> /help")}
		}, 0, nil, nil},
		"another bot's, and our own": {func(l *lab) []forge.Comment {
			return []forge.Comment{l.remark(101, robot, time.Hour, "/help"), l.remark(102, us, time.Hour, "/help")}
		}, 0, nil, nil},
		"one that was edited": {func(l *lab) []forge.Comment {
			c := l.remark(101, ann, time.Hour, "/help")
			c.UpdatedAt = l.now
			return []forge.Comment{c}
		}, 0, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			l.repo.BaselineAt = l.now.AddDate(0, 0, -30)
			l.gh.Everywhere = tt.comments(l)
			if tt.told != 0 {
				for _, c := range l.gh.Everywhere {
					if c.ID == tt.told {
						must(t, l.commented(t.Context(), event.Comment{Activity: event.Created, Origin: event.Origin{Sender: c.Author}, ID: c.ID, Number: 5,
							Author: c.Author, Body: c.Body, CreatedAt: c.CreatedAt, ReceivedAt: c.CreatedAt}))
					}
				}
				l.gh.Reactions, l.gh.Said = nil, nil
			}
			must(t, l.reconcileRemarks(t.Context()))
			due := l.handleFound()
			must(t, l.reconcileRemarks(t.Context())) // the same comments again
			due = append(due, l.handleFound()...)
			if diff := cmp.Diff(tt.due, due); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
			var got []string
			for _, r := range l.gh.Reactions {
				id, what, _ := strings.Cut(r, ":")
				if what != reactionSeen {
					got = append(got, id+" "+what)
				}
			}
			for i, w := range tt.want {
				head, part, refused := strings.Cut(w, ": ")
				tt.want[i] = head
				if refused && !strings.Contains(l.gh.Said[0].Body, part) {
					t.Errorf("the answer does not say %q:\n%s", part, l.gh.Said[0].Body)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A comment whose author was shown that its commands are begun is not carried out again where the database does not know that, as
// after a restored backup.
func TestCommentsBeforeARestore(t *testing.T) {
	ann := person(1, "ann")
	l := newLab(t, "")
	l.repo.BaselineAt = l.now.AddDate(0, 0, -30)
	l.gh.Everywhere = []forge.Comment{l.remark(101, ann, time.Hour, "/help"), l.remark(102, ann, time.Minute, "/help")}
	l.gh.Reactions = []string{"101:" + reactionSeen, "101:rocket"}
	must(t, l.reconcileRemarks(t.Context()))
	l.handleFound()
	if diff := cmp.Diff([]string{"101:eyes", "101:rocket", "102:eyes", "102:rocket"}, l.gh.Reactions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A command that GitHub tells of too late is asked for again, and one that was carried out in time is not refused when it is told of
// once more.
func TestLateCommand(t *testing.T) {
	ann := person(1, "ann")
	for _, tt := range []struct {
		after []time.Duration
		want  string
	}{
		{[]time.Duration{time.Minute}, "rocket"}, {[]time.Duration{2 * time.Hour}, "rocket"}, {[]time.Duration{2*time.Hour + time.Second}, "confused"},
		{[]time.Duration{time.Minute, 3 * time.Hour}, "rocket"}, {[]time.Duration{3 * time.Hour, 4 * time.Hour}, "confused"},
	} {
		t.Run(fmt.Sprint(tt.after), func(t *testing.T) {
			l := newLab(t, "")
			for _, after := range tt.after {
				must(t, l.commented(t.Context(), event.Comment{Activity: event.Created, Origin: event.Origin{Sender: ann}, ID: 101, Number: 5, Author: ann,
					Body: "/help", CreatedAt: l.now, ReceivedAt: l.now.Add(after)}))
			}
			if diff := cmp.Diff([]string{"101:eyes", "101:" + tt.want}, l.gh.Reactions); diff != "" {
				t.Error(diff)
			}
			if len(l.gh.Said) != 1 {
				t.Errorf("%d answers, want one: %v", len(l.gh.Said), l.gh.Said)
			}
		})
	}
}

// A review that nobody told of is found as a comment is, by its pull request, and answered once. Comments and reviews have one order:
// that in which they were given.
func TestLostReviews(t *testing.T) {
	ann := person(1, "ann")
	review := func(l *lab, id int64, before time.Duration) forge.Review {
		return forge.Review{ID: id, Node: fmt.Sprintf("PRR_%d", id), Author: ann, State: "COMMENTED", Body: "fine\n/help", SHA: "two", SubmittedAt: l.now.Add(-before)}
	}
	one := func(change func(*lab, *forge.Review)) func(*lab) {
		return func(l *lab) {
			v := review(l, 101, time.Hour)
			change(l, &v)
			l.gh.Reviewed = []forge.Review{v}
		}
	}
	tests := map[string]struct {
		world func(*lab)
		told  string // the remark that was told, by its key
		want  []string
		due   []time.Duration
	}{
		"one":                   {one(func(*lab, *forge.Review) {}), "", []string{"PRR_101:rocket"}, []time.Duration{0}},
		"one that was told of":  {one(func(*lab, *forge.Review) {}), "review-101", nil, nil},
		"one that was shown it": {one(func(l *lab, _ *forge.Review) { l.gh.Reactions = []string{"PRR_101:" + reactionSeen} }), "", nil, nil},
		"an approving one":      {one(func(_ *lab, v *forge.Review) { v.State = "APPROVED" }), "", []string{"PRR_101:rocket"}, []time.Duration{0}},
		"one that is dismissed": {one(func(_ *lab, v *forge.Review) { v.State = "DISMISSED" }), "", nil, nil},
		"one that was edited": {one(func(l *lab, _ *forge.Review) {
			l.gh.Edited = map[string]time.Time{"PRR_101": l.now.Add(-time.Minute)}
		}), "", nil, nil},
		"one that was edited until it was submitted": {one(func(l *lab, v *forge.Review) {
			l.gh.Edited = map[string]time.Time{"PRR_101": v.SubmittedAt}
		}), "", []string{"PRR_101:rocket"}, []time.Duration{0}},
		"one without a command": {one(func(_ *lab, v *forge.Review) { v.Body = "fine" }), "", nil, nil},
		"one of a bot":          {one(func(_ *lab, v *forge.Review) { v.Author.Bot = true }), "", nil, nil},
		"one of hours ago": {one(func(l *lab, v *forge.Review) { v.SubmittedAt = l.now.Add(-3 * time.Hour) }), "",
			[]string{"PRR_101:confused"}, []time.Duration{10 * time.Minute}},
		"one of days ago": {one(func(l *lab, v *forge.Review) { v.SubmittedAt = l.now.Add(-73 * time.Hour) }), "", nil, nil},
		"one before a comment that was told of": {func(l *lab) {
			l.gh.Reviewed = []forge.Review{review(l, 999, time.Hour)}
			l.gh.Everywhere = []forge.Comment{l.remark(101, ann, time.Minute, "/status")}
		}, "101", []string{"PRR_999:confused"}, []time.Duration{10 * time.Minute}},
		"a comment before one that was told of": {func(l *lab) {
			l.gh.Everywhere = []forge.Comment{l.remark(999, ann, time.Hour, "/status")}
			l.gh.Reviewed = []forge.Review{review(l, 101, time.Minute)}
		}, "review-101", []string{"999:confused"}, []time.Duration{10 * time.Minute}},
		"one after a comment, both lost": {func(l *lab) {
			l.gh.Everywhere = []forge.Comment{l.remark(999, ann, time.Hour, "/status")}
			l.gh.Reviewed = []forge.Review{review(l, 101, time.Minute)}
		}, "", []string{"999:rocket", "PRR_101:rocket"}, []time.Duration{0, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			l.repo.BaselineAt = l.now.AddDate(0, 0, -30)
			l.gh.Pulls = map[int]forge.PullRequest{5: {Number: 5, Open: true, Head: forge.Side{SHA: "two"}, UpdatedAt: l.now}}
			tt.world(l)
			for _, c := range l.gh.Everywhere {
				if m := commentRemark(c); m.key() == tt.told {
					m.Sender, m.ReceivedAt = m.Author, m.CreatedAt
					must(t, l.remarked(t.Context(), m))
				}
			}
			for _, v := range l.gh.Reviewed {
				if m := listedReview(5, v); m.key() == tt.told {
					m.Sender, m.ReceivedAt = m.Author, m.CreatedAt
					must(t, l.remarked(t.Context(), m))
				}
			}
			before := len(l.gh.Reactions)
			must(t, l.reconcileRemarks(t.Context()))
			due := l.handleFound()
			must(t, l.reconcileRemarks(t.Context())) // the same reviews again
			due = append(due, l.handleFound()...)
			if diff := cmp.Diff(tt.due, due); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
			var got []string
			for _, r := range l.gh.Reactions[before:] {
				if !strings.HasSuffix(r, ":"+reactionSeen) {
					got = append(got, r)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What has become of a review between the look that found it and its turn counts: dismissed, edited or gone, it does nothing.
func TestLostReviewChangedBeforeItsTurn(t *testing.T) {
	for name, change := range map[string]func(*lab){
		"dismissed": func(l *lab) { l.gh.Reviewed[0].State = "DISMISSED" },
		"edited":    func(l *lab) { l.gh.Edited = map[string]time.Time{"PRR_101": l.now} },
		"gone":      func(l *lab) { l.gh.Reviewed = nil },
	} {
		l := newLab(t, "")
		l.repo.BaselineAt = l.now.AddDate(0, 0, -30)
		l.gh.Pulls = map[int]forge.PullRequest{5: {Number: 5, Open: true, UpdatedAt: l.now}}
		l.gh.Reviewed = []forge.Review{{ID: 101, Node: "PRR_101", Author: person(1, "ann"), State: "COMMENTED", Body: "/help", SubmittedAt: l.now.Add(-time.Hour)}}
		must(t, l.reconcileRemarks(t.Context()))
		change(l)
		if due := l.handleFound(); len(due) != 1 || len(l.gh.Reactions) != 0 {
			t.Errorf("%s: %d were found, and got %v", name, len(due), l.gh.Reactions)
		}
	}
}
