package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func TestResult(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec Spec
		want Result
		log  string
	}{
		{"ends well", shell("echo hello; echo bye >&2"), Result{Reason: Exited, LogBytes: 10}, "hello\nbye\n"},
		{"ends badly", shell("exit 7"), Result{Reason: Exited, ExitCode: 7}, ""},
		{"ends by a signal", shell("kill -9 $$"), Result{Reason: Exited, ExitCode: -1, Signal: "killed"}, ""},
		{"has no input", shell("read x || echo none"), Result{Reason: Exited, LogBytes: 5}, "none\n"},
		{"is not there", Spec{Args: []string{"/nowhere/at/all"}, Dir: "/"}, Result{
			Reason: NotStarted, ExitCode: -1, Error: "start /nowhere/at/all: fork/exec /nowhere/at/all: no such file or directory",
		}, ""},
		{"by a runner", Spec{Runner: "pair", Payload: []byte("echo $ONE$N; test $N = 1"), Env: shell("").Env, Dir: "/"}, Result{
			Reason: Exited, ExitCode: 1, Output: []byte("program 2"), LogBytes: 44,
		}, "[sluice] program 1\n11\n[sluice] program 2\n12\n"},
		{"by a runner nobody knows", Spec{Runner: "x"}, Result{Reason: NotStarted, ExitCode: -1, Error: `no runner "x"`}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, got, log := run(t, tc.spec)
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Result{}, "Started", "Finished")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if log != tc.log {
				t.Errorf("log %q, want %q", log, tc.log)
			}
			if got.Finished.Before(got.Started) {
				t.Errorf("finished %v before it started %v", got.Finished, got.Started)
			}
		})
	}
}

func TestTheProgramHasOnlyWhatItWasGiven(t *testing.T) {
	dir, _, log := run(t, shell("env | sort; ls -l /proc/self/fd | grep -c -- '->'; grep NoNewPrivs /proc/self/status; pwd; ulimit -c"))
	want := []string{"ONE=1", "PATH=/usr/bin:/bin", "PWD=/", Cookie + "=" + dir, "4", "NoNewPrivs:\t1", "/", "0"}
	got := strings.Split(strings.TrimSpace(log), "\n")
	got = slicesDelete(got, "_=/usr/bin/env", "OLDPWD=", "SHLVL=0")
	if diff := cmp.Diff(want, got); diff != "" { // descriptors: in, out, err and the folder being listed
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func slicesDelete(in []string, drop ...string) (out []string) {
	for _, s := range in {
		keep := true
		for _, d := range drop {
			keep = keep && s != d
		}
		if keep {
			out = append(out, s)
		}
	}
	return out
}

// The program cannot read the environment of the server, nor that of its supervisor, though it is of the same user.
func TestTheProgramCannotReadTheServersEnvironment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "job")
	otherServer(t, dir, `cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -c HIDDEN_FROM; cat /proc/$PPID/environ | wc -c; echo end`,
		"HIDDEN_FROM_BUILDS=1")
	until(t, "the end", says(dir, "end\n"))
	log, _ := Log(dir, 1000)
	if !strings.HasPrefix(log, "0\n") || !strings.Contains(log, "\n0\nend\n") {
		t.Errorf("log %q: want nothing found, and nothing read of the supervisor", log)
	}
}

