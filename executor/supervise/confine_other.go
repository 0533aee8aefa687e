//go:build !linux

package supervise

import (
	"errors"
	"io/fs"
	"net/netip"
	"os/exec"
	"syscall"
)

// HideProcess does nothing here: only Linux lets a process hide from others of its user.
func HideProcess() error { return nil }

// closeAllOnExec keeps every descriptor but in, out and err from what is started.
func closeAllOnExec() {
	for fd := 3; fd < 1024; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// harden refuses what cannot be had here.
func harden(spec Spec) error {
	if spec.NoNetwork || spec.Sandbox != nil {
		return errNoNamespaces
	}
	return nil
}

var errNoNamespaces = errors.New("a program without network needs Linux")

// ExecWithoutNetwork refuses: nothing starts it here.
func ExecWithoutNetwork([]string) error { return errNoNamespaces }

// attributes are how a program is started.
func attributes(spec Spec) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if spec.User != nil {
		a.Credential = &syscall.Credential{Uid: spec.User.UID, Gid: spec.User.GID}
	}
	return a
}

// start starts a program.
func start(cmd *exec.Cmd) error { return cmd.Start() }

// killDescendants does nothing here: orphans go to the system's first process. The groups were killed before.
func killDescendants() {}

// Sweep finds nothing here: the environment of processes cannot be read.
func Sweep(string) int { return 0 }

// SweepVariable finds nothing here either.
func SweepVariable(string) int { return 0 }

// enclosure is a control group, which only Linux has.
type enclosure struct{}

func enclose(Limits) (*enclosure, error) { return nil, errors.New("only Linux has them") }

// isFirstThread tells nothing here: a thread that does not end is no matter.
func isFirstThread() bool { return false }

func (e *enclosure) enter() error              { return nil }
func (e *enclosure) take(*syscall.SysProcAttr) {}
func (e *enclosure) outOfMemory() bool         { return false }
func (e *enclosure) outOfProcesses() bool      { return false }
func (e *enclosure) kill()                     {}
func (e *enclosure) close()                    {}
func (e *enclosure) note(string) error         { return nil }

// usage is not known here: limits of memory and processes do not hold.
func usage() (threads int, memory int64) { return 0, 0 }

func onDisk(info fs.FileInfo) int64 { return info.Size() }

func terminateDescendants(string) {}

// holdProcesses holds nothing here.
func holdProcesses(int, int) {}

// MayRefuse says that only Linux has rules of routing for users.
func MayRefuse() error { return errors.New("only Linux has rules of routing for users") }

// Refuse says the same.
func Refuse(uint32, uint32, []netip.Addr) error { return MayRefuse() }

// Refusals finds none.
func Refusals() ([]Refusal, error) { return nil, nil }

// Allow finds none to take away.
func Allow(uint32, ...uint32) error { return nil }
