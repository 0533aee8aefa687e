package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// Why a stop was lifted stands in the record, beside why it was set.
func TestLiftReason(t *testing.T) {
	for _, c := range []struct {
		set, lift, action, reason string
	}{
		{"/hold the docs", "/unhold they are written", "unhold", "they are written"},
		{"/hold the docs", "/unhold", "unhold", ""},
		{"/freeze environment:production --reason the docs", "/unfreeze environment:production --reason the sale is over", "unfreeze", "the sale is over"},
		{"/lock staging --reason the docs", "/unlock staging --reason done here", "unlock", "done here"},
		{"/lock staging --reason the docs", "/unlock staging", "unlock", ""},
	} {
		t.Run(c.lift, func(t *testing.T) {
			l := newLab(t, "")
			boss := person(3, "boss")
			l.gh.Users = map[string]forge.User{"boss": boss}
			l.gh.Roles = map[string]forge.Role{"boss": forge.RoleAdmin}
			l.write(func(tx *store.Tx) error {
				return tx.SavePull(t.Context(), store.Pull{RepoID: 42, Number: 8, Open: true, HeadBranch: "feature/x", HeadSHA: "x", BaseBranch: "development", HeadRepoID: 42})
			})
			for _, text := range []string{c.set, c.lift} {
				line, wrong, _ := parseLine(text, "", false)
				if wrong != nil {
					t.Fatal(wrong)
				}
				q := &request{Command: line, by: boss, issue: 8, pull: true, via: "comment", comment: 1, done: func(*store.Tx) error { return nil }}
				if said, ok, err := l.carry(t.Context(), q); err != nil || !ok {
					t.Fatalf("%s: %q %v", text, said, err)
				}
			}
			var got []string
			l.write(func(tx *store.Tx) error {
				all, err := tx.AuditLog(t.Context(), 42, 0, 100)
				for _, a := range all {
					if a.Action == c.action {
						got = append(got, a.Reason)
					}
				}
				return err
			})
			if diff := cmp.Diff([]string{c.reason}, got); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
		})
	}
}
