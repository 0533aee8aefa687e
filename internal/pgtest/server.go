package pgtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// server is a running Postgres.
type server struct {
	dir  string
	port int
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended

	copying   sync.Mutex
	templates map[string]bool // that are ready to be copied
}

// startTimeout is how long a server may take to answer, on a busy machine.
const startTimeout = 60 * time.Second

func start() (*server, error) {
	close(started)
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, owner, err := account()
	if err != nil {
		return nil, err
	}
	s := &server{gone: make(chan struct{}), templates: map[string]bool{}}
	if s.dir, err = os.MkdirTemp("", "sluice-postgres-"); err != nil {
		return nil, err
	}
	if err := s.launch(bin, attr, owner); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *server) launch(bin string, attr *syscall.SysProcAttr, owner int) error {
	if owner >= 0 {
		if err := os.Chown(s.dir, owner, -1); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	var err error
	if s.port, err = freePort(); err != nil {
		return err
	}
	fsync := "off" // tests kill clients, not the machine
	if f := flag.Lookup("test.bench"); f != nil && f.Value.String() != "" {
		fsync = "on" // benchmarks measure what production does
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(s.port), "-h", "127.0.0.1", "-k", "",
		"-c", "max_connections=200", "-c", "fsync="+fsync, "-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB", "-c", "deadlock_timeout=20ms")
	s.cmd.SysProcAttr, s.cmd.Dir = attr, s.dir
	var log bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ends the server when this thread is gone, that is, with this process
		err := s.cmd.Start()
		begun <- err
		if err == nil {
			_ = s.cmd.Wait()
		}
		close(s.gone)
	}()
	if err := <-begun; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	if err := s.await(); err != nil {
		s.kill()
		return fmt.Errorf("start postgres: %w: %s", err, bytes.TrimSpace(log.Bytes()))
	}
	return nil
}

// await returns when the server answers.
func (s *server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.admin(ctx, "SELECT 1") == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.gone:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop shuts the server down at once and removes its folder.
func (s *server) stop() {
	s.kill()
	_ = os.RemoveAll(s.dir)
}

func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // immediate shutdown
	select {
	case <-s.gone:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// binaries is the folder with initdb and postgres: Debian's newest, or the one in PATH.
func binaries() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is valid
	slices.SortFunc(folders, func(a, b string) int { return len(a) - len(b) })
	if len(folders) > 0 {
		return filepath.Dir(folders[len(folders)-1]), nil
	}
	found, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no initdb in /usr/lib/postgresql or PATH: install postgresql")
	}
	return filepath.Dir(found), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
