package githubapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// transportFunc is a function as a transport.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOnlyReadsAreRepeated(t *testing.T) {
	cut := reply{err: errors.New("connection reset by peer")}
	down, fine := reply{status: 502}, reply{status: 200, body: `{"id":9}`}
	limited := reply{status: 403, header: http.Header{"Retry-After": {"60"}}, body: `{"message":"You have exceeded a secondary rate limit."}`}
	for name, tc := range map[string]struct {
		method  string
		replies []reply
		asked   int
		want    string
	}{
		"a read, down twice":      {"GET", []reply{down, cut, fine}, 3, "none"},
		"a read, down for longer": {"GET", []reply{down}, 3, "temporary: 502 Bad Gateway"},
		"a read, cut for longer":  {"GET", []reply{cut}, 3, "temporary: connection reset by peer"},
		"a read that is refused":  {"GET", []reply{refusal(403, "no"), fine}, 1, "refused 403 permission=false no"},
		"a read that is limited":  {"GET", []reply{limited, fine}, 1, "limit until 00:01:00 secondary=true"},
		"a read of a busy server": {"GET", []reply{{status: 503, header: http.Header{"Retry-After": {"120"}}}, fine}, 1, "temporary: 503 Service Unavailable"},
		"a write, down":           {"POST", []reply{down, fine}, 1, "temporary: 502 Bad Gateway"},
		"a write, cut":            {"PUT", []reply{cut, fine}, 1, "temporary: connection reset by peer"},
		"a deletion, cut":         {"DELETE", []reply{cut, fine}, 1, "temporary: connection reset by peer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScriptOf(t, Options{}, tc.replies...)
				_, err := s.repo.call(t.Context(), tc.method, "x", nil, nil)
				equal(t, []any{tc.want, tc.asked}, []any{errorShape(err), len(s.requests())})
				if time.Since(start()) > 2*time.Second {
					t.Errorf("took %s", time.Since(start()))
				}
			})
		})
	}
}

// start is when time begins in a synctest bubble.
func start() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestAPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScriptOf(t, Options{}, reply{status: 502})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := s.repo.Info(ctx)
		equal(t, []any{true, 10 * time.Millisecond, 1}, []any{errors.Is(err, context.DeadlineExceeded), time.Since(start()), len(s.requests())})
	})
}

func TestEachAttemptHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		hang := transportFunc(func(r *http.Request) (*http.Response, error) {
			tries++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		get := func(method string) error {
			req, err := http.NewRequestWithContext(t.Context(), method, "https://github.test/", nil)
			if err != nil {
				return err
			}
			_, err = retry{next: attempt{next: hang, timeout: attemptTimeout}}.RoundTrip(req)
			return err
		}
		began := time.Now()
		equal(t, "no answer within 30s", get("GET").Error())
		if took := time.Since(began); tries != 3 || took < 90*time.Second || took > 93*time.Second {
			t.Errorf("a read: %d tries, %s", tries, took)
		}
		began, tries = time.Now(), 0
		equal(t, "no answer within 30s", get("POST").Error())
		equal(t, []any{1, 30 * time.Second}, []any{tries, time.Since(began)})
	})
}

