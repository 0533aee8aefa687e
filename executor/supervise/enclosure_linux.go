package supervise

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// spareProcesses is how far the kernel's limit of processes is above the one that is watched: what it stops is then seen,
// and said.
const spareProcesses = 256

// groups is where the kernel shows control groups, groupPrefix how the names of ours begin. No two are ever called the same.
const (
	groups      = "/sys/fs/cgroup"
	groupPrefix = "sluice-"
)

// enclosure is a control group of the kernel's, where this host gives one: the limits of memory and processes then hold at
// every moment, and not only when they are looked at. The zero value and nil are none.
type enclosure struct {
	dir  string
	file *os.File // of version 2: programs are started in it; version 1 takes the thread in that starts them
}

// enclose makes a control group below this process's own, or beside it. The error says why there is none.
func enclose(l Limits) (*enclosure, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var errs []error
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[0] == "0":
			for _, parent := range []string{parts[2], filepath.Dir(parts[2])} {
				e, err := encloseV2(filepath.Join(groups, parent), l)
				if err == nil {
					return e, nil
				}
				errs = append(errs, err)
			}
		case parts[1] == "pids":
			e, err := encloseV1(filepath.Join(groups, "pids", parts[2]), l)
			if err == nil {
				return e, nil
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("this host has none"))
	}
	return nil, errs[0]
}

func (l Limits) mostProcesses() string {
	if l.Processes == 0 {
		return "max"
	}
	return strconv.Itoa(l.Processes + spareProcesses)
}

// encloseV2 makes a group of version 2 with limits of memory and processes.
func encloseV2(parent string, l Limits) (*enclosure, error) {
	if _, err := os.Stat(filepath.Join(parent, "cgroup.controllers")); err != nil {
		return nil, err
	}
	_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+pids +memory"), 0) // or they are handed on already
	dir := filepath.Join(parent, groupPrefix+rand.Text())
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	memory := "max"
	if l.Memory > 0 {
		memory = strconv.FormatInt(l.Memory, 10)
	}
	err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte(l.mostProcesses()), 0)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "memory.max"), []byte(memory), 0)
	}
	if err == nil {
		_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0)
		var f *os.File
		if f, err = os.Open(dir); err == nil {
			return &enclosure{dir: dir, file: f}, nil
		}
	}
	return nil, errors.Join(err, os.Remove(dir))
}

// encloseV1 makes a group of version 1 with a limit of processes, for the thread from which all programs are started. Memory is
// watched: in version 1 it would be charged with this process's own.
func encloseV1(parent string, l Limits) (*enclosure, error) {
	dir := filepath.Join(parent, groupPrefix+rand.Text())
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte(l.mostProcesses()), 0); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &enclosure{dir: dir}, nil
}

// enter moves the thread that calls it into a group of version 1, for as long as it lives.
func (e *enclosure) enter() error {
	if e.file != nil {
		return nil
	}
	return os.WriteFile(filepath.Join(e.dir, "tasks"), []byte(strconv.Itoa(unix.Gettid())), 0)
}

// outOfMemory tells whether the kernel has ended a program for its memory.
func (e *enclosure) outOfMemory() bool { return e.counted("memory.events", "oom_kill") }

// outOfProcesses tells whether the kernel has refused to start a process.
func (e *enclosure) outOfProcesses() bool { return e.counted("pids.events", "max") }

// counted tells whether an event of the group's has happened.
func (e *enclosure) counted(file, event string) bool {
	if e == nil {
		return false
	}
	b, err := os.ReadFile(filepath.Join(e.dir, file))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if n, found := strings.CutPrefix(strings.TrimSpace(line), event+" "); found {
			return n != "0"
		}
	}
	return false
}

// kill ends everything in a group of version 2 at once.
func (e *enclosure) kill() {
	if e != nil && e.file != nil {
		_ = os.WriteFile(filepath.Join(e.dir, "cgroup.kill"), []byte("1"), 0)
	}
}

// note writes down in a folder which group its programs are in, for sweepGroup.
func (e *enclosure) note(dir string) error {
	return os.WriteFile(filepath.Join(dir, groupFile), []byte(e.dir), 0o600)
}

// sweepGroup kills what is in the group of a folder whose supervisor is gone, whatever it has made of its environment, and
// removes the group. It returns how many it found.
func sweepGroup(dir string) int {
	noted, err := os.ReadFile(filepath.Join(dir, groupFile))
	group := filepath.Clean(string(noted))
	if err != nil || !strings.HasPrefix(group, groups+"/") || !strings.HasPrefix(filepath.Base(group), groupPrefix) {
		return 0
	}
	killed := map[string]bool{}
	for range 400 {
		left, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if err != nil || len(left) == 0 {
			break
		}
		for _, line := range strings.Fields(string(left)) {
			if pid, err := strconv.Atoi(line); err == nil && unix.Kill(pid, unix.SIGKILL) == nil {
				killed[line] = true
			}
		}
		pause(5 * time.Millisecond) // they need a moment to die
	}
	_ = os.Remove(group)
	return len(killed)
}

// close removes the group when it is empty, after the thread that was in it has ended: moving that back would take the kernel
// longer than its end. The first or the second try does it; on a busy host what has ended may be in the group for longer.
func (e *enclosure) close() {
	if e == nil || e.dir == "" {
		return
	}
	if e.file != nil {
		_ = e.file.Close()
	}
	for range 200 {
		if err := unix.Rmdir(e.dir); !errors.Is(err, unix.EBUSY) {
			return
		}
		pause(500 * time.Microsecond)
	}
}
