package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// The command makes an App with the documented permissions and events, and what it writes starts a server.
func TestSetup(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	hub.AddOrg("acme", "boss")
	data := filepath.Join(t.TempDir(), "data")
	out, console := io.Pipe()
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		args := []string{"setup", "--organization=acme", "--listen=127.0.0.1:0", "--public-url=http://127.0.0.1:8080", "--data=" + data, "--github-url=" + hub.URL(), "--github-api-url=" + hub.URL()}
		done <- run(args, func(string) string { return "" }, strings.NewReader(""), console, &stderr, wiring{})
		_ = console.Close()
	}()
	var printed strings.Builder
	lines := bufio.NewScanner(out)
	link := ""
	for link == "" && lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "http") && !strings.Contains(text, ":8080") {
			link = text
		}
	}
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		for lines.Scan() {
			printed.WriteString(lines.Text() + "\n")
		}
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	page := read(t, browser, http.MethodGet, link, nil)
	form := regexp.MustCompile(`(?s)action="([^"]+)".*name="manifest" value="([^"]+)"`).FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("no form in %s", page)
	}
	manifest := html.UnescapeString(form[2])
	last := read(t, browser, http.MethodPost, html.UnescapeString(form[1]), url.Values{"manifest": {manifest}, "agreed": {"yes"}})
	if status := <-done; status != exitDone {
		t.Fatalf("exit status %d: %s\n%s", status, stderr.String(), last)
	}
	<-rest
	if !strings.Contains(printed.String(), "sluice serve") || strings.Contains(printed.String()+stderr.String()+last, "PRIVATE KEY") {
		t.Errorf("printed %s%s", printed.String(), stderr.String())
	}

	var asked struct {
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}
	if err := json.Unmarshal([]byte(manifest), &asked); err != nil {
		t.Fatal(err)
	}
	d := &diagnosis{}
	d.permissions("App", asked.Permissions, true, "")
	d.events(asked.Events)
	for _, f := range d.Findings {
		if f.Status != healthy {
			t.Errorf("the doctor says: %+v", f)
		}
	}
	if want := len(bot.Permissions()) - 1; len(asked.Permissions) != want { // workflows is asked for on demand
		t.Errorf("%d permissions are asked for, want %d", len(asked.Permissions), want)
	}

	env := variables(t, filepath.Join(data, "sluice.env"))
	cfg, err := config.ServerFlags{}.Resolve(func(name string) string { return env[name] }, config.ReadFile)
	if err != nil {
		t.Fatalf("sluice serve refuses what was written: %v", err)
	}
	have := []string{cfg.Data, cfg.PublicURL.String(), cfg.GitHub.URL.String(), cfg.GitHub.APIURL.String()}
	if diff := cmp.Diff([]string{data, "http://127.0.0.1:8080", hub.URL() + "/", hub.URL() + "/"}, have); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	d = &diagnosis{}
	d.gitHub(t.Context(), cfg)
	for _, f := range d.Findings {
		if f.Status == sick {
			t.Errorf("the doctor says: %+v", f)
		}
	}
}

func read(t *testing.T, browser *http.Client, method, address string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", address, res.StatusCode, text, err)
	}
	return string(text)
}

// variables are what a shell reads from a file of variables.
func variables(t *testing.T, file string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `set -a; . "$1"; env -0`, "sh", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, line := range strings.Split(string(out), "\x00") {
		if name, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(name, "SLUICE_") {
			env[name] = value
		}
	}
	return env
}

// What cannot work is said before a link is printed.
func TestSetupRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"GitHub cannot reach loopback": {[]string{"--data=" + t.TempDir()}, "GitHub cannot reach http://127.0.0.1:8080"},
		"no encryption":                {[]string{"--public-url=http://sluice.example.com"}, "not encrypted"},
		"a path":                       {[]string{"--public-url=https://example.com/sluice"}, "it has a path"},
		"all at once":                  {[]string{"--public-url=https://example.com/sluice", "--listen=8080"}, "--listen"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(append([]string{"setup"}, c.args...), func(string) string { return "" }, nil, &stdout, &stderr, wiring{})
			if status != exitUsage || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
				t.Errorf("status %d: %s%s", status, stdout.String(), stderr.String())
			}
		})
	}
}
