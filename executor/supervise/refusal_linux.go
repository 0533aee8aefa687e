package supervise

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// rule is the kernel's form of the refusal.
func (r Refusal) rule() *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family = unix.AF_INET
	if r.Address.Is6() {
		rule.Family = unix.AF_INET6
	}
	rule.Type, rule.Protocol, rule.Priority = unix.RTN_PROHIBIT, RefusalProtocol, int(r.Priority)
	rule.Dst = &net.IPNet{IP: r.Address.AsSlice(), Mask: net.CIDRMask(r.Address.BitLen(), r.Address.BitLen())}
	rule.UIDRange = netlink.NewRuleUIDRange(r.UID, r.UID)
	return rule
}

// Refuse has the kernel refuse to all processes of the user, in this process's network, whatever they send to the addresses.
// Rules that are there already stay. The error says which address is reached nevertheless, the first of them, and why.
func Refuse(priority, uid uint32, addresses []netip.Addr) error {
	var reached error
	for _, address := range addresses {
		err := netlink.RuleAdd(Refusal{priority, uid, address}.rule())
		switch {
		case errors.Is(err, unix.EPERM):
			return errMayNotRefuse
		case reached != nil || !routed(uid, address):
		case err != nil && !errors.Is(err, unix.EEXIST):
			reached = fmt.Errorf("the rule of routing for %s was refused: %w", address, err)
		default:
			reached = fmt.Errorf("%s is reached in spite of the rule of routing: the address is this host's own, or a rule with a lower number than %d leads to it", address, priority)
		}
	}
	return reached
}

// MayRefuse tells why this process may not set such rules; nil when it may. It changes nothing.
func MayRefuse() error {
	// A rule that nobody has can be taken away only by those who may.
	err := netlink.RuleDel(Refusal{Address: netip.AddrFrom4([4]byte{192, 0, 2, 1})}.rule())
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.EPERM):
		return errMayNotRefuse
	}
	return fmt.Errorf("this host's kernel has no rules of routing for users: %w", err)
}

// routed tells whether what the user sends to the address has somewhere to go. Nothing is sent.
func routed(uid uint32, address netip.Addr) bool {
	routes, err := netlink.RouteGetWithOptions(address.AsSlice(), &netlink.RouteGetOptions{UID: &uid})
	if err != nil || len(routes) == 0 {
		return false
	}
	switch routes[0].Type {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return false
	}
	return true
}

// Refusals lists the rules that a Sluice on this host has set and not taken away.
func Refusals() ([]Refusal, error) {
	var found []Refusal
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rules, err := netlink.RuleList(family)
		if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return nil, fmt.Errorf("rules of routing: %w", err)
		}
		for _, r := range rules {
			if r.Protocol != RefusalProtocol || r.Dst == nil || r.UIDRange == nil {
				continue
			}
			if address, ok := netip.AddrFromSlice(r.Dst.IP); ok {
				found = append(found, Refusal{Priority: uint32(r.Priority), UID: r.UIDRange.Start, Address: address})
			}
		}
	}
	return found, nil
}

// Allow takes away the rules of that priority which Refuse has set, in this process or an earlier one.
func Allow(priority uint32) error {
	rules, err := Refusals()
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.Priority != priority {
			continue
		}
		if err := netlink.RuleDel(r.rule()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("take away the rule of routing with priority %d for %s: %w", r.Priority, r.Address, err)
		}
	}
	return nil
}
