package githubapp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/test/fakegithub"
)

func TestConditionalReads(t *testing.T) {
	w := newWorld(t, fakegithub.Options{RateLimit: 50})
	last := func() fakegithub.Call { calls := w.calls(0, "GET", ""); return calls[len(calls)-1] }
	ask := func() []forge.Branch {
		t.Helper()
		got, err := w.gh.Branches(w.ctx())
		w.must(err)
		return got
	}
	first := ask()
	equal(t, []any{false, 200}, []any{last().Conditional, last().Status})
	for range 60 { // more than the hourly limit: an answer of 304 costs nothing
		equal(t, first, ask())
	}
	equal(t, []any{true, 304}, []any{last().Conditional, last().Status})

	// A new token, as every hour, does not empty it.
	s := w.app.access(w.install).signer
	s.drop(s.current(), 0)
	equal(t, first, ask())
	equal(t, 304, last().Status)

	// What changed is seen.
	w.must(w.repo.SetRef("refs/heads/feature/x", w.dev))
	equal(t, 3, len(ask()))
	equal(t, 200, last().Status)

	// Another installation knows nothing of it, even with the same URL.
	other := w.app.Repo(w.install+1, w.repo.ID(), "acme", "shop")
	_, err := other.Branches(w.ctx())
	w.fails(err, &forge.RefusedError{Status: 404, Permission: true, Message: "GitHub gives the App no access token for this installation: it was removed"})

	// Nor is it answered from memory once the access is gone.
	w.must(w.s.SetInstallation(w.install, nil, []string{}))
	_, err = w.gh.Branches(w.ctx())
	w.fails(err, forge.ErrNotFound)
}

// tagged is a transport whose answers have an ETag, a body of a size, and honour If-None-Match.
type tagged struct {
	size  int
	mu    sync.Mutex
	hits  map[string]int // answers of 304 by path
	whole int
}

func (s *tagged) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := http.Header{"Etag": {`W/"` + req.URL.Path + `"`}, "X-Ratelimit-Remaining": {fmt.Sprint(4000 - s.whole)}, "Link": {"<next>"}}
	if req.Header.Get("If-None-Match") == h.Get("ETag") {
		if s.hits == nil {
			s.hits = map[string]int{}
		}
		s.hits[req.URL.Path]++
		return &http.Response{StatusCode: 304, Header: http.Header{"X-Ratelimit-Remaining": {"77"}}, Body: http.NoBody}, nil
	}
	s.whole++
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", s.size)))}, nil
}

func ask(t *testing.T, rt http.RoundTripper, method, path, accept string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://github.test"+path, nil)
	same(t, err, nil)
	req.Header.Set("Accept", accept)
	resp, err := rt.RoundTrip(req)
	same(t, err, nil)
	if req.Header.Get("If-None-Match") != "" {
		t.Error("the caller's request was changed")
	}
	return resp
}

func TestRememberedAnswers(t *testing.T) {
	next := &tagged{size: 10}
	e := newETags(&room{limit: etagTotal}, next)
	ask(t, e, "GET", "/a", "json")
	resp := ask(t, e, "GET", "/a", "json")
	body, err := io.ReadAll(resp.Body)
	same(t, err, nil)
	equal(t, []any{200, "xxxxxxxxxx", int64(10), "77", "<next>", 1},
		[]any{resp.StatusCode, string(body), resp.ContentLength, resp.Header.Get("X-RateLimit-Remaining"), resp.Header.Get("Link"), next.hits["/a"]})
	ask(t, e, "GET", "/a", "raw") // another form of it
	ask(t, e, "GET", "/a?page=2", "json")
	ask(t, e, "POST", "/a", "json")
	equal(t, []int{1, 4}, []int{next.hits["/a"], next.whole})
}

