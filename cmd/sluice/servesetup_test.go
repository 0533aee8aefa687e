package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// serving is sluice serve, in this process, and what it logs.
type serving struct {
	t     *testing.T
	stop  context.CancelFunc
	ended chan int

	mu    sync.Mutex
	lines []map[string]string
	text  strings.Builder
}

// Write implements io.Writer for the log.
func (s *serving) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	for line := range strings.Lines(string(p)) {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) != nil {
			continue
		}
		texts := map[string]string{}
		for k, v := range l {
			if text, ok := v.(string); ok {
				texts[k] = text
			}
		}
		s.lines = append(s.lines, texts)
	}
	return len(p), nil
}

// logged waits for a line of the log and returns one of its values.
func (s *serving) logged(msg, key string) string {
	s.t.Helper()
	value := ""
	if err := await(s.t.Context(), patience, fmt.Sprintf("the log to say %q", msg), func() (string, bool) {
		select {
		case status := <-s.ended:
			s.ended <- status
			s.t.Fatalf("it ended with %d: %s", status, s.text.String())
		default:
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		i := slices.IndexFunc(s.lines, func(l map[string]string) bool {
			return strings.HasPrefix(l["msg"], msg) && !strings.Contains(l["link"], ":8080") // which is nobody's
		})
		if i < 0 {
			return s.text.String(), false
		}
		value = s.lines[i][key]
		return "", true
	}); err != nil {
		s.t.Fatal(err)
	}
	return value
}

func serveWith(t *testing.T, args []string, env map[string]string) *serving {
	t.Helper()
	return serveWired(t, args, env, wiring{unpaced: true})
}

func serveWired(t *testing.T, args []string, env map[string]string, w wiring) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &serving{t: t, stop: stop, ended: make(chan int, 1)}
	go func() {
		s.ended <- dispatch(ctx, append([]string{"serve"}, args...), func(name string) string { return env[name] }, strings.NewReader(""), io.Discard, s, w)
	}()
	t.Cleanup(s.end)
	return s
}

func (s *serving) end() {
	s.stop()
	s.ended <- <-s.ended
}

// A server that has no App and was told to make one serves the set-up alone, to whoever has the link of its log; then it serves with
// the App that was made, and the next time at once.
func TestServeSetsUp(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	hub.AddOrg("acme", "boss")
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--public-url=http://127.0.0.1:8080", "--data=" + data, "--github-url=" + hub.URL(), "--github-api-url=" + hub.URL()}

	first := serveWith(t, append(args, "--setup=acme"), nil)
	link := first.logged("there is no App", "link")
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("token") == "" {
		t.Fatalf("link %q: %v", link, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	at := "http://" + u.Host
	for path, want := range map[string]int{"/setup": 403, "/setup?token=guessed": 403, "/webhooks/github": 404, "/": 404} {
		if got := statusOf(t, browser, at+path); got != want {
			t.Errorf("%s answers %d to strangers, want %d", path, got, want)
		}
	}
	page := read(t, browser, http.MethodGet, link, nil)
	form := regexp.MustCompile(`(?s)action="([^"]+)".*name="manifest" value="([^"]+)"`).FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("no form in %s", page)
	}
	last := read(t, browser, http.MethodPost, html.UnescapeString(form[1]), url.Values{"manifest": {html.UnescapeString(form[2])}, "agreed": {"yes"}})
	if strings.Contains(last, "Start the server") || strings.Contains(last, "PRIVATE KEY") {
		t.Errorf("the last page: %s", last)
	}
	listen := first.logged("ready", "listen")
	if got := statusOf(t, browser, "http://"+listen+"/setup"); got != http.StatusUnauthorized {
		t.Errorf("with an App /setup answers %d to strangers", got)
	}
	first.end()
	if strings.Contains(first.text.String(), "PRIVATE KEY") {
		t.Error("the log has the key")
	}

	again := serveWith(t, append(args, "--setup=acme"), nil)
	again.logged("ready", "listen")
	again.end()
	if strings.Contains(again.text.String(), "there is no App") {
		t.Errorf("the second start makes another App: %s", again.text.String())
	}
}

// A set-up that nobody opens goes on: another link stands in the log, and the server still lives.
func TestServeGoesOnSettingUp(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	s := serveWired(t, []string{
		"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--public-url=http://127.0.0.1:8080", "--data=" + filepath.Join(t.TempDir(), "data"),
		"--github-url=" + hub.URL(), "--github-api-url=" + hub.URL(), "--setup=acme",
	}, nil, wiring{unpaced: true, link: 20 * time.Millisecond})
	first := s.logged("there is no App", "link")
	s.mu.Lock()
	s.lines = nil
	s.mu.Unlock()
	if another := s.logged("there is no App", "link"); another == first || !strings.Contains(another, "/setup?token=") {
		t.Errorf("first %q, then %q", first, another)
	}
}

// Without being told to, and with settings of an App, nothing is made.
func TestServeMakesNoApp(t *testing.T) {
	data := "--data=" + t.TempDir()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"not told to":              {[]string{data}, nil, "--github-app-id"},
		"half of an App":           {[]string{data, "--setup=acme", "--github-app-id=7"}, nil, "--github-private-key"},
		"a file of a key":          {[]string{data, "--setup=acme"}, map[string]string{"SLUICE_GITHUB_PRIVATE_KEY_FILE": "/none"}, "--github-app-id"},
		"GitHub cannot reach it":   {[]string{data, "--setup=acme"}, nil, "GitHub cannot reach"},
		"no name of anybody":       {[]string{data, "--setup=a b", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--public-url=https://sluice.example.com"}, nil, "no name of an organization"},
		"everything wrong at once": {[]string{data, "--setup=acme", "--listen=x"}, nil, "--listen"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveWith(t, c.args, c.env)
			if status := <-s.ended; status == exitDone || !strings.Contains(s.text.String(), c.want) {
				t.Errorf("status %d: %s, want %q", status, s.text.String(), c.want)
			}
			s.ended <- 0
		})
	}
}

// What the server cannot work with is listed at once, its data folder with the other settings, and nothing is made.
func TestServeListsAllThatIsWrong(t *testing.T) {
	above := t.TempDir()
	file := filepath.Join(above, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	data, missing := filepath.Join(file, "data"), filepath.Join(above, "data")
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"without an App":       {[]string{"--data", data}, []string{"--data / SLUICE_DATA", data, "--github-app-id / "}},
		"that makes its App":   {[]string{"--data", data, "--setup=acme", "--listen=x"}, []string{"--data / SLUICE_DATA", data, "--listen / "}},
		"a folder of the user": {[]string{"--data", missing}, []string{"--github-app-id / "}},
	} {
		status, _, problems := shell(t, "", append([]string{"serve"}, c.args...)...)
		for _, want := range c.want {
			if status != exitUsage || strings.Count(problems, want) == 0 {
				t.Errorf("%s: status %d, want %q in %s", name, status, want, problems)
			}
		}
	}
	if left, err := os.ReadDir(above); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func statusOf(t *testing.T, browser *http.Client, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
