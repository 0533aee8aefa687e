package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor/supervise"
)

// unprivileged is who builds run as where the server is root and --build-users names nobody.
const unprivileged = "nobody"

// namedUser is a user that builds may run as.
type namedUser struct {
	name string
	supervise.User
}

// buildUsers are those that builds may run as, the usual one first; none: the server's own. A server that is root has its builds
// run as somebody else unless it is told to run them as root: what they run was written by whoever may push.
func buildUsers(cfg *config.Server) ([]namedUser, error) {
	names, remedy := cfg.BuildUsers, ""
	if len(names) == 0 && os.Geteuid() == 0 && cfg.LocalExecutors.String() != "" {
		names, remedy = []string{unprivileged}, "; the server is root, so builds run as that user where none is named: name another, or root to have builds do what the server can"
	}
	var out []namedUser
	for _, name := range names {
		u, err := buildUser(name)
		if err != nil {
			return nil, fmt.Errorf("--build-users: %w%s", err, remedy)
		}
		out = append(out, namedUser{name, u})
	}
	return out, nil
}

// buildUser finds a user that builds may run as.
func buildUser(name string) (supervise.User, error) {
	if os.Geteuid() != 0 {
		return supervise.User{}, fmt.Errorf("only root can run builds as %s, and the server is not root", name)
	}
	u, err := user.Lookup(name)
	if err != nil {
		return supervise.User{}, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return supervise.User{}, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return supervise.User{}, fmt.Errorf("group of user %s: %w", name, err)
	}
	return supervise.User{UID: uint32(uid), GID: uint32(gid)}, nil
}

// passable are the folders of the data folder below which other users work: builds, and scripts of deployments.
func passable() []string { return []string{"builds", "hosts"} }

// letUsersIn lets other users pass through the data folder to where they work, where there are any, and to nothing else in it. It
// comes after everything in the folder is made. The error says why a user does not get there.
func (s *server) letUsersIn(ctx context.Context) error {
	users, err := buildUsers(s.cfg)
	if err != nil {
		return err
	}
	users = slices.DeleteFunc(users, func(u namedUser) bool { return u.UID == 0 })
	if os.Geteuid() != 0 || len(users) == 0 && s.cfg.DeployUsers.Empty() {
		return nil
	}
	if err := openPassage(s.cfg.Data); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for _, u := range users {
		if err := supervise.Reaches(ctx, filepath.Join(s.cfg.Data, "builds"), u.User); err != nil {
			return unreached(u, err)
		}
	}
	return nil
}

// openPassage makes a folder one that everybody may pass through, and closes whatever else is in it.
func openPassage(data string) error {
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) || err == nil && info.Mode()&os.ModeSymlink != 0 {
			continue // the database's own files come and go
		}
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() &^ 0o077
		if slices.Contains(passable(), e.Name()) {
			mode |= 0o011
		}
		if mode == info.Mode().Perm() {
			continue
		}
		if err := os.Chmod(filepath.Join(data, e.Name()), mode); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	info, err := os.Stat(data)
	if err != nil {
		return err
	}
	return os.Chmod(data, info.Mode().Perm()|0o011)
}