func TestStop(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"what obeys", `echo up; sleep 1000`},
		{"what ignores SIGTERM", `trap '' TERM; echo up; sleep 1000; sleep 1000; sleep 1000`},
		{"what left its group", `trap '' TERM; setsid sh -c 'trap "" TERM; echo up; sleep 1000; sleep 1000' & wait; wait`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, ended := launcher(t)
			dir := filepath.Join(t.TempDir(), "job")
			if _, err := l.Start(t.Context(), dir, shell(tc.script)); err != nil {
				t.Fatal(err)
			}
			until(t, "start", says(dir, "up"))
			if state, _, err := Look(dir); state != Running || err != nil {
				t.Errorf("state %s, %v, want running", state, err)
			}
			if err := Stop(dir); err != nil {
				t.Fatal(err)
			}
			if r := await(t, ended, dir); r.Reason != Stopped || r.Succeeded() {
				t.Errorf("result %+v, want stopped", r)
			}
			if n := Sweep(dir); n > 0 {
				t.Errorf("%d processes outlived it", n)
			}
			if err := Stop(dir); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// Without its folder nobody could ask about a program, or stop it: it does not outlive it.
func TestTheFolderIsRemoved(t *testing.T) {
	l, _ := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	if _, err := l.Start(t.Context(), dir, shell(`echo $$ > "$`+Cookie+`/pid"; sleep 1000; sleep 1000`)); err != nil {
		t.Fatal(err)
	}
	pid := 0
	until(t, "start", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "pid"))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid > 0
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	until(t, "end", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

func TestTimeout(t *testing.T) {
	spec := shell("trap '' TERM; echo up; sleep 1000; sleep 1000")
	spec.Timeout = 200 * time.Millisecond
	dir, r, _ := run(t, spec)
	if r.Reason != TimedOut || r.Signal != "killed" {
		t.Errorf("result %+v, want timed out, killed", r)
	}
	if n := Sweep(dir); n > 0 {
		t.Errorf("%d processes outlived it", n)
	}
}

func TestNothingStaysBehind(t *testing.T) {
	dir, r, log := run(t, shell(`sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & (setsid sleep 1000 &) ; setsid sh -c 'sleep 1000 & sleep 1000' & sleep 0.2; echo end`))
	if !r.Succeeded() || log != "end\n" {
		t.Errorf("result %+v, log %q", r, log)
	}
	if n := Sweep(dir); n > 0 {
		t.Errorf("%d processes outlived it", n)
	}
	if took := r.Finished.Sub(r.Started); took > time.Minute {
		t.Errorf("took %v: it waited for what was left", took)
	}
}

func TestFlood(t *testing.T) {
	spec := shell(`echo first; head -c 30000000 /dev/zero | tr '\0' 'x' | fold -w 99; echo; echo last`)
	spec.LogHead, spec.LogTail = 100_000, 200_000
	dir, r, log := run(t, spec)
	if r.LogBytes < 30_000_000 {
		t.Errorf("%d bytes counted", r.LogBytes)
	}
	if !strings.HasPrefix(log, "first\nxxx") || !strings.HasSuffix(log, "xxx\nlast\n") || !strings.Contains(log, " bytes left out …\n") {
		t.Errorf("log %.60q … %q", log, log[len(log)-60:])
	}
	files, err := filepath.Glob(filepath.Join(dir, logFile+"*"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size < 300_000 || size > 350_000 { // head, tail, and the piece that is written
		t.Errorf("%d bytes are kept in %v", size, files)
	}
}

func TestSecretsDoNotReachTheLog(t *testing.T) {
	token := "ghs_" + strings.Repeat("aB3.", 130)
	spec := shell(`printf 'x%s' "$S" | cut -c 1-5 | tr -d '\n'; sleep 0.05; printf 'x%s\n' "$S" | cut -c 6-; echo "$T"; printf %s "$S" | base64`)
	spec.Secrets = []string{"hunter2-and-more"}
	spec.Env = append(spec.Env, "S=hunter2-and-more", "T="+token)
	dir, _, log := run(t, spec)
	if want := "x***\n***\n"; !strings.HasPrefix(log, want) || strings.Contains(log, "aHVudGVy") {
		t.Errorf("log %q, want %q and no base64", log, want)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), token) {
			t.Errorf("%s holds the secret (%v)", f, err)
		}
	}
}

func TestItRunsOnce(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	out := filepath.Join(t.TempDir(), "count")
	var starts atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			started, err := l.Start(t.Context(), dir, shell("echo x >> "+out+"; sleep 0.2"))
			if err != nil {
				t.Error(err)
			}
			if started {
				starts.Add(1)
			}
		})
	}
	wg.Wait()
	await(t, ended, dir)
	if started, err := l.Start(t.Context(), dir, shell("echo x >> "+out)); started || err != nil {
		t.Errorf("started %v, %v after the end", started, err)
	}
	b, err := os.ReadFile(out)
	if starts.Load() != 1 || string(b) != "x\n" || err != nil {
		t.Errorf("%d starts, effects %q, %v; want one", starts.Load(), b, err)
	}
}

