package artifact

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sluicehq/sluice/pipeline"
)

// Packing and unpacking take a place of the host each, and give it back also where they fail; without one nothing is kept.
func TestPlaces(t *testing.T) {
	var taken, left int
	var none error
	s, err := Open(t.Context(), Options{URL: filepath.Join(t.TempDir(), "artifacts"), Work: t.TempDir(), Place: func(context.Context) (func(), error) {
		if none != nil {
			return nil, none
		}
		taken++
		return func() { left++ }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tree, err := OpenTree(write(t, map[string]string{"a": "1"}))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	count := func(after string, want int) {
		t.Helper()
		if taken != want || left != want {
			t.Errorf("after %s: %d places taken and %d left, want %d", after, taken, left, want)
		}
	}
	a, err := s.Save(t.Context(), "app", tree, []File{{Path: "a"}}, commit)
	if err != nil {
		t.Fatal(err)
	}
	count("packing", 1)
	if err := s.Extract(t.Context(), a, filepath.Join(t.TempDir(), "to")); err != nil {
		t.Fatal(err)
	}
	count("unpacking", 2)
	if _, err := s.Save(t.Context(), "app", tree, []File{{Path: "b"}}, commit); err == nil {
		t.Error("a file that is not there was packed")
	}
	count("packing in vain", 3)
	gone := pipeline.Artifact{Name: "gone", Digest: "sha256:" + "00000000000000000000000000000000000000000000000000000000000000ff"}
	if err := s.Extract(t.Context(), gone, filepath.Join(t.TempDir(), "to")); err == nil {
		t.Error("an artifact that is not there was unpacked")
	}
	count("fetching in vain", 3)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("packing without a tree did not panic")
			}
		}()
		_, _ = s.Save(t.Context(), "app", nil, []File{{Path: "a"}}, commit)
	}()
	count("a panic", 4)
	none = context.Canceled
	if _, err := s.Save(t.Context(), "other", tree, []File{{Path: "a", Name: "other"}}, commit); !errors.Is(err, none) {
		t.Errorf("without a place: %v", err)
	}
	if err := s.Extract(t.Context(), a, filepath.Join(t.TempDir(), "to")); !errors.Is(err, none) {
		t.Errorf("without a place: %v", err)
	}
}
