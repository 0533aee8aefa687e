package appspec

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/sluicehq/sluice/executor/document"
	"github.com/sluicehq/sluice/executor/supervise"
)

// AnyUser in Options.Users lets scripts run as anybody: where whoever starts them could do so too.
const AnyUser = "*"

// onFolders tells whether any host is a folder of this machine.
func (p params) onFolders() bool {
	return slices.ContainsFunc(p.hosts, func(h hostParam) bool { return h.SSH == "" })
}

// mayRunAs looks whether the operator lets scripts run as the users that they name. The error is document.Errors. What a script may
// do on a machine that is reached by SSH is that machine's account's affair.
func (s *Spec) mayRunAs(users []string, repo string) error {
	var errs document.Errors
	for _, event := range events() {
		for i, script := range s.Hooks[event] {
			if err := allowedUser(script.RunAs, users); err != nil {
				errs = append(errs, &document.Error{
					File: s.File, Line: script.Line, Column: 1,
					Problem: fmt.Sprintf("hooks.%s[%d].%v: leave runas out, or have the operator allow the user by --deploy-users %s=%s", event, i, err, repo, script.RunAs),
				})
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// allowedUser tells whether a script may run as a user: this process's own, or one of those given.
func allowedUser(name string, users []string) error {
	if name == "" || slices.Contains(users, name) || slices.Contains(users, AnyUser) {
		return nil
	}
	if own, err := user.Current(); err == nil && own.Username == name {
		return nil
	}
	return fmt.Errorf("runas %q is not a user that scripts may run as on this host", name)
}

// runAs has a command run as a user, with the home and the name of that user. Without a name it runs as whoever deploys.
func runAs(c *supervise.Command, name string, users []string) error {
	if name == "" {
		return nil
	}
	if err := allowedUser(name, users); err != nil { // a script of an earlier revision, for whose user it was taken back
		return err
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("runas: the host has no user %q", name)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return fmt.Errorf("runas: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return fmt.Errorf("runas: %w", err)
	}
	if os.Geteuid() != int(uid) {
		if os.Geteuid() != 0 {
			return fmt.Errorf("runas: only root can run a script as %s; the server runs as user %d", name, os.Geteuid())
		}
		c.User = &supervise.User{UID: uint32(uid), GID: uint32(gid)}
	}
	c.Env = append(c.Env, "HOME="+u.HomeDir, "USER="+name, "LOGNAME="+name)
	return nil
}
