package fakegithub_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/test/fakegithub"
)

const comments = "/repos/{owner}/{repo}/issues/{issue_number}/comments"

func TestFaults(t *testing.T) {
	limit := func(err error) bool { return errors.As(err, new(*github.RateLimitError)) }
	abuse := func(after time.Duration) func(error) bool {
		return func(err error) bool {
			var a *github.AbuseRateLimitError
			return errors.As(err, &a) && (a.Response.Header.Get("Retry-After") == "") == (after == 0) && (after == 0 || a.GetRetryAfter() == after)
		}
	}
	code := func(want int) func(error) bool { return func(err error) bool { return status(err) == want } }
	cut := func(err error) bool { return err != nil && status(err) == 0 }
	cases := map[string]struct {
		fault  fakegithub.Fault
		want   func(error) bool
		effect int // comments made by the call that fails
	}{
		"primary limit":                {fakegithub.Fault{Kind: fakegithub.PrimaryLimit, RetryAfter: time.Minute}, limit, 0},
		"secondary limit":              {fakegithub.Fault{Kind: fakegithub.SecondaryLimit, RetryAfter: 30 * time.Second}, abuse(30 * time.Second), 0},
		"secondary limit without time": {fakegithub.Fault{Kind: fakegithub.SecondaryLimit}, abuse(0), 0},
		"bad gateway":                  {fakegithub.Fault{Kind: fakegithub.ServerError}, code(502), 0},
		"unavailable":                  {fakegithub.Fault{Kind: fakegithub.ServerError, Status: 503}, code(503), 0},
		"reset":                        {fakegithub.Fault{Kind: fakegithub.Reset}, cut, 0},
		"reply lost":                   {fakegithub.Fault{Kind: fakegithub.LoseReply}, cut, 1},
		"delay":                        {fakegithub.Fault{Kind: fakegithub.Delay, RetryAfter: time.Millisecond}, func(err error) bool { return err == nil }, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakegithub.Options{})
			n, err := w.s.As("ann").OpenIssue(w.ctx, "acme/shop", "t", "")
			w.must(err)
			after := w.s.LastCall()
			c.fault.Route, c.fault.Method, c.fault.Actor = comments, "POST", "sluice[bot]"
			w.s.Inject(c.fault)
			_, err = w.s.As("ann").Comment(w.ctx, "acme/shop", n, "others are not struck")
			w.must(err)
			comment := &github.IssueComment{Body: github.String("hello")}
			if _, _, err := w.bot.Issues.CreateComment(w.ctx, "acme", "shop", n, comment); !c.want(err) {
				t.Errorf("the call struck: %v (%T)", err, err)
			}
			if got := len(w.repo.Comments(n)) - 1; got != c.effect {
				t.Errorf("it made %d comments, want %d", got, c.effect)
			}
			fresh := w.client(&http.Client{Transport: bearer{w.token()}}) // go-github itself waits for the end of a limit
			if _, _, err := fresh.Issues.CreateComment(w.ctx, "acme", "shop", n, comment); err != nil {
				t.Errorf("the call after it: %v", err)
			}
			calls := w.s.Calls(fakegithub.CallFilter{Method: "POST", Route: comments, Actor: "sluice[bot]", After: after})
			if len(calls) != 2 || !calls[0].Fault || calls[1].Fault || !calls[1].Succeeded() {
				t.Errorf("calls %+v, want one by fault and one without", calls)
			}
		})
	}
}

func (w *world) token() string {
	w.t.Helper()
	token, err := w.s.InstallationToken(w.inst.ID)
	w.must(err)
	return token
}

func TestHangEndsWithTheCaller(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	w.s.Inject(fakegithub.Fault{Kind: fakegithub.Hang, Method: "GET", Count: -1})
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Millisecond)
	defer cancel()
	if _, _, err := w.user("ann").Repositories.Get(ctx, "acme", "shop"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
}

func TestCallingWhileToldToWaitIsAViolation(t *testing.T) {
	now := time.Now()
	w := newWorld(t, fakegithub.Options{Now: func() time.Time { return now.Add(-time.Second) }})
	w.s.Inject(fakegithub.Fault{Kind: fakegithub.SecondaryLimit, RetryAfter: time.Hour})
	token := w.token()
	get := func() {
		_, _, _ = w.client(&http.Client{Transport: bearer{token}}).Repositories.Get(w.ctx, "acme", "shop")
	}
	get()
	timer := time.NewTimer(300 * time.Millisecond) // calls on their way when the limit was told are forgiven
	defer timer.Stop()
	<-timer.C
	get()
	found := w.s.Violations()
	w.s.ForgetViolations()
	if len(found) != 1 || found[0].Kind != "limit" {
		t.Errorf("violations %v, want one of kind limit", found)
	}
}

