package gitflow

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAbandon(t *testing.T) {
	w := approvedRelease()
	w.cut("fix/9", "release/1.4.0")
	w.commit("fix/9", "repair")
	child := w.open("fix/9", "release/1.4.0")
	p := w.walk(PlanAbandon, never)
	if !p.Done() || w.heads["release/1.4.0"] != "" || w.pulls[0].Open || child.Base != "development" || !child.Open {
		t.Errorf("abandoned: %s %+v", p, w.pulls)
	}
	for name, change := range map[string]func(*State){
		"deployed":  func(s *State) { s.Environment.Runs = Deployed{Version: "1.4.0"} },
		"deploying": func(s *State) { s.Environment.Deploying = "1.4.0" },
		"merged":    func(s *State) { s.TagSHA, s.Production.HasCandidate = s.Candidate.SHA, true },
	} {
		s := approvedRelease().state()
		change(&s)
		if p := PlanAbandon(s); p.Refused == "" {
			t.Errorf("%s: abandoned all the same:\n%s", name, p)
		}
	}
	s := approvedRelease().state()
	s.Pull = Pull{}
	if step, _ := PlanAbandon(s).Step("delete:release/1.4.0"); step.Blocked == "" {
		t.Error("commits that nothing else keeps would be lost")
	}
}

func TestRollback(t *testing.T) {
	history := []Deployed{
		{Version: "1.4.0", SHA: "d", Digest: "sha256:4", Succeeded: true},
		{Version: "1.3.2", SHA: "c", Digest: "sha256:32", Succeeded: false},
		{Version: "1.3.1", SHA: "b", Digest: "sha256:31", Succeeded: true, Bad: true},
		{Version: "1.3.0", SHA: "a", Digest: "sha256:30", Succeeded: true},
		{Version: "1.2.0", SHA: "9", Digest: "sha256:20", Succeeded: true, Missing: true},
	}
	for name, c := range map[string]struct {
		to, reason, irreversible string
		want, refused            string
	}{
		"the last good version":  {"", "broken", "", "1.3.0", ""},
		"a named version":        {"1.3.0", "broken", "", "1.3.0", ""},
		"without a reason":       {"", "", "", "", `Say why, with --reason: it goes into the record of the release.`},
		"an unknown version":     {"9.9.9", "broken", "", "", `"9.9.9" was never deployed to "production". Versions to go back to: "1.3.0".`},
		"a bad version":          {"1.3.1", "broken", "", "", `"1.3.1" was rolled back itself. Versions to go back to: "1.3.0".`},
		"a failed version":       {"1.3.2", "broken", "", "", `"1.3.2" was never deployed to "production" with success. Versions to go back to: "1.3.0".`},
		"a missing image":        {"1.2.0", "broken", "", "", `The image of "1.2.0" is no longer in the registry. Versions to go back to: "1.3.0".`},
		"to itself":              {"1.4.0", "broken", "", "", `"1.4.0" is what is rolled back from. Versions to go back to: "1.3.0".`},
		"an irreversible change": {"", "broken", "a migration dropped a column", "", `"1.4.0" cannot be rolled back: "a migration dropped a column".`},
	} {
		t.Run(name, func(t *testing.T) {
			h := slices.Clone(history)
			h[0].Irreversible = c.irreversible
			s := State{Environment: Environment{Name: "production", Runs: h[0], History: h}, Rollback: RollbackFacts{To: c.to, Reason: c.reason, From: "1.4.0"}}
			p := PlanRollback(s)
			deploy, _ := p.Step("deploy")
			if p.Refused.String() != c.refused || deploy.Version != c.want {
				t.Errorf("to %q, refused %q; want %q, %q", deploy.Version, p.Refused, c.want, c.refused)
			}
		})
	}
}

func TestRollbackHoldsFirst(t *testing.T) {
	w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
	w.env.Runs = Deployed{Version: "1.4.0", Digest: "sha256:4"}
	w.env.History = []Deployed{{Version: "1.4.0", Digest: "sha256:4", Succeeded: true}, {Version: "1.3.0", Digest: "sha256:3", SHA: "a", Succeeded: true}}
	plan := func(s State) Plan {
		s.Rollback = RollbackFacts{Reason: "broken", From: "1.4.0", Bad: w.bad["1.4.0"]}
		return PlanRollback(s)
	}
	p := w.walk(plan, never)
	want := []string{"hold", "mark-bad 1.4.0", "deploy 1.3.0"}
	if diff := cmp.Diff(want, w.effects); diff != "" || !p.Done() {
		t.Errorf("effects (-want +got):\n%s%s", diff, p)
	}
}
