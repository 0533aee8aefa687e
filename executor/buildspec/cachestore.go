package buildspec

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/pipeline"
)

// Caches are in Options.Caches, one folder for each repository and shelf:
//
//	7/shared/HASH.tgz    what is kept, and HASH.key: its key
//
// What a build reads from a cache becomes part of what it makes. So what builds of branches that anybody may push to have
// written is on a shelf of its own, and builds for a release do not read it.
const (
	shelfShared = "shared" // written by builds of development, releases, hotfixes, support lines
	shelfOpen   = "open"   // written by all others
)

// Bounds of caches.
const (
	maxCacheKey     = 512      // bytes
	maxCacheEntry   = 4 << 30  // bytes of one entry, before it is compressed
	maxCacheFiles   = 500_000  // in one entry
	maxRepoCaches   = 10 << 30 // bytes of one repository's shelf, compressed
	cacheSuffix     = ".tgz"
	cacheKeySuffix  = ".key"
	unfinishedCache = ".new-"
)

// shelves are where a build looks for a cache, in that order; it writes to the first. Empty: caches are not kept.
func (e *Executor) shelves(r executor.Request) []string {
	if e.o.Caches == "" {
		return nil
	}
	repo := filepath.Join(e.o.Caches, strconv.FormatInt(r.RepoID, 10))
	shared := filepath.Join(repo, shelfShared)
	switch r.BranchKind {
	case pipeline.KindProduction, pipeline.KindDevelopment, pipeline.KindRelease, pipeline.KindHotfix, pipeline.KindSupport:
		return []string{shared}
	}
	return []string{filepath.Join(repo, shelfOpen), shared}
}

// cacheFile is where the entry of a key is on a shelf.
func cacheFile(shelf, key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(shelf, hex.EncodeToString(sum[:])+cacheSuffix)
}

// findCache finds the entry to restore: of the key, else the newest of the first fallback key that an entry's key begins
// with. The key found is returned with it.
func findCache(shelves []string, key string, fallback []string) (file, found string) {
	for _, shelf := range shelves {
		if f := cacheFile(shelf, key); actiondir.Exists(f) {
			return f, key
		}
	}
	if key == "" {
		return "", ""
	}
	for _, prefix := range fallback {
		if prefix == "" {
			continue
		}
		for _, shelf := range shelves {
			if file, found = newestCache(shelf, prefix); file != "" {
				return file, found
			}
		}
	}
	return "", ""
}

// newestCache is the newest entry of a shelf whose key begins with a prefix.
func newestCache(shelf, prefix string) (file, key string) {
	var newest time.Time
	for _, c := range cachesOn(shelf) {
		k, err := os.ReadFile(strings.TrimSuffix(c.path, cacheSuffix) + cacheKeySuffix)
		if err == nil && strings.HasPrefix(string(k), prefix) && c.written.After(newest) {
			file, key, newest = c.path, string(k), c.written
		}
	}
	return file, key
}

// cacheEntry is an entry of a shelf.
type cacheEntry struct {
	path    string
	size    int64
	written time.Time // or read, whichever was later
}

func cachesOn(shelf string) []cacheEntry {
	entries, err := os.ReadDir(shelf)
	if err != nil {
		return nil
	}
	var out []cacheEntry
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), cacheSuffix) {
			out = append(out, cacheEntry{filepath.Join(shelf, e.Name()), info.Size(), info.ModTime()})
		}
	}
	return out
}

// putCache makes a file that was written beside it the entry of a key. An entry with a key that is there already stays.
func putCache(shelf, key, written string) error {
	file := cacheFile(shelf, key)
	if err := os.WriteFile(strings.TrimSuffix(file, cacheSuffix)+cacheKeySuffix, []byte(key), 0o600); err != nil {
		return err
	}
	if key == "" {
		return os.Rename(written, file)
	}
	err := os.Link(written, file)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(written))
}

// trimCaches removes the oldest entries of a shelf until it is small enough.
func trimCaches(shelf string, most int64) error {
	all := cachesOn(shelf)
	slices.SortFunc(all, func(a, b cacheEntry) int {
		return cmp.Or(b.written.Compare(a.written), strings.Compare(a.path, b.path))
	})
	var errs []error
	total := int64(0)
	for _, c := range all {
		if total += c.size; total > most {
			errs = append(errs, removeCache(c.path))
		}
	}
	return errors.Join(errs...)
}

func removeCache(path string) error {
	return errors.Join(os.Remove(path), os.Remove(strings.TrimSuffix(path, cacheSuffix)+cacheKeySuffix))
}

// pruneCaches removes entries that nobody has written or read since the time.
func (e *Executor) pruneCaches(ctx context.Context, before time.Time) error {
	if e.o.Caches == "" {
		return nil
	}
	shelves, err := filepath.Glob(filepath.Join(e.o.Caches, "*", "*"))
	if err != nil {
		return fmt.Errorf("caches: %w", err)
	}
	for _, shelf := range shelves {
		unfinished, _ := filepath.Glob(filepath.Join(shelf, unfinishedCache+"*")) // the pattern is right
		for _, path := range unfinished {
			if info, err := os.Stat(path); err == nil && info.ModTime().Before(before) {
				_ = os.Remove(path)
			}
		}
		for _, c := range cachesOn(shelf) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.written.Before(before) {
				if err := removeCache(c.path); err != nil {
					return fmt.Errorf("caches: %w", err)
				}
			}
		}
	}
	return nil
}