func TestStopBeforeStart(t *testing.T) {
	l, _ := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	if err := Stop(dir); err != nil {
		t.Fatal(err)
	}
	if started, err := l.Start(t.Context(), dir, shell("touch "+dir+"/ran")); started || err != nil {
		t.Fatalf("started %v, %v", started, err)
	}
	if state, r, err := Look(dir); state != Finished || r.Reason != Stopped || err != nil {
		t.Errorf("%s %+v %v, want stopped", state, r, err)
	}
	if exists(dir, "ran") {
		t.Error("it ran")
	}
}

func TestTheServerIsKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "job")
	gate := filepath.Join(t.TempDir(), "gate")
	other := otherServer(t, dir, fmt.Sprintf("echo up; while ! test -e %s; do sleep 0.02; done; echo done", gate))
	until(t, "start", says(dir, "up"))
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if state, _, err := Look(dir); state != Running || err != nil {
		t.Fatalf("state %s, %v after the server died, want running", state, err)
	}
	l, ended := launcher(t) // the server is back
	if started, err := l.Start(t.Context(), dir, shell("echo twice")); started || err != nil {
		t.Fatalf("started %v, %v: it runs already", started, err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := await(t, ended, dir); !r.Succeeded() {
		t.Errorf("result %+v", r)
	}
	if log, err := Log(dir, 1000); log != "up\ndone\n" || err != nil {
		t.Errorf("log %q, %v", log, err)
	}
}

func TestTheSupervisorIsKilled(t *testing.T) {
	l, ended := launcher(t)
	dir := filepath.Join(t.TempDir(), "job")
	if _, err := l.Start(t.Context(), dir, shell(`setsid sleep 1000 & sleep 1000 & echo up $$ $PPID; wait`)); err != nil {
		t.Fatal(err)
	}
	until(t, "start", says(dir, "\n"))
	var program, supervisor int
	log, _ := Log(dir, 100)
	if _, err := fmt.Sscanf(log, "up %d %d", &program, &supervisor); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	if state, _, err := Look(dir); state != Interrupted || err != nil {
		t.Errorf("state %s, %v, want interrupted", state, err)
	}
	until(t, "the program's end", func() bool { return syscall.Kill(program, 0) != nil })
	if n := Sweep(dir); n != 2 { // what left the session, and what stayed in it
		t.Errorf("swept %d, want 2", n)
	}
	if started, err := l.Start(t.Context(), dir, shell("true")); started || err != nil {
		t.Errorf("started %v, %v: an interrupted program is not run again", started, err)
	}
}

// A program without network has none, whoever starts it, and is its user and no more; what cannot be started says why.
func TestNoNetwork(t *testing.T) {
	const about = "grep -c : /proc/net/dev; id -u; id -g; grep CapEff /proc/self/status; cat /proc/$PPID/environ >/dev/null 2>&1 && echo seen; true"
	_, r, log := run(t, shell(about))
	spec := shell(about)
	spec.NoNetwork = true
	_, r2, log2 := run(t, spec)
	if r2.Reason == NotStarted && strings.Contains(r2.Error, "not permitted") {
		t.Skip("namespaces are not permitted here: " + r2.Error)
	}
	interfaces, rest, _ := strings.Cut(log, "\n")
	if !r.Succeeded() || interfaces == "1" || log2 != "1\n"+rest {
		t.Errorf("%q, without network %q (%+v); want more interfaces, and only loopback; else the same", log, log2, r2)
	}
	spec.Args = []string{"/nowhere/at/all"}
	_, r3, log3 := run(t, spec)
	if r3.Reason != NotStarted || !strings.HasSuffix(r3.Error, " /nowhere/at/all: no such file or directory") || log3 != "" {
		t.Errorf("what is not there: %+v, %q", r3, log3)
	}
	asAnotherUser(t)
}

// A supervisor, which was given secrets, stays hidden from all others of its user while it starts a program, and after.
func TestTheSupervisorStaysHidden(t *testing.T) {
	if asAnotherUser(t) { // root sees everything
		return
	}
	for name, noNetwork := range map[string]bool{"with a network": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			l, ended := launcher(t)
			dir := filepath.Join(t.TempDir(), "job")
			ready, err := l.Prepare(t.Context(), dir, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			memory := fmt.Sprintf("/proc/%d/mem", ready.cmd.Process.Pid)
			opens := func() bool {
				f, err := os.Open(memory)
				if err == nil {
					f.Close()
				}
				return err == nil
			}
			until(t, "hiding", func() bool { return !opens() })
			gate := filepath.Join(t.TempDir(), "gate")
			spec := shell("echo up; while ! test -e " + gate + "; do sleep 0.02; done")
			spec.NoNetwork = noNetwork
			if _, err := ready.Run(spec); err != nil {
				t.Fatal(err)
			}
			looks, seen := 0, 0
			until(t, "start", func() bool {
				for range 1000 { // it would be seen for less than a millisecond
					looks++
					if opens() {
						seen++
					}
				}
				state, _, _ := Look(dir)
				return state == Finished || says(dir, "up\n")()
			})
			if seen > 0 {
				t.Errorf("its memory could be opened %d times of %d", seen, looks)
			}
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			r := await(t, ended, dir)
			if refused := noNetwork && strings.Contains(r.Error, "not permitted"); !r.Succeeded() && !refused { // by a host without namespaces
				t.Errorf("%+v", r)
			}
		})
	}
}

