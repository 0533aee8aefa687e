package buildspec

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sluicehq/sluice/artifact"
	"github.com/sluicehq/sluice/executor/actiondir"
	"github.com/sluicehq/sluice/executor/supervise"
)

// cachePlan is what the supervisor is told of caches.
type cachePlan struct {
	Shelves []string        `json:"shelves,omitempty"` // see Executor.shelves
	Owner   *supervise.User `json:"owner,omitempty"`   // of what is restored
}

// hashFiles is codebuild-hash-files of CodeBuild's images: one hash over what is in the files that patterns match.
const hashFiles = `#!/bin/sh
for pattern; do
case $pattern in
'**/'*) find . -path ./.git -prune -o -type f -name "${pattern#'**/'}" -print ;;
*) for file in $pattern; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done ;;
esac
done | LC_ALL=C sort -u | while IFS= read -r file; do cat -- "$file"; done | sha256sum | cut -c 1-64
`

// caches is a build's cache: restored before it, saved after it.
type caches struct {
	key      string
	patterns []cachePattern
	hit      bool // the entry of the key itself was restored
}

// restore evaluates the cache's keys and unpacks the entry that fits best. Nothing that goes wrong with a cache fails a
// build: it only takes longer.
func (b *build) restore(ctx context.Context) error {
	c := b.plan.Spec.Cache
	if c == nil {
		return nil
	}
	if len(b.plan.Cache.Shelves) == 0 {
		b.s.Logf("Cache: nothing is kept between builds on this host")
		return nil
	}
	keys, err := b.cacheKeys(ctx, c)
	if err != nil {
		return err
	}
	if keys == nil {
		return nil
	}
	b.cache = &caches{key: keys[0]}
	if !c.Restore {
		return nil
	}
	file, found := findCache(b.plan.Cache.Shelves, keys[0], keys[1:])
	if file == "" {
		b.s.Logf("Cache: there is none yet%s", ofKey(keys[0]))
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		b.s.Logf("Cache: %v", err)
		return nil
	}
	defer f.Close()
	n, err := restoreCache(f, b.cached(), b.plan.Cache.Owner)
	if err != nil {
		b.s.Logf("Cache: %d files restored%s, then: %v", n, ofKey(found), err)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // it is in use; a failure makes it go sooner
	b.cache.hit = found == keys[0] && found != ""
	b.s.Logf("Cache: %d files restored%s", n, ofKey(found))
	return nil
}

func ofKey(key string) string {
	if key == "" {
		return ""
	}
	return " of key " + key
}

// cached are the folders that caches are of.
func (b *build) cached() cachedFolders {
	return cachedFolders{trees: map[string]*artifact.Tree{inSource: b.src, inHome: b.home}, secret: b.isCredentials}
}

// cacheKeys evaluates key and fallback keys in the build's shell; nil when the key cannot be used.
func (b *build) cacheKeys(ctx context.Context, c *CacheSpec) ([]string, error) {
	keys := append([]string{c.Key}, c.Fallback...)
	if c.Key == "" {
		return []string{""}, nil
	}
	if err := b.state.MkdirAll("bin", 0o755); err != nil {
		return nil, err
	}
	if err := b.state.WriteFile("bin/codebuild-hash-files", []byte(hashFiles), 0o755); err != nil {
		return nil, err
	}
	var script strings.Builder
	fmt.Fprintf(&script, "PATH=%s:$PATH\n", quote(b.plan.path(stateFolder, "bin")))
	for i, key := range keys {
		end := "sluice" + rand.Text()
		fmt.Fprintf(&script, "/bin/cat >| %s <<%s\n%s\n%s\n", quote(b.plan.path(outFolder, fmt.Sprintf("key-%d", i))), end, key, end)
	}
	file, err := b.sh.file("keys.sh", script.String())
	if err != nil {
		return nil, err
	}
	if _, err := b.sh.run(ctx, "/bin/sh "+quote(file)); err != nil {
		return nil, err
	}
	for i := range keys {
		text, _ := b.takeBack(fmt.Sprintf("key-%d", i))
		keys[i] = b.s.Mask(strings.TrimSpace(text))
	}
	if keys[0] == "" || len(keys[0]) > maxCacheKey {
		b.s.Logf("Cache: the key is empty or longer than %d bytes, so no cache is used", maxCacheKey)
		return nil, nil
	}
	return keys, nil
}

// save keeps the paths of the cache when the build succeeded: what a failed build leaves may be half of it, and an entry
// with a key stays as it is for ever.
func (b *build) save(ctx context.Context) {
	c := b.plan.Spec.Cache
	if b.cache == nil || !c.Save || b.result.failed() != nil {
		return
	}
	shelf := b.plan.Cache.Shelves[0]
	if b.cache.hit || b.cache.key != "" && actiondir.Exists(cacheFile(shelf, b.cache.key)) {
		b.s.Logf("Cache: kept as it is%s", ofKey(b.cache.key))
		return
	}
	n, err := b.saveTo(ctx, shelf)
	if err != nil {
		b.s.Logf("Cache: not saved: %v", err)
		return
	}
	if n == 0 {
		b.s.Logf("Cache: cache.paths match no file, so nothing is saved")
		return
	}
	b.s.Logf("Cache: %d files saved%s", n, ofKey(b.cache.key))
}

func (b *build) saveTo(ctx context.Context, shelf string) (files int, err error) {
	for _, p := range b.plan.Spec.Cache.Paths {
		pattern, err := b.cachePattern(p.Text)
		if err != nil {
			return 0, err
		}
		b.cache.patterns = append(b.cache.patterns, pattern)
	}
	if err := os.MkdirAll(shelf, 0o700); err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(shelf, unfinishedCache+"*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	files, err = saveCache(ctx, f, b.cached(), b.cache.patterns)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil || files == 0 {
		return files, err
	}
	if err := putCache(shelf, b.cache.key, f.Name()); err != nil {
		return files, err
	}
	return files, trimCaches(shelf, maxRepoCaches)
}

// cachePattern tells in which folder a path of the cache is.
func (b *build) cachePattern(text string) (cachePattern, error) {
	if rest, home := strings.CutPrefix(text, "$HOME/"); home {
		glob, err := expand(rest, b.result.Values, b.plan.path(homeFolder))
		return cachePattern{inHome, glob}, err
	}
	glob, err := expand(text, b.result.Values, b.plan.path(srcFolder))
	return cachePattern{inSource, glob}, err
}
