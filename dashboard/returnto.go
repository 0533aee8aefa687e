package dashboard

import (
	"net/url"
	"strings"
)

// maxPath is how long a path to return to may be, in bytes.
const maxPath = 1000

// localPath lets only paths of this dashboard through, and gives "/" for anything else: what a browser could read as
// another host, as another scheme, or as a way back into signing in.
func localPath(s string) string {
	if len(s) == 0 || len(s) > maxPath || s[0] != '/' || strings.HasPrefix(s, "//") {
		return "/"
	}
	for _, r := range s { // browsers drop control characters, and read a backslash as a slash
		if r <= ' ' || r == '\\' || r == 0x7f || r > 0x7e {
			return "/"
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return "/"
	}
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "\\") || strings.Contains(u.Path, "/..") || strings.Contains(u.Path, "/./") {
		return "/"
	}
	for _, own := range []string{"/login", "/logout", "/events", "/-/"} {
		if strings.HasPrefix(u.Path, own) {
			return "/"
		}
	}
	return s
}
