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
		var f foundComment
		must(l.t, queue.Item{Payload: next.Item.Payload}.Decode(&f))
		must(l.t, l.commentFound(l.t.Context(), f))
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
			must(t, l.reconcileComments(t.Context()))
			due := l.handleFound()
			must(t, l.reconcileComments(t.Context())) // the same comments again
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
	must(t, l.reconcileComments(t.Context()))
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
