package buildspec

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sluicehq/sluice/executor/supervise"
)

// Rules of routing of one server have one number among 1000 from here on, so that two servers on a host keep out of each
// other's way: each takes away its own.
const (
	firstPriority = 2000
	priorities    = 1000
)

// priorityOf is the number of the rules of routing of the server over that folder, which a later one over it has too. It goes by
// the folder and not by its path: containers that share the host's network may all call theirs the same.
func priorityOf(dir string) (uint32, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	h := fnv.New32a()
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		fmt.Fprintf(h, "%d:%d", s.Dev, s.Ino)
	}
	return firstPriority + h.Sum32()%priorities, nil
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
			err = supervise.Refuse(e.priority, u.UID, addresses)
		}
		reached = cmp.Or(reached, err)
	}
	if reached != nil {
		return fmt.Sprintf("%s, where clouds hand out the host's credentials, is reached by this build as by the host: %v; with network: none it has no network", addresses[0], reached)
	}
	return fmt.Sprintf("%s and where else clouds hand out the host's credentials is refused to this build", addresses[0])
}

// keepRefused sets the rules of routing of a build that runs once more. Somebody may have taken them away: systemd-networkd does
// when it starts again, and so does a server over the same folder that ended just before the build began.
func (e *Executor) keepRefused(w workspace, n int) {
	if !e.tellsUsers() {
		return
	}
	spec, err := w.spec(n)
	if err != nil {
		return // the end of the build reads it too, and says what is wrong
	}
	if build, phases, wrong := e.usersOf(spec); wrong == nil { // else the operator has taken a user away meanwhile
		_ = e.refuseCredentials(build, phases) // where it cannot be done the build's log says so
	}
}

// tellsUsers tells whether any build may run as a user of its own, so that there may be rules of routing.
func (e *Executor) tellsUsers() bool { return e.o.User != nil || len(e.o.Users) > 0 }

// allowFormer takes away the rules that an earlier server over the folder has left, because it was killed, for users that no build
// runs as any more. Those of other users are of use again, and go with this server.
func (e *Executor) allowFormer() {
	if os.Geteuid() != 0 {
		return
	}
	rules, err := supervise.Refusals()
	if err != nil {
		return // without builds by other users it is no matter; with them the end says it
	}
	var kept []uint32
	if e.o.User != nil {
		kept = append(kept, e.o.User.UID)
	}
	for _, u := range e.o.Users {
		kept = append(kept, u.UID)
	}
	former := func(r supervise.Refusal) bool { return r.Priority == e.priority && !slices.Contains(kept, r.UID) }
	if !slices.ContainsFunc(rules, former) || e.working() {
		return
	}
	if err := supervise.Allow(e.priority, kept...); err != nil {
		e.o.Log.Warn("rules of routing of an earlier server stay, for users that no build runs as any more: take them away by ip rule",
			"isolation", fmt.Sprintf("rules of priority %d", e.priority), "err", err)
	}
}

// allowCredentials takes this server's rules away, unless builds go on that they hold for. The next server over the folder then
// does it. What cannot be done is said, and no reason for a server that ends to fail.
func (e *Executor) allowCredentials() {
	if !e.tellsUsers() || os.Geteuid() != 0 {
		return
	}
	const remedy = "the rules of routing that keep builds from the host's credentials stay: the next server takes them away, or ip rule"
	rules, err := supervise.Refusals()
	if err != nil {
		e.o.Log.Warn(remedy, "isolation", fmt.Sprintf("rules of priority %d", e.priority), "err", err)
		return
	}
	mine := 0
	for _, r := range rules {
		if r.Priority == e.priority {
			mine++
		}
	}
	says := fmt.Sprintf("%d rules of priority %d", mine, e.priority)
	switch {
	case mine == 0:
	case e.working():
		e.o.Log.Warn("builds go on, and so do the rules of routing that keep them from the host's credentials: the next server takes them away, or ip rule", "isolation", says)
	default:
		if err := supervise.Allow(e.priority); err != nil {
			e.o.Log.Warn(remedy, "isolation", says, "err", err)
		}
	}
}

// working tells whether any build runs. What cannot be looked at is taken for one.
func (e *Executor) working() bool {
	actions, err := os.ReadDir(e.o.Dir)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	for _, action := range actions {
		if !action.IsDir() {
			continue
		}
		dir := filepath.Join(e.o.Dir, action.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			return true
		}
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), "try-") {
				continue
			}
			if state, _, err := supervise.Look(filepath.Join(dir, entry.Name())); err != nil || state == supervise.Running {
				return true
			}
		}
	}
	return false
}