func TestBodiesAreBounded(t *testing.T) {
	for name, length := range map[string]int64{"that says so": maxAnswer + 1, "that does not": -1} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			endless := transportFunc(func(*http.Request) (*http.Response, error) {
				tries++
				return &http.Response{StatusCode: 200, ContentLength: length, Body: io.NopCloser(zeros{})}, nil
			})
			req, err := http.NewRequestWithContext(t.Context(), "GET", "https://github.test/", nil)
			same(t, err, nil)
			_, err = retry{next: attempt{next: endless, timeout: attemptTimeout}}.RoundTrip(req)
			equal(t, []any{true, 1}, []any{errors.Is(err, errTooLarge), tries})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAnswersThatAreCutOffAreReadAgain(t *testing.T) {
	var tries atomic.Int64
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "access_tokens") {
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"token":"t","expires_at":"2099-01-01T00:00:00Z"}`)
			return
		}
		if tries.Add(1) == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"id":9}`)
	}))
	defer h.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	app, err := New(Options{AppID: 7, Key: key(), APIURL: h.URL + "/", HTTP: transport})
	same(t, err, nil)
	_, err = app.Repo(5, 9, "acme", "shop").Info(t.Context())
	same(t, err, nil)
	equal(t, int64(2), tries.Load())
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	for name, tc := range map[string]struct {
		to   string
		want string
		seen int
	}{
		"within":       {"https://github.test/api/v3/repositories/9", "none", 2},
		"elsewhere":    {"https://evil.test/api/v3/repositories/9", "temporary: redirected to another host, evil.test", 1},
		"without TLS":  {"http://github.test/api/v3/repositories/9", "temporary: redirected to another host, github.test", 1},
		"another port": {"https://github.test:444/x", "temporary: redirected to another host, github.test:444", 1},
	} {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{301, 307} {
				s := newScriptOf(t, Options{}, reply{status: status, header: http.Header{"Location": {tc.to}}}, reply{status: 200, body: `{"id":9}`})
				_, err := s.repo.Info(t.Context())
				equal(t, []any{tc.want, tc.seen}, []any{errorShape(err), len(s.requests())})
			}
		})
	}
	s := newScriptOf(t, Options{}, reply{status: 301, header: http.Header{"Location": {"https://github.test/api/v3/x"}}})
	_, err := s.repo.Info(t.Context())
	same(t, err, &forge.TemporaryError{Err: errors.New("redirected too often")})
}

func TestRevokedTokensAreRenewed(t *testing.T) {
	bad := refusal(401, "Bad credentials")
	s := newScriptOf(t, Options{}, bad, reply{status: 201, body: `{"id":3}`})
	_, err := s.repo.CreateComment(t.Context(), 1, "hello")
	same(t, err, nil)
	equal(t, []any{2, []string{"{\"body\":\"hello\"}\n", "{\"body\":\"hello\"}\n"}}, []any{s.tokensAsked(), s.bodies})
	if a, b := s.seen[0].Header.Get("Authorization"), s.seen[1].Header.Get("Authorization"); a == b || !strings.HasPrefix(b, "token ghs_") {
		t.Errorf("signed with %q, then %q", a, b)
	}

	s = newScriptOf(t, Options{}, bad)
	_, err = s.repo.CreateComment(t.Context(), 1, "hello")
	same(t, err, &forge.RefusedError{Status: 401, Permission: true, Message: "Bad credentials"})
	equal(t, 2, len(s.requests()))
}

func TestTokensThatExpireMidRun(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	w := newWorld(t, fakegithub.Options{Now: clock, TokenLifetime: 10 * time.Minute})
	_, err := w.gh.Info(w.ctx())
	w.must(err)
	now = now.Add(11 * time.Minute) // GitHub's clock only: ours believes in the token
	_, err = w.gh.Branches(w.ctx())
	w.must(err)
	now = now.Add(11 * time.Minute)
	w.must(w.gh.CreateBranch(w.ctx(), "feature/x", w.dev))
	equal(t, w.dev, w.repo.Branches()["feature/x"])
}

func TestPermissionsGrantedLater(t *testing.T) {
	now := noon
	s := newScriptOf(t, Options{Now: func() time.Time { return now }}, refusal(403, "Resource not accessible by integration"))
	for range 3 {
		_, err := s.repo.CreateComment(t.Context(), 1, "hello")
		same(t, err, &forge.RefusedError{Status: 403, Permission: true, Message: "Resource not accessible by integration"})
	}
	equal(t, 1, s.tokensAsked()) // no storm of tokens
	now = now.Add(renewAfter)
	for range 2 {
		_, _ = s.repo.CreateComment(t.Context(), 1, "hello")
	}
	equal(t, 2, s.tokensAsked())
}

func TestTokensThatAreNotGiven(t *testing.T) {
	const why = "GitHub gives the App no access token for this installation"
	for name, tc := range map[string]struct {
		says  []reply
		want  string
		asked int
	}{
		"down for a moment": {[]reply{{status: 502}, {err: errors.New("reset")}, {status: 201, body: `{"token":"t","expires_at":"2099-01-01T00:00:00Z"}`}}, "none", 3},
		"down":              {[]reply{{status: 503}}, "temporary: " + why + ": 503 Service Unavailable", 3},
		"cut off":           {[]reply{{err: errors.New("connection reset by peer")}}, "temporary: connection reset by peer", 3},
		"a wrong key":       {[]reply{refusal(401, "A JSON web token could not be decoded")}, "refused 401 permission=true " + why + ": the App's ID and private key do not belong together, or this machine's clock is wrong", 1},
		"limited":           {[]reply{{status: 403, header: http.Header{"Retry-After": {"30"}}, body: `{"message":"You have exceeded a secondary rate limit."}`}}, "limit until 00:00:30 secondary=true", 1},
		"no JSON":           {[]reply{{status: 201, body: "<html>"}}, "temporary: could not refresh installation id 5's token: invalid character '<' looking for beginning of value", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScriptOf(t, Options{}, reply{status: 200, body: `{"id":3}`})
				s.tokens = tc.says
				_, err := s.repo.CreateComment(t.Context(), 1, "x")
				equal(t, []any{tc.want, tc.asked}, []any{errorShape(err), s.tokensAsked()})
			})
		})
	}
}

