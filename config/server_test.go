package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keys are made once: they take a while.
var keys = sync.OnceValue(func() (k struct {
	rsa                     *rsa.PrivateKey
	pkcs1, pkcs8, small, ec string
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.pkcs1 = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa))
	der, err := x509.MarshalPKCS8PrivateKey(k.rsa)
	must(err)
	k.pkcs8 = block("PRIVATE KEY", der)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	k.small = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err = x509.MarshalPKCS8PrivateKey(ec)
	must(err)
	k.ec = block("PRIVATE KEY", der)
	return k
})

// enough is the least that a server needs.
func enough() map[string]string {
	return map[string]string{
		"SLUICE_GITHUB_APP_ID": "17", "SLUICE_GITHUB_PRIVATE_KEY": keys().pkcs1, "SLUICE_GITHUB_WEBHOOK_SECRET": "hush",
	}
}

func with(env map[string]string, more ...string) map[string]string {
	env = maps.Clone(env)
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func noFiles(name string) (File, error) {
	return File{}, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
}

func resolve(f ServerFlags, env map[string]string, files map[string]File) (*Server, error) {
	return f.Resolve(func(name string) string { return env[name] }, func(name string) (File, error) {
		if f, ok := files[name]; ok {
			return f, nil
		}
		return noFiles(name)
	})
}

// TestFlagsAndVariables holds the flags against the table that documents them.
func TestFlagsAndVariables(t *testing.T) {
	want := map[string]string{
		"listen": "SLUICE_LISTEN", "admin-listen": "SLUICE_ADMIN_LISTEN", "public-url": "SLUICE_PUBLIC_URL", "data": "SLUICE_DATA",
		"database": "SLUICE_DATABASE_URL", "artifacts": "SLUICE_ARTIFACTS", "keep-artifacts": "SLUICE_KEEP_ARTIFACTS",
		"deploy-users": "SLUICE_DEPLOY_USERS", "github-app-id": "SLUICE_GITHUB_APP_ID", "github-private-key": "SLUICE_GITHUB_PRIVATE_KEY",
		"github-webhook-secret": "SLUICE_GITHUB_WEBHOOK_SECRET", "github-client-id": "SLUICE_GITHUB_CLIENT_ID",
		"github-client-secret": "SLUICE_GITHUB_CLIENT_SECRET", "github-api-url": "SLUICE_GITHUB_API_URL", "github-url": "SLUICE_GITHUB_URL",
		"github-write-rate": "SLUICE_GITHUB_WRITE_RATE", "local-executors": "SLUICE_LOCAL_EXECUTORS", "registry-allow": "SLUICE_REGISTRY_ALLOW",
		"image-signing-key": "SLUICE_IMAGE_SIGNING_KEY", "image-signing-password": "SLUICE_IMAGE_SIGNING_PASSWORD",
		"ssh-allow": "SLUICE_SSH_ALLOW", "ssh-key": "SLUICE_SSH_KEY", "ssh-known-hosts": "SLUICE_SSH_KNOWN_HOSTS",
		"build-secrets": "SLUICE_BUILD_SECRETS", "build-runtimes": "SLUICE_BUILD_RUNTIMES", "build-users": "SLUICE_BUILD_USERS",
		"build-sandbox": "SLUICE_BUILD_SANDBOX", "build-limits": "SLUICE_BUILD_LIMITS", "aws-region": "SLUICE_AWS_REGION",
		"aws-topics": "SLUICE_AWS_TOPICS", "aws-signatures": "SLUICE_AWS_SIGNATURES", "aws-eventbridge-secret": "SLUICE_AWS_EVENTBRIDGE_SECRET",
		"aws-alarms": "SLUICE_AWS_ALARMS", "setup": "SLUICE_SETUP",
	}
	got := map[string]string{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ServerFlags]()) {
		got[f.Tag.Get("name")] = f.Tag.Get("env")
		if f.Tag.Get("help") == "" {
			t.Errorf("--%s has no help", f.Tag.Get("name"))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestServerDefaults(t *testing.T) {
	s, err := resolve(ServerFlags{}, enough(), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := filepath.Abs("data")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.Listen, s.AdminListen, s.PublicURL.String(), s.Data, s.Database.Reveal(), s.GitHub.AppID, s.GitHub.APIURL.String(),
		s.GitHub.URL.String(), s.WriteRate, s.LocalExecutors.Match("acme", "shop"), s.RegistryAllow.Allows("acme", "shop", "r.example.com/a"),
		len(s.GitHub.WebhookSecrets), s.GitHub.WebhookSecrets[0].Reveal(), s.GitHub.PrivateKey.Reveal().Equal(keys().rsa)}
	want := []any{"127.0.0.1:8080", "127.0.0.1:9090", "http://127.0.0.1:8080", data, "sqlite:" + filepath.Join(data, "sluice.db"), int64(17),
		"https://api.github.com/", "https://github.com/", WriteRate{20, 1}, false, false, 1, "hush", true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestServerSettings(t *testing.T) {
	secretFile := map[string]File{
		"/run/key":  {Data: []byte(keys().pkcs8), Mode: 0o600},
		"/run/hook": {Data: []byte("one, two\n"), Mode: 0o644},
	}
	fromFiles := map[string]string{"SLUICE_GITHUB_APP_ID": "17", "SLUICE_GITHUB_PRIVATE_KEY_FILE": "/run/key", "SLUICE_GITHUB_WEBHOOK_SECRET_FILE": "/run/hook"}
	for name, c := range map[string]struct {
		flags ServerFlags
		env   map[string]string
		got   func(*Server) any
		want  any
	}{
		"a flag goes before its variable": {ServerFlags{Listen: ":1"}, with(enough(), "SLUICE_LISTEN", ":2"),
			func(s *Server) any { return s.Listen }, ":1"},
		"a variable goes before the default": {ServerFlags{}, with(enough(), "SLUICE_LISTEN", "0.0.0.0:80"),
			func(s *Server) any { return s.Listen + " " + s.PublicURL.String() }, "0.0.0.0:80 http://localhost:80"},
		"the public address loses its slash": {ServerFlags{PublicURL: "https://ci.example.com/"}, enough(),
			func(s *Server) any { return s.PublicURL.String() }, "https://ci.example.com"},
		"GitHub's addresses gain one": {ServerFlags{GitHubAPIURL: "http://127.0.0.1:99/api/v3", GitHubURL: "http://127.0.0.1:99"}, enough(),
			func(s *Server) any { return s.GitHub.APIURL.String() + " " + s.GitHub.URL.String() }, "http://127.0.0.1:99/api/v3/ http://127.0.0.1:99/"},
		"the secrets come from files": {ServerFlags{}, fromFiles,
			func(s *Server) any {
				return fmt.Sprintf("%d %s %v", len(s.GitHub.WebhookSecrets), s.GitHub.WebhookSecrets[1].Reveal(), s.GitHub.PrivateKey.Reveal().Equal(keys().rsa))
			}, "2 two true"},
		"several webhook secrets": {ServerFlags{GitHubWebhookSecret: "new,old"}, enough(),
			func(s *Server) any { return s.GitHub.WebhookSecrets[0].Reveal() + s.GitHub.WebhookSecrets[1].Reveal() }, "newold"},
		"a key on one line": {ServerFlags{GitHubPrivateKey: strings.ReplaceAll(keys().pkcs1, "\n", `\n`)}, enough(),
			func(s *Server) any { return s.GitHub.PrivateKey.Reveal().Equal(keys().rsa) }, true},
		"the write rate": {ServerFlags{GitHubWriteRate: "5, 0.5"}, enough(), func(s *Server) any { return s.WriteRate }, WriteRate{5, 0.5}},
		"Postgres": {ServerFlags{Database: "postgres://u:p@db:5432/sluice?sslmode=require"}, enough(),
			func(s *Server) any { return s.Database.Reveal() }, "postgres://u:p@db:5432/sluice?sslmode=require"},
		"SQLite elsewhere": {ServerFlags{Database: "sqlite:/var/x.db"}, enough(), func(s *Server) any { return s.Database.Reveal() }, "sqlite:/var/x.db"},
		"local executors":  {ServerFlags{LocalExecutors: "acme/*"}, enough(), func(s *Server) any { return s.LocalExecutors.Match("ACME", "shop") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := resolve(c.flags, c.env, secretFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, c.got(s)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A data folder that cannot be made or written to is told before anything is done, and one that can be leaves no trace.
func TestTryData(t *testing.T) {
	above := t.TempDir()
	file := filepath.Join(above, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir string
		bad bool
	}{
		"there":        {above, false},
		"to be made":   {filepath.Join(above, "a", "b"), false},
		"a file":       {file, true},
		"below a file": {filepath.Join(file, "data"), true},
		"below /proc":  {"/proc/nope", true},
		"a blank NUL":  {filepath.Join(above, "a\x00b"), true},
	} {
		err := ServerFlags{}.TryData(func(string) string { return c.dir })
		if (err != nil) != c.bad || err != nil && !strings.HasPrefix(err.Error(), "--data / SLUICE_DATA: ") {
			t.Errorf("%s: %v, bad %t", name, err, c.bad)
		}
	}
	if left, err := os.ReadDir(above); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWrongSettings(t *testing.T) {
	files := map[string]File{
		"/open":  {Data: []byte(keys().pkcs1), Mode: 0o644},
		"/empty": {Data: []byte(" \n"), Mode: 0o600},
	}
	for name, c := range map[string]struct {
		flags ServerFlags
		env   map[string]string
		want  []string // each is in the error
	}{
		"nothing is set: the three that must be are named": {ServerFlags{}, nil, []string{
			"--github-app-id / SLUICE_GITHUB_APP_ID: required", "--github-private-key / SLUICE_GITHUB_PRIVATE_KEY: required",
			"--github-webhook-secret / SLUICE_GITHUB_WEBHOOK_SECRET: required"}},
		"everything is wrong: everything is named": {ServerFlags{
			Listen: "8080", AdminListen: "x:99999", PublicURL: "ftp://x", Database: "mysql://x", GitHubAppID: "app", GitHubPrivateKey: "key",
			GitHubWebhookSecret: ",", GitHubClientID: "id", GitHubAPIURL: "api.github.com", GitHubURL: "https://u:p@github.com",
			GitHubWriteRate: "20", LocalExecutors: "acme", RegistryAllow: "acme/shop"}, nil, []string{
			"--listen /", "--admin-listen /", "--public-url /", "--database /", "--github-app-id /", "--github-private-key /",
			"--github-webhook-secret /", "--github-client-secret /", "--github-api-url /", "--github-url /", "--github-write-rate /",
			"--local-executors /", "--registry-allow /"}},
		"an empty secret":        {ServerFlags{GitHubWebhookSecret: "  "}, with(enough(), "SLUICE_GITHUB_WEBHOOK_SECRET", ""), []string{"SLUICE_GITHUB_WEBHOOK_SECRET: required, and empty"}},
		"an empty secret file":   {ServerFlags{}, with(enough(), "SLUICE_GITHUB_WEBHOOK_SECRET", "", "SLUICE_GITHUB_WEBHOOK_SECRET_FILE", "/empty"), []string{`the file "/empty"`, "is empty"}},
		"an empty one of two":    {ServerFlags{GitHubWebhookSecret: "a,,b"}, enough(), []string{"secret number 2 of the list is empty"}},
		"a missing file":         {ServerFlags{}, with(enough(), "SLUICE_GITHUB_PRIVATE_KEY", "", "SLUICE_GITHUB_PRIVATE_KEY_FILE", "/none"), []string{"SLUICE_GITHUB_PRIVATE_KEY_FILE cannot be read", "/none"}},
		"a key others can read":  {ServerFlags{}, with(enough(), "SLUICE_GITHUB_PRIVATE_KEY", "", "SLUICE_GITHUB_PRIVATE_KEY_FILE", "/open"), []string{"mode 0644", "chmod 600"}},
		"given twice":            {ServerFlags{}, with(enough(), "SLUICE_GITHUB_PRIVATE_KEY_FILE", "/open"), []string{"given twice"}},
		"an elliptic key":        {ServerFlags{GitHubPrivateKey: keys().ec}, enough(), []string{"no RSA private key"}},
		"a short key":            {ServerFlags{GitHubPrivateKey: keys().small}, enough(), []string{"1024 bits"}},
		"a certificate":          {ServerFlags{GitHubPrivateKey: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, enough(), []string{`"CERTIFICATE" and not a private key`}},
		"a client without id":    {ServerFlags{GitHubClientSecret: "s"}, enough(), []string{"--github-client-id /", "set both or neither"}},
		"one address for both":   {ServerFlags{Listen: ":80", AdminListen: ":80"}, enough(), []string{"--admin-listen /", "the same address"}},
		"an App ID of 0":         {ServerFlags{GitHubAppID: "0"}, enough(), []string{"not an App ID"}},
		"no writes at all":       {ServerFlags{GitHubWriteRate: "0,1"}, enough(), []string{"not a rate"}},
		"a rate of not a number": {ServerFlags{GitHubWriteRate: "1,NaN"}, enough(), []string{"not a rate"}},
		"an address with a path": {ServerFlags{PublicURL: "https://ci.example.com/sluice"}, enough(), []string{"--public-url /", "it has a path"}},
		"sign-in in the clear":   {ServerFlags{PublicURL: "http://ci.example.com", GitHubClientID: "id", GitHubClientSecret: "s"}, enough(), []string{"--public-url /", "it is not encrypted"}},
		"a query":                {ServerFlags{PublicURL: "https://x.example.com/?a=b"}, enough(), []string{"query"}},
		"an open bracket":        {ServerFlags{LocalExecutors: "acme/[x"}, enough(), []string{"--local-executors /", "not a valid pattern"}},
		"a registry of any host": {ServerFlags{RegistryAllow: "*/*=*/shop"}, enough(), []string{"the host must be written out"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := resolve(c.flags, c.env, files)
			if err == nil || s != nil {
				t.Fatal("the settings pass")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "--") {
					t.Errorf("a line without flag and variable: %s", line)
				}
			}
		})
	}
}

// What looks find is among what is wrong, each in its line; nothing is tried with a setting that is wrong already.
func TestLooks(t *testing.T) {
	tried := 0
	look := func(field, needs, problem string) Look {
		return Look{Field: field, Needs: []string{needs}, Hint: "mend it", Try: func(s *Server) error {
			tried++
			if problem == "" {
				return nil
			}
			return errors.Join(errors.New(problem), errors.New("and more"))
		}}
	}
	looks := []Look{look("BuildUsers", "Data", "no such user"), look("SSHKey", "SSHKey", ""), look("Artifacts", "Listen", "never tried"), look("Listen", "Data", "never tried")}
	_, err := ServerFlags{Listen: "nowhere"}.Resolve(func(name string) string { return enough()[name] }, noFiles, looks...)
	want := []string{"--listen / SLUICE_LISTEN: ", "--build-users / SLUICE_BUILD_USERS: no such user; and more (mend it)"}
	got := strings.Split(fmt.Sprint(err), "\n")
	if len(got) != 2 || !strings.HasPrefix(got[0], want[0]) || got[1] != want[1] || tried != 2 {
		t.Errorf("tried %d, wrong %q; want %q", tried, got, want)
	}
}

func TestSettingsNeverShowSecrets(t *testing.T) {
	s, err := resolve(ServerFlags{GitHubClientID: "id", GitHubClientSecret: "swordfish-1", GitHubWebhookSecret: "swordfish-2,swordfish-3",
		Database: "postgres://u:swordfish-4@db/sluice"}, enough(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "server", s, "secret", s.GitHub.ClientSecret, "key", s.GitHub.PrivateKey)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "server", s, "secret", s.GitHub.ClientSecret, "key", s.GitHub.PrivateKey)
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	d := fmt.Sprint(keys().rsa.D)
	all := []string{log.String(), string(asJSON)}
	for _, format := range strings.Fields("%v %+v %#v %s %q %d %x %X %o") {
		for _, value := range []any{s, *s, s.GitHub, s.Database, &s.Database, s.GitHub.PrivateKey, s.GitHub.WebhookSecrets} {
			all = append(all, fmt.Sprintf(format, value))
		}
	}
	for _, shown := range all {
		lower := strings.ToLower(shown)
		if strings.Contains(lower, "swordfish") || strings.Contains(lower, fmt.Sprintf("%x", "swordfish")) || strings.Contains(lower, d) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}

	_, err = resolve(ServerFlags{GitHubPrivateKey: "swordfish", PublicURL: "https://u:swordfish@x", Database: "mysql://u:swordfish@x",
		GitHubAPIURL: "http://[::1:swordfish", GitHubClientSecret: "swordfish"}, nil, nil)
	if err == nil || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("a secret is shown: %v", err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFile(name); err != nil || string(f.Data) != "abc" || f.Mode.Perm() != 0o600 {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := ReadFile(dir); err == nil {
		t.Error("a folder is read")
	}
	if err := os.WriteFile(name, make([]byte, maxSecretFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(name); err == nil {
		t.Error("a large file is read")
	}
}
