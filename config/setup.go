package config

import (
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Setup is the checked settings of sluice setup, and of a server that is to make its App: those of the server that are known
// before there is one.
type Setup struct {
	Listen, AdminListen string // host:port
	// PublicURL is where GitHub and people will reach the server: no slash at the end.
	PublicURL *url.URL
	Data      string // folder that the key and the secrets are written to; absolute
	// APIURL and URL are GitHub's addresses, with a slash at the end.
	APIURL, URL *url.URL
}

// ResolveSetup checks the settings that sluice setup shares with the server, and reads nothing else. As with Resolve all
// that is wrong is in the error, and then there is no Setup.
func (f ServerFlags) ResolveSetup(getenv func(string) string) (*Setup, error) {
	r := resolver{flags: reflect.ValueOf(f), getenv: getenv}
	s := &Setup{
		Listen:      r.address("Listen", "127.0.0.1:8080"),
		AdminListen: r.address("AdminListen", "127.0.0.1:9090"),
		Data:        r.data("Data"),
		APIURL:      r.url("GitHubAPIURL", "https://api.github.com/"),
		URL:         r.url("GitHubURL", "https://github.com/"),
	}
	s.PublicURL = r.publicURL("PublicURL", s.Listen)
	if s.PublicURL != nil && s.URL != nil && !loopback(s.URL.Hostname()) {
		switch {
		case loopback(s.PublicURL.Hostname()):
			r.wrong("PublicURL", "GitHub cannot reach "+s.PublicURL.String(), "set it to the https address that GitHub and people will use")
		case s.PublicURL.Scheme != "https":
			r.wrong("PublicURL", "it is not encrypted, so nobody could sign in", "put a proxy with TLS before the server, and set it to the https address")
		}
	}
	if s.PublicURL != nil && s.PublicURL.Path != "" {
		r.wrong("PublicURL", "it has a path", "give Sluice a host name of its own: scheme and host alone")
	}
	if err := Join(r.errs); err != nil {
		return nil, err
	}
	return s, nil
}

// Wanted tells for whom an App is to be made while there is none: an organization, "-" for the person's own account, empty for
// nobody. It is empty, too, where there are settings of an App: its ID, its key or its webhook's secret.
func (f ServerFlags) Wanted(getenv func(string) string) string {
	r := resolver{flags: reflect.ValueOf(f), getenv: getenv}
	for _, field := range appFields() {
		if _, env := r.label(field); r.text(field) != "" || getenv(env+"_FILE") != "" {
			return ""
		}
	}
	return r.text("Setup")
}

// appFields are the settings without which there is no App.
func appFields() []string { return []string{"GitHubAppID", "GitHubPrivateKey", "GitHubWebhookSecret"} }

// Others is what an error of Resolve says and one before it did not say of the same setting, nor is for want of an App.
func (f ServerFlags) Others(all, before error) error {
	said := map[string]bool{}
	for _, field := range appFields() {
		flag, env := (&resolver{flags: reflect.ValueOf(f)}).label(field)
		said["--"+flag+" / "+env] = true
	}
	for _, e := range settingErrors(before) {
		said[e.Field] = true
	}
	return Join(slices.DeleteFunc(settingErrors(all), func(e *Error) bool { return said[e.Field] }))
}

// settingErrors are those that Join made one of, and others joined.
func settingErrors(err error) (out []*Error) {
	if e, ok := err.(*Error); ok { //nolint:errorlint // wrapped ones are below
		return []*Error{e}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the same
		for _, e := range many.Unwrap() {
			out = append(out, settingErrors(e)...)
		}
	}
	return out
}

// loopback tells whether a host name means this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
