package setup

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// key is made once: it takes a while.
var key = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

// answer is a good one of GitHub's.
func answer() map[string]any {
	return map[string]any{
		"id": 7, "slug": "sluice", "name": "Sluice", "owner": map[string]any{"login": "Acme"}, "html_url": "https://github.com/apps/sluice",
		"client_id": "Iv1", "client_secret": "client-secret", "webhook_secret": "hook-secret",
		"pem": key(),
	}
}

// converting starts a GitHub that answers the exchange with one thing.
func converting(t *testing.T, status int, body any) *Server {
	t.Helper()
	gh := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		if text, ok := body.(string); ok {
			_, _ = w.Write([]byte(text))
			return
		}
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(gh.Close)
	s, err := New(Options{
		PublicURL: "https://sluice.example.com", Origins: []string{"http://127.0.0.1:8080"}, GitHubURL: "https://github.com/", APIURL: gh.URL + "/",
		Organization: "acme", Dir: filepath.Join(t.TempDir(), "the data"), Client: gh.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What GitHub answers is looked at before anything is written, and no message has any of it.
func TestOddAnswers(t *testing.T) {
	good := answer()
	for name, c := range map[string]struct {
		status int
		change map[string]any
		want   string
	}{
		"no key":              {201, map[string]any{"pem": ""}, "no usable private key"},
		"half a key":          {201, map[string]any{"pem": "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----"}, "no usable private key"},
		"no webhook secret":   {201, map[string]any{"webhook_secret": nil}, "no usable webhook secret"},
		"no ID":               {201, map[string]any{"id": 0}, "no usable ID"},
		"secret of two lines": {201, map[string]any{"client_secret": "client-secret\nSLUICE_LISTEN=x"}, "several lines"},
		"somebody else's App": {201, map[string]any{"owner": map[string]any{"login": "mallory"}}, `"mallory"'s and not "acme"'s`},
		"another type":        {201, map[string]any{"id": "client-secret"}, "cannot be read"},
		"redirect":            {307, nil, "answered 307"},
		"used code":           {404, nil, "answered 404"},
		"too much":            {201, map[string]any{"name": strings.Repeat("x", maxConversion)}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			body := maps.Clone(good)
			maps.Copy(body, c.change)
			s := converting(t, c.status, body)
			_, err := s.make(context.Background(), "thecode")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			for _, secret := range []string{"thecode", "client-secret", "hook-secret", "c2VjcmV0"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error has %q: %v", secret, err)
				}
			}
			if left, _ := os.ReadDir(s.opts.Dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A GitHub that cannot be reached leaves no trace of the code.
func TestUnreachableGitHub(t *testing.T) {
	s := converting(t, 201, nil)
	s.opts.APIURL = "http://127.0.0.1:1/"
	if _, err := s.make(context.Background(), "thecode"); err == nil || strings.Contains(err.Error(), "thecode") {
		t.Errorf("error %v", err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	s := converting(t, 201, answer())
	mine := filepath.Join(s.opts.Dir, ClientSecretFile)
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.make(context.Background(), "thecode"); err == nil {
		t.Error("it was made")
	}
	text, err := os.ReadFile(mine)
	if string(text) != "mine" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	left, _ := os.ReadDir(s.opts.Dir)
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := New(s.opts); err == nil || !strings.Contains(err.Error(), "has github-client-secret already") {
		t.Errorf("a second set-up: %v", err)
	}
}

// The file of variables is what a shell reads, whatever the folder is called.
func TestEnvFile(t *testing.T) {
	s := converting(t, 201, answer())
	s.opts.Env = []string{"SLUICE_DATA=it's $(touch pwned) `x`", "SLUICE_LISTEN=127.0.0.1:8080"}
	app, err := s.make(context.Background(), "thecode")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `set -a; . "$1"; printf '%s\n' "$SLUICE_DATA" "$SLUICE_LISTEN" "$SLUICE_GITHUB_APP_ID" "$SLUICE_GITHUB_PRIVATE_KEY_FILE"`, "sh", app.EnvFile)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	want := []string{"it's $(touch pwned) `x`", "127.0.0.1:8080", "7", filepath.Join(s.opts.Dir, KeyFile), ""}
	if diff := cmp.Diff(want, strings.Split(string(out), "\n")); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	text, _ := os.ReadFile(app.EnvFile)
	if !strings.Contains(string(text), "\nSLUICE_GITHUB_CLIENT_ID=Iv1\n") { // docker knows no quotes
		t.Errorf("needless quotes:\n%s", text)
	}
	if app.InstallURL != "https://github.com/apps/sluice/installations/new" {
		t.Error(app.InstallURL)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(Options{PublicURL: "sluice", GitHubURL: "javascript:alert(1)", APIURL: "https://api.github.com/", Organization: "../settings", Dir: t.TempDir()})
	for _, want := range []string{"public address", "address of GitHub ", "address of the set-up", "organization"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

// What is written is read again as a shell reads it.
func TestReadEnv(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{"A": "plain", "B": "with blanks", "C": "it's, quoted", "D": "", "E": "a=b'", "F": "'"}
	lines := "# a comment\n\n"
	for name, value := range want {
		lines += quoted(name+"="+value) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, EnvFile), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEnv(dir)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	if err := os.WriteFile(filepath.Join(dir, EnvFile), []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadEnv(dir); err == nil || !strings.Contains(err.Error(), "not NAME=value") {
		t.Errorf("a line without =: %v", err)
	}
	if _, err := ReadEnv(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}
