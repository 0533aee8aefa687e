package gitflow

import "testing"

// The emergency path passes what only waits, and nothing that guards what is deployed.
func TestEmergency(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *State)
		passes bool
	}{
		"approvals that are missing": {func(_ *world, s *State) { s.Approvals.Given = 0 }, true},
		"nobody who may approve":     {func(_ *world, s *State) { s.Approvals = Approvals{Needed: 1} }, true},
		"an alarm":                   {func(_ *world, s *State) { s.Alarm = Alarm{Environment: "production", Name: "p99", By: "eve"} }, true},
		"a freeze":                   {func(_ *world, s *State) { s.Environment.Frozen = Hold{Reason: "Christmas"} }, true},
		"a closed window":            {func(_ *world, s *State) { s.Environment.WindowOpens = "Mon 09:00" }, true},
		"soak time":                  {func(_ *world, s *State) { s.Soak = Soak{Needed: "24h"} }, true},
		"another time":               {func(_ *world, s *State) { s.Scheduled = Schedule{At: "Sat 06:00"} }, true},
		"/promote not said":          {func(_ *world, s *State) { s.Approvals.Wanted = false }, true},
		"a candidate not tested":     {func(_ *world, s *State) { s.Candidate.Tested = false }, false},
		"a veto":                     {func(_ *world, s *State) { s.Approvals.RejectedBy = "eve" }, false},
		"a production commit lacking": {func(w *world, s *State) {
			w.commit("master", "urgent")
			*s = w.state()
		}, false},
		"an image that is not signed": {func(_ *world, s *State) {
			s.Signature = Signature{Wanted: true, Image: "r.test/shop@sha256:c", Problem: "sha256:c is not signed"}
		}, false},
		"a hold after a rollback":  {func(_ *world, s *State) { s.Environment.Held = Hold{By: "eve"} }, false},
		"a release on hold":        {func(_ *world, s *State) { s.Paused = Hold{By: "eve"} }, false},
		"an environment locked":    {func(_ *world, s *State) { s.Environment.Locked = Hold{By: "eve"} }, false},
		"a deployment under way":   {func(_ *world, s *State) { s.Environment.Promoted = Promotion{Version: "1.3.0-hotfix-17"} }, false},
		"a version that is spent":  {func(_ *world, s *State) { s.Published = "sha256:old" }, false},
		"a rule that would refuse": {func(_ *world, s *State) { s.Obstacles = []Obstacle{{Problem: "No merges.", Fatal: true}} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := approvedRelease()
			s := w.state()
			c.change(w, &s)
			if _, ready := PlanPromote(s).Next(); ready {
				t.Fatal("it keeps nobody waiting, emergency or not")
			}
			s.Emergency = true
			if _, ready := PlanPromote(s).Next(); ready != c.passes {
				t.Errorf("in an emergency it is ready: %t, want %t", ready, c.passes)
			}
		})
	}
}
