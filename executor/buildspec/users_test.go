package buildspec

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

func TestRunAs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	other := supervise.User{UID: 65533, GID: 65533}
	users := func(o *Options) {
		o.User, o.Users = nobody(), map[string]supervise.User{"nobody": *nobody(), "other": other}
	}
	for name, tc := range map[string]struct {
		spec   []string
		status pipeline.Status
		said   []string
		want   string
	}{
		"the operator's choice": {[]string{"phases: {build: {commands: [id -u]}}"}, pipeline.Succeeded, []string{"65534"}, ""},
		"the whole build":       {[]string{"run-as: other", "phases: {build: {commands: [id -u, touch x]}}"}, pipeline.Succeeded, []string{"65533"}, ""},
		"a phase wins, and the next finds folder and environment": {[]string{"run-as: nobody", "phases:", "  install: {commands: ['mkdir d; cd d', 'export X=1']}",
			"  pre_build: {run-as: other, commands: [id -u, 'echo $X ${PWD##*/}', 'touch y 2>/dev/null || echo not mine', 'export Y=2']}", "  build: {commands: [id -u, 'echo $X $Y']}"},
			pipeline.Succeeded, []string{"65533", "1 d", "not mine", "65534", "1 2"}, ""},
		"a phase alone, and after it the operator's choice again": {[]string{"phases:", "  build: {run-as: other, commands: [id -u, 'cat spec-of-the-clone', 'export X=1; cd /', 'touch $TMPDIR/x 2>/dev/null || echo not mine'], finally: [id -u]}",
			"  post_build: {commands: [id -u, 'echo $X $PWD', 'cd $CODEBUILD_SRC_DIR; touch made']}", "artifacts: {files: [made]}"},
			pipeline.Succeeded, []string{"65533", "of the clone", "not mine", "65533", "65534", "1 /"}, ""},
		"somebody the operator does not allow": {[]string{"phases:", "  build:", "    run-as: root", "    commands: [id -u]"}, pipeline.Failed, nil,
			"buildspec.yml:4:1: run-as root is refused: the operator lets builds run as nobody, other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := spec(tc.spec...)
			files["spec-of-the-clone"] = "of the clone\n"
			w := newWorld(t, files)
			openToAll(t, w.dir)
			got := w.run(w.executor(users), request("ex-1-1-1"))
			if got.Status != tc.status || !strings.Contains(got.Summary, tc.want) {
				t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
			}
			if diff := cmp.Diff(tc.said, said(got.Log)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRunAsTheServersOwnUser(t *testing.T) {
	self, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		as     string
		status pipeline.Status
		want   string
	}{
		"which builds are anyway": {self.Username, pipeline.Succeeded, ""},
		"somebody else":           {"somebody", pipeline.Failed, "run-as somebody is refused: the operator has set up no users for builds"},
	} {
		w := newWorld(t, spec("run-as: "+tc.as, "phases: {build: {commands: ['true']}}"))
		if got := w.run(w.executor(), request("ex-1-1-1")); got.Status != tc.status || !strings.Contains(got.Summary, tc.want) {
			t.Errorf("%s: %s %s", name, got.Status, got.Summary)
		}
	}
}

// What asks for other users and for credentials of git runs in a rehearsal, and the log says how.
func TestRunAsInARehearsal(t *testing.T) {
	w := newWorld(t, spec("run-as: somebody", "env: {git-credential-helper: yes}", "phases:", "  build: {run-as: nobody-else, commands: [id -u]}"))
	got := w.run(w.executor(func(o *Options) { o.Rehearsal = true }), request("ex-1-1-1"))
	if got.Status != pipeline.Succeeded {
		t.Errorf("%s %s", got.Status, got.Summary)
	}
	if diff := cmp.Diff([]string{strconv.Itoa(os.Geteuid())}, said(got.Log)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, want := range []string{
		"[sluice] buildspec.yml:2: run-as somebody: here all commands run as you\n",
		"[sluice] buildspec.yml:5: run-as nobody-else: here all commands run as you\n",
		"[sluice] buildspec.yml:1: env.git-credential-helper: here git has no credentials, those of your own neither\n",
	} {
		if !strings.Contains(got.Log, want) {
			t.Errorf("the log lacks %q\n%s", want, got.Log)
		}
	}
}

func TestGitCredentials(t *testing.T) {
	files := spec("env: {git-credential-helper: yes}", `phases: {build: {commands: ['printf "protocol=https\nhost=github.com\n\n" | git credential fill', 'printf "protocol=https\nhost=elsewhere.example\n\n" | GIT_TERMINAL_PROMPT=0 git credential fill || echo none']}}`)
	token := func(token string, err error) func(*Options) {
		return func(o *Options) {
			o.GitToken = func(context.Context, executor.Request) (string, error) { return token, err }
		}
	}
	w := newWorld(t, files)
	got := w.run(w.executor(token("read-only-token-of-an-hour", nil)), request("ex-1-1-1"))
	if !strings.Contains(got.Log, "username=x-access-token") || !strings.Contains(got.Log, "password=***") || !strings.Contains(got.Log, "none") {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
	if got := w.run(w.executor(), request("ex-2-1-1")); got.Status != pipeline.Failed || !strings.Contains(got.Summary, "there are no credentials for git here") {
		t.Errorf("%s %s", got.Status, got.Summary)
	}
	if _, err := w.executor(token("", errors.New("busy"))).Start(t.Context(), request("ex-3-1-1")); err == nil || executor.IsPermanent(err) {
		t.Errorf("%v, want an error worth a retry", err)
	}
}

// hourly is a token as gitCredentials gets one.
const hourly = "read-only-token-of-an-hour"

func withToken(o *Options) {
	o.GitToken = func(context.Context, executor.Request) (string, error) { return hourly, nil }
}

// Whatever a build caches and however it calls the file, another build does not find its credentials.
func TestACacheHoldsNoCredentials(t *testing.T) {
	files := spec("env: {git-credential-helper: yes}", "phases: {build: {commands: ['ln ~/.git-credentials ~/other; mkdir -p ~/deep; mv ~/other ~/deep/x', 'ln ~/.git-credentials here', 'echo own > ~/own']}}",
		"cache: {paths: ['$HOME/**/*', '**/*']}")
	w := newWorld(t, files)
	got := w.run(w.executor(withToken, func(o *Options) { o.Caches = filepath.Join(w.dir, "caches") }), request("ex-1-1-1"))
	all := w.handedOn(got)
	if got.Status != pipeline.Succeeded || !strings.Contains(all, "home/own: own") {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, all)
	}
	for _, unwanted := range []string{hourly, "home/.git-credentials", "home/.gitconfig", "home/deep/x", "src/here"} {
		if strings.Contains(all, unwanted) {
			t.Errorf("%s was handed on\n%s", unwanted, all)
		}
	}
	// One that an older version of this program kept is not given to a build.
	archives, err := filepath.Glob(filepath.Join(w.dir, "caches", "*", "*", "*.tgz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("%v, %v", archives, err)
	}
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	archive := tar.NewWriter(compressed)
	for _, name := range []string{"home/.git-credentials", "home/kept"} {
		if err := errors.Join(archive.WriteHeader(&tar.Header{Name: name, Size: 4, Mode: 0o600}), func() error { _, err := archive.Write([]byte("text")); return err }()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close(), os.WriteFile(archives[0], b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.src.files = spec("phases: {build: {commands: ['ls -A ~']}}", "cache: {paths: ['$HOME/**/*']}")
	got = w.run(w.executor(func(o *Options) { o.Caches = filepath.Join(w.dir, "caches") }), request("ex-2-1-1"))
	if diff := cmp.Diff([]string{"kept"}, said(got.Log)); diff != "" {
		t.Errorf("restored (-want +got)\n%s", diff)
	}
}

// Credentials are gone when the commands have ended, before anybody has looked how; and what a server that was killed left
// behind goes at the next look or when old actions are removed.
func TestCredentialsDoNotStay(t *testing.T) {
	files := spec("env: {git-credential-helper: yes}", "phases: {build: {commands: ['test -e ~/.git-credentials']}}")
	w := newWorld(t, files)
	e, r := w.executor(withToken), request("ex-1-1-1")
	if _, err := e.Start(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	ws := e.workspace(r.ID)
	until(t, "the end of the build", func() bool {
		state, _, err := supervise.Look(ws.Try(1))
		return err == nil && state == supervise.Finished
	})
	credentials := filepath.Join(ws.work(1), homeFolder, gitCredentialsFile)
	if actiondir.Exists(credentials) || !actiondir.Exists(filepath.Dir(credentials)) {
		t.Error("the credentials are still there")
	}
	if got := w.end(e, r, r.ID); got.Status != pipeline.Succeeded {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
	for name, do := range map[string]func() error{
		"a look":            func() error { _, err := e.Status(t.Context(), r, r.ID); return err },
		"removing old ones": func() error { _, err := e.Prune(t.Context(), time.Now().Add(-time.Hour)); return err },
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(credentials), 0o700), os.WriteFile(credentials, []byte(hourly), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := do(); err != nil || actiondir.Exists(ws.work(1)) || !ws.Exists() {
			t.Errorf("%s: %v, or the wrong things are left", name, err)
		}
	}
}

func TestRemoveAll(t *testing.T) {
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "work")
	at := filepath.Join(dir, strings.Repeat("d/", 450))
	for range 3 { // deeper than a path can name
		if err := os.MkdirAll(filepath.Join(at, "closed"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Symlink(outside, filepath.Join(at, "out")), os.WriteFile(filepath.Join(at, "closed", "f"), nil, 0o400), os.Chmod(filepath.Join(at, "closed"), 0o500)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Mkdir(dir+".new", 0o700), os.MkdirAll(filepath.Join(dir+".new", strings.Repeat("d/", 450)), 0o700),
			os.Rename(dir, filepath.Join(dir+".new", strings.Repeat("d/", 450), "inner")), os.Rename(dir+".new", dir)); err != nil {
			t.Fatal(err)
		}
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := unix.Rlimit{Cur: 256, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) }()
	if os.RemoveAll(dir) == nil {
		t.Fatal("the tree is not deep enough to prove anything")
	}
	if err := removeAll(dir); err != nil || actiondir.Exists(dir) || !actiondir.Exists(outside) {
		t.Errorf("%v, or it is still there", err)
	}
}
