package bot

import (
	"testing"
	"time"

	"github.com/sluicehq/sluice/store"
)

// What only a person mends is looked at less and less often: the same answer of GitHub does not set the pace anew.
func TestABlockedReleaseIsLookedAtLessOften(t *testing.T) {
	l := newLab(t, "")
	l.write(func(tx *store.Tx) error {
		return tx.SaveRelease(t.Context(), store.Release{ID: "r1", RepoID: 42, Kind: "release", Version: "1.4.0", Branch: "release/1.4.0", Status: store.ReleaseReleased})
	})
	since := func(problem string) time.Time {
		t.Helper()
		must(t, l.blocked(t.Context(), "r1", &userError{problem}))
		r, err := l.release(t.Context(), "r1")
		must(t, err)
		if r.Problem != problem {
			t.Errorf("the release says %q, want %q", r.Problem, problem)
		}
		return r.UpdatedAt
	}
	first := since("it is refused")
	l.now = l.now.Add(8 * time.Minute)
	if again := since("it is refused"); !again.Equal(first) {
		t.Errorf("the same answer counts from %v, want %v", again, first)
	}
	if other := since("it is refused otherwise"); !other.Equal(l.now) {
		t.Errorf("another answer counts from %v, want %v", other, l.now)
	}
}
