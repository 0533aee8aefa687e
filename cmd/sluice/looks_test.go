package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/test/fakegithub"
	"github.com/sluicehq/sluice/test/fakegithub/fakegithubtest"
)

// wrongSettings are settings each of which is wrong in a way that only this host can tell, and what is said of each.
func wrongSettings(t *testing.T) (flags, said []string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Setenv("PATH", dir) // bubblewrap is not there
	flags = []string{
		"--public-url=http://sluice.example.com/ci", "--github-client-id=id", "--github-client-secret=hush",
		"--local-executors=acme/*", "--build-users=no-such-user", "--build-secrets=" + write("secrets.yml", "acme/*: [", 0o600),
		"--ssh-key=no key", "--ssh-known-hosts=" + write("hosts", "host\n", 0o600),
		"--artifacts=" + filepath.Join(write("file", "", 0o600), "artifacts"), "--listen=nowhere", "--database=sqlite:" + dir,
	}
	said = []string{
		"--listen / SLUICE_LISTEN: ", "--public-url / SLUICE_PUBLIC_URL: it has a path", "--public-url / SLUICE_PUBLIC_URL: it is not encrypted",
		"--build-users / SLUICE_BUILD_USERS: ", "--build-secrets / SLUICE_BUILD_SECRETS: ", "--ssh-key / SLUICE_SSH_KEY: ",
		"--ssh-known-hosts / SLUICE_SSH_KNOWN_HOSTS: ", "--artifacts / SLUICE_ARTIFACTS: ",
		"--database / SLUICE_DATABASE_URL: " + dir + " is a folder",
	}
	return flags, said
}

func saysAll(t *testing.T, text string, want []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("nothing begins with %q in\n%s", w, text)
		}
	}
}

// What is wrong with this host's side of the settings is told with all the rest, before the database is made or anything listens; and
// doctor says the same.
func TestAllWrongSettingsAtOnce(t *testing.T) {
	hub := fakegithubtest.New(t, fakegithub.Options{})
	app, err := hub.AddApp(fakegithub.AppConfig{})
	if err != nil {
		t.Fatal(err)
	}
	flags, said := wrongSettings(t)
	data := filepath.Join(t.TempDir(), "data")
	t.Setenv("SLUICE_GITHUB_PRIVATE_KEY", string(app.PrivateKey))
	flags = append(flags, "--data="+data, "--github-app-id=7", "--github-webhook-secret="+flowSecret)
	try := func(flags []string, command ...string) string {
		var out strings.Builder
		if status := run(append(command, flags...), os.Getenv, strings.NewReader(""), &out, &out, wiring{}); status == exitDone {
			t.Errorf("%v: it does not fail", command)
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("%v: the data folder is made: %v", command, err)
		}
		return out.String()
	}
	saysAll(t, try(flags, "serve"), said)
	var others []string // doctor looks at them apart
	for _, s := range said {
		if !strings.Contains(s, "--build-users") && !strings.Contains(s, "--artifacts") {
			others = append(others, s)
		}
	}
	saysAll(t, try(flags, "doctor"), others)
	sandbox := append(flags, "--local-executors=", "--build-users=", "--build-sandbox=always")
	saysAll(t, try(sandbox, "serve"), []string{"--build-sandbox / SLUICE_BUILD_SANDBOX: builds are to run in a sandbox: bubblewrap is not installed"})
	var taken []string
	for _, flag := range []string{"--listen", "--admin-listen"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		taken = append(taken, flag+"="+l.Addr().String())
	}
	saysAll(t, try(slices.Concat(flags, taken, []string{"--aws-region=??"}), "serve"), []string{
		"--listen / SLUICE_LISTEN: listen tcp ", "--admin-listen / SLUICE_ADMIN_LISTEN: listen tcp ", "stop what listens there",
		"--aws-region / SLUICE_AWS_REGION: \"??\" is not a region of AWS",
	})
	if text := try(slices.Concat(flags, taken), "doctor"); strings.Contains(text, "SLUICE_LISTEN") || strings.Contains(text, "SLUICE_ADMIN_LISTEN") {
		t.Errorf("doctor finds fault with addresses that the server itself may have taken:\n%s", text)
	}
	t.Setenv("SLUICE_GITHUB_PRIVATE_KEY", "")
	setup := append([]string{"--setup=acme"}, flags...)
	for i, f := range setup {
		if strings.HasPrefix(f, "--github-app-id") || strings.HasPrefix(f, "--github-webhook-secret") {
			setup[i] = "--admin-listen=127.0.0.1:0"
		}
	}
	text := try(setup, "serve")
	saysAll(t, text, []string{"--build-users / ", "--build-secrets / ", "--ssh-key / ", "--artifacts / "})
	if strings.Contains(text, "--github-app-id") {
		t.Errorf("a server that is to make its App wants the number of one:\n%s", text)
	}
}

// What is wrong with the database's address is seen before anything is connected to or made, and shows no password.
func TestDatabaseIsLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const server = "postgres://sluice:swordfish@127.0.0.1:1/sluice"
	for url, want := range map[string]string{
		"sqlite:" + filepath.Join(dir, "new", "sluice.db"): "",
		"sqlite:" + file: "",
		"sqlite:" + dir:  "is a folder",
		"sqlite:" + filepath.Join(file, "sluice.db"): "not a directory",
		"sqlite:/proc/sluice/sluice.db":              "no such file",
		server:                                       "",
		server + "?sslmode=require":                  "",
		server + "?sslmode=always":                   "sslmode is invalid",
		server + "?pool_max_conns=many":              "pool_max_conns",
		server + "?sslrootcert=" + dir + "/none":     "none",
	} {
		err := tryDatabase(&config.Server{Data: filepath.Join(dir, "data"), Database: config.NewSecret(url)})
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "swordfish")) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