// Where there is no control group the kernel keeps a user's own programs from having far more processes than they may, so that whoever
// looks at them gets to it.
func TestProcessesAreHeld(t *testing.T) {
	if asAnotherUser(t) { // root is kept from nothing
		return
	}
	const most = 200
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &own); err != nil {
		t.Fatal(err)
	}
	if own.Max < 3*maxProcesses {
		t.Skipf("this host allows its users no more than %d processes", own.Max)
	}
	// Three hundred are more than may be looked at, and no more than any host bears.
	spec := shell(fmt.Sprintf(`limit() { awk '/^Max processes/ {print $3, $4}' /proc/self/limits; }
		while test "$(limit)" = "%s"; do :; done; limit; for n in $(seq 300); do sleep 60 & done; wait`, shown(own)))
	spec.Limits.Processes, spec.Timeout = most, time.Minute
	_, r, log := run(t, spec)
	if !strings.Contains(log, "Limits of memory and processes") {
		t.Skip("this host gives its users control groups")
	}
	var now, ever uint64
	_, held, _ := strings.Cut(log, "\n")
	if _, err := fmt.Sscan(held, &now, &ever); err != nil || now != ever || now >= own.Max || now < most+maxProcesses {
		t.Errorf("the kernel allows %q, and others of this user %s (%v)", held, shown(own), err)
	}
	if r.Reason != OverLimit || !strings.Contains(r.Error, "more than 200 processes") {
		t.Errorf("%+v\n%.1000s", r, log)
	}
}

// shown is a limit as the kernel shows it: now, and the most that it may be raised to.
func shown(l unix.Rlimit) string {
	one := func(n uint64) string {
		if n == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	return one(l.Cur) + " " + one(l.Max)
}

// asAnotherUser has a user who is not root run the calling test, where root runs it, and tells whether it did.
func asAnotherUser(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	dir, err := os.MkdirTemp("", "user") //nolint:usetesting // another user has to get into it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(dir, "supervise.test")
	binary, err := os.ReadFile(os.Args[0])
	if err := errors.Join(err, os.WriteFile(program, binary, 0o755), os.Chown(dir, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin", "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case err != nil || !strings.Contains(string(out), "--- PASS"):
		t.Errorf("by another user: %v\n%s", err, out)
	}
	return true
}

func TestLogIsPlain(t *testing.T) {
	_, _, log := run(t, shell(`printf 'a\033[31mred\033[0m\rb\r\n\033]0;title\007c\000\377\n'`))
	if want := "ared\nb\nc\uFFFD\n"; log != want {
		t.Errorf("log %q, want %q", log, want)
	}
}
