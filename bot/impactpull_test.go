package bot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// What sluice/branch says of an open pull request rests on the rules, on secrets and on the mode, and a change of each is told.
func TestImpactOnPulls(t *testing.T) {
	const print = "0123456789abcdef0123"
	wrong := gitflow.Verdict{Violations: []gitflow.Violation{{Rule: gitflow.RuleTarget}}}
	for name, c := range map[string]struct {
		before, after string
		verdict       gitflow.Verdict
		leaks         []Leak
		base          string // that the search is about
		told, row     string
	}{
		"a secret is allowed": {"", "secrets: { allow: [" + print + "] }", gitflow.Verdict{Pass: true}, []Leak{{Fingerprint: print}}, "development",
			"1 open pull request would pass: #7.", "| #7, `feature/x` into `development` | fails: `secrets` | passes |"},
		"a secret is no longer allowed": {"secrets: { allow: [" + print + "] }", "", gitflow.Verdict{Pass: true}, []Leak{{Fingerprint: print}}, "development",
			"1 open pull request would fail: #7.", "| #7, `feature/x` into `development` | passes | fails: `secrets` |"},
		"another secret is allowed": {"", "secrets: { allow: [abcdefabcdefabcdefab] }", gitflow.Verdict{Pass: true}, []Leak{{Fingerprint: print}}, "development", "", ""},
		"secrets are only told":     {"", "secrets: { mode: warn }", gitflow.Verdict{Pass: true}, []Leak{{Fingerprint: print}}, "development", "1 open pull request would pass: #7.", ""},
		"what goes to another base": {"", "secrets: { mode: warn }", gitflow.Verdict{Pass: true}, []Leak{{Fingerprint: print}}, "master", "", ""},
		"a rule and a secret": {"", "secrets: { mode: warn }", wrong, []Leak{{Fingerprint: print}}, "development",
			"1 open pull request would fail: #7.", "| fails: `target`, `secrets` | fails: `target` |"},
		"everything is only told": {"", "mode: observe", wrong, nil, "development",
			"1 open pull request would pass: #7.", "| fails: `target` | passes, and it is told that it would fail: `target` |"},
		"it is enforced": {"mode: observe", "", wrong, nil, "development", "1 open pull request would fail: #7.", ""},
		"something else": {"", "finish: { delete_branch: false }", wrong, []Leak{{Fingerprint: print}}, "development", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "version: 1\n"+c.before+"\n")
			l.b.Secrets = wordScanner{}
			verdict, err := json.Marshal(finding{Verdict: c.verdict})
			must(t, err)
			report, err := json.Marshal(secretReport{Leaks: c.leaks})
			must(t, err)
			l.write(func(tx *store.Tx) error {
				p := store.Pull{RepoID: 42, Number: 7, Open: true, HeadBranch: "feature/x", HeadSHA: head, HeadRepoID: 42, BaseBranch: "development", Verdict: verdict}
				if err := tx.SavePull(t.Context(), p); err != nil {
					return err
				}
				return tx.SaveSecretScan(t.Context(), store.SecretScan{RepoID: 42, SHA: head, Base: c.base, BaseSHA: cut, Done: true, Report: report})
			})
			got, err := newSession(l).impact(t.Context(), impactConfig(t, c.after))
			must(t, err)
			told := ""
			if len(got.Told) > 0 {
				told = got.Told[0].String()
			}
			if text := got.markdown(); told != c.told || len(got.Told) > 1 || !strings.Contains(text, c.row) {
				t.Errorf("it is told %q, want %q\n%s", told, c.told, text)
			}
		})
	}
}
