package buildspec

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
	"github.com/sluicehq/sluice/pipeline"
)

// sandboxed has builds run by bubblewrap, which the test needs.
func sandboxed(t *testing.T, hide ...string) func(*Options) {
	t.Helper()
	if _, err := supervise.TrySandbox(t.Context(), Bubblewrap, nil); err != nil {
		t.Skipf("no sandbox: %v", err)
	}
	return func(o *Options) { o.Sandbox, o.Hide = SandboxAlways, hide }
}

// Builds that do their worst are ended, what they left is gone, and the report says which limit they passed.
func TestHostileBuildsAreContained(t *testing.T) {
	for name, tc := range map[string]struct {
		limits  supervise.Limits
		timeout time.Duration
		command string
		want    string
	}{
		"a fork bomb":               {supervise.Limits{Processes: 200}, time.Minute, "bomb() { bomb | bomb & }; bomb; sleep 60", "it ran more than 200 processes and threads"},
		"ten gigabytes of output":   {supervise.Limits{Output: 32 << 20}, time.Minute, "head -c 10000000000 /dev/zero | tr '\\0' x", "it wrote more than 32 MiB of output"},
		"memory without end":        {supervise.Limits{Memory: 100 << 20}, time.Minute, "x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 60", "it used more than 100 MiB of memory"},
		"a disk without end":        {supervise.Limits{Disk: 20 << 20}, time.Minute, "i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; done", "it used more than 20 MiB of disk"},
		"a process that stays":      {supervise.Limits{}, time.Second, "trap '' TERM; while :; do sleep 1; done", "timed out after"},
		"children that move away":   {supervise.Limits{}, time.Minute, "setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 0.1; done' & (nohup sleep 1000 &); exit 4", "exit status 4"},
		"a shell that stops itself": {supervise.Limits{}, time.Second, "kill -STOP $$", "timed out after"},
	} {
		for _, boxed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sandbox %v", name, boxed), func(t *testing.T) {
				mark := fmt.Sprintf("hostile-%d", time.Now().UnixNano())
				files := spec("phases: {build: {commands: ['. ./run.sh']}}")
				files["run.sh"] = "export MARK=" + mark + "\n" + strings.ReplaceAll(tc.command, "sleep", "env -- sleep") + "\n"
				w := newWorld(t, files)
				change := func(*Options) {}
				if boxed {
					change = sandboxed(t)
				}
				r := request("ex-1-1-1")
				r.Timeout = tc.timeout
				began := time.Now()
				got := w.run(w.executor(change, func(o *Options) { o.Limits = tc.limits }), r)
				if got.Status != pipeline.Failed || !strings.Contains(got.Summary, tc.want) {
					t.Errorf("%s: %s\n%.2000s", got.Status, got.Summary, got.Log)
				}
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("it took %s", took)
				}
				if n := carriers(t, "MARK="+mark); n > 0 {
					t.Errorf("%d processes are left", n)
				}
				entries, err := filepath.Glob(filepath.Join(w.dir, "builds", "*", "try-*", "log*"))
				if err != nil || len(entries) == 0 {
					t.Fatalf("%v, %v", entries, err)
				}
				size := int64(0)
				for _, path := range entries {
					info, err := os.Stat(path)
					if err != nil {
						t.Fatal(err)
					}
					size += info.Size()
				}
				if size > 2<<20 {
					t.Errorf("the log has %d bytes", size)
				}
			})
		}
	}
}

// carriers counts the processes with a variable in their environment.
func carriers(t *testing.T, variable string) int {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range environs {
		if b, err := os.ReadFile(path); err == nil && strings.Contains("\x00"+string(b), "\x00"+variable+"\x00") {
			n++
		}
	}
	return n
}

