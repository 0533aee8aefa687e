package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Sandbox runs programs by bubblewrap: they see the host's files without being able to change them, and of Hide nothing;
// no processes but their own; and with NoNetwork no network.
type Sandbox struct {
	// Program is bubblewrap, absolute.
	Program string `json:"program"`
	// Hide are files and folders that programs do not see; those that are not there are passed over.
	Hide []string `json:"hide,omitempty"`
	// Write are folders that programs may change, also below what is hidden. Read may be read there.
	Write []string `json:"write,omitempty"`
	Read  []string `json:"read,omitempty"`
	// Tmp is the folder that programs see as /tmp and /var/tmp.
	Tmp string `json:"tmp,omitempty"`
}

// arguments are those of bubblewrap before the program's own.
func (b *Sandbox) arguments(spec Spec, dir string) []string {
	args := []string{
		b.Program, "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL",
		"--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
	}
	if spec.User == nil && os.Geteuid() == 0 || spec.User != nil && spec.User.UID == 0 {
		for _, path := range ofTheKernel() {
			if _, err := os.Lstat(path); err == nil {
				args = append(args, "--ro-bind", path, path)
			}
		}
	}
	if spec.NoNetwork {
		args = append(args, "--unshare-net")
	}
	if b.Tmp != "" {
		args = append(args, "--bind", b.Tmp, "/tmp")
		if info, err := os.Lstat("/var/tmp"); err == nil && info.IsDir() {
			args = append(args, "--bind", b.Tmp, "/var/tmp")
		}
	}
	for _, hidden := range b.Hide {
		switch info, err := os.Stat(hidden); {
		case err != nil:
		case info.IsDir():
			args = append(args, "--tmpfs", hidden)
		default:
			args = append(args, "--ro-bind", "/dev/null", hidden)
		}
	}
	for _, path := range b.Read {
		args = append(args, "--ro-bind", path, path)
	}
	for _, path := range b.Write {
		args = append(args, "--bind", path, path)
	}
	return append(args, "--chdir", dir, "--")
}

// ofTheKernel are files of /proc by which the user ID 0 alone, without any capability, changes the kernel's settings, and so
// may have it run a program outside.
func ofTheKernel() []string {
	return []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/acpi", "/proc/driver", "/proc/mtrr", "/proc/scsi"}
}

// TrySandbox tells why bubblewrap cannot be used on this host as the user; nil when it can. program is its name or path;
// the path is returned.
func TrySandbox(ctx context.Context, program string, u *User) (path string, err error) {
	if path, err = exec.LookPath(program); err != nil {
		return "", errors.New("bubblewrap is not installed")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b := &Sandbox{Program: path}
	args := append(b.arguments(Spec{NoNetwork: true, User: u}, "/"), "/bin/true")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{}, "/", time.Second
	cmd.SysProcAttr = attributes(Spec{User: u})
	if said, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
		return "", fmt.Errorf("bubblewrap does not work here, for want of user namespaces perhaps: %w: %s", err, first)
	}
	return path, nil
}

// Reaches tells why a user cannot get into a folder; nil when they can. Only root may ask it about others.
func Reaches(ctx context.Context, dir string, u User) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", ":")
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{}, dir, time.Second
	cmd.SysProcAttr = attributes(Spec{User: &u})
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("that user cannot get into %s: %w", dir, err)
	}
	return nil
}
