package supervise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// request is a message about the rule.
func (r Refusal) request() []byte {
	body := make([]byte, sizeofRouting)
	body[0], body[1], body[7] = familyOf(r.Address), byte(r.Address.BitLen()), unix.FR_ACT_PROHIBIT
	body = attribute(body, unix.FRA_DST, r.Address.AsSlice())
	body = attribute(body, unix.FRA_PRIORITY, binary.NativeEndian.AppendUint32(nil, r.Priority))
	uids := binary.NativeEndian.AppendUint32(nil, r.UID)
	body = attribute(body, unix.FRA_UID_RANGE, binary.NativeEndian.AppendUint32(uids, r.UID))
	return attribute(body, unix.FRA_PROTOCOL, []byte{RefusalProtocol})
}

// Refuse has the kernel refuse to all processes of the user, in this process's network, whatever they send to the addresses.
// Rules that are there already stay. The error says which address is reached nevertheless, the first of them, and why.
func Refuse(priority, uid uint32, addresses []netip.Addr) error {
	var reached error
	for _, address := range addresses {
		_, err := tellRouting(unix.RTM_NEWRULE, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, Refusal{priority, uid, address}.request())
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
	none := Refusal{Priority: unix.RT_TABLE_UNSPEC, Address: netip.AddrFrom4([4]byte{192, 0, 2, 1})}
	_, err := tellRouting(unix.RTM_DELRULE, unix.NLM_F_ACK, none.request())
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
	body := make([]byte, sizeofRouting)
	body[0], body[1] = familyOf(address), byte(address.BitLen())
	body = attribute(body, unix.RTA_DST, address.AsSlice())
	body = attribute(body, unix.RTA_UID, binary.NativeEndian.AppendUint32(nil, uid))
	answers, err := tellRouting(unix.RTM_GETROUTE, 0, body)
	if err != nil || len(answers) == 0 || len(answers[0]) < sizeofRouting {
		return false
	}
	switch answers[0][7] {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return false
	}
	return true
}

// Refusals lists the rules that a Sluice on this host has set and not taken away.
func Refusals() ([]Refusal, error) {
	var found []Refusal
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		body := make([]byte, sizeofRouting)
		body[0] = family
		answers, err := tellRouting(unix.RTM_GETRULE, unix.NLM_F_DUMP, body)
		if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return nil, fmt.Errorf("rules of routing: %w", err)
		}
		for _, answer := range answers {
			a := attributesOf(answer)
			address, ok := netip.AddrFromSlice(a[unix.FRA_DST])
			if protocol := a[unix.FRA_PROTOCOL]; !ok || len(protocol) != 1 || protocol[0] != RefusalProtocol ||
				len(answer) < sizeofRouting || answer[7] != unix.FR_ACT_PROHIBIT || len(a[unix.FRA_PRIORITY]) != 4 || len(a[unix.FRA_UID_RANGE]) != 8 {
				continue
			}
			found = append(found, Refusal{
				Priority: binary.NativeEndian.Uint32(a[unix.FRA_PRIORITY]), UID: binary.NativeEndian.Uint32(a[unix.FRA_UID_RANGE]), Address: address,
			})
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
		if _, err := tellRouting(unix.RTM_DELRULE, unix.NLM_F_ACK, r.request()); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("take away the rule of routing with priority %d for %s: %w", r.Priority, r.Address, err)
		}
	}
	return nil
}
