package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keptCapabilities are those a program may have when it runs as root: what container engines leave by default. Looking
// into other processes, loading modules or administering the host are not among them.
var keptCapabilities = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_MKNOD,
	unix.CAP_AUDIT_WRITE, unix.CAP_SETFCAP,
}

// HideProcess keeps other processes of the same user from reading this one's memory and environment: what it
// runs for repositories may be of its own user. New calls it. Core dumps are off then, and debuggers need root.
func HideProcess() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide this process from others of its user: %w", err)
	}
	return nil
}

// closeAllOnExec keeps every descriptor but in, out and err from what is started.
func closeAllOnExec() {
	if unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	for fd := 3; fd < 1024; fd++ { // before Linux 5.11
		unix.CloseOnExec(fd)
	}
}

// harden takes from this thread, and so from what it starts, what a build has no business with, and makes orphans come
// to this process.
func harden(spec Spec) error {
	if !spec.Leave { // what is left to live on is nobody's here, so that its end is seen
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("adopt orphans: %w", err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("limit core dumps: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return fmt.Errorf("limit file sizes: %w", err)
	}
	limit.Cur = min(limit.Max, spec.FileSize)
	limit.Max = limit.Cur
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return fmt.Errorf("limit file sizes: %w", err)
	}
	if spec.User != nil { // counted by user: with the server's own it would be the server's limit too
		if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: maxProcesses, Max: maxProcesses}); err != nil {
			return fmt.Errorf("limit processes: %w", err)
		}
	}
	kept := map[int]bool{}
	for _, c := range keptCapabilities {
		kept[c] = true
	}
	for c := 0; c <= unix.CAP_LAST_CAP; c++ {
		if kept[c] {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
			break // not ours to drop, so not ours to hand on either; or the kernel does not know it
		}
		if err != nil {
			return fmt.Errorf("drop capabilities: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep programs from getting privileges: %w", err)
	}
	return nil
}

// attributes are how a program is started.
func attributes(spec Spec) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if spec.User != nil {
		a.Credential = &syscall.Credential{Uid: spec.User.UID, Gid: spec.User.GID}
	}
	if spec.NoNetwork && spec.Sandbox == nil {
		a.Cloneflags = unix.CLONE_NEWNET
		if os.Geteuid() != 0 { // then only in a user namespace may it make another
			a.Cloneflags |= unix.CLONE_NEWUSER
			a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // in that namespace, for ExecWithoutNetwork
		}
	}
	return a
}

// start starts a program. Into a user namespace it starts this program once more, with what the other one is given and nothing
// else, which becomes the other one (ExecWithoutNetwork): the kernel lets nobody write a namespace's mapping who is hidden, and
// this process, which may hold secrets, stays so (HideProcess).
func start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr.Cloneflags&unix.CLONE_NEWUSER == 0 {
		return cmd.Start()
	}
	refused, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer refused.Close()
	last := 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(cmd.ExtraFiles[:len(cmd.ExtraFiles):len(cmd.ExtraFiles)], tell)
	cmd.Args = append([]string{
		os.Args[0], SubcommandWithoutNetwork,
		strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid()), strconv.Itoa(last), cmd.Path,
	}, cmd.Args...)
	cmd.Path = "/proc/self/exe"
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return noNamespace(err)
	}
	why, err := io.ReadAll(refused) // ends when it has become the other program
	if err == nil && len(why) == 0 {
		return nil
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return errors.Join(err, errors.New(string(why)))
}

// noNamespace says what to do where a program without network cannot be started.
func noNamespace(err error) error {
	return fmt.Errorf("make a user namespace, by which a user who is not root has no network; with bubblewrap installed builds run in a sandbox that does it: %w", err)
}

// ExecWithoutNetwork is the body of SubcommandWithoutNetwork. It gives the user namespace that it runs in a mapping of its user and
// group to themselves, gives up what it may do there, and becomes a program. args are the numbers of user, group and of the
// descriptor that takes the error, the program's path, and its own arguments. It returns only an error that it could tell nobody.
func ExecWithoutNetwork(args []string) error {
	if len(args) < 5 {
		return errors.New("a build's programs are started so, and nothing else")
	}
	fd, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("descriptor: %w", err)
	}
	unix.CloseOnExec(fd)
	err = mapOwn(args[0], args[1])
	if err != nil {
		err = noNamespace(err)
	} else {
		runtime.LockOSThread() // what may be done is a thread's own
		none := [2]unix.CapUserData{}
		if err = unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err == nil {
			err = &os.PathError{Op: "exec", Path: args[3], Err: unix.Exec(args[3], args[4:], os.Environ())}
		}
	}
	if _, untold := unix.Write(fd, []byte(err.Error())); untold != nil {
		return err
	}
	return nil
}

