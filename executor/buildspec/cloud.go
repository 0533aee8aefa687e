package buildspec

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/executor/supervise"
)

// Rules of routing of one server have one number among 1000 from here on, so that two servers on a host keep out of each
// other's way: each takes away its own.
const (
	firstPriority = 2000
	priorities    = 1000
)

// priority is the number of this server's rules of routing, which a later one over the same folder has too.
func (e *Executor) priority() uint32 {
	h := fnv.New32a()
	if abs, err := filepath.Abs(e.o.Dir); err == nil {
		_, _ = h.Write([]byte(abs))
	}
	return firstPriority + h.Sum32()%priorities
}

// RefusedCredentials tells why builds that run as these users, and as the server where there are none, cannot be kept from where
// the cloud hands out the host's credentials; nil when they can. It changes nothing.
func RefusedCredentials(users ...supervise.User) error {
	if len(users) == 0 {
		return errors.New("builds run as the server's own user, from whom they cannot be told")
	}
	for _, u := range users {
		if err := tellable(&u); err != nil {
			return err
		}
	}
	return supervise.MayRefuse()
}

// tellable tells why the kernel cannot tell who runs as a user from the server; nil when it can.
func tellable(u *supervise.User) error {
	switch {
	case u == nil || int(u.UID) == os.Geteuid() && u.UID != 0:
		return errors.New("it runs as the server's own user, from whom it cannot be told")
	case u.UID == 0:
		return errors.New("it runs as root, to whom nothing of the server's is refused")
	}
	return nil
}

// refuseCredentials keeps a build from where the cloud hands out the host's credentials, by rules of routing for its users, and
// returns a sentence for its log. Where builds run as the server in any case its start has said so, and the log does not.
func (e *Executor) refuseCredentials(build *supervise.User, phases map[string]supervise.User) string {
	if build == nil && e.o.User == nil {
		return ""
	}
	users := []*supervise.User{build}
	for _, u := range phases {
		users = append(users, &u)
	}
	addresses := supervise.CloudCredentials()
	var reached error
	for _, u := range users {
		err := tellable(u)
		if err == nil {
			err = supervise.Refuse(e.priority(), u.UID, addresses)
		}
		reached = cmp.Or(reached, err)
	}
	if reached != nil {
		return fmt.Sprintf("%s, where clouds hand out the host's credentials, is reached by this build as by the host: %v; with network: none it has no network", addresses[0], reached)
	}
	return fmt.Sprintf("%s and where else clouds hand out the host's credentials is refused to this build", addresses[0])
}

// allowCredentials takes this server's rules away, unless builds go on that they hold for. The next server over the folder then
// does it.
func (e *Executor) allowCredentials() error {
	if os.Geteuid() != 0 {
		return nil
	}
	rules, err := supervise.Refusals()
	if err != nil {
		return err
	}
	mine := 0
	for _, r := range rules {
		if r.Priority == e.priority() {
			mine++
		}
	}
	switch {
	case mine == 0:
		return nil
	case e.working():
		e.o.Log.Warn("builds go on, and so do the rules of routing that keep them from the host's credentials: the next server takes them away, or ip rule", "isolation", fmt.Sprintf("%d rules of priority %d", mine, e.priority()))
		return nil
	}
	return supervise.Allow(e.priority())
}

// working tells whether any build runs. What cannot be looked at is taken for one.
func (e *Executor) working() bool {
	entries, err := os.ReadDir(e.o.Dir)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		tries, err := filepath.Glob(filepath.Join(e.o.Dir, entry.Name(), "try-*"))
		if err != nil {
			return true
		}
		for _, try := range tries {
			if state, _, err := supervise.Look(try); err != nil || state == supervise.Running {
				return true
			}
		}
	}
	return false
}
