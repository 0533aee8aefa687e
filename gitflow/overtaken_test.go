package gitflow

import "testing"

// What was shipped, or set out, since a deployment failed keeps it from being tried again, but for what goes elsewhere in an emergency.
func TestOvertaken(t *testing.T) {
	const lacks = `The candidate lacks 7777777, the commit that production runs: the deployment would take it back. Merge "master" into "release/1.4.0"; then `
	elsewhere := Promotion{Version: "web 2.0.0", Environment: "web/production", Shares: []string{"go.mod"}}
	for name, c := range map[string]struct {
		change          func(*State)
		want, emergency string
	}{
		"nothing since": {func(*State) {}, "", ""},
		"locked":        {func(s *State) { s.Environment.Locked = Hold{By: "eve"} }, "", ""}, // the deployment waits for that
		"a hotfix": {func(s *State) { s.Lacks.Runs = "7777777777777777777777777777777777777777" },
			lacks + `/version bump patch cuts the next version from "release/1.4.0".`, ""},
		"of a hotfix": {func(s *State) {
			s.Kind, s.Lacks.Runs = KindHotfix, "7777777777777777777777777777777777777777"
		}, lacks + "start a hotfix with a new id.", ""},
		"a conflict": {func(s *State) { s.Pull = Pull{Number: 10, Base: "master", Open: true, Mergeable: No} },
			`Pull request #10 conflicts with "master", so what is deployed could not be merged. Merge "master" into "release/1.4.0" and resolve the conflict there; then /version bump patch cuts the next version from "release/1.4.0".`,
			`Pull request #10 conflicts with "master", so what is deployed could not be merged. Merge "master" into "release/1.4.0" and resolve the conflict there; then /version bump patch cuts the next version from "release/1.4.0".`},
		"the same environment": {func(s *State) {
			s.Environment.Promoted = Promotion{Version: "1.3.0-hotfix-17", By: "eve", Environment: "production"}
		}, `"1.3.0-hotfix-17" is on its way to "production", sent by "eve"; say /retry again once that is over.`,
			`"1.3.0-hotfix-17" is on its way to "production", sent by "eve"; say /retry again once that is over.`},
		"another component": {func(s *State) { s.Environment.Promoted = elsewhere },
			`"web 2.0.0" is on its way to "web/production", and both change "go.mod"; say /retry again once that is over.`, ""},
	} {
		w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
		s := w.state()
		c.change(&s)
		if got := Overtaken(s).String(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		s.Emergency = true
		if got := Overtaken(s).String(); got != c.emergency {
			t.Errorf("%s, in an emergency: %s", name, got)
		}
	}
}

// In an emergency nothing waits for what goes into another environment.
func TestEmergencyPassesOtherComponents(t *testing.T) {
	for _, p := range []Promotion{
		{Version: "web 2.0.0", Environment: "web/production", Shares: []string{"go.mod"}},
		{Version: "web 2.0.0", Environment: "web/production", Runs: true, Unlisted: true},
		{Version: "1.3.0-hotfix-17", Environment: "production"},
	} {
		w := newWorld(KindRelease, "1.4.0", "release/1.4.0")
		s := w.state()
		s.Environment.Promoted = p
		for _, emergency := range []bool{false, true} {
			s.Emergency = emergency
			gate, _ := PlanPromote(s).Step("lock")
			if want := emergency && p.Environment != "production"; gate.Done != want {
				t.Errorf("%+v, in an emergency %t: passed %t, want %t", p, emergency, gate.Done, want)
			}
		}
	}
}
