package pgtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is how the server's processes are run: they end with this process, and root, which Postgres refuses, becomes
// postgres or nobody. owner is the user that the folder must belong to; -1: no change.
func account() (attr *syscall.SysProcAttr, owner int, err error) {
	attr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return attr, -1, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, 0, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, uid, nil
	}
	return nil, 0, errors.New("run as root, and there is neither a user postgres nor nobody to run it as")
}
