package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/store"
)

const remoteToken = "sluice_00000000000000000000_0000000000000000000000000000000000000000000000000000000000000000"

// remoteServer answers commands as a table says and remembers what it was asked.
type remoteServer struct {
	*httptest.Server
	mu       sync.Mutex
	commands []string
	keys     map[string]bool
	auth     map[string]bool
	// answer is what becomes of the n-th request, from 1; nil: every command is done at once.
	answer func(n int, w http.ResponseWriter, r *http.Request) bool
	n      int
}

func newRemoteServer(t *testing.T) *remoteServer {
	s := &remoteServer{keys: map[string]bool{}, auth: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n++
		s.auth[r.Header.Get("Authorization")] = true
		if s.answer != nil && s.answer(s.n, w, r) {
			return
		}
		o := dashboard.Operation{ID: "op", Status: store.OperationDone, Reply: "It is `done`.\x1b[2J"}
		if r.Method == http.MethodPost {
			var q dashboard.CommandRequest
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
				t.Error(err)
			}
			s.keys[r.Header.Get("Idempotency-Key")] = true
			s.commands = append(s.commands, strings.TrimSpace(q.Release+" /"+strings.Join(append([]string{q.Command}, q.Args...), " ")))
			o.Status = store.OperationWaiting
			w.WriteHeader(http.StatusAccepted)
		}
		_ = json.NewEncoder(w).Encode(o)
	}))
	t.Cleanup(s.Close)
	return s
}

// sluice runs the program with a server and a token, in a folder without a clone.
func (s *remoteServer) sluice(ctx context.Context, args ...string) (status int, out, wrong string) {
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string {
		return map[string]string{"SLUICE_SERVER": s.URL, "SLUICE_TOKEN": remoteToken}[name]
	}
	status = dispatch(ctx, args, getenv, strings.NewReader(""), &stdout, &stderr, wiring{})
	return status, stdout.String(), stderr.String()
}

func problemAnswer(status int, title, usage string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"title": title, "detail": "Do something else.", "status": status, "usage": usage})
		return true
	}
}

// Every command of the shell is one that the bot understands, as the same words in a comment.
func TestShellCommandsAreCommands(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a release":               {[]string{"release", "start"}, "/release start"},
		"a release with all":      {[]string{"release", "start", "1.4.0", "--from", "abc", "--allow-empty"}, "/release start 1.4.0 --from abc --allow-empty"},
		"a release given up":      {[]string{"release", "abandon", "--release", "1.4.0", "--reason", "no one wants it"}, "1.4.0 /release abandon --reason no one wants it"},
		"a hotfix":                {[]string{"hotfix", "start", "17", "--from", "1.3.0"}, "/hotfix start 17 --from 1.3.0"},
		"a hotfix with a title":   {[]string{"hotfix", "start", "17", "Totals are wrong"}, "/hotfix start 17 Totals are wrong"},
		"an approval":             {[]string{"approve"}, "/approve"},
		"an approval for a place": {[]string{"approve", "staging"}, "/approve staging"},
		"a promotion":             {[]string{"promote"}, "/promote"},
		"a promotion then":        {[]string{"promote", "production", "--at", "Friday 18:00"}, "/promote production --at Friday 18:00"},
		"an emergency":            {[]string{"promote", "--emergency", "--reason", "it is down"}, "/promote --emergency --reason it is down"},
		"a rollback":              {[]string{"rollback", "--reason", "slow"}, "/rollback --reason slow"},
		"a rollback with all":     {[]string{"rollback", "staging", "--to", "1.3.0", "--reason", "slow"}, "/rollback staging to 1.3.0 --reason slow"},
		"any":                     {[]string{"do", "unpin", "production"}, "/unpin production"},
		"any, with its flags":     {[]string{"do", "rollback", "--reason", "slow"}, "/rollback --reason slow"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRemoteServer(t)
			at := 1
			if c.args[0] == "release" || c.args[0] == "hotfix" {
				at = 2
			}
			args := append(append(append([]string{}, c.args[:at]...), "--repo=acme/shop"), c.args[at:]...)
			status, out, wrong := s.sluice(t.Context(), args...)
			if status != exitDone || out != "It is `done`.[2J\n" || wrong != "" {
				t.Errorf("status %d: %q %q", status, out, wrong)
			}
			if diff := cmp.Diff([]string{c.want}, s.commands); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			_, line, _ := strings.Cut(" "+c.want, " /")
			if got, problems := bot.ParseCommands("/"+line, ""); len(got) != 1 || len(problems) > 0 {
				t.Errorf("the bot does not understand /%s: %v", line, problems)
			}
			if len(s.keys) != 1 || s.keys[""] || !s.auth["Bearer "+remoteToken] {
				t.Errorf("sent with the keys %v as %v", s.keys, s.auth)
			}
		})
	}
}