func TestMemoryIsBounded(t *testing.T) {
	check := func(e *etags, next *tagged, entries int) {
		t.Helper()
		bytes := 0
		for el := e.recent.Front(); el != nil; el = el.Next() {
			bytes += len(el.Value.(*remembered).body)
		}
		equal(t, []int{entries, entries, bytes}, []int{e.recent.Len(), len(e.byURL), e.bytes})
	}
	t.Run("in entries, the oldest go", func(t *testing.T) {
		next := &tagged{size: 1}
		e := newETags(&room{limit: etagTotal}, next)
		for i := range etagEntries + 10 {
			ask(t, e, "GET", fmt.Sprint("/", i), "")
			ask(t, e, "GET", "/0", "")
		}
		check(e, next, etagEntries)
		ask(t, e, "GET", "/1", "")
		ask(t, e, "GET", fmt.Sprint("/", etagEntries+9), "")
		equal(t, []int{etagEntries + 10, 0, 1}, []int{next.hits["/0"], next.hits["/1"], next.hits[fmt.Sprint("/", etagEntries+9)]})
	})
	t.Run("in bytes", func(t *testing.T) {
		next := &tagged{size: etagBody}
		e := newETags(&room{limit: etagTotal}, next)
		for i := range 20 {
			ask(t, e, "GET", fmt.Sprint("/", i), "")
		}
		check(e, next, etagBytes/etagBody)
	})
	t.Run("large answers are passed on", func(t *testing.T) {
		next := &tagged{size: etagBody + 1}
		e := newETags(&room{limit: etagTotal}, next)
		body, err := io.ReadAll(ask(t, e, "GET", "/", "").Body)
		same(t, err, nil)
		equal(t, etagBody+1, len(body))
		check(e, next, 0)
	})
	t.Run("for all together", func(t *testing.T) {
		shared := &room{limit: 100}
		first, second := &tagged{size: 10}, &tagged{size: 10}
		a, b := newETags(shared, first), newETags(shared, second)
		for i := range 20 {
			ask(t, a, "GET", fmt.Sprint("/", i), "")
		}
		check(a, first, 10)
		for i := range 20 { // pays for itself
			ask(t, b, "GET", fmt.Sprint("/", i), "")
		}
		check(a, first, 10)
		check(b, second, 1)
		equal(t, int64(110), shared.used.Load())
	})
}

func TestWhatIsNotRemembered(t *testing.T) {
	for name, r := range map[string]reply{
		"no ETag":   {status: 200, body: "x"},
		"a refusal": {status: 404, header: http.Header{"Etag": {`"x"`}}},
		"a 201":     {status: 201, header: http.Header{"Etag": {`"x"`}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newETags(&room{limit: etagTotal}, transportFunc(r.response))
			ask(t, e, "GET", "/", "")
			equal(t, 0, e.recent.Len())
		})
	}
}

func TestGitObjectsAreAskedForOnce(t *testing.T) {
	sha := strings.Repeat("0123456789", 4)
	for path, want := range map[string]int{
		"/repos/a/b/git/trees/" + sha:          1,
		"/repos/a/b/git/blobs/" + sha:          1,
		"/repos/a/b/git/commits/" + sha:        1,
		"/repos/a/b/git/trees/main":            3,
		"/repos/a/b/git/trees/" + sha[:39]:     3,
		"/repos/a/b/git/ref/heads/" + sha:      3,
		"/repos/a/b/commits/" + sha:            3,
		"/repos/a/b/git/trees/" + sha + "%2Fx": 3,
	} {
		t.Run(path, func(t *testing.T) {
			asked := 0
			e := newETags(&room{limit: etagTotal}, transportFunc(func(*http.Request) (*http.Response, error) {
				asked++
				return &http.Response{StatusCode: 200, Header: http.Header{"X-Ratelimit-Remaining": {"0"}}, Body: io.NopCloser(bytes.NewReader([]byte("{}")))}, nil
			}))
			for range 2 {
				ask(t, e, "GET", path, "")
			}
			resp := ask(t, e, "GET", path, "")
			equal(t, want, asked)
			if want == 1 && (resp.Header.Get("X-RateLimit-Remaining") != "" || resp.Header.Get("X-From-Cache") == "") {
				t.Errorf("old limits come out of the memory: %v", resp.Header)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, fakegithub.Options{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 10 {
				if _, err := w.app.Repo(w.install, w.repo.ID(), "acme", "shop").File(w.ctx(), "README.md", "master"); err != nil {
					t.Error(err)
				}
				if _, err := w.app.Installations(w.ctx()); err != nil {
					t.Error(err)
				}
			}
			if err := w.gh.CreateBranch(w.ctx(), fmt.Sprint("feature/", i), w.dev); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	equal(t, []int{10, 1}, []int{len(w.repo.Branches()), len(w.s.Calls(fakegithub.CallFilter{Route: "/app/installations/{installation_id}/access_tokens"}))})
}