func TestAClockThatIsWrong(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			w := newWorld(t, fakegithub.Options{})
			app := w.newApp(Options{Now: func() time.Time { return time.Now().Add(skew) }})
			ids, err := app.Installations(w.ctx())
			w.must(err)
			equal(t, []int64{w.install}, ids)
			app = w.newApp(Options{Now: func() time.Time { return time.Now().Add(skew) }})
			_, err = app.Token(w.ctx(), w.install)
			w.must(err)
			if off := app.Ahead() + skew; off.Abs() > 5*time.Second {
				t.Errorf("GitHub's clock is told to be %s ahead, want about %s", app.Ahead(), -skew)
			}
		})
	}
}

// GitHub tells the time in every answer. One that came late does not make its clock slow, and a clock that was put right is
// noticed within a minute.
func TestHowFarAheadGitHubIs(t *testing.T) {
	now := start()
	c := &clock{now: func() time.Time { return now }}
	hear := func(ahead time.Duration) time.Duration {
		c.hear(&http.Response{Header: http.Header{"Date": {now.Add(ahead).UTC().Format(http.TimeFormat)}}})
		return c.skew()
	}
	got := []time.Duration{c.skew()}
	for _, step := range []struct{ later, ahead time.Duration }{
		{0, time.Second}, {time.Second, 10 * time.Minute}, {time.Second, 9 * time.Minute}, {time.Second, 11 * time.Minute},
		{2 * time.Minute, 0}, {2 * time.Minute, -10 * time.Minute},
	} {
		now = now.Add(step.later)
		got = append(got, hear(step.ahead))
	}
	c.hear(&http.Response{Header: http.Header{}})
	equal(t, []time.Duration{0, 0, 10 * time.Minute, 10 * time.Minute, 11 * time.Minute, 0, -10 * time.Minute}, got)
}

// Tokens that live for two seconds, and so expire between the calls of one piece of work, are renewed before each: nobody notices.
func TestTokensExpireMidRun(t *testing.T) {
	var late atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	w := newWorld(t, fakegithub.Options{TokenLifetime: 2 * time.Second, Now: now})
	app := w.newApp(Options{Now: now})
	for range 5 {
		repos, err := app.Repos(w.ctx(), w.install)
		w.must(err)
		if len(repos) == 0 {
			t.Error("no repository is listed")
		}
		_, err = app.Token(w.ctx(), w.install)
		w.must(err)
		late.Add(int64(3 * time.Second))
	}
}

func TestEveryAppHasItsConnections(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `[]`) }))
	defer h.Close()
	app, err := New(Options{AppID: 7, Key: key(), APIURL: h.URL + "/"})
	same(t, err, nil)
	_, err = app.Installations(t.Context())
	same(t, err, nil)
	app.Close() // else goleak finds the connection
}

func TestPeekLeavesTheBody(t *testing.T) {
	body := []byte(`{"message":"m","documentation_url":"d"}`)
	resp := &http.Response{Body: io.NopCloser(bytes.NewReader(body))}
	equal(t, said{Message: "m", Docs: "d"}, peek(resp))
	left, err := io.ReadAll(resp.Body)
	same(t, err, nil)
	equal(t, string(body), string(left))
}

func TestTheCallersTimeComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := transportFunc(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "https://github.test/", nil)
		same(t, err, nil)
		_, err = retry{next: attempt{next: hang, timeout: attemptTimeout}}.RoundTrip(req)
		equal(t, []any{true, time.Second}, []any{errors.Is(err, context.DeadlineExceeded), time.Since(start())})
	})
}
