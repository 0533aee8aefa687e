package gitrepo

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Token is an installation token. It prints as "[token]", whatever prints it.
type Token string

const redacted = "[token]"

// Format makes fmt print no token, by any verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue makes log/slog print no token.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the token out of JSON and its like.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (s Source) check() error {
	if !isSHA(s.SHA) {
		return fmt.Errorf("revision %q is not a commit SHA of 40 lower-case hex digits", s.SHA)
	}
	return checkURL(s.URL)
}

func isSHA(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// checkURL is the list of allowed protocols. What is not on it (file, ssh, git, ext, a path) never reaches the library,
// which would take it.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the clone URL is malformed") // the cause would quote it, credentials included
	case u.User != nil:
		return errors.New("the clone URL holds credentials: they belong into the token")
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the clone URL must be https://host/path")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("clone URL of protocol %q: only https is allowed, and http to this host itself", u.Scheme)
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// sameOrigin tells whether a redirect stays where the token may go.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	p, err := net.LookupPort("tcp", u.Scheme)
	if err != nil {
		return ""
	}
	return fmt.Sprint(p)
}
