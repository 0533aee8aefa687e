package githubapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// paced is a pace over a server that always agrees, and how many calls it let through.
func paced(rate WriteRate) (p *pace, sent *atomic.Int64) {
	sent = &atomic.Int64{}
	return newPace(transportFunc(func(req *http.Request) (*http.Response, error) {
		sent.Add(1)
		return reply{status: 200}.response(req)
	}), rate, time.Now), sent
}

// send makes a call and returns nil, or until when it is put off.
func send(ctx context.Context, p *pace, method string) error {
	req, err := http.NewRequestWithContext(ctx, method, "https://github.test/x", nil)
	if err != nil {
		return err
	}
	_, err = p.RoundTrip(req)
	return err
}

// after is how long from the beginning a refused call is to wait.
func after(t *testing.T, err error) time.Duration {
	t.Helper()
	var limit *forge.RateLimitError
	if !errors.As(err, &limit) || limit.Secondary {
		t.Fatalf("got %v, want our own limit", err)
	}
	return limit.Until.Sub(start())
}

func TestWritesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sent := paced(WriteRate{Burst: 20, PerSecond: 1})
		for range 15 { // a quarter is kept
			same(t, send(t.Context(), p, "POST"), nil)
		}
		equal(t, time.Duration(0), time.Since(start()))
		same(t, send(t.Context(), p, "PATCH"), nil)
		equal(t, time.Second, time.Since(start())) // in place, since it is short
		same(t, send(t.Context(), p, "GET"), nil)  // reads do not wait for writes
		equal(t, []any{time.Second, int64(17)}, []any{time.Since(start()), sent.Load()})
	})
}

// A question to GraphQL is a POST and no write: it is not spaced, costs one point, and is asked again after a failure.
func TestQuestionsToGraphQLAreReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := paced(WriteRate{Burst: 4, PerSecond: 0.1})
		for range pointsPerMinute {
			same(t, send(query(t.Context()), p, "POST"), nil)
		}
		equal(t, time.Duration(0), time.Since(start()))
		equal(t, time.Minute, after(t, send(query(t.Context()), p, "POST"))) // those are the points of the minute
	})
	s := newScriptOf(t, Options{}, reply{status: 502}, reply{status: 200, body: `{"data": {"repository": {"pullRequest": {"isInMergeQueue": true}}}}`})
	in, err := s.repo.Queued(t.Context(), 4)
	same(t, err, nil)
	equal(t, true, in)
	equal(t, 2, len(s.requests()))

	s = newScriptOf(t, Options{}, reply{status: 200, body: `{"node_id": "PR_4"}`}, reply{status: 502})
	if err := s.repo.Enqueue(t.Context(), 4, "abc"); err == nil {
		t.Error("a mutation that failed is reported as done")
	}
	equal(t, 2, len(s.requests()))
}

func TestWhoWouldWaitLongComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sent := paced(WriteRate{Burst: 4, PerSecond: 0.1})
		for range 3 {
			same(t, send(t.Context(), p, "DELETE"), nil)
		}
		for range 5 { // and takes nothing meanwhile
			equal(t, 10*time.Second, after(t, send(t.Context(), p, "PUT")))
		}
		equal(t, []any{time.Duration(0), int64(3)}, []any{time.Since(start()), sent.Load()})
		time.Sleep(10 * time.Second)
		same(t, send(t.Context(), p, "PUT"), nil)
	})
}

func TestUrgentWritesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := paced(WriteRate{Burst: 20, PerSecond: 0.1})
		refused := func() bool { return send(t.Context(), p, "POST") != nil }
		for !refused() { // check runs use up what is theirs
		}
		for i := range 5 {
			if err := send(Urgent(t.Context()), p, "POST"); err != nil {
				t.Fatalf("urgent write %d: %v", i, err)
			}
		}
		equal(t, 10*time.Second, after(t, send(Urgent(t.Context()), p, "POST")))
		equal(t, 60*time.Second, after(t, send(t.Context(), p, "POST"))) // first the reserve fills up
		time.Sleep(10 * time.Second)
		if !refused() {
			t.Error("the reserve was given to a write that is not urgent")
		}
		same(t, send(Urgent(t.Context()), p, "POST"), nil)
	})
}

