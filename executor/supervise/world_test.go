package supervise

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the supervisor, what it starts programs by, and a server that starts one, as the real binary would be.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == Subcommand {
		if err := Main(os.Args[2], os.Stdin, map[string]Runner{"pair": runPair}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			syscall.Exit(1)
		}
		syscall.Exit(0) // not os.Exit, which sleeps for a second under the race detector
	}
	if len(os.Args) > 2 && os.Args[1] == SubcommandWithoutNetwork {
		if err := ExecWithoutNetwork(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		syscall.Exit(1)
	}
	if len(os.Args) == 4 && os.Args[1] == "server" {
		server(os.Args[2], os.Args[3])
	}
	if len(os.Args) == 3 && os.Args[1] == "ready" {
		readyServer(os.Args[2])
	}
	goleak.VerifyTestMain(m)
}

// server is another process that starts a program and then waits to be killed.
func server(dir, script string) {
	l, err := New(Options{})
	if err != nil {
		panic(err)
	}
	if _, err := l.Start(context.Background(), dir, shell(script)); err != nil {
		panic(err)
	}
	fmt.Println("started")
	select {}
}

// readyServer is one that has a supervisor ready and then waits to be killed.
func readyServer(dir string) {
	l, err := New(Options{})
	if err != nil {
		panic(err)
	}
	ready, err := l.Prepare(context.Background(), dir, Limits{Processes: 100})
	if err != nil {
		panic(err)
	}
	forever, end, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	_, _ = forever.Read(make([]byte, 1))
	_ = end.Close()
	ready.Discard()
}

// runPair is a Runner of two programs.
func runPair(_ context.Context, s *Session, payload []byte) ([]byte, int, error) {
	for i := range 2 {
		s.Logf("program %d", i+1)
		p, err := s.Start(Command{Args: []string{"/bin/sh", "-c", string(payload)}, Env: []string{fmt.Sprintf("N=%d", i+1)}})
		if err != nil {
			return nil, -1, err
		}
		if code, _ := p.Wait(); code != 0 {
			return fmt.Appendf(nil, "program %d", i+1), code, nil
		}
	}
	return []byte("both"), 0, nil
}

func shell(script string) Spec {
	return Spec{
		Args: []string{"/bin/sh", "-c", script}, Dir: "/", Grace: 300 * time.Millisecond,
		Env: []string{"PATH=/usr/bin:/bin", "ONE=1"},
	}
}

// launcher makes one whose Ended can be waited for.
func launcher(t *testing.T) (*Launcher, chan string) {
	t.Helper()
	ended := make(chan string, 16)
	l, err := New(Options{Ended: func(dir string) { ended <- dir }, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, ended
}

func await(t *testing.T, ended chan string, dir string) Result {
	t.Helper()
	select {
	case got := <-ended:
		if got != dir {
			t.Fatalf("%s ended, want %s", got, dir)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("it does not end")
	}
	state, r, err := Look(dir)
	if err != nil || state != Finished {
		own, _ := os.ReadFile(filepath.Join(dir, ownLogFile))
		t.Fatalf("state %s, %v, want finished; supervisor says %s", state, err, own)
	}
	return r
}

// run runs the spec to its end.
func run(t *testing.T, spec Spec) (dir string, r Result, log string) {
	t.Helper()
	l, ended := launcher(t)
	dir = filepath.Join(t.TempDir(), "job")
	if started, err := l.Start(t.Context(), dir, spec); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
	r = await(t, ended, dir)
	log, err := Log(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return dir, r, log
}

// until waits for something that happens in another process.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s does not happen", what)
		}
	}
}

func says(dir, text string) func() bool {
	return func() bool {
		log, _ := Log(dir, 1<<20)
		return strings.Contains(log, text)
	}
}

// otherServer starts a process that starts script in dir and returns it once it did.
func otherServer(t *testing.T, dir, script string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "server", dir, script)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd
}
