package buildspec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor/supervise"
)

// Folders of a try, in its work-N.
const (
	srcFolder    = "src"    // the clone
	homeFolder   = "home"   // HOME
	tmpFolder    = "tmp"    // TMPDIR, and /tmp in the sandbox
	inputsFolder = "inputs" // NAME: what earlier actions handed on
	outFolder    = "out"    // what the build's shell hands back: values of variables
	stateFolder  = "state"  // the commands' files
)

// buildsFolders are those that belong to the build. What they are in, and the state, belong to the server: a build can change
// what is in its folders, and not what the server finds by their names.
func buildsFolders() []string {
	return []string{srcFolder, homeFolder, tmpFolder, inputsFolder, outFolder}
}

// makeFolders makes the folders of a try. Nobody but the server gets into them until handOver.
func makeFolders(work string) error {
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	for _, sub := range append(buildsFolders(), stateFolder) {
		if err := os.Mkdir(filepath.Join(work, sub), 0o755); err != nil { //nolint:gosec // below a closed folder
			return err
		}
	}
	return nil
}

// handOver gives the build's folders, and what is in them, to the user, and lets the build in. Where phases run as somebody
// else besides, they hand back as well.
func handOver(work string, u *supervise.User, phases map[string]supervise.User) error {
	if u != nil {
		// The folder is still closed, so nobody makes anything else of these paths meanwhile.
		for _, sub := range buildsFolders() {
			err := filepath.WalkDir(filepath.Join(work, sub), func(path string, _ fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				return os.Lchown(path, int(u.UID), int(u.GID))
			})
			if err != nil {
				return err
			}
		}
	}
	if len(phases) > 0 {
		if err := os.Chmod(filepath.Join(work, outFolder), 0o777); err != nil { //nolint:gosec // what is in it is not trusted
			return err
		}
	}
	if u != nil || len(phases) > 0 {
		return os.Chmod(work, 0o711) //nolint:gosec // the user's folders are below it
	}
	return nil
}

// owners are the numeric IDs of those whose files builds may hand on under several names; none where builds run as the
// server's own user, whose files are all alike.
func (e *Executor) owners() []int {
	if e.o.User == nil {
		return nil
	}
	out := []int{int(e.o.User.UID)}
	for _, u := range e.o.Users {
		out = append(out, int(u.UID))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// openFolders are the folders of a try, opened before its first command: whatever that renames, they stay what they are.
type openFolders struct {
	src, home, out *artifact.Tree
	state          *os.Root
}

func openAll(work string, owners []int) (*openFolders, error) {
	f := &openFolders{}
	for name, to := range map[string]**artifact.Tree{srcFolder: &f.src, homeFolder: &f.home, outFolder: &f.out} {
		tree, err := artifact.OpenTree(filepath.Join(work, name), owners...)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		*to = tree
	}
	var err error
	if f.state, err = os.OpenRoot(filepath.Join(work, stateFolder)); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *openFolders) close() error {
	var errs []error
	for _, tree := range []*artifact.Tree{f.src, f.home, f.out} {
		if tree != nil {
			errs = append(errs, tree.Close())
		}
	}
	if f.state != nil {
		errs = append(errs, f.state.Close())
	}
	return errors.Join(errs...)
}
