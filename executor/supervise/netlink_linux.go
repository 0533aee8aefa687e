package supervise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// sizeofNetlink is the size of the header of each message, sizeofRouting that of what follows in one about a route and, of
// another form, about a rule.
const (
	sizeofNetlink = unix.SizeofNlMsghdr
	sizeofRouting = unix.SizeofRtMsg
)

// familyOf is the kernel's name for addresses of that kind.
func familyOf(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// attribute appends one to a message: its length, its type, its value, and up to the next multiple of four.
func attribute(message []byte, kind uint16, value []byte) []byte {
	message = binary.NativeEndian.AppendUint16(message, uint16(unix.SizeofRtAttr+len(value)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = append(message, value...)
	for len(message)%unix.RTA_ALIGNTO != 0 {
		message = append(message, 0)
	}
	return message
}

// attributesOf reads those of a message about a rule.
func attributesOf(message []byte) map[uint16][]byte {
	found := map[uint16][]byte{}
	for rest := message[min(sizeofRouting, len(message)):]; len(rest) >= unix.SizeofRtAttr; {
		n := int(binary.NativeEndian.Uint16(rest))
		if n < unix.SizeofRtAttr || n > len(rest) {
			break
		}
		found[binary.NativeEndian.Uint16(rest[2:])] = rest[unix.SizeofRtAttr:n]
		rest = rest[min((n+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(rest)):]
	}
	return found
}

// tellRouting sends the kernel one message about routes or rules and reads what it answers: bodies of messages, or an error,
// which is an errno where the kernel said no.
func tellRouting(kind, flags uint16, body []byte) (answers [][]byte, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	message := binary.NativeEndian.AppendUint32(nil, uint32(sizeofNetlink+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|unix.NLM_F_REQUEST)
	message = append(append(message, make([]byte, 8)...), body...)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	for buffer := make([]byte, 1<<16); ; {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for rest := buffer[:n]; len(rest) >= sizeofNetlink; {
			size := int(binary.NativeEndian.Uint32(rest))
			if size < sizeofNetlink || size > len(rest) {
				return nil, fmt.Errorf("the kernel's answer about routes has %d bytes, which it does not hold: %w", size, os.ErrInvalid)
			}
			part := rest[sizeofNetlink:size]
			switch binary.NativeEndian.Uint16(rest[4:]) {
			case unix.NLMSG_DONE:
				return answers, nil
			case unix.NLMSG_ERROR:
				if len(part) < 4 {
					return nil, os.ErrInvalid
				}
				if code := int32(binary.NativeEndian.Uint32(part)); code != 0 {
					return nil, unix.Errno(-code)
				}
				return answers, nil
			}
			answers = append(answers, append([]byte(nil), part...))
			rest = rest[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(rest)):]
		}
		if flags&(unix.NLM_F_DUMP|unix.NLM_F_ACK) == 0 {
			return answers, nil
		}
	}
}