// What waited for the end of a limit comes all at once. Work on releases does not wait behind the rest then, whichever came first,
// and the rest is not refused by GitHub again.
func TestAfterALimitProductionGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := true
		p := newPace(transportFunc(func(req *http.Request) (*http.Response, error) {
			if limited {
				return reply{status: 403, header: http.Header{"Retry-After": {"60"}}, body: `{"message":"You have exceeded a secondary rate limit."}`}.response(req)
			}
			return reply{status: 200}.response(req)
		}), WriteRate{Burst: 20, PerSecond: 1}, time.Now)
		var limit *forge.RateLimitError
		if err := send(Urgent(t.Context()), p, "POST"); !errors.As(err, &limit) || limit.Until.Sub(start()) != time.Minute {
			t.Fatalf("got %v, want a limit of a minute", err)
		}
		if err := send(Urgent(t.Context()), p, "POST"); !errors.As(err, &limit) {
			t.Fatalf("an urgent write was sent under a limit: %v", err)
		}
		limited = false
		time.Sleep(time.Minute)
		var putOff atomic.Int64
		var all sync.WaitGroup
		for range 40 { // checks of a busy day, before anything else
			all.Go(func() {
				if err := send(t.Context(), p, "POST"); err != nil {
					putOff.Add(1)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for i := range 3 {
			if err := send(Urgent(t.Context()), p, "POST"); err != nil {
				t.Errorf("urgent write %d: %v", i, err)
			}
		}
		equal(t, []any{time.Duration(0), int64(40 - 17)}, []any{time.Since(began), putOff.Load()}) // 15 at once, and two within maxSleep
		all.Wait()
	})
}

func TestGitHubsCapsForContent(t *testing.T) {
	for name, tc := range map[string]struct {
		rate             WriteRate
		ctx              func(context.Context) context.Context
		inAMinute, inAll int
	}{
		"ordinary":           {WriteRate{900, 900}, func(c context.Context) context.Context { return c }, 64, 400},
		"urgent":             {WriteRate{900, 900}, Urgent, 80, 500},
		"of another server":  {WriteRate{1000, 1000}, Urgent, 2000, 2000},
		"without any pacing": {WriteRate{}, Urgent, 2000, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sent := paced(tc.rate)
				fill := func() {
					for range 2000 - sent.Load() {
						if send(tc.ctx(t.Context()), p, "POST") != nil {
							return
						}
					}
				}
				fill()
				equal(t, int64(tc.inAMinute), sent.Load())
				for range 58 { // an hour less a minute, from minute to minute
					time.Sleep(time.Until(start().Add(time.Since(start()).Truncate(time.Minute) + time.Minute)))
					fill()
				}
				equal(t, int64(tc.inAll), sent.Load())
			})
		})
	}
}

func TestPointsOfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sent := paced(WriteRate{Burst: 20, PerSecond: 1})
		for range 10 {
			same(t, send(t.Context(), p, "POST"), nil) // 5 points each
		}
		time.Sleep(30 * time.Second)
		for range pointsPerMinute - 50 {
			same(t, send(t.Context(), p, "GET"), nil)
		}
		equal(t, time.Minute, after(t, send(t.Context(), p, "GET")))
		time.Sleep(30 * time.Second)
		for range 50 { // what the writes took is free again
			same(t, send(t.Context(), p, "GET"), nil)
		}
		equal(t, 90*time.Second, after(t, send(t.Context(), p, "GET")))
		equal(t, int64(10+pointsPerMinute), sent.Load())
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		p := newPace(transportFunc(func(req *http.Request) (*http.Response, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return reply{status: 200}.response(req)
		}), WriteRate{}, time.Now)
		var wait sync.WaitGroup
		for range 120 {
			wait.Go(func() { same(t, send(t.Context(), p, "GET"), nil) })
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := send(ctx, p, "GET"); !errors.Is(err, context.Canceled) {
			t.Errorf("who waits for a place goes away: %v", err)
		}
		wait.Wait()
		equal(t, []any{int64(maxConcurrent), 3 * time.Second}, []any{most.Load(), time.Since(start())})
	})
}

