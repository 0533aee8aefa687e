package supervise

import (
	"errors"
	"net/netip"
)

// RefusalProtocol is the number in `ip rule` by which rules that Sluice has set are known.
const RefusalProtocol = 83

// errMayNotRefuse says that the kernel does not let this process have its way.
var errMayNotRefuse = errors.New("the server may not set rules of routing here: it needs the capability CAP_NET_ADMIN")

// Refusal is one rule of routing of this host's: what the user sends to the address is refused.
type Refusal struct {
	Priority uint32
	UID      uint32
	Address  netip.Addr
}

// CloudCredentials are the addresses at which clouds hand out a host's credentials to whoever asks on it: the metadata service
// of Amazon, and of others, by IPv4 and IPv6; ECS's for tasks; EKS's for pods.
func CloudCredentials() []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{169, 254, 169, 254}), netip.AddrFrom4([4]byte{169, 254, 170, 2}), netip.AddrFrom4([4]byte{169, 254, 170, 23}),
		netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2, 14: 0x02, 15: 0x54}), netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2, 15: 0x23}),
	}
}
