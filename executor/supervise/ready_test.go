package supervise

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A supervisor that is ready has done nothing yet, and then runs what it is told, within the limits it knows.
func TestReady(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	ready, err := l.Prepare(t.Context(), dir, Limits{Output: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if state, _, err := Look(dir); state != Running || err != nil || exists(dir, startedFile) {
		t.Errorf("state %s, %v, want running, nothing started", state, err)
	}
	if other, err := l.Start(t.Context(), dir, shell("echo no")); err != nil || other {
		t.Errorf("another one started %v, %v", other, err)
	}
	if started, err := ready.Run(shell("echo ONE$ONE; while :; do echo more and more; done")); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
	ready.Discard() // too late
	if r := await(t, ended, dir); r.Reason != OverLimit {
		t.Errorf("result %+v, want it over the limit of Prepare", r)
	}
	if ready, err = l.Prepare(t.Context(), dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	if again, err := ready.Run(shell("echo again")); err != nil || again {
		t.Errorf("started again %v, %v", again, err)
	}
}

// What is never told what to run leaves a folder in which something else can.
func TestDiscard(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	ready, err := l.Prepare(t.Context(), dir, Limits{Processes: 100})
	if err != nil {
		t.Fatal(err)
	}
	ready.Discard()
	ready.Discard()
	if state, _, err := Look(dir); state != Absent || err != nil {
		t.Errorf("state %s, %v, want absent", state, err)
	}
	if group, err := os.ReadFile(filepath.Join(dir, groupFile)); err == nil {
		if _, err := os.Stat(string(group)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its control group is left: %v", err)
		}
	}
	if own, err := os.ReadFile(filepath.Join(dir, ownLogFile)); err != nil || len(own) > 0 {
		t.Errorf("it says %q, %v", own, err)
	}
	if started, err := l.Start(t.Context(), dir, shell("echo now")); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
	if r := await(t, ended, dir); !r.Succeeded() { // and nobody was told of an end before
		t.Errorf("result %+v", r)
	}
}

// What was told to stop before it was told what to run does not run it.
func TestStopBeforeRun(t *testing.T) {
	l, _ := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	ready, err := l.Prepare(t.Context(), dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Stop(dir); err != nil {
		t.Fatal(err)
	}
	if started, err := ready.Run(shell("echo never")); err != nil || started {
		t.Errorf("started %v, %v", started, err)
	}
	if state, r, err := Look(dir); state != Finished || r.Reason != Stopped || err != nil || exists(dir, startedFile) {
		t.Errorf("state %s, %+v, %v, want stopped", state, r, err)
	}
}

// A supervisor that is ready does not outlive a server that is killed, and another server can begin anew.
func TestReadyEndsWithTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "job")
	cmd := exec.Command(os.Args[0], "ready", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if state, _, err := Look(dir); state != Running || err != nil {
		t.Errorf("state %s, %v, want running", state, err)
	}
	_ = cmd.Process.Signal(unix.SIGKILL)
	_ = cmd.Wait()
	until(t, "the supervisor's end", func() bool {
		state, _, err := Look(dir)
		return state == Absent && err == nil
	})
	l, ended := launcher(t)
	if started, err := l.Start(t.Context(), dir, shell("echo now")); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
	if r := await(t, ended, dir); !r.Succeeded() {
		t.Errorf("result %+v", r)
	}
}

// Who starts a program is told of its end by the supervisor itself, and not by watching as well.
func TestTheEndIsToldOnce(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	if _, err := l.Start(t.Context(), dir, shell("echo up")); err != nil {
		t.Fatal(err)
	}
	l.Watch(dir) // whoever asks where it stands does this
	if r := await(t, ended, dir); !r.Succeeded() {
		t.Errorf("result %+v", r)
	}
	if err := l.Close(); err != nil { // waits for all that would tell
		t.Fatal(err)
	}
	select {
	case <-ended:
		t.Error("its end is told twice")
	default:
	}
}
