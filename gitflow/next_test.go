package gitflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNextStepOfEachSituation(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *State)
		want   string
	}{
		"approved and free":    {func(*world, *State) {}, `Next: copy the approved image to the production registry as "1.4.0".`},
		"still building":       {func(_ *world, s *State) { s.Candidate.Tested = false }, `The candidate 0000008 is not ready: "building".`},
		"tests failed":         {func(_ *world, s *State) { s.Candidate.Tested, s.Candidate.Failed = false, true }, `The candidate 0000008 did not pass its pipeline; push a fix, or say /retry.`},
		"one approval missing": {func(_ *world, s *State) { s.Approvals.Given = 0 }, `1 approval needed, by /approve.`},
		"approvals voided":     {func(_ *world, s *State) { s.Approvals.Given, s.Approvals.Void = 0, "the head moved" }, `Earlier approvals no longer hold: "the head moved"; 1 approval needed, by /approve.`},
		"an approver lost the right": {func(_ *world, s *State) {
			s.Approvals.Given, s.Approvals.Lost, s.Approvals.LostWhy = 0, "eve", "the right to approve is gone"
		}, `1 approval needed, by /approve; that of "eve" does not count (the right to approve is gone).`},
		"its image is there, and nobody approved": {func(_ *world, s *State) {
			s.Published, s.Approvals.Given = s.Candidate.Digest, 0
		}, `1 approval needed, by /approve.`},
		"its image is there, and nobody asked": {func(_ *world, s *State) {
			s.Published, s.Approvals.Wanted = s.Candidate.Digest, false
		}, `Say /promote to take "1.4.0" to production.`},
		"nobody may approve": {func(_ *world, s *State) {
			s.Approvals = Approvals{Needed: 1, Wanted: true, Setting: "environments.production.approve"}
		}, `Nobody may approve; change environments.production.approve in .github/sluice.yml.`},
		"rejected":                {func(_ *world, s *State) { s.Approvals.RejectedBy, s.Approvals.Reason = "eve", "too slow" }, `"eve" rejected it ("too slow"); push a fix, or have an approver lift it by /reject cancel.`},
		"expired":                 {func(_ *world, s *State) { s.Approvals.Given, s.Approvals.Expired = 0, true }, `The approval expired; say /retry to ask for it again.`},
		"promotion not asked for": {func(_ *world, s *State) { s.Approvals.Wanted = false }, `Say /promote to take "1.4.0" to production.`},
		"pull request closed":     {func(_ *world, s *State) { s.Pull.Open = false }, `Pull request #10 is closed, so "1.4.0" is paused; reopen it, or say /release abandon.`},
		"pull request elsewhere":  {func(_ *world, s *State) { s.Pull.Base = "development" }, `Pull request #10 goes into "development", so "1.4.0" is paused; change its base back to "master".`},
		"pull request a draft":    {func(_ *world, s *State) { s.Pull.Draft = true }, `Pull request #10 is a draft, so "1.4.0" is paused; mark it ready for review.`},
		"on hold":                 {func(_ *world, s *State) { s.Paused = Hold{By: "eve"} }, `"1.4.0" is on hold by "eve"; /unhold lifts it.`},
		"held after a rollback":   {func(_ *world, s *State) { s.Environment.Held = Hold{By: "eve", Reason: "broken"} }, `Production is held after a rollback by "eve" ("broken"); /unpin production lifts it.`},
		"an alarm stands": {func(_ *world, s *State) {
			s.Alarm = Alarm{Environment: "staging", Name: "p99", By: "eve", Reason: "above 2 s"}
		}, `The alarm "p99" stands in "staging", raised by "eve" ("above 2 s"); /alarm clear "staging" --name "p99" lifts it, and hotfixes are not kept back.`},
		"frozen": {func(_ *world, s *State) { s.Environment.Frozen = Hold{Reason: "Christmas"} }, `Production is frozen ("Christmas"); /unfreeze production lifts it.`},
		"frozen for a time": {func(_ *world, s *State) { s.Environment.Frozen = Hold{By: "eve", Reason: "sale", Until: "Fri 18:00"} },
			`Production is frozen by "eve" until Fri 18:00 ("sale"); /unfreeze production lifts it.`},
		"its branch is frozen": {func(_ *world, s *State) { s.Production.Frozen = Hold{By: "eve", Reason: "audit"} },
			`"master" is frozen by "eve" ("audit"); /unfreeze master lifts it.`},
		"outside of the window": {func(_ *world, s *State) { s.Environment.WindowOpens = "Mon 09:00" }, `Deployments to production are allowed again Mon 09:00.`},
		"locked":                {func(_ *world, s *State) { s.Environment.Locked = Hold{By: "eve"} }, `"eve" has locked "production".`},
		"another is promoted": {func(_ *world, s *State) {
			s.Environment.Promoted = Promotion{Version: "1.3.0-hotfix-17", Environment: "production"}
		},
			`"1.3.0-hotfix-17" is on its way to "production"; "1.4.0" comes after it.`},
		"somebody promoted another": {func(_ *world, s *State) {
			s.Environment.Promoted = Promotion{Version: "1.3.0-hotfix-17", By: "eve", Environment: "production"}
		}, `"1.3.0-hotfix-17" is on its way to "production", sent by "eve"; "1.4.0" comes after it.`},
		"another component's changes a file of it": {func(_ *world, s *State) {
			s.Environment.Promoted = Promotion{Version: "web 2.0.0", By: "eve", Environment: "web/production", Shares: []string{"go.mod", "go.sum"}}
		}, `"web 2.0.0" is on its way to "web/production", sent by "eve", and both change "go.mod" and "go.sum"; "1.4.0" comes after it, since a conflict between them has to show before it is deployed. It goes on by itself once "web 2.0.0" is in "master"; /cancel promotion on the pull request of "web 2.0.0" lets it go first.`},
		"another component's is not merged": {func(_ *world, s *State) {
			s.Environment.Promoted = Promotion{Version: "web 2.0.0", By: "eve", Environment: "web/production", Runs: true, Shares: []string{"a", "b", "c", "d", "e"}}
		}, `"web 2.0.0" runs in "web/production" and is not in "master" yet, and both change "a", "b" and "c" and 2 more files; "1.4.0" comes after it, since a conflict between them has to show before it is deployed. It goes on by itself once "web 2.0.0" is in "master"; the pull request of "web 2.0.0" says what that waits for.`},
		"another component's may change a file of it": {func(_ *world, s *State) {
			s.Environment.Promoted = Promotion{Version: "web 2.0.0", Environment: "web/production", Unlisted: true}
		}, `"web 2.0.0" is on its way to "web/production", and GitHub does not list all the files that either of them changes; "1.4.0" comes after it, since a conflict between them has to show before it is deployed. It goes on by itself once "web 2.0.0" is in "master"; /cancel promotion on the pull request of "web 2.0.0" lets it go first.`},
		"locked for a time": {func(_ *world, s *State) { s.Environment.Locked = Hold{By: "eve", Reason: "load test", Until: "14:00"} },
			`"eve" has locked "production" until 14:00 ("load test").`},
		"not asked for before its time": {func(_ *world, s *State) { s.Scheduled = Schedule{By: "rita", At: "Sat 06:00 UTC"} },
			`"rita" has scheduled the promotion of "1.4.0" for Sat 06:00 UTC.`},
		"its time was cancelled": {func(_ *world, s *State) { s.Scheduled = Schedule{Cancelled: "by " + Name("rita")} },
			`The promotion was cancelled: by "rita"; say /promote, or /promote --at with another time.`},
		"it has not run long enough": {func(_ *world, s *State) {
			s.Soak = Soak{Environment: "staging", Needed: "24h", Done: "3h", Ends: "Sun 09:00 UTC"}
		}, `"1.4.0" has run in "staging" for 3h of 24h; it is enough Sun 09:00 UTC.`},
		"it does not run there": {func(_ *world, s *State) { s.Soak = Soak{Environment: "staging", Needed: "24h"} },
			`"1.4.0" must run in "staging" for 24h first, and does not run there now.`},
		"it runs nowhere before": {func(_ *world, s *State) { s.Soak = Soak{Needed: "24h"} },
			`"1.4.0" must run for 24h before production, and its pipeline deploys to no environment before; change environments.production.soak in .github/sluice.yml.`},
		"image tag spent":         {func(_ *world, s *State) { s.Published = "sha256:old" }, `Version "1.4.0" is spent: the production registry has it as sha256:old, and the candidate is sha256:cafe; say /version bump patch to cut the next version from "release/1.4.0".`},
		"git tag spent":           {func(_ *world, s *State) { s.TagSHA = strings.Repeat("9", 40) }, `Version "1.4.0" is spent: the git tag "v1.4.0" is at 9999999, and the candidate is 0000008; say /version bump patch to cut the next version from "release/1.4.0".`},
		"a lower release is open": {func(_ *world, s *State) { s.Releases = []Line{{Branch: "release/1.3.1", SHA: "x"}} }, `"release/1.3.1" is open and lower than "1.4.0"; promote or abandon it first.`},
		"an obstacle": {func(_ *world, s *State) {
			s.Obstacles = []Obstacle{{Problem: "Checks run.", Remedy: "Wait.", Later: true}, {Problem: "No merges.", Remedy: "Allow them.", Fatal: true}}
		}, `No merges. Allow them.`},
		"lacks a hotfix": {func(w *world, s *State) {
			w.commit("master", "urgent")
			*s = w.state()
		}, `The candidate lacks production commit 0000010. Merge "master" into "release/1.4.0", or say /backmerge.`},
		"copied, deploying": {func(w *world, s *State) {
			w.registry["1.4.0"] = w.digest
			w.env.Deploying = "1.4.0"
			*s = w.state()
		}, `"1.4.0" is being deployed to production.`},
		"deployment failed": {func(w *world, s *State) {
			w.registry["1.4.0"] = w.digest
			w.env.DeployFailed = true
			*s = w.state()
		}, `The production deployment of "1.4.0" failed; say /retry to deploy the same image again, or /rollback.`},
		"deployed": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			*s = w.state()
		}, `Next: tag "v1.4.0" at 0000008.`},
		"finished": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			w.walk(PlanFinish, never)
			*s = w.state()
		}, `"1.4.0" is released.`},
		"rolled back": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			*s = w.state()
			s.Environment.History[0].Bad = true
		}, `"1.4.0" was rolled back; the next version takes its place.`},
		"another tag stands in the way": {func(w *world, s *State) {
			w.walk(PlanPromote, never)
			w.tags["v1.4.0"] = strings.Repeat("9", 40)
			*s = w.state()
		}, `The git tag "v1.4.0" is at 9999999999999999999999999999999999999999 already, and the approved commit is 0000008000000000000000000000000000000000; tags are never moved: delete it if it is wrong, or use another version.`},
		"a hotfix without a commit": {func(w *world, s *State) {
			h := newWorld(KindHotfix, "1.3.0-hotfix-17", "hotfix/17")
			h.cut("hotfix/17", "master")
			*s = h.state()
			s.Candidate.Tested = true
		}, `Push a commit to "hotfix/17"; its pull request is opened then.`},
	} {
		t.Run(name, func(t *testing.T) {
			w := approvedRelease()
			s := w.state()
			c.change(w, &s)
			if diff := cmp.Diff(c.want, NextStep(s)); diff != "" {
				t.Errorf("next step (-want +got):\n%s", diff)
			}
		})
	}
}
