// Package artifact keeps what actions hand on to each other: named trees of files, stored by the SHA-256 of their bytes.
//
// An artifact is a tar.gz of regular files, folders and symbolic links that stay inside the tree, sorted by name, with
// normalised modes and times, so that equal files give the equal digest. It is written under a temporary name, synced
// and renamed, so a file with a digest as its name is whole; and it is hashed again whenever it is read, so one that
// was changed on disk is found and refused.
//
// What comes out of an archive was written by a build, that is by strangers. Unpacking happens inside an os.Root: no
// path leaves the folder, nothing but files, folders and links inside the tree is made, and size, number of entries
// and the ratio of packed to unpacked bytes are bounded.
//
// With several replicas the folder must be shared between them.
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
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pipeline"
)

// ErrChanged is in the chain of an error when the stored bytes are not those that were stored.
var ErrChanged = errors.New("the artifact was changed on disk")

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

// Store is a folder of artifacts. Open makes one. It may be used by several goroutines and processes.
type Store struct {
	dir    string
	limits Limits
}

// Open makes the folder when it is not there (mode 0700) and returns a store in it.
func Open(dir string, limits Limits) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("artifact folder: %w", err)
	}
	return &Store{dir: dir, limits: limits.withDefaults()}, nil
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
// or link is an error.
func (s *Store) Save(ctx context.Context, name string, tree *Tree, files []File, at time.Time) (pipeline.Artifact, error) {
	wrap := func(err error) error { return fmt.Errorf("save artifact %s: %w", name, err) }
	tmp, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return pipeline.Artifact{}, wrap(err)
	}
	defer os.Remove(tmp.Name()) // gone already when it was renamed
	defer tmp.Close()

	h := sha256.New()
	n := &counting{w: io.MultiWriter(tmp, h)}
	if err := pack(ctx, n, tree, files, at, s.limits); err != nil {
		return pipeline.Artifact{}, wrap(err)
	}
	if err := tmp.Sync(); err != nil {
		return pipeline.Artifact{}, wrap(err)
	}
	a := pipeline.Artifact{Name: name, Digest: "sha256:" + hex.EncodeToString(h.Sum(nil)), Size: n.n}
	a.Location, err = location(a.Digest)
	if err != nil {
		return pipeline.Artifact{}, wrap(err)
	}
	return a, s.place(tmp.Name(), a.Location)
}

// place gives a finished file its name. A file that is there has the same bytes: it is renewed all the same, in case it
// was damaged.
func (s *Store) place(tmp, loc string) error {
	path := filepath.Join(s.dir, loc)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

var digestRE = regexp.MustCompile(`\Asha256:([0-9a-f]{2})([0-9a-f]{62})\z`)

// location is where an artifact is, relative to the store's folder.
func location(digest string) (string, error) {
	m := digestRE.FindStringSubmatch(digest)
	if m == nil {
		return "", fmt.Errorf("digest %q: want sha256: and 64 hex digits", digest)
	}
	return filepath.Join("sha256", m[1], m[1]+m[2]+".tar.gz"), nil
}

// Open returns the packed bytes (tar.gz) after their digest was verified. Where they are follows from the digest alone;
// the artifact's Location is for people.
func (s *Store) Open(ctx context.Context, a pipeline.Artifact) (io.ReadCloser, error) {
	wrap := func(err error) error { return fmt.Errorf("open artifact %s: %w", a.Name, err) }
	loc, err := location(a.Digest)
	if err != nil {
		return nil, wrap(err)
	}
	f, err := os.Open(filepath.Join(s.dir, loc))
	if err != nil {
		return nil, wrap(err)
	}
	h := sha256.New()
	if _, err = io.Copy(h, &contextReader{ctx, f}); err == nil {
		err = compare(h, a.Digest)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, wrap(err)
	}
	return f, nil
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
	if err := untarGzip(ctx, f, dir, s.limits); err != nil {
		return fmt.Errorf("unpack artifact %s: %w", a.Name, err)
	}
	return nil
}

// Prune removes artifacts that keep does not name (by digest) and that were stored before the time given; it returns
// how many.
func (s *Store) Prune(ctx context.Context, keep func(digest string) bool, before time.Time) (int, error) {
	n := 0
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || !info.ModTime().Before(before)) {
			return nil
		}
		if err != nil {
			return err
		}
		hexDigits, stored := strings.CutSuffix(d.Name(), ".tar.gz")
		if stored && keep("sha256:"+hexDigits) {
			return nil
		}
		n++
		return os.Remove(path)
	})
	return n, err
}
