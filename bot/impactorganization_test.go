package bot

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/store"
)

// What would change in private repositories is told where they are told of, and not where everybody can read it.
func TestImpactOnPrivateRepositories(t *testing.T) {
	const silent = "1 private repositories were not looked at, since everybody can read this."
	for name, c := range map[string]struct {
		private bool // the organization's own repository
		vault   bool // the repository of that name
		told    bool
	}{
		"all of them public":           {false, false, true},
		"one private, told in public":  {false, true, false},
		"one private, told in private": {true, true, true},
		"one public, told in private":  {true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			l.gh.Private = c.private
			l.app.Others = map[string]*FakeGitHub{"cart": {}, "vault": {Private: c.vault}}
			users := []store.Repo{
				{ID: 51, InstallationID: 7, Owner: "acme", Name: "cart", DefaultBranch: "master", BaselineAt: noon},
				{ID: 52, InstallationID: 7, Owner: "acme", Name: "vault", DefaultBranch: "master", BaselineAt: noon},
			}
			l.write(func(tx *store.Tx) error {
				for _, r := range users {
					for _, branch := range []string{"master", "development"} {
						if err := tx.SaveBranch(t.Context(), store.Branch{RepoID: r.ID, Name: branch, SHA: cut}); err != nil {
							return err
						}
					}
				}
				return nil
			})
			org := &config.Organization{Name: "acme/.github", SHA: head, File: []byte("version: 1\nenvironments: { production: { approve: { count: 3 } } }\n")}
			got, err := l.organizationImpact(t.Context(), users, org)
			must(t, err)
			text := got.markdown()
			if !strings.Contains(text, "`acme/cart`: who approves") || strings.Contains(text, "vault") != c.told || strings.Contains(text, silent) == c.told {
				t.Errorf("it says\n%s", text)
			}
		})
	}
}
