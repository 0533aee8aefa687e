package artifact

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// freeBytes may come out of an archive before its ratio counts: small archives of zeros are no bombs.
const freeBytes = 16 << 20

// Untar unpacks a tar stream into dir as Extract does, for archives that come from elsewhere: dir is made when it is not
// there and must be empty, and entries that are no file, folder, or link inside the tree are an error. Links with an
// absolute target count from dir, as they do in a container.
func Untar(ctx context.Context, r io.Reader, dir string, limits Limits) error {
	u := &unpacker{tr: tar.NewReader(&contextReader{ctx, r}), limits: limits.withDefaults(), rebase: true}
	return u.run(dir)
}

// untarGzip unpacks an artifact.
func untarGzip(ctx context.Context, r io.Reader, dir string, limits Limits) error {
	packed := &countingReader{r: r}
	zr, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	u := &unpacker{tr: tar.NewReader(&contextReader{ctx, zr}), limits: limits.withDefaults(), packed: packed}
	return u.run(dir)
}

type unpacker struct {
	tr     *tar.Reader
	limits Limits
	packed *countingReader // nil: no ratio to keep
	rebase bool            // absolute links count from the root

	root    *os.Root
	entries int
	bytes   int64
	links   []*tar.Header // made last, so nothing is written through them
}

func (u *unpacker) run(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if have, err := os.ReadDir(dir); err != nil || len(have) > 0 {
		return errors.Join(err, errors.New("the folder to unpack into is not empty"))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u.root = root
	for {
		h, err := u.tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(h); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
	for _, h := range u.links {
		if err := u.link(h); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
	return nil
}

func (u *unpacker) entry(h *tar.Header) error {
	if u.entries++; u.entries > u.limits.Entries {
		return fmt.Errorf("more than %d entries", u.limits.Entries)
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := u.name(h.Name)
	if err != nil || name == "." {
		return err
	}
	h.Name = name
	switch h.Typeflag {
	case tar.TypeDir:
		return u.root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return u.file(name, h)
	case tar.TypeSymlink, tar.TypeLink:
		u.links = append(u.links, h)
		return nil
	}
	return errors.New("is no file, folder or link")
}

// name is an entry's name as a path in the tree.
func (u *unpacker) name(s string) (string, error) {
	if u.rebase {
		s = strings.TrimPrefix(s, "/")
	}
	if path.IsAbs(s) || strings.Contains(s, `\`) || strings.ContainsRune(s, 0) {
		return "", errors.New("is not a path inside the tree")
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return "", errors.New("is not a path inside the tree")
		}
	}
	clean := path.Clean(s)
	if !fs.ValidPath(clean) {
		return "", errors.New("is not a path inside the tree")
	}
	return clean, nil
}

func (u *unpacker) file(name string, h *tar.Header) error {
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(modeOf(fs.FileMode(h.Mode))))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, &boundedReader{u: u})
	return errors.Join(err, f.Close())
}

// link makes a link after everything else is there. Hard links become copies.
func (u *unpacker) link(h *tar.Header) error {
	target := h.Linkname
	if h.Typeflag == tar.TypeLink {
		return u.copyFile(h)
	}
	if u.rebase && path.IsAbs(target) {
		target = strings.Repeat("../", strings.Count(h.Name, "/")) + strings.TrimPrefix(path.Clean(target), "/")
	}
	if !inTree(h.Name, target) {
		return fmt.Errorf("leads to %q, outside of the tree", h.Linkname)
	}
	if err := u.realFolder(path.Dir(h.Name)); err != nil {
		return err
	}
	return u.root.Symlink(target, h.Name)
}

// realFolder makes a folder and refuses one that is reached through a link: where a link in it leads would not be what
// its name says.
func (u *unpacker) realFolder(name string) error {
	if err := u.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	for ; name != "."; name = path.Dir(name) {
		info, err := u.root.Lstat(name)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("is below the link %q", name)
		}
	}
	return nil
}

func (u *unpacker) copyFile(h *tar.Header) error {
	from, err := u.name(h.Linkname)
	if err != nil {
		return err
	}
	info, err := u.root.Lstat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("is a hard link to what is no file")
	}
	if err := u.count(info.Size()); err != nil {
		return err
	}
	src, err := u.root.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := u.realFolder(path.Dir(h.Name)); err != nil {
		return err
	}
	dst, err := u.root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(modeOf(info.Mode())))
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// count adds n unpacked bytes and holds them to the limits.
func (u *unpacker) count(n int64) error {
	u.bytes += n
	if u.bytes > u.limits.Bytes {
		return fmt.Errorf("more than %d bytes come out of it", u.limits.Bytes)
	}
	if u.packed != nil && u.bytes > freeBytes && u.bytes > u.packed.n*u.limits.Ratio {
		return fmt.Errorf("%d bytes come out of %d: more than %d times as many", u.bytes, u.packed.n, u.limits.Ratio)
	}
	return nil
}

// boundedReader reads the entry at hand and counts.
type boundedReader struct{ u *unpacker }

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.u.tr.Read(p)
	if over := b.u.count(int64(n)); over != nil {
		return n, over
	}
	return n, err
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
