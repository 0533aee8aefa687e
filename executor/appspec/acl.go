package appspec

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// ACLEntry is one entry of acls: what a user or a group may do beyond the owner and mode of a file or folder.
type ACLEntry struct {
	// Default makes it one for what is made in a folder later; files have none.
	Default bool   `json:"default,omitempty"`
	Group   bool   `json:"group,omitempty"`
	Name    string `json:"name"`
	Perm    uint16 `json:"perm"` // r 4, w 2, x 1
}

var aclRE = lazyregexp.New(`\A(?:(d|default):)?(u|user|g|group):([A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?):(?:([0-7])|([rwx-]{1,3}))\z`)

// parseACL reads an entry as setfacl does, of which CodeDeploy takes those with a name.
func parseACL(text string) (ACLEntry, error) {
	m := aclRE.FindStringSubmatch(text)
	if m == nil {
		return ACLEntry{}, fmt.Errorf("%q is not an entry of a named user or group, like u:bob:rw, g:staff:r-x or d:u:bob:rwx", text)
	}
	e := ACLEntry{Default: m[1] != "", Group: m[2][0] == 'g', Name: m[3]}
	if m[4] != "" {
		e.Perm = uint16(m[4][0] - '0')
	}
	for letter, bit := range map[string]uint16{"r": 4, "w": 2, "x": 1} {
		if strings.Contains(m[5], letter) {
			e.Perm |= bit
		}
	}
	return e, nil
}

// String writes the entry for setfacl, without whether it is a default.
func (e ACLEntry) String() string {
	kind := "u"
	if e.Group {
		kind = "g"
	}
	return fmt.Sprintf("%s:%s:%d", kind, e.Name, e.Perm)
}

// The kernel's form of an access control list, linux/posix_acl_xattr.h: a version, and entries sorted by tag and ID.
const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
	aclVersion = 2
	aclNobody  = 0xFFFFFFFF // the ID of entries without a name

	tagUserObj, tagUser, tagGroupObj, tagGroup, tagMask, tagOther = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
)

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

// setACL gives what is open the entries of a permission, in place of all it had: they add to what its mode allows owner, group and
// others, which has been set.
func setACL(f *os.File, p Permission) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	base := uint16(info.Mode().Perm())
	if !p.HasMode {
		if base, err = baseOf(f, base); err != nil {
			return err
		}
	}
	for name, isDefault := range map[string]bool{aclAccess: false, aclDefault: true} {
		if isDefault && !info.IsDir() {
			continue
		}
		list, err := named(p.ACL, isDefault)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			if err := unix.Fremovexattr(int(f.Fd()), name); err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
				return fmt.Errorf("take away access control lists: %w", err)
			}
			if !isDefault && base != uint16(info.Mode().Perm()) { // the bits of the group were those of the list's mask
				if err := f.Chmod(info.Mode()&^fs.ModePerm | fs.FileMode(base)); err != nil {
					return err
				}
			}
			continue
		}
		err = unix.Fsetxattr(int(f.Fd()), name, packACL(base, list), 0)
		if errors.Is(err, unix.ENOTSUP) {
			return errors.New("acls: its file system keeps no access control lists")
		}
		if err != nil {
			return fmt.Errorf("acls: %w", err)
		}
	}
	return nil
}

// baseOf is a mode without what a list makes of it: with one the bits of the group are the most that any entry allows, and the group
// has those of them that its own entry has.
func baseOf(f *os.File, mode uint16) (uint16, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Fgetxattr(int(f.Fd()), aclAccess, buf)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return mode, nil
	}
	if err != nil {
		return 0, err
	}
	for at := 4; at+8 <= n; at += 8 {
		if binary.LittleEndian.Uint16(buf[at:]) == tagGroupObj {
			mode &= 0o707 | binary.LittleEndian.Uint16(buf[at+2:])&7<<3
		}
	}
	return mode, nil
}

// named are the entries of users and groups that a list has.
func named(entries []ACLEntry, isDefault bool) (out []aclEntry, err error) {
	for _, e := range entries {
		if e.Default != isDefault {
			continue
		}
		one, id := aclEntry{tag: tagUser, perm: e.Perm}, ""
		if e.Group {
			g, err := user.LookupGroup(e.Name)
			if err != nil {
				return nil, fmt.Errorf("the host has no group %q", e.Name)
			}
			one.tag, id = tagGroup, g.Gid
		} else {
			u, err := user.Lookup(e.Name)
			if err != nil {
				return nil, fmt.Errorf("the host has no user %q", e.Name)
			}
			id = u.Uid
		}
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		one.id = uint32(n)
		out = append(out, one)
	}
	return out, nil
}

// packACL writes a list.
func packACL(mode uint16, list []aclEntry) []byte {
	mask := mode >> 3 & 7
	for _, e := range list {
		mask |= e.perm
	}
	list = append(slices.Clone(list), aclEntry{tagUserObj, mode >> 6 & 7, aclNobody}, aclEntry{tagGroupObj, mode >> 3 & 7, aclNobody},
		aclEntry{tagMask, mask, aclNobody}, aclEntry{tagOther, mode & 7, aclNobody})
	slices.SortFunc(list, func(a, b aclEntry) int { return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id)) })
	out := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range list {
		out = binary.LittleEndian.AppendUint16(out, e.tag)
		out = binary.LittleEndian.AppendUint16(out, e.perm)
		out = binary.LittleEndian.AppendUint32(out, e.id)
	}
	return out
}

// setfacl are the lines of a shell that do what setACL does, for a file and for a folder; chmod, which may be empty, sets the mode.
func setfacl(entries []ACLEntry, target string, folder bool, chmod string) string {
	var list []string
	for _, e := range entries {
		switch {
		case !e.Default:
			list = append(list, e.String())
		case folder:
			list = append(list, "d:"+e.String())
		}
	}
	lines := "setfacl -b -- " + target + "\n" + chmod // in this order: the bits of the group are not those of a list's mask
	if len(list) > 0 {
		lines += "setfacl -m " + quote(strings.Join(list, ",")) + " -- " + target + "\n"
	}
	return lines
}
