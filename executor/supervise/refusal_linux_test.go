package supervise

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Only the kernel's word that there is no route stands for one. Where it could not be asked an address may be reached.
func TestOnlyTheKernelsWordIsNoRoute(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, unix.EACCES: true, unix.ENETUNREACH: true, unix.EHOSTUNREACH: true, fmt.Errorf("route: %w", unix.EACCES): true,
		unix.EPERM: false, unix.ENOBUFS: false, unix.EOPNOTSUPP: false, unix.EAFNOSUPPORT: false, unix.EMFILE: false,
	} {
		if got := noRoute(err); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
}

// An address whose rule the kernel has not taken is not called refused, whether or not it leads anywhere now.
func TestAnAddressWithoutItsRuleIsNotRefused(t *testing.T) {
	for _, tc := range []struct {
		address string
		set     error
		want    string
	}{
		{"169.254.169.254", unix.EOPNOTSUPP, "the rule of routing for 169.254.169.254 was refused: operation not supported"},
		{"169.254.169.254", unix.ENOBUFS, "was refused: no buffer space"},
		{"fd00:ec2::254", unix.EINVAL, "the rule of routing for fd00:ec2::254 was refused: invalid argument"},
		{"127.0.0.1", nil, "127.0.0.1 is reached in spite of the rule of routing"},
		{"127.0.0.1", unix.EEXIST, "127.0.0.1 is reached in spite of the rule of routing"},
	} {
		err := Refusal{Priority: 1998, UID: 4242, Address: netip.MustParseAddr(tc.address)}.reached(tc.set)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %v: %v", tc.address, tc.set, err)
		}
	}
}
