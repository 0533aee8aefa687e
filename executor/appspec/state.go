package appspec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor/supervise"
)

// revision is what is deployed.
type revision struct {
	// Deployment is the ID of the deployment that brought it: the name of its folder.
	Deployment string `json:"deployment"`
	Digest     string `json:"digest"` // of the artifact
	Version    string `json:"version,omitempty"`
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

// readJSON reads a file; ok is false when there is none.
func readJSON(path string, into any) (ok bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return true, nil
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return supervise.WriteFile(path, b)
}

// lock waits for a lock on a file and returns what gives it back.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		}
	}
}

// there tells whether a path exists.
func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// groupDir is the folder of an environment's hosts and revisions.
func groupDir(dir, owner, repo, environment string) string {
	return filepath.Join(dir, "groups", safeName(owner), safeName(repo), safeName(environment))
}
