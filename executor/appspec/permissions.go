package appspec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// permit applies the permissions of a spec on a host. Links are left alone: what they point to has entries of its own.
func permit(s *Spec, host *os.Root) error {
	for _, p := range s.Permissions {
		who, err := p.account()
		if err != nil {
			return fmt.Errorf("%s:%d: permissions of %s: %w", s.File, p.Line, p.Object, err)
		}
		names, err := p.names(host)
		if err != nil {
			return fmt.Errorf("%s:%d: permissions of %s: %w", s.File, p.Line, p.Object, err)
		}
		for _, name := range names {
			if err := p.apply(host, name, who); err != nil {
				return fmt.Errorf("%s:%d: permissions of /%s: %w", s.File, p.Line, name, err)
			}
		}
	}
	return nil
}

// apply sets owner, mode and access control list of a file or folder, and waits until they are on disk.
func (p Permission) apply(host *os.Root, name string, who account) (err error) {
	var f *os.File
	if info, err := host.Lstat(name); err == nil && (info.IsDir() || info.Mode().IsRegular()) {
		f, _ = host.Open(name) // before: with the new mode it may be closed to us
	}
	if f != nil {
		defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	}
	if who.uid >= 0 || who.gid >= 0 {
		if err := host.Lchown(name, who.uid, who.gid); err != nil {
			return err
		}
	}
	if p.HasMode {
		if err := host.Chmod(name, fileMode(p.Mode)); err != nil {
			return err
		}
	}
	switch {
	case len(p.ACL) == 0:
		return nil
	case f == nil:
		return errors.New("acls: it cannot be opened")
	}
	return setACL(f, p)
}

// names are the files and folders that an entry is about.
func (p Permission) names(host *os.Root) ([]string, error) {
	object := strings.TrimPrefix(p.Object, "/")
	info, err := host.Stat(object)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it is not on the host after the installation")
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{object}, nil
	}
	var out []string
	if p.whole() {
		out = append(out, object)
	}
	err = fs.WalkDir(host.FS(), object, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == object || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if p.takes(strings.TrimPrefix(name, object+"/"), d.IsDir()) {
			out = append(out, name)
		}
		return nil
	})
	return out, err
}

// whole tells whether an entry is about its object itself too.
func (p Permission) whole() bool { return !p.Files && !p.Folders && p.Pattern == "**" }

// takes tells whether an entry is about what is below its object under a name.
func (p Permission) takes(below string, folder bool) bool {
	direct := !strings.Contains(below, "/")
	if (p.Files || p.Folders) && !(p.Files && !folder && direct) && !(p.Folders && folder) {
		return false
	}
	return matches(p.Pattern, below) && !p.except(below)
}

func (p Permission) except(below string) bool {
	for _, e := range p.Except {
		if matches(e, below) {
			return true
		}
	}
	return false
}

// matches tells whether a pattern takes a name: the whole of it, or its last part, as the agent of CodeDeploy does.
func matches(pattern, name string) bool {
	whole, _ := doublestar.Match(pattern, name) // Parse has looked at the pattern
	last, _ := doublestar.Match(pattern, path.Base(name))
	return whole || last
}

// account is an owner and a group; -1 leaves what is.
type account struct{ uid, gid int }

func (p Permission) account() (account, error) {
	a := account{-1, -1}
	if p.Owner != "" {
		u, err := user.Lookup(p.Owner)
		if err != nil {
			return a, fmt.Errorf("the host has no user %q", p.Owner)
		}
		if a.uid, err = strconv.Atoi(u.Uid); err != nil {
			return a, err
		}
	}
	if p.Group != "" {
		g, err := user.LookupGroup(p.Group)
		if err != nil {
			return a, fmt.Errorf("the host has no group %q", p.Group)
		}
		if a.gid, err = strconv.Atoi(g.Gid); err != nil {
			return a, err
		}
	}
	return a, nil
}

// fileMode turns the twelve bits of an octal mode into Go's.
func fileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&bit != 0 {
			mode |= flag
		}
	}
	return mode
}
