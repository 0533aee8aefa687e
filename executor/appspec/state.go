package appspec

import (
	"path/filepath"

	"github.com/sluicehq/sluice/executor/actiondir"
)

// revision is what is deployed.
type revision struct {
	// Deployment is the ID of the deployment that brought it: the name of its folder.
	Deployment string `json:"deployment"`
	Digest     string `json:"digest"` // of the artifact
	Version    string `json:"version,omitempty"`
	Commit     string `json:"commit,omitempty"` // it was built from
	Spec       *Spec  `json:"spec"`
}

// name is how people know a revision.
func (r revision) name() string {
	if r.Version != "" {
		return r.Version
	}
	return short(r.Digest)
}

func short(digest string) string {
	const most = len("sha256:") + 12
	return digest[:min(len(digest), most)]
}

// sideName is one of the two folders of a host.
type sideName string

// The sides. A host begins with blue being live.
const (
	blue  sideName = "blue"
	green sideName = "green"
)

func (s sideName) other() sideName {
	if s == blue {
		return green
	}
	return blue
}

// side is what is known of one of a host's two folders.
type side struct {
	// Last is the revision that was deployed there successfully; nil: none.
	Last *revision `json:"last,omitempty"`
	// Installed are the files that deployments have put there, relative to the host's root.
	Installed []string `json:"installed,omitempty"`
}

// hostState is what is known of a host, kept beside it.
type hostState struct {
	Live  sideName          `json:"live"`
	Sides map[sideName]side `json:"sides"`
	// Failed: the last deployment to the host failed, and what was there before was not brought back.
	Failed bool `json:"failed,omitempty"`
}

func newHostState() hostState { return hostState{Live: blue, Sides: map[sideName]side{}} }

// live is the side that serves.
func (h hostState) live() side { return h.Sides[h.Live] }

// group is what is known of all hosts of an environment together.
type group struct {
	// Good is the revision of the last deployment that succeeded as a whole; nil: none.
	Good *revision `json:"good,omitempty"`
}

// groupDir is the folder of an environment's hosts and revisions.
func groupDir(dir, owner, repo, environment string) string {
	return filepath.Join(dir, "groups", actiondir.SafeName(owner), actiondir.SafeName(repo), actiondir.SafeName(environment))
}
