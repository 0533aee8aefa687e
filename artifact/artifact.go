// Package artifact keeps what actions hand on to each other: named trees of files, stored by the SHA-256 of their bytes.
//
// An artifact is a tar.gz of regular files, folders and symbolic links that stay inside the tree, sorted by name, with
// normalised modes and times, so that equal files give the equal digest. It is kept in a folder or a bucket, under a name
// made of its digest, and it is hashed again whenever it is read: what is used are the very bytes that were hashed, so one
// that was changed where it is kept is found and refused.
//
// What comes out of an archive was written by a build, that is by strangers. Unpacking happens inside an os.Root: no
// path leaves the folder, nothing but files, folders and links inside the tree is made, and size, number of entries
// and the ratio of packed to unpacked bytes are bounded.
package artifact

import (
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
	"path/filepath"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/pipeline"
)

// ErrChanged is in the chain of an error when the stored bytes are not those that were stored.
var ErrChanged = errors.New("the artifact was changed where it is kept")

// ErrUnfit is in the chain of an error when files cannot be an artifact, however often it is tried: they are too large or too
// many, or not what an artifact holds.
var ErrUnfit = errors.New("this cannot be an artifact")

// unfit marks an error by ErrUnfit, and says what it says.
type unfit struct{ error }

func (unfit) Is(target error) bool { return target == ErrUnfit }

func (e unfit) Unwrap() error { return e.error }

// Limits bound what is packed and unpacked. Zero fields get the defaults.
type Limits struct {
	Bytes   int64 // unpacked, all files together. Defaults to 4 GiB
	Entries int   // files, folders and links. Defaults to 200,000
	Ratio   int64 // unpacked bytes for each packed byte, once 16 MiB are out. Defaults to 200
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 4 << 30
	}
	if l.Entries <= 0 {
		l.Entries = 200_000
	}
	if l.Ratio <= 0 {
		l.Ratio = 200
	}
	return l
}

// Store keeps artifacts. Open makes one. It may be used by several goroutines and processes.
type Store struct {
	bucket *blob.Bucket
	folder string // where the bucket is a folder of this host
	work   string
	limits Limits
	place  func(context.Context) (leave func(), err error)
}

// File is one entry of an artifact to be: a path below the root that is packed, and the name it gets.
type File struct {
	Path string // in the root, slash-separated
	Name string // in the artifact, slash-separated; empty means Path
	// Link keeps a symbolic link as one. Otherwise the file it points to is packed.
	Link bool
}

// Save packs files from a tree, under the names given, and returns the artifact. All times in it are at (1970 when it is
// zero), so the same files and time give the same digest. Symbolic links must stay inside the tree; what is no file, folder
// or link is an error. It wraps ErrUnfit where no retry helps.
func (s *Store) Save(ctx context.Context, name string, tree *Tree, files []File, at time.Time) (pipeline.Artifact, error) {
	wrap := func(err error) (pipeline.Artifact, error) {
		return pipeline.Artifact{}, fmt.Errorf("save artifact %s: %w", name, err)
	}
	tmp, err := s.unnamed()
	if err != nil {
		return wrap(err)
	}
	defer tmp.Close()

	h := sha256.New()
	n := &counting{w: io.MultiWriter(tmp, h)}
	if err := s.packInPlace(ctx, n, tree, files, at); err != nil {
		return wrap(err)
	}
	if _, err := tmp.Seek(0, io.SeekStart); err != nil {
		return wrap(err)
	}
	a := pipeline.Artifact{Name: name, Digest: "sha256:" + hex.EncodeToString(h.Sum(nil)), Size: n.n}
	if a.Location, err = location(a.Digest); err != nil {
		return wrap(err)
	}
	if err := s.upload(ctx, a.Location, tmp); err != nil {
		return wrap(err)
	}
	return a, nil
}

