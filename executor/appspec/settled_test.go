package appspec

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// The supervisor is killed when the group knows the new revision for good and the deployment has not ended; then somebody asks for
// its end, and an alarm is raised. It has succeeded: it must not go back to itself, and a host that failed keeps what it has.
func TestKilledBetweenGoodAndEnd(t *testing.T) {
	for name, ask := range map[string]func(e *Executor, w *world) error{
		"stop": func(e *Executor, w *world) error {
			return e.Stop(w.t.Context(), w.request("d-2", pipeline.Artifact{}, nil), "d-2")
		},
		"alarm": func(e *Executor, w *world) error {
			return e.Alarm(w.t.Context(), w.request("d-2", pipeline.Artifact{}, nil), "p99 above 2 s")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.executor(w.bell.Ring)
			if got := w.deploy(e, w.request("d-1", w.hooked("1", ""), nil)); got.Status != pipeline.Succeeded {
				t.Fatalf("%+v", got)
			}
			// A state that never comes to an end holds the supervisor up after the group was told.
			held := filepath.Join(w.host("web-1"), "state.json")
			fifo := "test $SLUICE_HOST = web-3 || exit 0\ntest $LIFECYCLE_EVENT = ValidateService || exit 0\n" +
				"mv " + held + " " + held + ".kept && mkfifo " + held + "\nexit 1\n"
			r := w.request("d-2", w.hooked("2", fifo), nil)
			r.Env["SLUICE_VERSION"] = "1.5.0"
			handle, err := e.Start(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			group := filepath.Join(groupDir(filepath.Join(w.dir, "hosts"), "acme", "shop", "staging"), "group.json")
			until(t, "the group's new revision", func() bool { return strings.Contains(w.read(group), `"d-2"`) })
			if strings.Contains(w.read(progressFile(filepath.Join(w.dir, "hosts", "deployments", "d-2"))), `"ended":true`) {
				t.Fatal("it has ended: the kill would come too late")
			}
			killSupervisorOf(t, filepath.Join(w.dir, "hosts", "deployments", "d-2", "try-1"))
			if err := os.Rename(held+".kept", held); err != nil {
				t.Fatal(err)
			}
			if err := ask(e, w); err != nil {
				t.Fatal(err)
			}
			got := w.end(w.executor(w.bell.Ring), r, handle)
			if got.Status != pipeline.Succeeded || !strings.Contains(got.Summary, "1.5.0 is on 2 of 3 hosts") || strings.Contains(got.Summary, "rolled back") {
				t.Errorf("%+v", got)
			}
			for _, round := range w.rounds("d-2") {
				if strings.HasPrefix(round, string(returning)) {
					t.Errorf("it went back: %q", round)
				}
			}
			if got := w.versions("web-1", "web-2"); got != "2 2" {
				t.Errorf("the hosts serve %s", got)
			}
		})
	}
}

// killSupervisorOf kills the supervisor of a try, and waits until its end is seen.
func killSupervisorOf(t *testing.T, try string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		b, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(b), supervise.Subcommand+"\x00"+try+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the supervisor's end", func() bool {
			state, _, err := supervise.Look(try)
			return err == nil && state == supervise.Interrupted
		})
		return
	}
	t.Fatalf("no supervisor of %s", try)
}

// A secret that lies across the place where a long line is cut reaches neither the log nor the notes.
func TestLongLinesAreMasked(t *testing.T) {
	w := newWorld(t)
	e := w.executor(w.bell.Ring)
	cut := maxLine - len(secret)/2
	a := w.hooked("1", "test $LIFECYCLE_EVENT = ValidateService || exit 0\nhead -c "+strconv.Itoa(cut)+" /dev/zero | tr '\\0' x\necho "+secret+"\n"+
		"head -c "+strconv.Itoa(cut)+" /dev/zero | tr '\\0' ' '\nprintf %s "+secret+"\nexit 1")
	got := w.deploy(e, w.request("d", a, map[string]any{"hosts": []any{"web-1"}}))
	if got.Status != pipeline.Failed || !strings.Contains(got.Log, "***") {
		t.Errorf("%+v", got)
	}
	kept := w.read(progressFile(filepath.Join(w.dir, "hosts", "deployments", "d")))
	if !strings.Contains(kept, "exit status 1: ***") {
		t.Errorf("the notes have %s", kept)
	}
	for where, text := range map[string]string{"log": got.Log, "summary": got.Summary, "notes": kept} {
		for _, part := range []string{secret[:len(secret)/2], secret[len(secret)/2:]} {
			if strings.Contains(text, part) {
				t.Errorf("the %s has %q", where, part)
			}
		}
	}
}