// mapOwn maps a user and a group to themselves in the user namespace that this process is in.
func mapOwn(uid, gid string) error {
	for _, f := range []struct{ name, text string }{
		{"setgroups", "deny"}, {"uid_map", uid + " " + uid + " 1"}, {"gid_map", gid + " " + gid + " 1"},
	} {
		if err := os.WriteFile("/proc/self/"+f.name, []byte(f.text), 0); err != nil {
			return err
		}
	}
	return nil
}

// take has a program started in the group.
func (e *enclosure) take(a *syscall.SysProcAttr) {
	if e != nil && e.file != nil {
		a.UseCgroupFD, a.CgroupFD = true, int(e.file.Fd())
	}
}

// terminateDescendants sends SIGTERM to every descendant that is not called so.
func terminateDescendants(besides string) {
	for _, pid := range descendants(os.Getpid()) {
		name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
		if err == nil && strings.TrimSpace(string(name)) != besides {
			_ = unix.Kill(pid, unix.SIGTERM)
		}
	}
}

// killDescendants kills and reaps every descendant, until there is none. Orphans have come to this process.
func killDescendants() {
	reap() // most have ended by themselves: then nobody has to look for others
	for wait := 250 * time.Microsecond; !childless(); wait = min(2*wait, 5*time.Millisecond) {
		for _, pid := range left() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		pause(wait) // they need a moment to die
		reap()
	}
}

// reap takes note of all children that have ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if !errors.Is(err, unix.EINTR) && (err != nil || pid <= 0) {
			return
		}
	}
}

// pause waits for what only the kernel does, and tells nobody of.
func pause(d time.Duration) {
	t := unix.NsecToTimespec(d.Nanoseconds())
	_, _ = unix.Ppoll(nil, &t, nil)
}

// isFirstThread tells whether the caller is on the thread that the process began with.
func isFirstThread() bool { return unix.Gettid() == unix.Getpid() }

// childless tells whether this process has no child, not even one that has ended. It has no descendant then, since orphans
// come to it, and nobody has to look at all processes of the host.
func childless() bool {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
		if !errors.Is(err, unix.EINTR) {
			return errors.Is(err, unix.ECHILD)
		}
	}
}

// left lists descendants, at least one where there is any that the kernel has not ended yet. Those that it names at once may not
// be all.
func left() []int {
	if near := children(os.Getpid()); len(near) > 0 {
		return near
	}
	return descendants(os.Getpid())
}

// children lists processes below pid as the kernel keeps them for each of their parents' threads, without looking at any other.
// Some are missed while others end, and all where the kernel was built without that.
func children(pid int) (out []int) {
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/children"))
	if err != nil {
		return nil
	}
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		for _, field := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(append(out, child), children(child)...)
			}
		}
	}
	return out
}

// descendants lists the processes below pid.
func descendants(pid int) []int {
	children := map[int][]int{}
	for _, p := range processes() {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "stat"))
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …; the name may contain anything.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], p)
		}
	}
	var out []int
	for todo := []int{pid}; len(todo) > 0; {
		next := children[todo[0]]
		out = append(out, next...)
		todo = append(todo[1:], next...)
	}
	return out
}

func processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// Sweep kills what was run in dir and outlived its supervisor, when that was killed itself: processes that carry the
// folder's Cookie, and all in its control group where it has one. It returns how many it found. Only for folders that are
// Interrupted.
func Sweep(dir string) int { return sweepGroup(dir) + SweepVariable(Cookie+"="+dir) }

// SweepVariable kills the processes in whose environment NAME=value is, and returns how many it found. The value must be
// one that only what is to be killed was given.
func SweepVariable(variable string) int {
	n := 0
	for _, pid := range processes() {
		b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err == nil && hasVariable(b, variable) && unix.Kill(pid, unix.SIGKILL) == nil {
			n++
		}
	}
	return n
}