// packInPlace packs while it holds one of the host's places, whatever becomes of it.
func (s *Store) packInPlace(ctx context.Context, w io.Writer, tree *Tree, files []File, at time.Time) error {
	leave, err := s.place(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return pack(ctx, w, tree, files, at, s.limits)
}

// upload stores bytes under a name. What is there has the same bytes: it is renewed all the same, in case it was damaged,
// and since Prune goes by age.
func (s *Store) upload(ctx context.Context, loc string, r io.Reader) error {
	err := s.bucket.Upload(ctx, loc, &contextReader{ctx, r}, &blob.WriterOptions{ContentType: "application/gzip"})
	if err != nil || s.folder == "" {
		return err
	}
	file := filepath.Join(s.folder, filepath.FromSlash(loc))
	return errors.Join(toDisk(file), toDisk(filepath.Dir(file)))
}

// toDisk has a file or folder written to disk: who was told of an artifact must find it after a loss of power.
func toDisk(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// unnamed makes a file that is gone when it is closed.
func (s *Store) unnamed() (*os.File, error) {
	f, err := os.CreateTemp(s.work, "artifact-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

var (
	digestRE   = lazyregexp.New(`\Asha256:([0-9a-f]{2})([0-9a-f]{62})\z`)
	locationRE = lazyregexp.New(`\Asha256/[0-9a-f]{2}/([0-9a-f]{64})\.tar\.gz(\.[0-9a-f]+\.tmp)?\z`)
)

// location is the name an artifact is kept under.
func location(digest string) (string, error) {
	m := digestRE.FindStringSubmatch(digest)
	if m == nil {
		return "", fmt.Errorf("digest %q: want sha256: and 64 hex digits", digest)
	}
	return path.Join("sha256", m[1], m[1]+m[2]+".tar.gz"), nil
}

// Open returns the packed bytes (tar.gz) after their digest was verified: those bytes, whatever becomes of the stored ones.
// Where they are follows from the digest alone; the artifact's Location is for people. The error has fs.ErrNotExist in its
// chain when there are none, and ErrChanged when they are others.
func (s *Store) Open(ctx context.Context, a pipeline.Artifact) (io.ReadCloser, error) {
	f, err := s.fetch(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("open artifact %s: %w", a.Name, err)
	}
	return f, nil
}

func (s *Store) fetch(ctx context.Context, a pipeline.Artifact) (*os.File, error) {
	loc, err := location(a.Digest)
	if err != nil {
		return nil, err
	}
	r, err := s.bucket.NewReader(ctx, loc, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("%s is not kept any more, or not here; build it again: %w", a.Digest, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tmp, err := s.unnamed()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err = io.Copy(io.MultiWriter(tmp, h), &contextReader{ctx, bounded(r, a.Size)}); err == nil {
		err = compare(h, a.Digest)
	}
	if err == nil {
		_, err = tmp.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, tmp.Close())
	}
	return tmp, nil
}

// bounded reads no more than it takes to see that there is too much. A size of 0 is not known.
func bounded(r io.Reader, size int64) io.Reader {
	if size <= 0 {
		return r
	}
	return io.LimitReader(r, size+1)
}

func compare(h hash.Hash, digest string) error {
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != digest {
		return fmt.Errorf("%w: its bytes are %s, not %s", ErrChanged, got, digest)
	}
	return nil
}

// Extract verifies the artifact and unpacks it into dir, which is made when it is not there and must be empty.
func (s *Store) Extract(ctx context.Context, a pipeline.Artifact, dir string) error {
	f, err := s.Open(ctx, a)
	if err != nil {
		return err
	}
	defer f.Close()
	leave, err := s.place(ctx)
	if err != nil {
		return fmt.Errorf("unpack artifact %s: %w", a.Name, err)
	}
	defer leave()
	if err := untarGzip(ctx, f, dir, s.limits); err != nil {
		return fmt.Errorf("unpack artifact %s: %w", a.Name, err)
	}
	return nil
}
