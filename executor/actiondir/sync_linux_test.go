package actiondir_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sluicehq/sluice/executor/actiondir"
)

// dirty is how many pages of a file the kernel has not written to disk yet.
func dirty(t *testing.T, path string) uint64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all unix.CachestatRange
	var stat unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &all, &stat, 0); err != nil {
		t.Skipf("the kernel does not tell what is on disk: %v", err)
	}
	return stat.Dirty + stat.Writeback
}

// What has its name is on disk; the test looks at what the kernel still holds back.
func TestPlaceWaitsForTheDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "alone"))
	if dirty(t, filepath.Join(dir, "alone")) == 0 {
		t.Skip("the kernel writes at once")
	}
	if err := actiondir.SyncOne(filepath.Join(dir, "alone")); err != nil {
		t.Fatal(err)
	}
	if dirty(t, filepath.Join(dir, "alone")) != 0 {
		t.Skip("the file system has no disk")
	}
	write(filepath.Join(dir, "new", "a", "b", "deep"))
	write(filepath.Join(dir, "new", "top"))
	if err := os.Symlink("nowhere", filepath.Join(dir, "new", "link")); err != nil {
		t.Fatal(err)
	}
	if err := actiondir.Place(t.Context(), filepath.Join(dir, "new"), filepath.Join(dir, "named")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/deep", "top"} {
		if n := dirty(t, filepath.Join(dir, "named", name)); n != 0 {
			t.Errorf("%d pages of %s are not on disk", n, name)
		}
	}
}
