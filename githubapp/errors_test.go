package githubapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestErrors(t *testing.T) {
	refused := func(status int, message string) error { return &forge.RefusedError{Status: status, Message: message} }
	lacks := func(status int, message string) error {
		return &forge.RefusedError{Status: status, Message: message, Permission: true}
	}
	temporary := func(text string) error { return &forge.TemporaryError{Err: errors.New(text)} }
	for _, tc := range []struct {
		status int
		body   string
		want   error
	}{
		{400, `{"message":"Problems parsing JSON"}`, refused(400, "Problems parsing JSON")},
		{401, `{"message":"Bad credentials"}`, lacks(401, "Bad credentials")},
		{403, `{"message":"Resource not accessible by integration"}`, lacks(403, "Resource not accessible by integration")},
		{403, `{"message":"Must have admin rights to Repository."}`, lacks(403, "Must have admin rights to Repository.")},
		{403, `{"message":"This installation has been suspended"}`, lacks(403, "This installation has been suspended")},
		{403, `{"message":"Repository was archived so is read-only."}`, forge.ErrArchived},
		{404, `{"message":"Not Found"}`, forge.ErrNotFound},
		{404, ``, forge.ErrNotFound},
		{404, `{"message":"Base does not exist"}`, forge.ErrNotFound},
		{405, `{"message":"Squash merges are not allowed on this repository."}`, refused(405, "Squash merges are not allowed on this repository.")},
		{406, `{"message":"Sorry, the diff exceeded the maximum number of files"}`, refused(406, "Sorry, the diff exceeded the maximum number of files")},
		{409, `{"message":"Merge conflict"}`, forge.ErrConflict},
		{409, `{"message":"Head branch was modified. Review and try the merge again."}`, forge.ErrMoved},
		{409, `{"message":"Base branch was modified. Review and try the merge again."}`, forge.ErrBaseMoved},
		{409, `{"message":"Git Repository is empty."}`, forge.ErrNotFound},
		{409, `{"message":"Conflict: Commit status checks failed for x."}`, refused(409, "Conflict: Commit status checks failed for x.")},
		{410, `{"message":"This issue was deleted"}`, forge.ErrNotFound},
		{410, `{"message":"Issues are disabled for this repo"}`, refused(410, "Issues are disabled for this repo")},
		{422, `{"message":"Reference already exists"}`, forge.ErrExists},
		{422, `{"message":"Reference does not exist"}`, forge.ErrNotFound},
		{422, `{"message":"No commit found for SHA: abc"}`, forge.ErrNotFound},
		{422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:x."}]}`, forge.ErrExists},
		{422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between main and x"}]}`, forge.ErrNoCommits},
		{422, `{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}`, forge.ErrExists},
		{422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"missing_field","field":"title"}]}`, refused(422, "Validation Failed: title is missing field")},
		{422, `{"message":"Validation Failed","errors":["a plain text"]}`, refused(422, "Validation Failed: a plain text")},
		{422, `{"message":"Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n"}`, refused(422, "Repository rule violations found Cannot create ref due to creations being restricted.")},
		{422, `{"message":"` + strings.Repeat("long ", 1000) + `"}`, refused(422, "")},
		{451, `{"message":"Repository access blocked","block":{"reason":"dmca"}}`, refused(451, "Repository access blocked")},
		{500, `{"message":"Server Error"}`, temporary("Server Error")},
		{502, `<html>no JSON, sent by a proxy</html>`, temporary("502 Bad Gateway")},
		{503, ``, temporary("503 Service Unavailable")},
		{504, `null`, temporary("504 Gateway Timeout")},
		{200, `{"object":`, temporary("")},
		{200, `[1,2]`, temporary("")},
		{202, `{}`, temporary("")},
	} {
		t.Run(fmt.Sprint(tc.status, " ", tc.body[:min(60, len(tc.body))]), func(t *testing.T) {
			s := newScriptOf(t, Options{}, reply{status: tc.status, body: tc.body})
			err := s.app.askOnce(t.Context(), s)
			if shape := errorShape(tc.want); strings.HasSuffix(shape, " ") { // the words do not matter
				if got := errorShape(err); !strings.HasPrefix(got, shape) || len(got) > 2100 {
					t.Errorf("got %s, want %s…", got, shape)
				}
				return
			}
			same(t, err, tc.want)
			if !strings.Contains(err.Error(), "PUT /repos/acme/shop/x%2Fy: ") {
				t.Errorf("does not say what was attempted: %v", err)
			}
		})
	}
}

// askOnce makes a call that is not repeated.
func (a *App) askOnce(ctx context.Context, s *script) error {
	var into struct{ Object struct{} }
	_, err := s.repo.call(ctx, "PUT", s.repo.path("x/y")+"?secret=1", map[string]string{"a": "b"}, &into)
	return err
}

func TestErrorsHoldNoCredentials(t *testing.T) {
	secret := "ghs_" + strings.Repeat("123_eyJhbGciOi.x-Y.z", 20)
	said := "token " + secret + " of https://x-access-token:" + secret + "@github.test/ Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3In0.c2ln Basic dXNlcjpwYXNzd29yZHBhc3N3b3Jk access_token=abc"
	// The server quotes the request.
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/5/access_tokens") {
			w.WriteHeader(201)
			_, _ = fmt.Fprintf(w, `{"token":%q,"expires_at":"2099-01-01T00:00:00Z"}`, secret)
			return
		}
		w.WriteHeader(418)
		_, _ = fmt.Fprintf(w, `{"message":%q,"errors":[{"message":%q}]}`, r.Header.Get("Authorization")+" "+said, said)
	}))
	defer h.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	app, err := New(Options{AppID: 7, Key: key(), APIURL: h.URL + "/", HTTP: transport})
	same(t, err, nil)
	var failed []error
	_, err = app.Repo(5, 9, "acme", "shop").Info(t.Context())
	failed = append(failed, err)
	_, err = app.Installations(t.Context())
	failed = append(failed, err)
	_, err = app.Token(t.Context(), 6)
	failed = append(failed, err)
	broken := newScriptOf(t, Options{}, reply{err: errors.New("proxy https://user:hunter22@proxy.test says Bearer " + secret)})
	failed = append(failed, broken.app.askOnce(t.Context(), broken))
	for _, err := range failed {
		if err == nil {
			t.Fatal("no error")
		}
		for _, bad := range []string{secret, "eyJ", "ghs_", "hunter22", "dXNlcj", "access_token=abc", "BEGIN"} {
			if strings.Contains(err.Error(), bad) {
				t.Errorf("%q in %v", bad, err)
			}
		}
	}
}

func TestContexts(t *testing.T) {
	s := newScript(t, `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.repo.Info(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err = s.repo.Info(ctx)
	var temporary *forge.TemporaryError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &temporary) {
		t.Errorf("late: %v", err)
	}
}

func TestOptions(t *testing.T) {
	good := Options{AppID: 7, Key: key(), APIURL: "https://api.github.com/"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no slash":     func(o *Options) { o.APIURL = "https://api.github.com" },
		"no URL":       func(o *Options) { o.APIURL = "api.github.com/" },
		"no address":   func(o *Options) { o.APIURL = "" },
		"another kind": func(o *Options) { o.APIURL = "ftp://api.github.com/" },
		"a password":   func(o *Options) { o.APIURL = "https://user:hunter2@api.github.com/" },
		"a query":      func(o *Options) { o.APIURL = "https://api.github.com/?x=/" },
		"no key":       func(o *Options) { o.Key = nil },
		"no App":       func(o *Options) { o.AppID = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			change(&o)
			if _, err := New(o); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A GitHub Enterprise Server has its REST API, and with it the tokens, below /api/v3/, and GraphQL beside that.
func TestEnterpriseServer(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	for rest, graph := range map[string]string{"/api/v3": "/api/graphql", "": "/graphql"} {
		asked := &addresses{next: w.transport}
		app, err := New(Options{AppID: w.appID, Key: key(), APIURL: w.s.URL() + rest + "/", HTTP: asked})
		w.must(err)
		repo := app.Repo(w.install, w.repo.ID(), "acme", "shop")
		_, err = repo.Info(t.Context())
		w.must(err)
		_, err = repo.Authors(t.Context(), []string{w.master})
		w.must(err)
		equal(t, []string{
			fmt.Sprintf("POST %s/app/installations/%d/access_tokens", rest, w.install), "GET " + rest + "/repos/acme/shop", "POST " + graph,
		}, asked.all)
	}
}

// addresses remembers what was asked.
type addresses struct {
	next http.RoundTripper
	all  []string
}

// RoundTrip implements http.RoundTripper.
func (a *addresses) RoundTrip(r *http.Request) (*http.Response, error) {
	a.all = append(a.all, r.Method+" "+r.URL.Path)
	return a.next.RoundTrip(r)
}
