package sarif

import (
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// maxPath is how long a path may be, maxBases how deep bases of locations may refer to each other.
const (
	maxPath  = 1000
	maxBases = 5
)

// checkout is where GitHub's runners have the repository.
var checkout = lazyregexp.New(`^/(?:home/runner/work|Users/runner/work|__w|github/workspace)/(?:[^/]+/[^/]+/)?`)

// path is the file of a location in the repository; empty when it is not there.
func (n *run) path(l location, workspace string) string {
	if l.URI == "" && l.Index != nil && *l.Index >= 0 && *l.Index < len(n.Artifacts) {
		l = n.Artifacts[*l.Index].Location
	}
	if len(l.URI) > maxPath {
		return ""
	}
	uri := strings.ReplaceAll(l.URI, `\`, "/")
	for depth := 0; l.Base != "" && !absolute(uri); depth++ {
		base, known := n.Bases[l.Base]
		if !known || base.URI == "" || depth == maxBases || len(uri)+len(base.URI) > maxPath {
			break // a base that is not told is the root of the repository
		}
		uri = strings.TrimSuffix(strings.ReplaceAll(base.URI, `\`, "/"), "/") + "/" + uri
		l = base
	}
	return inRepository(uri, workspace)
}

func absolute(uri string) bool { return strings.HasPrefix(uri, "/") || strings.Contains(uri, ":/") }

// inRepository maps what a tool calls a file to its path in the repository.
func inRepository(uri, workspace string) string {
	name := uri
	if scheme, rest, ok := strings.Cut(uri, ":"); ok && strings.EqualFold(scheme, "file") {
		name = "/" + strings.TrimLeft(rest, "/")
	} else if ok && strings.HasPrefix(rest, "/") {
		return "" // of another scheme, or a drive
	}
	decoded, err := url.PathUnescape(name)
	if err != nil {
		return ""
	}
	name = decoded
	if strings.HasPrefix(name, "/") {
		switch root := strings.TrimSuffix(workspace, "/") + "/"; {
		case root != "/" && strings.HasPrefix(name, root):
			name = strings.TrimPrefix(name, root)
		case checkout.MatchString(name):
			name = checkout.ReplaceAllString(name, "")
		default:
			return ""
		}
	}
	if name = path.Clean(name); name == "." || !fs.ValidPath(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return ""
	}
	return name
}
