package gitflow

import "testing"

// A promotion waits for the signature that was asked for, and for none where nobody asked.
func TestUnsigned(t *testing.T) {
	const image, signed = "r.test/shop@sha256:c", "sign it by a key of environments.production.verify, then say /refresh."
	for name, c := range map[string]struct {
		signature Signature
		change    func(*State)
		blocked   string
		commands  int
	}{
		"not asked for": {},
		"signed":        {signature: Signature{Wanted: true, Image: image}},
		"not signed": {signature: Signature{Wanted: true, Image: image, Problem: "sha256:c is not signed"},
			blocked: "Only a signed image is promoted, and sha256:c is not signed; " + signed, commands: 1},
		"no image": {signature: Signature{Wanted: true},
			blocked: "Only a signed image is promoted (environments.production.verify in .github/sluice.yml), and the candidate built no image; set registries there, and push one."},
		"not tested yet": {signature: Signature{Wanted: true}, change: func(s *State) { s.Candidate.Tested = false }},
		"under way":      {signature: Signature{Wanted: true, Image: image, Problem: "sha256:c is not signed"}, change: func(s *State) { s.Candidate.OfPromoted = true }},
	} {
		s := approvedRelease().state()
		s.Signature = c.signature
		if c.change != nil {
			c.change(&s)
		}
		var found *Step
		plan := PlanPromote(s)
		for i := range plan.Steps {
			if plan.Steps[i].ID == "signature" {
				found = &plan.Steps[i]
			}
		}
		if (found != nil) != c.signature.Wanted {
			t.Errorf("%s: there is a gate: %t", name, found != nil)
			continue
		}
		if found != nil && (string(found.Blocked) != c.blocked || len(found.Commands) != c.commands || found.Done != (c.blocked == "")) {
			t.Errorf("%s: done %t, %q, %q", name, found.Done, found.Blocked, found.Commands)
		}
	}
}
