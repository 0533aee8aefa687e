package appspec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// item is one file, link or folder that is to be on the host.
type item struct {
	source string // in the bundle
	target string // on the host, relative to its root
	mode   fs.FileMode
	line   int // of the entry in files
}

// installation is what is to be done on a host, found out before the first file is touched: a refusal leaves the host as it
// was.
type installation struct {
	spec   *Spec
	items  []item
	before []string
}

// prepare finds out what the files of a spec mean on a host, both bundle and host given as roots that nothing leaves. before
// are the targets that earlier deployments installed there: they may be replaced, and what the new revision does not have any
// more is removed.
func prepare(s *Spec, bundle, host *os.Root, before []string) (installation, error) {
	items, err := s.expand(bundle)
	if err != nil {
		return installation{}, err
	}
	items, err = s.settle(func(name string) (kind, error) { return kindOf(host, name) }, items, before)
	return installation{s, items, before}, err
}

// targets are what the installation puts on the host, sorted. They are written down before it begins, so that after a crash
// in its midst the next deployment knows them for ours.
func (in installation) targets() []string {
	out := make([]string, len(in.items))
	for n, i := range in.items {
		out[n] = i.target
	}
	slices.Sort(out)
	return out
}

// carryOut installs. Each file is written under another name and renamed, so a program never meets half of one; carrying it
// out again after a crash does no harm. At its end all of it is on disk.
func (in installation) carryOut(ctx context.Context, bundle, host *os.Root) error {
	keep := map[string]bool{}
	for _, i := range in.items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := put(bundle, host, i); err != nil {
			return fmt.Errorf("%s:%d: install /%s: %w", in.spec.File, i.line, i.target, err)
		}
		keep[i.target] = true
	}
	if err := remove(host, in.before, keep); err != nil {
		return err
	}
	return in.syncFolders(ctx, host)
}

// syncFolders waits until the folders in which something came or went are on disk, and those that these are in: some may have
// been made for them.
func (in installation) syncFolders(ctx context.Context, host *os.Root) error {
	seen := map[string]bool{}
	for _, name := range union(in.targets(), in.before) {
		for dir := path.Dir(name); !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			if err := context.Cause(ctx); err != nil {
				return err
			}
			f, err := host.Open(dir)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it went
			}
			if err != nil {
				return err
			}
			if err := errors.Join(f.Sync(), f.Close()); err != nil {
				return fmt.Errorf("/%s: %w", dir, err)
			}
		}
	}
	return nil
}

