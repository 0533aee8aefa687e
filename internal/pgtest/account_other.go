//go:build !linux

package pgtest

import (
	"errors"
	"os"
	"syscall"
)

// account is how the server's processes are run. See account_linux.go.
func account() (attr *syscall.SysProcAttr, owner int, err error) {
	if os.Geteuid() == 0 {
		return nil, 0, errors.New("run as root, which Postgres refuses")
	}
	return &syscall.SysProcAttr{}, -1, nil
}
