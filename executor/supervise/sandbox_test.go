package supervise

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// boxed is a shell in a sandbox, which the test needs.
func boxed(t *testing.T, script string) Spec {
	t.Helper()
	program, err := TrySandbox(t.Context(), "bwrap", nil)
	if err != nil {
		t.Skip(err)
	}
	spec := shell(script)
	spec.Sandbox = &Sandbox{Program: program}
	return spec
}

// What runs in a sandbox is asked to end, and may clean up, before it is killed.
func TestStopInASandbox(t *testing.T) {
	for name, tc := range map[string]struct{ script, says string }{
		"what cleans up":       {`trap 'echo cleaned; exit 3' TERM; echo up; while :; do sleep 0.05; done`, "cleaned"},
		"what ignores SIGTERM": {`trap '' TERM; (setsid sleep 1000 &); echo up; while :; do sleep 0.05; done`, "up"},
	} {
		t.Run(name, func(t *testing.T) {
			l, ended := launcher(t)
			dir := filepath.Join(t.TempDir(), "job")
			if _, err := l.Start(t.Context(), dir, boxed(t, tc.script)); err != nil {
				t.Fatal(err)
			}
			until(t, "start", says(dir, "up"))
			if err := Stop(dir); err != nil {
				t.Fatal(err)
			}
			if r := await(t, ended, dir); r.Reason != Stopped || !says(dir, tc.says)() {
				t.Errorf("result %+v, want stopped, and %q in the log", r, tc.says)
			}
			if n := Sweep(dir); n > 0 {
				t.Errorf("%d processes outlived it", n)
			}
		})
	}
}

// A sandbox goes with its supervisor, with all that is in it.
func TestTheSupervisorOfASandboxIsKilled(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	if _, err := l.Start(t.Context(), dir, boxed(t, `(setsid sleep 1000 &); echo up; sleep 1000`)); err != nil {
		t.Fatal(err)
	}
	until(t, "start", says(dir, "up"))
	supervisor := supervisorOf(t, dir)
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	until(t, "the end of what ran in it", func() bool { return Sweep(dir) == 0 })
	if state, _, err := Look(dir); state != Interrupted || err != nil {
		t.Errorf("state %s, %v, want interrupted", state, err)
	}
}

// supervisorOf finds the supervisor of a folder: its last argument is the folder.
func supervisorOf(t *testing.T, dir string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err == nil && bytes.HasSuffix(b, []byte("\x00"+Subcommand+"\x00"+dir+"\x00")) {
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no supervisor of %s", dir)
	return 0
}

func TestTrySandboxSaysWhyNot(t *testing.T) {
	if _, err := TrySandbox(t.Context(), "there-is-no-such-bwrap", nil); err == nil || err.Error() != "bubblewrap is not installed" {
		t.Errorf("%v", err)
	}
	broken := filepath.Join(t.TempDir(), "bwrap")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := TrySandbox(t.Context(), broken, nil); err == nil || !strings.Contains(err.Error(), "No permissions to create new namespace") {
		t.Errorf("%v", err)
	}
}
