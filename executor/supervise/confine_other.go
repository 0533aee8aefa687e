//go:build !linux

package supervise

import (
	"errors"
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
	if spec.NoNetwork {
		return errors.New("a program without network needs Linux")
	}
	return nil
}

// attributes are how a program is started.
func attributes(spec Spec) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if spec.User != nil {
		a.Credential = &syscall.Credential{Uid: spec.User.UID, Gid: spec.User.GID}
	}
	return a
}

// killDescendants does nothing here: orphans go to the system's first process. The groups were killed before.
func killDescendants() {}

// Sweep finds nothing here: the environment of processes cannot be read.
func Sweep(string) int { return 0 }

// SweepVariable finds nothing here either.
func SweepVariable(string) int { return 0 }
