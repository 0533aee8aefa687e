package image

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// file is an entry of the layer: a path below a root, and the name it gets.
type file struct {
	root *os.Root
	path string
	name string // without leading slash
	mode fs.FileMode
}

// list lists what a source puts into the layer.
func list(root *os.Root, from, to string) ([]file, error) {
	from, into := path.Clean(from), strings.TrimPrefix(path.Clean(to), "/")
	info, err := root.Lstat(from)
	if err != nil {
		return nil, fmt.Errorf("the artifact has no %s", from)
	}
	if !info.IsDir() {
		if strings.HasSuffix(to, "/") {
			into = path.Join(into, path.Base(from))
		}
		return []file{{root, from, into, info.Mode()}}, nil
	}
	var out []file
	err = fs.WalkDir(root.FS(), from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(p, from), "/")
		if from == "." {
			rel = p
		}
		name := path.Join(into, rel)
		if name == "." || name == "" { // the image's own root
			return nil
		}
		out = append(out, file{root, p, name, info.Mode()})
		return nil
	})
	return out, err
}

// layer is a layer in a file, written once.
type layer struct {
	path         string
	digest, diff v1.Hash
	size         int64
	mediaType    types.MediaType
}

// newLayer writes the files as a tar.gz: sorted, owned by root, all times at, nothing of this host.
func newLayer(ctx context.Context, path string, files []file, at time.Time) (*layer, error) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	packed, plain := sha256.New(), sha256.New()
	zw := gzip.NewWriter(io.MultiWriter(out, packed))
	tw := tar.NewWriter(io.MultiWriter(zw, plain))
	last := file{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.name == last.name {
			if f.mode.IsDir() && last.mode.IsDir() {
				continue
			}
			return nil, fmt.Errorf("two sources put something at /%s", f.name)
		}
		last = f
		if err := add(tw, f, at); err != nil {
			return nil, fmt.Errorf("/%s: %w", f.name, err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		return nil, err
	}
	info, err := out.Stat()
	if err != nil {
		return nil, err
	}
	return &layer{
		path: path, digest: sum(packed), diff: sum(plain), size: info.Size(), mediaType: types.OCILayer,
	}, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

func add(tw *tar.Writer, f file, at time.Time) error {
	if strings.HasPrefix(path.Base(f.name), ".wh.") {
		return errors.New("a name that begins with .wh. would delete a file of the base")
	}
	h := &tar.Header{Name: f.name, Mode: 0o644, ModTime: at.UTC().Truncate(time.Second), Format: tar.FormatPAX}
	switch {
	case f.mode.IsDir():
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, f.name+"/", 0o755
		return tw.WriteHeader(h)
	case f.mode&fs.ModeSymlink != 0:
		target, err := f.root.Readlink(f.path)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, target, 0o777
		return tw.WriteHeader(h)
	case !f.mode.IsRegular():
		return errors.New("is no file, folder or link")
	}
	in, err := f.root.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if f.mode&0o111 != 0 {
		h.Mode = 0o755
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(tw, in)
	return err
}

// Digest is of the packed bytes.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is of the tar.
func (l *layer) DiffID() (v1.Hash, error) { return l.diff, nil }

// Size is of the packed bytes.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType is OCI's, gzip.
func (l *layer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Compressed opens the packed bytes.
func (l *layer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed opens the tar.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{zr, f}, nil
}
