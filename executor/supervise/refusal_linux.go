package supervise

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

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
// Rules that are there already stay. The error says which address is reached nevertheless, or may be, the first of them, and why.
func Refuse(priority, uid uint32, addresses []netip.Addr) error {
	var first error
	for _, address := range addresses {
		r := Refusal{priority, uid, address}
		err := netlink.RuleAdd(r.rule())
		if errors.Is(err, unix.EPERM) {
			return errMayNotRefuse
		}
		if first == nil {
			first = r.reached(err)
		}
	}
	return first
}

// reached tells why the user may reach the address although its rule was set with that outcome; nil when it is refused, or leads
// nowhere anyway.
func (r Refusal) reached(set error) error {
	withoutRules := r.Address.Is6() && unsupported(set)
	if set != nil && !errors.Is(set, unix.EEXIST) && !withoutRules {
		return fmt.Errorf("the rule of routing for %s was refused: %w", r.Address, set)
	}
	routed, err := r.routed()
	switch {
	case err != nil:
		return fmt.Errorf("where %s leads cannot be found out: %w", r.Address, err)
	case routed && withoutRules:
		return fmt.Errorf("this host's kernel has no rules of routing for IPv6, so %s is not refused", r.Address)
	case routed:
		return fmt.Errorf("%s is reached in spite of the rule of routing: the address is this host's own, or a rule with a lower number than %d leads to it", r.Address, r.Priority)
	}
	return nil
}

// unsupported tells whether the kernel lacks a family of addresses, or rules of routing for it.
func unsupported(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP)
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
func (r Refusal) routed() (bool, error) {
	routes, err := netlink.RouteGetWithOptions(r.Address.AsSlice(), &netlink.RouteGetOptions{UID: &r.UID})
	switch {
	case noRoute(err) || r.Address.Is6() && unsupported(err):
		return false, nil
	case err != nil:
		return false, err
	case len(routes) == 0:
		return false, errors.New("the kernel names no route")
	}
	switch routes[0].Type {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return false, nil
	}
	return true, nil
}

// noRoute tells whether the kernel was asked for a route and says that there is none. Any other error tells nothing of routes.
func noRoute(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH)
}

// Refusals lists the rules that a Sluice on this host has set and not taken away.
func Refusals() ([]Refusal, error) {
	var found []Refusal
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rules, err := netlink.RuleList(family)
		if err != nil && !unsupported(err) {
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

// Allow takes away the rules of that priority which Refuse has set, in this process or an earlier one, but for those of the users
// that are kept.
func Allow(priority uint32, kept ...uint32) error {
	rules, err := Refusals()
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.Priority != priority || slices.Contains(kept, r.UID) {
			continue
		}
		if err := netlink.RuleDel(r.rule()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("take away the rule of routing with priority %d for %s: %w", r.Priority, r.Address, err)
		}
	}
	return nil
}