func TestShellEnds(t *testing.T) {
	approve := []string{"approve", "--repo", "acme/shop"}
	for name, c := range map[string]struct {
		args   []string
		answer func(int, http.ResponseWriter, *http.Request) bool
		status int
		says   string
	}{
		"refused": {approve, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_ = json.NewEncoder(w).Encode(dashboard.Operation{ID: "op", Status: store.OperationRefused, Reply: "You may not."})
			return true
		}, exitFailed, "You may not.\n"},
		"written wrongly": {approve, problemAnswer(422, "The command is written wrongly", "/approve [environment]"), exitUsage, "Usage: approve [environment]"},
		"a bad token":     {approve, problemAnswer(401, "The token is not valid", ""), exitFailed, "The token is not valid. Do something else."},
		"a server that is ill": {approve, func(n int, w http.ResponseWriter, r *http.Request) bool {
			return n < 3 && problemAnswer(502, "GitHub does not answer", "")(n, w, r)
		}, exitDone, ""},
		"another server": {approve, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte("<html>"))
			return true
		}, exitFailed, "does not answer as a Sluice server does"},
		"a redirect": {approve, func(_ int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			return true
		}, exitFailed, "302"},
		"never ends": {append(approve, "--wait=1ms"), func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_ = json.NewEncoder(w).Encode(dashboard.Operation{ID: "op", Status: store.OperationWaiting})
			return true
		}, exitFailed, ""},
		"no reason":                    {[]string{"rollback", "--repo", "acme/shop"}, nil, exitUsage, "--reason"},
		"no repository":                {[]string{"approve", "--repo", "acme"}, nil, exitUsage, "want owner/name"},
		"a path for a repository":      {[]string{"approve", "--repo", "acme/../x"}, nil, exitUsage, "want owner/name"},
		"a pull request and a release": {append(approve, "--pull=3", "--release=1.4.0"), nil, exitUsage, "name one of them"},
		"plain http":                   {append(approve, "--server=http://sluice.example.com"), nil, exitUsage, "use https"},
		"no address":                   {append(approve, "--server=sluice.example.com"), nil, exitUsage, "want https://"},
		"a name and password":          {append(approve, "--server=https://me:hunter2@sluice.example.com"), nil, exitUsage, "want https://"},
		"a token for GitHub":           {append(approve, "--token=ghp_abc"), nil, exitUsage, "begin with sluice_"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRemoteServer(t)
			s.answer = c.answer
			status, out, wrong := s.sluice(t.Context(), c.args...)
			if status != c.status || !strings.Contains(wrong, c.says) {
				t.Errorf("status %d: %q %q", status, out, wrong)
			}
			if strings.Contains(wrong, "hunter2") || strings.Contains(wrong, remoteToken) || strings.Contains(wrong, "ghp_abc") {
				t.Errorf("a secret is in %q", wrong)
			}
			if c.status == exitUsage && c.answer == nil && s.n > 0 {
				t.Error("the server was asked")
			}
		})
	}
}

// Ctrl-C ends the wait; the command has been handed in.
func TestShellStopsWaiting(t *testing.T) {
	s := newRemoteServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		_ = json.NewEncoder(w).Encode(dashboard.Operation{ID: "op", Status: store.OperationWaiting})
		if n == 2 {
			cancel()
		}
		return true
	}
	status, _, wrong := s.sluice(ctx, "approve", "--repo", "acme/shop")
	if status != exitFailed || !strings.Contains(wrong, "carried out all the same (operation op)") {
		t.Errorf("status %d: %q", status, wrong)
	}
}

func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(remoteToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f remoteFlags
	got, err := f.token(&env{getenv: func(name string) string {
		return map[string]string{"SLUICE_TOKEN_FILE": file}[name]
	}})
	if got != remoteToken || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRepositoryOfAClone(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/acme/shop.git":         "acme/shop",
		"https://github.com/acme/shop":             "acme/shop",
		"https://x@github.com/acme/shop/":          "acme/shop",
		"git@github.com:acme/shop.git":             "acme/shop",
		"ssh://git@github.com:22/acme/shop.js.git": "acme/shop.js",
	} {
		dir := t.TempDir()
		for _, args := range [][]string{{"init", "--quiet", dir}, {"-C", dir, "remote", "add", "origin", address}} {
			if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
		inside := filepath.Join(dir, "a", "b")
		if err := os.MkdirAll(inside, 0o700); err != nil {
			t.Fatal(err)
		}
		if got, err := originRepository(t.Context(), inside); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", address, got, err, want)
		}
	}
	if got, err := originRepository(t.Context(), t.TempDir()); err == nil {
		t.Errorf("a folder without a clone is %q", got)
	}
}
