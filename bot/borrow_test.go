package bot

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// Who takes another candidate's place has a pull request that is open, judged at the very commit, and breaks no rule.
func TestWhoMayNotBorrow(t *testing.T) {
	broken := gitflow.Verdict{Violations: []gitflow.Violation{{Problem: "It contains development.", Remedy: "Begin anew."}}}
	for name, c := range map[string]struct {
		found  *finding
		change func(*lab, *store.Pull)
		why    string
	}{
		"it keeps the rules":    {found: &finding{}},
		"it breaks one":         {found: &finding{Verdict: broken}, why: "pull request #5 breaks a rule: It contains development."},
		"it cannot be judged":   {found: &finding{Unknown: "GitHub lists too few commits"}, why: "pull request #5 breaks a rule: GitHub lists too few commits"},
		"it is not judged":      {why: "pull request #5 is not judged at 2222222 yet"},
		"judged at another one": {found: &finding{}, change: func(_ *lab, p *store.Pull) { p.HeadSHA = cut }, why: "pull request #5 is not judged at 2222222 yet"},
		"it is closed":          {found: &finding{}, change: func(_ *lab, p *store.Pull) { p.Open = false }, why: "pull request #5 is closed"},
		"an admin lets it pass": {found: &finding{Verdict: broken}, change: func(l *lab, p *store.Pull) { l.permits(*p) }},
		"another head was let pass": {found: &finding{Verdict: broken}, why: "pull request #5 breaks a rule: It contains development.",
			change: func(l *lab, p *store.Pull) {
				other := *p
				other.HeadSHA = cut
				l.permits(other)
			}},
		"there is no pull request": {found: &finding{}, change: func(l *lab, _ *store.Pull) {
			l.write(func(tx *store.Tx) error {
				r, err := tx.Release(t.Context(), "r1")
				if err != nil {
					return err
				}
				r.Pull = 0
				return tx.SaveRelease(t.Context(), r)
			})
		}, why: "release/1.4.0 has no pull request yet"},
	} {
		t.Run(name, func(t *testing.T) {
			l, r, x := candidate(t, "")
			p := store.Pull{RepoID: 42, Number: 5, Open: true, HeadBranch: r.Branch, HeadSHA: x.SHA, BaseBranch: "master"}
			if c.found != nil {
				raw, err := json.Marshal(c.found)
				must(t, err)
				p.Verdict = raw
			}
			if c.change != nil {
				c.change(l, &p)
			}
			l.write(func(tx *store.Tx) error { return tx.SavePull(t.Context(), p) })
			var why string
			must(t, l.b.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
				why, err = l.mayNotBorrow(t.Context(), tx, x)
				return err
			}))
			if diff := cmp.Diff(c.why, why); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// permits lets a pull request pass the rules of branches, as an admin does.
func (l *lab) permits(p store.Pull) {
	l.write(func(tx *store.Tx) error {
		return tx.SavePermit(l.t.Context(), store.Permit{ID: "p1", RepoID: 42, Pull: p.Number, Name: CheckBranch, HeadSHA: p.HeadSHA, BaseBranch: p.BaseBranch, By: person(1, "boss"), At: noon})
	})
}