// expand lists what files names, folders before what is in them. One target named twice is an error: which of them wins
// would be chance.
func (s *Spec) expand(bundle *os.Root) ([]item, error) {
	var out []item
	from := map[string]item{}
	add := func(i item) error {
		if other, twice := from[i.target]; twice {
			if i.mode.IsDir() && other.mode.IsDir() {
				return nil
			}
			return fmt.Errorf("%s:%d: /%s is installed from %s and from %s; leave one of them out", s.File, i.line, i.target, other.source, i.source)
		}
		from[i.target] = i
		out = append(out, i)
		return nil
	}
	for _, f := range s.Files {
		info, err := bundle.Lstat(f.Source)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s:%d: files: the bundle has no %s", s.File, f.Line, f.Source)
		}
		if err != nil {
			return nil, err
		}
		to := strings.TrimPrefix(f.Destination, "/")
		if !info.IsDir() {
			if err := add(item{f.Source, path.Join(to, path.Base(f.Source)), info.Mode(), f.Line}); err != nil {
				return nil, err
			}
			continue
		}
		err = fs.WalkDir(bundle.FS(), f.Source, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			below := strings.TrimPrefix(strings.TrimPrefix(name, f.Source), "/")
			if f.Source == "." {
				below = name
			}
			if below == "." {
				below = ""
			}
			return add(item{name, path.Join(to, below), info.Mode(), f.Line})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// settle decides about what is on the host already, by file_exists_behavior, and returns what is left to install.
func (s *Spec) settle(look func(name string) (kind, error), items []item, before []string) ([]item, error) {
	ours := make(map[string]bool, len(before))
	for _, b := range before {
		ours[b] = true
	}
	var out []item
	for _, i := range items {
		is, err := look(i.target)
		there := is != nothing
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s:%d: /%s: %w", s.File, i.line, i.target, err)
		case i.mode.IsDir() && (is == aFolder || is == linkToFolder):
			if !ours[i.target] {
				continue // a folder that somebody else made stays theirs
			}
		case is == aFolder:
			return nil, fmt.Errorf("%s:%d: /%s is a folder on the host and a file in the bundle; remove it in a script of BeforeInstall", s.File, i.line, i.target)
		case there && i.mode.IsDir():
			return nil, fmt.Errorf("%s:%d: /%s is a file on the host and a folder in the bundle; remove it in a script of BeforeInstall", s.File, i.line, i.target)
		case there && !ours[i.target] && s.Exists == Retain:
			continue
		case there && !ours[i.target] && s.Exists == Disallow:
			return nil, fmt.Errorf("%s:%d: /%s is on the host already, and the last deployment did not install it; "+
				"remove it, or set file_exists_behavior to OVERWRITE or RETAIN", s.File, i.line, i.target)
		}
		out = append(out, i)
	}
	return out, nil
}

// kind is what is at a path of a host.
type kind string

// The kinds.
const (
	nothing      kind = "-"
	aFile        kind = "f" // and whatever is no folder
	aFolder      kind = "d"
	linkToFolder kind = "l"
)

// kindOf looks at a path of a folder.
func kindOf(host *os.Root, name string) (kind, error) {
	info, err := host.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothing, nil
	case err != nil:
		return "", err
	case info.IsDir():
		return aFolder, nil
	case info.Mode()&fs.ModeSymlink == 0:
		return aFile, nil
	}
	if target, err := host.Stat(name); err == nil && target.IsDir() {
		return linkToFolder, nil
	}
	return aFile, nil
}

// put brings one item to the host.
func put(bundle, host *os.Root, i item) error {
	if i.mode.IsDir() {
		return host.MkdirAll(i.target, 0o755)
	}
	if err := host.MkdirAll(path.Dir(i.target), 0o755); err != nil {
		return err
	}
	tmp := path.Join(path.Dir(i.target), ".sluice-new-"+path.Base(i.target))
	if err := host.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an attempt that was cut off
		return err
	}
	switch {
	case i.mode&fs.ModeSymlink != 0:
		to, err := bundle.Readlink(i.source)
		if err != nil {
			return err
		}
		if err := host.Symlink(to, tmp); err != nil {
			return err
		}
	case i.mode.IsRegular():
		if err := copyFile(bundle, host, i, tmp); err != nil {
			return errors.Join(err, ignoreMissing(host.Remove(tmp)))
		}
	default:
		return errors.New("it is no file, folder or link")
	}
	return host.Rename(tmp, i.target)
}

// copyFile copies a regular file, readable by all, and executable where it was.
func copyFile(bundle, host *os.Root, i item, tmp string) error {
	in, err := bundle.Open(i.source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := host.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if i.mode&0o111 != 0 {
		mode = 0o755
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(mode), out.Sync(), out.Close())
}

// remove takes away what an earlier revision installed and this one does not have, the innermost first. A folder goes when
// nothing is left in it.
func remove(host *os.Root, before []string, keep map[string]bool) error {
	gone := slices.Clone(before)
	slices.Sort(gone)
	slices.Reverse(gone)
	for _, name := range gone {
		if keep[name] {
			continue
		}
		info, err := host.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("remove /%s, which the revision before had: %w", name, err)
		}
		if err := host.Remove(name); err != nil && !info.IsDir() {
			return fmt.Errorf("remove /%s, which the revision before had: %w", name, err)
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
