package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/supervise"
)

// cloudCredentials is where clouds hand out the credentials of a host to whoever asks on it.
const cloudCredentials = "169.254.169.254"

// credentialsRemedy says what to do where builds cannot be kept from it.
const credentialsRemedy = "run the server as root with the capability CAP_NET_ADMIN and builds as another user (--build-users), or have builds " +
	"without a network (network: none), or give the host no role; in a container on EC2, IMDSv2 with a hop limit of 1 refuses it too"

// refusedCredentials tells why builds cannot be kept from the host's credentials; nil when they can.
func refusedCredentials(users []namedUser) error {
	all := make([]supervise.User, 0, len(users))
	for _, u := range users {
		all = append(all, u.User)
	}
	return buildspec.RefusedCredentials(all...)
}

// credentials looks whether the host's own credentials can be asked for here, and whether builds are kept from them.
func (d *diagnosis) credentials(ctx context.Context, address string, cfg *config.Server) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	_ = conn.Close()
	host, _, _ := net.SplitHostPort(address)
	users, err := buildUsers(cfg)
	if err != nil {
		return // which was told
	}
	if err := refusedCredentials(users); err != nil {
		d.add(doubtful, "credentials of the host", fmt.Sprintf("%s answers on this host, and builds with a network reach it as the host does: %v", host, err), credentialsRemedy)
		return
	}
	d.add(healthy, "credentials of the host", host+" answers on this host and is refused to builds", "")
}

// refusals tells which rules of routing keep builds from the host's credentials.
func (d *diagnosis) refusals() {
	rules, err := supervise.Refusals()
	if err != nil {
		d.add(doubtful, "rules of routing", err.Error(), "")
		return
	}
	var priorities []uint32
	for _, r := range rules {
		priorities = append(priorities, r.Priority)
	}
	slices.Sort(priorities)
	for _, p := range slices.Compact(priorities) {
		d.add(healthy, "rules of routing", fmt.Sprintf("those with priority %d keep builds from the host's credentials", p),
			fmt.Sprintf("the server that made them takes them away when it ends; if it was killed and does not come back: ip rule del priority %d and ip -6 rule del priority %d, until there is none", p, p))
	}
}
