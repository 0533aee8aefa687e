package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// address reads host:port.
func (r *resolver) address(field, fallback string) string {
	text := cmp.Or(r.text(field), fallback)
	_, port, err := net.SplitHostPort(text)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strconv.FormatUint(n, 10) != port {
		r.wrong(field, fmt.Sprintf("%.80q is not an address", text), "write it as host:port, like "+fallback)
		return ""
	}
	return text
}

// url reads an http or https address and gives it a slash at its end.
func (r *resolver) url(field, fallback string) *url.URL {
	u, problem := parseURL(cmp.Or(r.text(field), fallback))
	if problem != "" {
		r.wrong(field, problem, "write it like "+fallback)
		return nil
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u
}

func (r *resolver) publicURL(field, listen string) *url.URL {
	text := r.text(field)
	if text == "" {
		if listen == "" {
			return nil // said already
		}
		text = "http://" + reachable(listen)
	}
	u, problem := parseURL(text)
	if problem != "" {
		r.wrong(field, problem, "write it like https://sluice.example.com")
		return nil
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u
}

// pages checks the address as that of pages: they are at the root of a host, and people sign in only where nobody listens.
func (r *resolver) pages(field string, s *Server) {
	if s.PublicURL != nil && s.PublicURL.Path != "" {
		r.wrong(field, "it has a path", "give Sluice a host name of its own: scheme and host alone")
	}
	if s.PublicURL != nil && s.GitHub.ClientID != "" && s.PublicURL.Scheme != "https" && !loopback(s.PublicURL.Hostname()) {
		r.wrong(field, "it is not encrypted, so nobody could sign in", "put a proxy with TLS before the server, and set it to the https address")
	}
}

// reachable turns an address to listen on into one to go to: no host, or all of them, becomes localhost.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return listen
}

func parseURL(text string) (u *url.URL, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "not an address" // the error of net/url repeats the text, which may hold a password
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "an address begins with http:// or https://"
	case u.Host == "" || u.Opaque != "":
		return nil, "the address has no host"
	case u.User != nil:
		return nil, "the address holds a user or password"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "the address has a query or a fragment"
	}
	return u, ""
}
