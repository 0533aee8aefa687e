package event_test

import (
	"testing"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

func TestLane(t *testing.T) {
	for name, tc := range map[string]struct {
		delivery event.Delivery
		want     string
	}{
		"of a repository":      {event.Delivery{RepoID: 42, InstallationID: 7}, "repo:42"},
		"of an installation":   {event.Delivery{InstallationID: 7}, "installation:7"},
		"of the App":           {event.Delivery{}, "app"},
		"of a repository only": {event.Delivery{RepoID: 42}, "repo:42"},
	} {
		if got := tc.delivery.Lane(); got != tc.want {
			t.Errorf("lane %s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestFork(t *testing.T) {
	ours := event.Origin{Repo: forge.Repo{ID: 42}}
	for name, tc := range map[string]struct {
		head int64
		want bool
	}{
		"a branch of the repository":     {42, false},
		"a branch of another repository": {43, true},
		"a repository that is gone":      {0, true},
	} {
		if got := (event.PullRequest{Origin: ours, HeadRepoID: tc.head}).Fork(); got != tc.want {
			t.Errorf("%s: fork is %t", name, got)
		}
	}
}