func TestLimitsInAnswers(t *testing.T) {
	reset := func(d time.Duration) string { return fmt.Sprint(start().Add(d).Unix()) }
	secondary := `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	primary := `{"message":"API rate limit exceeded for installation ID 5."}`
	for name, tc := range map[string]struct {
		says  reply
		want  string
		stops bool
	}{
		"Retry-After":                         {reply{status: 403, header: http.Header{"Retry-After": {"90"}}, body: secondary}, "limit until 00:01:30 secondary=true", true},
		"Retry-After as a date":               {reply{status: 429, header: http.Header{"Retry-After": {start().Add(2 * time.Minute).Format(http.TimeFormat)}}, body: secondary}, "limit until 00:02:00 secondary=true", true},
		"Retry-After of nothing":              {reply{status: 403, header: http.Header{"Retry-After": {"0"}}, body: secondary}, "limit until 00:00:01 secondary=true", true},
		"secondary, no time":                  {reply{status: 403, header: http.Header{"X-Ratelimit-Remaining": {"4000"}, "X-Ratelimit-Reset": {reset(time.Hour)}}, body: secondary}, "limit until 00:01:00 secondary=true", true},
		"secondary, by its documentation":     {reply{status: 403, body: `{"message":"Slow down","documentation_url":"https://docs.github.com/x#about-secondary-rate-limits"}`}, "limit until 00:01:00 secondary=true", true},
		"abuse detection, in old words":       {reply{status: 403, body: `{"message":"You have triggered an abuse detection mechanism."}`}, "limit until 00:01:00 secondary=true", true},
		"content created too quickly":         {reply{status: 422, body: `{"message":"Validation Failed: was submitted too quickly"}`}, "limit until 00:01:00 secondary=true", true},
		"the hourly limit":                    {reply{status: 403, header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset(40 * time.Minute)}}, body: primary}, "limit until 00:40:00 secondary=false", true},
		"the hourly limit, as 429":            {reply{status: 429, header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset(40 * time.Minute)}}, body: primary}, "limit until 00:40:00 secondary=false", true},
		"the hourly limit, reset in the past": {reply{status: 403, header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {reset(-time.Hour)}}, body: primary}, "limit until 00:01:00 secondary=false", true},
		"429 of a proxy":                      {reply{status: 429, body: `<html>`}, "limit until 00:01:00 secondary=true", true},
		"a refusal":                           {refusal(403, "Resource not accessible by integration"), "refused 403 permission=true Resource not accessible by integration", false},
		"something invalid":                   {refusal(422, "Validation Failed"), "refused 422 permission=false Validation Failed", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScriptOf(t, Options{}, tc.says, reply{status: 200, body: `{"id":9}`})
				_, err := s.repo.CreateComment(t.Context(), 1, "x")
				equal(t, tc.want, errorShape(err))
				_, err = s.repo.Info(t.Context()) // reads stop too: GitHub bans who goes on
				equal(t, tc.stops, err != nil)
				var limit *forge.RateLimitError
				if tc.stops && errors.As(err, &limit) {
					equal(t, 1, len(s.requests()))
					_, err = s.app.Repo(6, 10, "other", "org").Info(t.Context()) // another installation goes on
					same(t, err, forge.ErrNotFound)                              // the answer is of the first repository
					time.Sleep(time.Until(limit.Until))
					_, err = s.repo.Info(t.Context())
					same(t, err, nil)
				}
			})
		})
	}
}

func TestWaitsDoubleWhileGitHubGoesOnRefusing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := refusal(403, "You have exceeded a secondary rate limit.")
		s := newScriptOf(t, Options{}, limited, limited, limited, limited, limited, limited, reply{status: 201, body: `{"id":1}`}, limited)
		var waits []time.Duration
		for len(waits) < 7 {
			_, err := s.repo.CreateComment(t.Context(), 1, "x")
			var limit *forge.RateLimitError
			if errors.As(err, &limit) {
				waits = append(waits, time.Until(limit.Until))
				time.Sleep(time.Until(limit.Until))
			}
		}
		equal(t, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 16 * time.Minute, time.Minute}, waits)
	})
}

func TestLimitsOfTheStandIn(t *testing.T) {
	// The stand-in reports each call that is made while its caller was told to wait, as a violation.
	for name, fault := range map[string]fakegithub.Fault{
		"hourly":                        {Kind: fakegithub.PrimaryLimit, RetryAfter: 20 * time.Minute},
		"secondary, with a time":        {Kind: fakegithub.SecondaryLimit, RetryAfter: 20 * time.Second},
		"secondary, without":            {Kind: fakegithub.SecondaryLimit},
		"of a read":                     {Kind: fakegithub.SecondaryLimit, Method: "GET", RetryAfter: 20 * time.Second},
		"of the App itself, for tokens": {Kind: fakegithub.SecondaryLimit, Actor: "sluice", RetryAfter: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			now := time.Now().Truncate(time.Second)
			clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
			pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
			w := newWorld(t, fakegithub.Options{Now: clock})
			w.s.Inject(fault)
			var limit *forge.RateLimitError
			for i := range 30 {
				err := w.gh.CreateBranch(w.ctx(), fmt.Sprint("feature/", i), w.dev)
				if _, again := w.gh.Branches(w.ctx()); err == nil {
					err = again
				}
				if errors.As(err, &limit) {
					break
				}
				w.must(err)
			}
			if limit == nil {
				t.Fatal("no limit was hit")
			}
			pass(limit.Until.Sub(clock()))
			_, err := w.gh.Branches(w.ctx())
			w.must(err)
		})
	}
}

func TestPrioritized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		urgent := map[string]bool{}
		s := newScriptOf(t, Options{}, reply{status: 200, body: `{"id":1,"merged":true}`})
		watch := transportFunc(func(req *http.Request) (*http.Response, error) {
			if req.Method != http.MethodGet {
				urgent[req.Method+" "+req.URL.Path] = isUrgent(req.Context())
			}
			return s.RoundTrip(req)
		})
		app, err := New(Options{AppID: 7, Key: key(), APIURL: "https://github.test/", HTTP: watch})
		same(t, err, nil)
		p := &Prioritized{Repo: app.Repo(5, 9, "a", "b"), Checks: []string{"sluice/promotion"}}
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"POST /repos/a/b/git/refs":                    func() error { return p.CreateBranch(ctx, "x", "s") },
			"DELETE /repos/a/b/git/refs/heads/x":          func() error { return p.DeleteBranch(ctx, "x") },
			"POST /repos/a/b/git/commits":                 func() error { _, err := p.CreateCommit(ctx, "m", "s", nil); return err },
			"POST /repos/a/b/merges":                      func() error { _, err := p.Merge(ctx, "x", "s", "m"); return err },
			"POST /repos/a/b/pulls":                       func() error { _, err := p.CreatePull(ctx, "t", "h", "b", ""); return err },
			"PATCH /repos/a/b/pulls/1":                    func() error { return errors.Join(p.ClosePull(ctx, 1), p.RetargetPull(ctx, 1, "x")) },
			"PUT /repos/a/b/pulls/1/merge":                func() error { _, err := p.MergePull(ctx, 1, "s", "t", "m"); return err },
			"POST /repos/a/b/issues/1/comments":           func() error { _, err := p.CreateComment(ctx, 1, "x"); return err },
			"PATCH /repos/a/b/issues/comments/1":          func() error { return p.EditComment(ctx, 1, "x") },
			"POST /repos/a/b/issues/comments/1/reactions": func() error { return p.React(ctx, 1, "eyes") },
			"POST /graphql":                               func() error { return p.ReactToReview(ctx, "n", "eyes") },
			"POST /repos/a/b/releases":                    func() error { _, err := p.CreateRelease(ctx, "t", "n", "", false, true); return err },
			"POST /repos/a/b/deployments":                 func() error { _, err := p.CreateDeployment(ctx, "s", "e", "", "", true); return err },
			"POST /repos/a/b/deployments/1/statuses":      func() error { return p.SetDeploymentState(ctx, 1, forge.DeploymentQueued, "", "", "") },
			"POST /repos/a/b/check-runs":                  func() error { _, err := p.SaveCheckRun(ctx, forge.CheckRun{Name: "sluice/promotion"}); return err },
			"PATCH /repos/a/b/check-runs/1": func() error {
				_, err := p.SaveCheckRun(ctx, forge.CheckRun{ID: 1, Name: "sluice/pipeline"})
				return err
			},
		} {
			same(t, call(), nil)
			if got, want := urgent[name], name != "PATCH /repos/a/b/check-runs/1"; got != want {
				t.Errorf("%s: urgent is %v, want %v", name, got, want)
			}
			if _, made := urgent[name]; !made {
				t.Errorf("%s was not called: %v", name, urgent)
			}
		}
		delete(urgent, "POST /repos/a/b/git/refs")
		same(t, p.CreateTag(ctx, "x", "s"), nil)
		equal(t, true, urgent["POST /repos/a/b/git/refs"])
	})
}