// A build in the sandbox sees neither the server nor its data, and cannot change the host.
func TestTheSandboxHidesTheServer(t *testing.T) {
	t.Setenv("SERVER_SECRET", "of-the-servers-environment")
	data := t.TempDir()
	key := filepath.Join(t.TempDir(), "app.pem")
	for path, text := range map[string]string{filepath.Join(data, "sluice.db"): "of-the-database", key: "of-the-key"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	files := spec("phases:", "  build:", "    commands:", "      - . ./look.sh", "artifacts: {files: [made]}")
	files["look.sh"] = strings.Join([]string{
		"cat /proc/" + fmt.Sprint(os.Getpid()) + "/environ /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep SERVER_SECRET && echo SEEN environment",
		"ls /proc | grep -x " + fmt.Sprint(os.Getpid()) + " && echo SEEN process",
		"cat " + data + "/sluice.db 2>/dev/null && echo SEEN database", "cat " + key + " 2>/dev/null && echo SEEN key",
		"ls " + data + " | grep . && echo SEEN data", "ls /root/. | grep . && echo SEEN home",
		"touch /etc/hostile /usr/hostile 2>/dev/null && echo SEEN host", "touch " + key + ".new",
		"for f in kernel/core_pattern kernel/modprobe kernel/printk vm/swappiness; do cat /proc/sys/$f > same && cat same > /proc/sys/$f 2>/dev/null && echo SEEN $f; done",
		"find /run -mindepth 1 | grep . && echo SEEN sockets",
		"kill -0 " + fmt.Sprint(os.Getpid()) + " 2>/dev/null && echo SEEN signal",
		"timeout 3 bash -c 'echo > /dev/tcp/127.0.0.1/" + port + "' 2>/dev/null && echo SEEN server",
		"timeout 3 bash -c 'echo > /dev/tcp/169.254.169.254/80' 2>/dev/null && echo SEEN metadata",
		"grep -h CapEff: /proc/self/status | grep -v 0000000000000000 && echo SEEN capabilities",
		"echo made > made; echo t > /tmp/t && test -e $TMPDIR/t && echo h > ~/h && echo works", "",
	}, "\n")
	w := newWorld(t, files)
	r := request("ex-1-1-1")
	r.Outputs = []string{"app"}
	r.With = map[string]any{"network": "none"}
	got := w.run(w.executor(sandboxed(t, data, key)), r)
	if got.Status != pipeline.Succeeded || !strings.Contains(got.Log, "\nworks\n") || strings.Contains(got.Log, "\nSEEN") || strings.Contains(got.Log, "of-the-") {
		t.Errorf("%s %s\n%s", got.Status, got.Summary, got.Log)
	}
	if actiondir.Exists("/etc/hostile") || actiondir.Exists(key+".new") {
		t.Error("the host was changed")
	}
}

// Whoever cannot have a sandbox is told, in the log of each build, or has none run at all.
func TestWithoutASandboxItIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w := newWorld(t, spec("phases: {build: {commands: ['echo ran']}}"))
	e := w.executor(func(o *Options) { o.Sandbox = SandboxAuto })
	if got := w.run(e, request("ex-1-1-1")); !strings.Contains(got.Log, "[sluice] Isolation: none but the user's: bubblewrap is not installed") || !strings.Contains(got.Log, "\nran\n") {
		t.Errorf("%s\n%s", got.Status, got.Log)
	}
	if _, err := New(Options{Dir: t.TempDir(), Cloner: w.src, Artifacts: w.store, Sandbox: SandboxAlways}); err == nil || !strings.Contains(err.Error(), "bubblewrap is not installed") {
		t.Errorf("%v", err)
	}
}

// Who hides by an empty environment when the supervisor is killed is found by the control group, where the host gives one.
func TestNobodyOutlivesAKilledSupervisor(t *testing.T) {
	w := newWorld(t, spec("phases: {build: {commands: ['setsid env -i sh -c \"exec sleep 1000\" & echo pids $PPID $!', 'sleep 1000']}}"))
	e := w.executor(func(o *Options) { o.Limits = supervise.Limits{Processes: 4096} })
	r := request("ex-1-1-1")
	handle, err := e.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var supervisor, hidden int
	var log string
	until(t, "the start", func() bool {
		report, err := e.Status(t.Context(), r, handle)
		log = report.Log
		i := strings.Index(log, "\npids ")
		if err != nil || i < 0 {
			return false
		}
		n, _ := fmt.Sscanf(log[i:], "\npids %d %d", &supervisor, &hidden)
		return n == 2
	})
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log, "no control group") {
		_ = syscall.Kill(hidden, syscall.SIGKILL)
		t.Skip("this host gives no control group")
	}
	if got := w.end(e, r, handle); !strings.HasPrefix(got.Summary, "interrupted") {
		t.Errorf("%s: %s", got.Status, got.Summary)
	}
	until(t, "the end of the one that hides", func() bool { return gone(hidden) })
	if left, err := filepath.Glob("/sys/fs/cgroup/*/sluice-*"); err != nil || slices.ContainsFunc(left, func(group string) bool {
		procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		return err == nil && strings.Contains("\n"+string(procs), fmt.Sprintf("\n%d\n", hidden))
	}) {
		t.Errorf("%v, %v", left, err)
	}
}
