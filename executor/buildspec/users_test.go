package buildspec

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/executor"
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
		"somebody the operator does not allow": {[]string{"phases:", "  build:", "    run-as: root", "    commands: [id -u]"}, pipeline.Failed, nil,
			"buildspec.yml:4:1: run-as root is refused: the operator lets builds run as nobody, other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, spec(tc.spec...))
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
