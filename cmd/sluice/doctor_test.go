package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

const (
	doctorSecret = "0123456789abcdef0123456789abcdef"
	doctorURL    = "https://sluice.example.com"
)

// examine runs sluice doctor against a stand-in with one App and gives its findings as "status what: says".
func examine(t *testing.T, hub *fakegithub.Server, app fakegithub.App, more ...string) (status int, findings []string, all string) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "app.pem")
	if err := os.WriteFile(key, app.PrivateKey, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLUICE_GITHUB_PRIVATE_KEY_FILE", key)
	args := slices.Concat([]string{
		"doctor", "--json", "--data", filepath.Join(dir, "data"), "--github-app-id", strconv.FormatInt(app.ID, 10),
		"--github-webhook-secret", doctorSecret, "--public-url", doctorURL, "--github-api-url", hub.URL() + "/",
	}, more)
	var out, problems strings.Builder
	status = run(args, os.Getenv, strings.NewReader(""), &out, &problems, wiring{})
	var d diagnosis
	if err := json.Unmarshal([]byte(out.String()), &d); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), problems.String())
	}
	for _, f := range d.Findings {
		findings = append(findings, f.Status+" "+f.What+": "+f.Says)
	}
	if d.OK != (status == exitDone) {
		t.Errorf("it ends with %d and says ok %t", status, d.OK)
	}
	return status, findings, out.String() + problems.String()
}

func wantFinding(t *testing.T, findings []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(findings, func(f string) bool { return strings.HasPrefix(f, want) }) {
		t.Errorf("no finding %q among\n%s", want, strings.Join(findings, "\n"))
	}
}

// A healthy installation, and everything that can be wrong with one.
func TestDoctor(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	hub.AddOrg("acme")
	add := func(c fakegithub.AppConfig) fakegithub.App {
		t.Helper()
		if c.PrivateKey == nil {
			c.PrivateKey = newKey(t)
		}
		app, err := hub.AddApp(c)
		if err != nil {
			t.Fatal(err)
		}
		return app
	}
	hook := fakegithub.AppConfig{WebhookURL: doctorURL + "/webhooks/github", WebhookSecret: doctorSecret}
	well := add(hook)
	installed, err := hub.Install(well.ID, "acme")
	if err != nil {
		t.Fatal(err)
	}
	status, findings, all := examine(t, hub, well)
	if status != exitDone {
		t.Errorf("a healthy App: it ends with %d:\n%s", status, strings.Join(findings, "\n"))
	}
	for _, want := range []string{
		"ok settings", "ok private key: fingerprint SHA256:", "ok webhook secret: number 1 of 1, fingerprint ", "ok public URL: " + doctorURL,
		"ok database", "ok GitHub: reached as the App \"sluice\"", "ok clock", "ok App permissions: all that are needed are granted; without workflows: write",
		"ok App events", "ok webhook: " + doctorURL + "/webhooks/github",
		"ok installation " + strconv.FormatInt(installed.ID, 10) + ` on "acme": all that are needed`,
	} {
		wantFinding(t, findings, want)
	}
	for _, secret := range []string{doctorSecret, "PRIVATE KEY", strings.Split(string(well.PrivateKey), "\n")[2]} {
		if strings.Contains(all, secret) {
			t.Errorf("it prints a secret: %s", all)
		}
	}

	poor := add(fakegithub.AppConfig{
		Slug: "poor", WebhookURL: "https://elsewhere.example.com/hook", WebhookSecret: doctorSecret,
		Permissions: map[string]string{"metadata": "read", "contents": "read"}, Events: []string{"push"},
	})
	status, findings, _ = examine(t, hub, poor, "--public-url", "http://localhost:8080", "--local-executors", "acme/*", "--github-webhook-secret", "short")
	if status != exitFailed {
		t.Errorf("an App without permissions: it ends with %d", status)
	}
	for _, want := range []string{
		"problem App permissions: missing: actions: write", "problem App events: not subscribed to: check_run", "warning webhook: GitHub sends to \"https://elsewhere",
		"warning installations: the App is installed nowhere", "warning public URL", "warning local executors", "warning webhook secret",
	} {
		wantFinding(t, findings, want)
	}

	_, findings, _ = examine(t, hub, well, "--local-executors", "acme/*", "--build-users", "there-is-no-such-user")
	wantFinding(t, findings, "problem users of builds: --build-users: ")

	stranger := well
	stranger.PrivateKey = newKey(t)
	status, findings, _ = examine(t, hub, stranger)
	if status != exitFailed {
		t.Errorf("another App's key: it ends with %d", status)
	}
	wantFinding(t, findings, "problem GitHub: GET ")

	if _, findings, _ = examine(t, hub, well, "--database", "sqlite:"+t.TempDir()+"/x.db", "--listen", "nonsense", "--github-write-rate", "x"); len(findings) != 2 {
		t.Errorf("every wrong setting is a finding, want 2: %q", findings)
	}
	wantFinding(t, findings, "problem settings: --listen")
}

// The fingerprint is the one GitHub shows, which openssl computes as
// openssl rsa -in key.pem -pubout -outform DER | openssl sha256 -binary | openssl base64.
func TestKeyFingerprint(t *testing.T) {
	const der = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	print, err := keyFingerprint(key)
	if err != nil || len(print) != len("SHA256:")+44 {
		t.Errorf("fingerprint %q, %v", print, err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil || !strings.HasPrefix(pemBody(public), der) {
		t.Errorf("the public half is not in the form that openssl writes: %v", err)
	}
	if other, _ := keyFingerprint(&rsa.PrivateKey{PublicKey: rsa.PublicKey{N: key.N, E: 3}}); other == print {
		t.Error("two keys have one fingerprint")
	}
}

func pemBody(der []byte) string {
	return strings.SplitN(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "\n", 3)[1]
}

func newKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