func TestWebhookFaultsAndRedelivery(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	n, err := ann.OpenIssue(w.ctx, "acme/shop", "t", "")
	w.must(err)
	comment := func(text string) {
		_, err := ann.Comment(w.ctx, "acme/shop", n, text)
		w.must(err)
	}
	texts := func() (out []string) {
		w.settle()
		for _, h := range w.received() {
			e, err := github.ParseWebHook(h.event, h.body)
			w.must(err)
			if c, ok := e.(*github.IssueCommentEvent); ok {
				out = append(out, c.Comment.GetBody())
			}
		}
		w.clear()
		return out
	}
	w.s.InjectHook(fakegithub.HookFault{Kind: fakegithub.DuplicateHook, Event: "issue_comment"})
	comment("twice")
	w.settle()
	if r := w.received(); len(r) != 3 || r[1].guid != r[2].guid {
		t.Errorf("a doubled delivery: %d received", len(r))
	}
	w.clear()
	w.s.InjectHook(fakegithub.HookFault{Kind: fakegithub.DropHook, Event: "issue_comment", Skip: 1})
	comment("kept")
	comment("dropped")
	if diff := cmp.Diff([]string{"kept"}, texts()); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	w.s.HoldHooks()
	comment("1")
	comment("2")
	comment("3")
	w.s.ReleaseHooks(func(n int) []int { return []int{2, 0, 1} })
	if diff := cmp.Diff([]string{"3", "1", "2"}, texts()); diff != "" {
		t.Errorf("shuffled (-want +got):\n%s", diff)
	}
	w.s.HoldHooks()
	comment("1")
	comment("2")
	comment("3")
	comment("4")
	dealt := w.s.DealHooks(func(events []string) fakegithub.Deal { return fakegithub.Deal{Send: []int{3, 0, 0}, Drop: []int{1}} })
	if diff := cmp.Diff([]string{"4", "1", "1"}, texts()); diff != "" || dealt != 4 {
		t.Errorf("%d dealt (-want +got):\n%s", dealt, diff)
	}
	w.s.ReleaseHooks(nil)
	if diff := cmp.Diff([]string{"3"}, texts()); diff != "" {
		t.Errorf("kept on (-want +got):\n%s", diff)
	}
	w.s.InjectHook(fakegithub.HookFault{Kind: fakegithub.LateHook, Event: "issue_comment"})
	comment("late")
	comment("on time")
	if diff := cmp.Diff([]string{"on time"}, texts()); diff != "" {
		t.Errorf("before the late one (-want +got):\n%s", diff)
	}
	w.s.ReleaseHooks(nil)
	if diff := cmp.Diff([]string{"late"}, texts()); diff != "" {
		t.Errorf("late (-want +got):\n%s", diff)
	}
	w.s.InjectHook(fakegithub.HookFault{Kind: fakegithub.FailHook})
	comment("failed")
	w.settle()
	if len(w.received()) != 0 {
		t.Error("a failed delivery arrived")
	}
	list, _, err := w.jwt.Apps.ListHookDeliveries(w.ctx, &github.ListCursorOptions{PerPage: 2})
	w.must(err)
	if len(list) != 2 || list[0].GetEvent() != "issue_comment" || list[0].GetStatusCode() == 202 || list[1].GetStatusCode() != 202 {
		t.Fatalf("log %v", list)
	}
	one, _, err := w.jwt.Apps.GetHookDelivery(w.ctx, list[0].GetID())
	w.must(err)
	if one.Request == nil || one.GetGUID() != list[0].GetGUID() {
		t.Errorf("one delivery reads %v", one)
	}
	_, _, err = w.jwt.Apps.RedeliverHookDelivery(w.ctx, list[0].GetID())
	if !errors.As(err, new(*github.AcceptedError)) {
		w.must(err)
	}
	w.settle()
	if r := w.received(); len(r) != 1 || r[0].guid != list[0].GetGUID() {
		t.Errorf("redelivered %d, want one with the same GUID", len(r))
	}
	w.clear()
	w.mu.Lock()
	w.status = 500
	w.mu.Unlock()
	comment("refused")
	w.settle()
	w.mu.Lock()
	w.status = 202
	w.mu.Unlock()
	w.clear()
	if n := w.s.Redeliver(); n != 1 {
		t.Errorf("redelivered %d, want 1", n)
	}
	if diff := cmp.Diff([]string{"refused"}, texts()); diff != "" {
		t.Errorf("after redelivery (-want +got):\n%s", diff)
	}
}

func TestDeliveryLogHasACursor(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	for range 5 {
		_, err := w.s.As("ann").OpenIssue(w.ctx, "acme/shop", "t", "")
		w.must(err)
	}
	w.settle()
	var ids []int64
	opts := &github.ListCursorOptions{PerPage: 2}
	for {
		list, res, err := w.jwt.Apps.ListHookDeliveries(w.ctx, opts)
		w.must(err)
		for _, d := range list {
			ids = append(ids, d.GetID())
		}
		if res.Cursor == "" {
			break
		}
		opts.Cursor = res.Cursor
	}
	if all := w.s.Deliveries(); len(ids) != len(all) || ids[0] != all[len(all)-1].ID {
		t.Errorf("paged through %d deliveries, want %d, newest first", len(ids), len(all))
	}
}

func TestUnknownRoutesAreViolations(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	err := w.s.As("ann").Do(w.ctx, "GET", "/repos/acme/shop/nonsense", nil, nil)
	if err == nil {
		t.Error("an unknown path was answered")
	}
	err = w.s.As("ann").Do(w.ctx, "POST", "/repos/acme/shop/issues", map[string]any{"title": "t", "boddy": "typo"}, nil)
	w.must(err)
	var kinds []string
	for _, v := range w.s.Violations() {
		kinds = append(kinds, v.Kind)
	}
	w.s.ForgetViolations()
	if diff := cmp.Diff([]string{"unknown-route", "request"}, kinds); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestOnCallComesBeforeTheEffect(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	ann := w.s.As("ann")
	sha, err := ann.Commit(w.ctx, "acme/shop", "feature", "One", map[string]string{"f": "1\n"})
	w.must(err)
	n, err := ann.OpenPull(w.ctx, "acme/shop", "feature", "development", "Work", "")
	w.must(err)
	w.s.OnCall(func(c fakegithub.Call) {
		if c.Method == "PUT" {
			_, err := ann.Commit(w.ctx, "acme/shop", "feature", "Two", map[string]string{"f": "2\n"})
			w.must(err)
		}
	})
	if _, _, err := w.bot.PullRequests.Merge(w.ctx, "acme", "shop", n, "", &github.PullRequestOptions{SHA: sha}); status(err) != 409 {
		t.Errorf("merging a head that moves meanwhile: %v, want 409", err)
	}
}
