package buildspec

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/sluicehq/sluice/executor/supervise"
)

// Names of the folders in an archive of a cache.
const (
	inSource = "src"
	inHome   = "home"
)

// cachePattern is one of cache.paths with its folder.
type cachePattern struct{ in, glob string }

// saveCache writes what the patterns match into an archive and returns how many files it has. Links are kept as links.
func saveCache(to io.Writer, folders map[string]string, patterns []cachePattern) (files int, err error) {
	compressed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	archive := tar.NewWriter(compressed)
	left := int64(maxCacheEntry)
	for _, in := range []string{inSource, inHome} {
		var globs []string
		for _, p := range patterns {
			if p.in == in {
				globs = append(globs, p.glob)
			}
		}
		if len(globs) == 0 {
			continue
		}
		n, err := saveFolder(archive, in, folders[in], globs, &left)
		if err != nil {
			return 0, err
		}
		files += n
	}
	return files, errors.Join(archive.Close(), compressed.Close())
}

func saveFolder(archive *tar.Writer, in, folder string, globs []string, left *int64) (files int, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil // it went meanwhile, or the build keeps it to itself
		case err != nil:
			return err
		case p == ".git":
			return fs.SkipDir
		case d.IsDir() || !cached(globs, p):
			return nil
		}
		if files++; files > maxCacheFiles {
			return fmt.Errorf("more than %d files", maxCacheFiles)
		}
		return saveEntry(archive, root, in, p, left)
	})
	return files, err
}

// cached tells whether a pattern matches a file, or a folder that it is in.
func cached(globs []string, p string) bool {
	for _, g := range globs {
		for at := p; at != "."; at = path.Dir(at) {
			if doublestar.MatchUnvalidated(g, at) {
				return true
			}
		}
	}
	return false
}

// saveEntry writes a regular file or a link; anything else is left out.
func saveEntry(archive *tar.Writer, root *os.Root, in, p string, left *int64) error {
	info, err := root.Lstat(p)
	if err != nil {
		return err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = root.Readlink(p); err != nil {
			return err
		}
	case !info.Mode().IsRegular():
		return nil
	}
	if *left -= info.Size(); *left < 0 {
		return fmt.Errorf("more than %d bytes", int64(maxCacheEntry))
	}
	h := &tar.Header{Name: in + "/" + p, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime(), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if link != "" {
		h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, link, 0
	}
	if err := archive.WriteHeader(h); err != nil || link != "" {
		return err
	}
	f, err := root.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(archive, f, info.Size())
	return err
}

// restoreCache unpacks an archive and returns how many files it brought. What the clone has stays as it is.
func restoreCache(from io.Reader, folders map[string]string, owner *supervise.User) (files int, err error) {
	compressed, err := gzip.NewReader(bufio.NewReader(from))
	if err != nil {
		return 0, err
	}
	archive := tar.NewReader(compressed)
	roots := map[string]*os.Root{}
	for in, folder := range folders {
		root, err := os.OpenRoot(folder)
		if err != nil {
			return 0, err
		}
		defer root.Close()
		roots[in] = root
	}
	left := int64(maxCacheEntry)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		in, p, _ := strings.Cut(h.Name, "/")
		if left -= h.Size; roots[in] == nil || !fs.ValidPath(p) || left < 0 || files == maxCacheFiles {
			return files, fmt.Errorf("the cache is damaged at %q", h.Name)
		}
		fresh, err := restoreEntry(roots[in], p, h, archive, owner)
		if err != nil {
			return files, err
		}
		if fresh {
			files++
		}
	}
}

// restoreEntry makes one file or link, unless something of its name is there.
func restoreEntry(root *os.Root, p string, h *tar.Header, content io.Reader, owner *supervise.User) (fresh bool, err error) {
	if _, err := root.Lstat(p); err == nil {
		return false, nil
	}
	if err := makeFolders(root, path.Dir(p), owner); err != nil {
		return false, err
	}
	if h.Typeflag == tar.TypeSymlink {
		err = root.Symlink(h.Linkname, p)
		return err == nil, errors.Join(err, give(root, p, owner))
	}
	f, err := root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode).Perm()|0o200)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(f, content)
	return err == nil, errors.Join(err, f.Close(), root.Chmod(p, fs.FileMode(h.Mode).Perm()), root.Chtimes(p, h.ModTime, h.ModTime), give(root, p, owner))
}

// makeFolders makes the folders that are missing.
func makeFolders(root *os.Root, dir string, owner *supervise.User) error {
	if dir == "." {
		return nil
	}
	if _, err := root.Stat(dir); err == nil {
		return nil
	}
	if err := makeFolders(root, path.Dir(dir), owner); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return give(root, dir, owner)
}

func give(root *os.Root, p string, owner *supervise.User) error {
	if owner == nil {
		return nil
	}
	return root.Lchown(p, int(owner.UID), int(owner.GID))
}
