package buildspec

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// SandboxMode says whether builds run in a sandbox.
type SandboxMode string

// The modes.
const (
	// SandboxOff runs builds as they are: in a process group and an environment of their own, and no more.
	SandboxOff SandboxMode = ""
	// SandboxAuto uses bubblewrap where it works, and says in each log when it does not.
	SandboxAuto SandboxMode = "auto"
	// SandboxAlways runs no build without it.
	SandboxAlways SandboxMode = "always"
)

// Bubblewrap is the program of the sandbox, in the server's PATH.
const Bubblewrap = "bwrap"

// sockets is where the sockets of container engines, databases and the host's own services are. No sandboxed build sees them:
// being read-only keeps nobody from connecting to one, and who reaches some of them is root.
const sockets = "/run"

// resolver is the file that says who answers names. It often is a link to somewhere among the sockets.
const resolver = "/etc/resolv.conf"

// isolation is how builds are kept from the host.
type isolation struct {
	program string // bubblewrap; empty: there is no sandbox
	says    string // for logs; empty: nothing to say
}

// CheckSandbox says why builds, which run as the user where one is named, cannot run in the sandbox that must be.
func CheckSandbox(ctx context.Context, mode SandboxMode, user *supervise.User) error {
	if mode != SandboxAlways {
		return nil
	}
	if _, err := supervise.TrySandbox(ctx, Bubblewrap, user); err != nil {
		return fmt.Errorf("builds are to run in a sandbox: %w", err)
	}
	return nil
}

// isolate finds out what this host can do.
func isolate(o Options) (isolation, error) {
	if o.Sandbox == SandboxOff {
		return isolation{}, nil
	}
	program, err := supervise.TrySandbox(context.Background(), Bubblewrap, o.User)
	switch {
	case err == nil:
		return isolation{program, "bubblewrap: the build sees this host read-only, without the server's files and processes"}, nil
	case o.Sandbox == SandboxAlways:
		return isolation{}, fmt.Errorf("builds are to run in a sandbox: %w", err)
	}
	return isolation{says: fmt.Sprintf("none but the user's: %v", err)}, nil
}

// Isolation says how builds are kept from the host, in a sentence for the operator.
func (e *Executor) Isolation() string {
	if e.isolated.says == "" {
		return "off"
	}
	return e.isolated.says
}

// sandbox is the sandbox of a build that works in a folder; nil when there is none.
func (e *Executor) sandbox(work string) *supervise.Sandbox {
	if e.isolated.program == "" {
		return nil
	}
	b := &supervise.Sandbox{Program: e.isolated.program, Read: []string{filepath.Join(work, stateFolder)}, Tmp: filepath.Join(work, tmpFolder)}
	for _, folder := range buildsFolders() {
		b.Write = append(b.Write, filepath.Join(work, folder))
	}
	b.Hide = append(slices.Clone(e.o.Hide), e.o.Dir, e.o.Caches)
	if home, err := os.UserHomeDir(); err == nil {
		b.Hide = append(b.Hide, home)
	}
	b.Hide = append(b.Hide, "/root", sockets)
	b.Hide = slices.DeleteFunc(b.Hide, func(p string) bool { return !filepath.IsAbs(p) || p == "/" })
	// What is inside of what is hidden comes after it.
	slices.Sort(b.Hide)
	b.Hide = outermost(slices.Compact(b.Hide))
	if file, err := filepath.EvalSymlinks(resolver); err == nil && hidden(b.Hide, file) {
		b.Read = append(b.Read, file)
	}
	for _, dir := range append(filepath.SplitList(e.o.Path), e.o.Runtimes) {
		if up := filepath.Dir(dir); filepath.Base(dir) == "bin" && hidden(b.Hide, up) && !slices.Contains(b.Hide, up) {
			dir = up // a toolchain: what its programs need is beside them
		}
		if hidden(b.Hide, dir) && actiondir.Exists(dir) {
			b.Read = append(b.Read, dir)
		}
	}
	return b
}

// outermost leaves out what is below something else. The paths are sorted.
func outermost(paths []string) []string {
	var out []string
	for _, p := range paths {
		if !hidden(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// hidden tells whether a path is one of some or below one of them.
func hidden(paths []string, path string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}
