package registry

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/internal/silence"
)

// guard is the connection of one call to the world. It refuses plain http except to loopback, and private addresses
// except those of trusted hosts. The address that counts is the one that is connected to, after the name was resolved,
// so a name that points inside does not help. Redirects and token servers pass here like everything else.
type guard struct {
	next    http.RoundTripper
	trusted map[string]bool
	proxies sync.Map // host → true
	close   func()
}

// newGuard wraps next; when it is nil a transport is made that checks addresses as it connects.
func newGuard(next http.RoundTripper, trusted map[string]bool) *guard {
	g := &guard{next: next, trusted: trusted, close: func() {}}
	if next != nil {
		return g
	}
	t := &http.Transport{
		Proxy:                 g.proxy,
		DialContext:           g.dial,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       5 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	silence.Limit(t, silence.Max)
	g.next, g.close = t, t.CloseIdleConnections
	return g
}

// RoundTrip refuses what the URL alone shows to be wrong, and passes the rest on.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Hostname()
	switch req.URL.Scheme {
	case "https":
	case "http":
		if !isLoopback(host) {
			return nil, refusef("plain http is spoken to loopback only, not to %s; serve the registry over https", host)
		}
	default:
		return nil, refusef("%s is not spoken to registries", req.URL.Scheme)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if err := g.check(host, ip); err != nil {
			return nil, err
		}
	}
	return g.next.RoundTrip(req)
}

// proxy is the environment's proxy; its host may be connected to.
func (g *guard) proxy(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err == nil && u != nil {
		g.proxies.Store(u.Hostname(), true)
	}
	return u, err
}

// dial connects and checks the address on the way.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{
		Timeout: 10 * time.Second, KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return refusef("%s has no address that can be checked", host)
			}
			return g.check(host, to.Addr())
		},
	}
	return d.DialContext(ctx, network, addr)
}

// check tells whether ip may be contacted as host.
func (g *guard) check(host string, ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return refusef("%s leads to %s, which no registry has", host, ip)
	}
	if _, proxy := g.proxies.Load(host); proxy || g.trusted[host] {
		return nil
	}
	if ip.IsLoopback() || ip.IsPrivate() || carrierGrade.Contains(ip) || !ip.IsGlobalUnicast() {
		return refusef("the registry leads to %s at the private address %s; if that host is its token or blob server, "+
			"the operator must trust it", host, ip)
	}
	return nil
}

// carrierGrade is the address range shared inside of providers' networks; clouds keep services there.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// hostname is host:port without the port.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
