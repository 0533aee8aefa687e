package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// One commit has one check of a name: it is as bad as the worst release there, tells all of them, the worst first, and has the
// buttons of none when there are several.
func TestTogether(t *testing.T) {
	run := func(status string, c forge.Conclusion, title string) forge.CheckRun {
		return forge.CheckRun{Name: CheckPromotion, Status: status, Conclusion: c, Title: title, Buttons: []forge.Button{{Identifier: buttonApprove}}}
	}
	waits, done, failed := run("completed", forge.ActionRequired, "1 approval"), run("completed", forge.Success, "In production"), run("completed", forge.Failure, "Broken")
	lower, higher := store.Release{Version: "1.4.0", Branch: "release/1.4.0", Pull: 7}, store.Release{Version: "1.5.0", Branch: "release/1.5.0", Pull: 8}
	for name, tc := range map[string]struct {
		releases []store.Release
		runs     []forge.CheckRun
		want     forge.CheckRun
		order    string
	}{
		"one keeps its buttons":       {[]store.Release{lower}, []forge.CheckRun{waits}, waits, ""},
		"one waits, the other ships":  {[]store.Release{lower, higher}, []forge.CheckRun{done, waits}, run("completed", forge.ActionRequired, "1.5.0: 1 approval"), "1.5.0 1.4.0"},
		"the worst decides":           {[]store.Release{lower, higher}, []forge.CheckRun{failed, waits}, run("completed", forge.Failure, "1.4.0: Broken"), "1.4.0 1.5.0"},
		"alike, in the order of both": {[]store.Release{lower, higher}, []forge.CheckRun{done, done}, run("completed", forge.Success, "1.4.0: In production"), "1.4.0 1.5.0"},
	} {
		t.Run(name, func(t *testing.T) {
			got := together(tc.releases, tc.runs)
			var order []string
			for _, line := range strings.Split(got.Summary, "\n") {
				if rest, ok := strings.CutPrefix(line, "### `"); ok {
					version, _, _ := strings.Cut(rest, "`")
					order = append(order, version)
				}
			}
			if len(tc.releases) > 1 {
				tc.want.Buttons = nil
			}
			got.Summary = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if have := strings.Join(order, " "); have != tc.order {
				t.Errorf("sections are of %q, want %q", have, tc.order)
			}
		})
	}
}

// A button that was there while one release was at the commit is not taken for another's.
func TestButtonWhereSeveralReleasesAre(t *testing.T) {
	l := newLab(t, "")
	there := strings.Repeat("c", 40)
	for i, version := range []string{"1.4.0", "1.5.0"} {
		r := store.Release{
			ID: "r" + version, RepoID: 42, Kind: "release", Version: version, Branch: "release/" + version, Pull: 7 + i,
			CutSHA: strings.Repeat("a", 40), HeadSHA: there, SHA: there, Status: store.ReleaseOpen, StartedAt: noon, UpdatedAt: noon,
		}
		l.write(func(tx *store.Tx) error {
			if err := tx.SaveRelease(t.Context(), r); err != nil {
				return err
			}
			return tx.SavePull(t.Context(), store.Pull{RepoID: 42, Number: r.Pull, HeadBranch: r.Branch, HeadSHA: there, HeadRepoID: 42, BaseBranch: "master", Open: true})
		})
	}
	must(t, l.buttonPressed(t.Context(), event.CheckAction{
		Origin: event.Origin{Sender: forge.User{ID: 5, Login: "qa"}}, CheckRunID: 1, AppID: appID, SHA: there, ExternalID: there + " sluice/promotion",
		Identifier: buttonApprove,
	}))
	var said []string
	for _, c := range l.gh.Said {
		said = append(said, c.Body)
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "2 releases are at") || !strings.Contains(text, "`/approve` on the pull request") {
		t.Errorf("said %q", text)
	}
}
