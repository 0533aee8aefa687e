package store_test

import (
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/store"
)

func TestNewID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		form := regexp.MustCompile(`^[0-9a-z]{20}$`)
		seen := map[string]bool{}
		var ids []string
		for range 2000 {
			id := store.NewID()
			if !form.MatchString(id) || seen[id] {
				t.Fatalf("ID %q is not of the form or not new", id)
			}
			seen[id] = true
			ids = append(ids, id)
			time.Sleep(time.Millisecond) // of the bubble's clock
		}
		if !slices.IsSorted(ids) {
			t.Error("IDs do not sort by time")
		}
	})
}
