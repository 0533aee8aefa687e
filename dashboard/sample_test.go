package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func sha(c string) string    { return strings.Repeat(c, 40) }
func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// fill writes two repositories of different owners: one with a release that waits for approval, a past one, a failed
// build with a hostile name and log, and a hold; the other with a secret.
func fill(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	ann := forge.User{ID: 5, Login: "ann"}
	err := s.Write(ctx, func(tx *store.Tx) error {
		for _, r := range []store.Repo{
			{ID: shopID, InstallationID: 9, Owner: "acme", Name: "shop", DefaultBranch: "master"},
			{ID: otherID, InstallationID: 10, Owner: "rival", Name: "secret-project", DefaultBranch: "main"},
		} {
			if err := tx.SaveRepo(ctx, r); err != nil {
				return err
			}
		}
		for _, x := range []store.Execution{candidate(t, ann), failed(t), succeeded(t), rivals(t)} {
			if err := tx.CreateExecution(ctx, &x); err != nil {
				return err
			}
		}
		rawReport, err := json.Marshal(map[string]any{
			"status": "Failed", "log": hostileLog,
			"hosts":       []map[string]any{{"name": "web-1", "batch": 1, "status": "Failed", "event": "ValidateService", "revision": "1.4.0", "message": hostileText}},
			"annotations": []map[string]any{{"path": "a<b>.go", "start_line": 3, "level": "failure", "message": hostileText}},
		})
		if err != nil {
			return err
		}
		if err := tx.SaveActionRun(ctx, store.ActionRun{ID: "exfailed-1-1-1", ExecutionID: "exfailed", RepoID: shopID, Report: rawReport, Final: true, StartedAt: noon}); err != nil {
			return err
		}
		for _, r := range trend() {
			if err := tx.SaveTestTotals(ctx, r); err != nil {
				return err
			}
		}
		for _, r := range []store.Release{
			{
				ID: "rel14", RepoID: shopID, Kind: "release", Version: "1.4.0", Branch: "release/1.4.0", Tag: "v1.4.0", CutSHA: sha("1"), HeadSHA: sha("a"), Pull: 12,
				Status: store.ReleaseOpen, ExecutionID: "excand", StartedBy: ann, StartedAt: noon.Add(-26 * time.Hour), CandidateImage: "registry.example/shop:1.4.0-candidate-aaaaaaa",
				CandidateDigest: digest("c"), VersionWhy: `[{"text":"Since then there is 1 commit: 1 feature.","facts":[{"name":"commit","value":"` + sha("3") + `"},{"name":"subject","value":"feat: show who \u003cb\u003epaid\u003c/b\u003e for what, and where a name that is as long as the subjects of commits are has to be broken"}]},{"text":"A Release-As trailer does not count.","warning":true,"facts":[{"name":"commit","value":"<b>c1</b>"}]}]`,
			},
			{
				ID: "rel13", RepoID: shopID, Kind: "release", Version: "1.3.0", Branch: "release/1.3.0", Tag: "v1.3.0", CutSHA: sha("2"), SHA: sha("b"), HeadSHA: sha("b"), Pull: 9,
				Status: store.ReleaseReleased, Finished: true, ExecutionID: "exold", StartedBy: ann, StartedAt: noon.Add(-30 * 24 * time.Hour), ReleasedAt: noon.Add(-29 * 24 * time.Hour),
				CandidateImage: "registry.example/shop:1.3.0-candidate-bbbbbbb", CandidateDigest: digest("d"), ProductionImage: "prod.example/shop:1.3.0", ProductionDigest: digest("d"),
			},
		} {
			if err := tx.SaveRelease(ctx, r); err != nil {
				return err
			}
		}
		for _, a := range []store.Approval{
			{
				ID: "a1", RepoID: shopID, ReleaseID: "rel13", ExecutionID: "exold", Environment: "production", SHA: sha("b"), Digest: digest("d"), By: forge.User{ID: 7, Login: "qa"},
				Verdict: store.VerdictApproved, Via: "comment", CommentID: 4, At: noon.Add(-29 * 24 * time.Hour),
			},
			{
				ID: "a2", RepoID: shopID, ReleaseID: "rel14", ExecutionID: "excand0", Environment: "production", SHA: sha("9"), Digest: digest("9"), By: forge.User{ID: 7, Login: "qa"},
				Verdict: store.VerdictApproved, Via: "button", At: noon.Add(-20 * time.Hour), VoidedAt: noon.Add(-2 * time.Hour), VoidReason: "a new commit was pushed",
			},
		} {
			if err := tx.SaveApproval(ctx, a); err != nil {
				return err
			}
		}
		for _, e := range []store.Environment{
			{RepoID: shopID, Name: "development", SHA: sha("e"), Digest: digest("e"), ExecutionID: "exok", DeployedAt: noon.Add(-50 * time.Minute)},
			{RepoID: shopID, Name: "staging", Version: "1.4.0", Digest: digest("c"), SHA: sha("a"), ExecutionID: "excand", DeployedAt: noon.Add(-2 * time.Hour)},
			{
				RepoID: shopID, Name: "production", Version: "1.3.0", Digest: digest("d"), SHA: sha("b"), ExecutionID: "exold", DeployedAt: noon.Add(-29 * 24 * time.Hour),
				Hold: "rolled back from 1.3.1: checkout <b>failed</b>", HoldBy: ann, HoldAt: noon.Add(-time.Hour),
			},
			{RepoID: otherID, Name: "production", Version: "9.9.9"},
		} {
			if err := tx.SaveEnvironment(ctx, e); err != nil {
				return err
			}
		}
		for _, x := range []store.Stop{
			{Kind: store.StopFreeze, Target: store.StopEnvironment("production"), By: ann, Reason: "the <b>sale</b>", At: noon.Add(-time.Hour), Until: noon.Add(48 * time.Hour)},
			{Kind: store.StopLock, Target: store.StopEnvironment("load-test"), By: ann, At: noon.Add(-time.Minute)},
			{Kind: store.StopLock, Target: store.StopEnvironment("staging"), By: ann, At: noon.Add(-2 * time.Hour), Until: noon},
			{Kind: store.StopFreeze, Target: store.StopBranch("development"), By: ann, Reason: "code freeze", At: noon.Add(-time.Hour)},
			{Kind: store.StopTransition, Target: store.StopStage("", "feature", "Deploy"), By: ann, Reason: "audit", At: noon.Add(-time.Minute)},
			{Kind: store.StopHold, Target: store.StopRelease("rel14"), By: ann, Reason: "one more look", At: noon.Add(-time.Minute)},
		} {
			x.RepoID = shopID
			if err := tx.SaveStop(ctx, x); err != nil {
				return err
			}
		}
		for i, e := range []store.AuditEntry{
			{Actor: ann, Action: "release.start", Subject: "1.3.0", At: noon.Add(-30 * 24 * time.Hour)},
			{Actor: ann, Action: "unpin", Subject: "staging", At: noon.Add(-28 * 24 * time.Hour)},
			{Actor: ann, Action: "release.start", Subject: "1.4.0", At: noon.Add(-26 * time.Hour)},
			{Actor: forge.User{ID: 7, Login: "qa"}, Action: "approve", Subject: "1.4.0", Reason: "looks <i>good</i>", At: noon.Add(-20 * time.Hour)},
			{Action: "approvals.void", Subject: "1.4.0", Reason: "a new commit was pushed", At: noon.Add(-2 * time.Hour)},
		} {
			e.RepoID = shopID
			if _, err := tx.Audit(ctx, e); err != nil {
				t.Fatalf("audit entry %d: %v", i, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// begin starts an execution of the default pipeline of a kind.
func begin(t *testing.T, id, kind, image string, sha string, at time.Time) pipeline.State {
	t.Helper()
	d, ok := pipeline.Default(kind, pipeline.Options{LocalExecutors: true, Buildspec: "buildspec.yml"})
	if !ok {
		t.Fatalf("no pipeline for %s", kind)
	}
	d.Variables = []pipeline.Variable{{Name: "LEVEL", Default: "info", Description: "how much is logged"}, {Name: "NOTE"}}
	given := map[string]string{"LEVEL": "debug"}
	if kind == pipeline.KindBugfix {
		given = map[string]string{"NOTE": hostileText}
	}
	in := pipeline.Input{ID: id, Definition: d, SHA: sha, ConfigHash: "hash", Image: pipeline.Image{Reference: image}, Given: given}
	s, _ := pipeline.Start(in, at)
	return s
}

func advance(t *testing.T, s pipeline.State, facts ...pipeline.Fact) pipeline.State {
	t.Helper()
	for _, f := range facts {
		next, _, err := pipeline.Advance(s, f)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

func settled(id string, at time.Time, status pipeline.Status, summary, link string) pipeline.ActionSettled {
	return pipeline.ActionSettled{At: at, ID: id, Status: status, Summary: summary, URL: link}
}

// candidate waits for an approval.
func candidate(t *testing.T, by forge.User) store.Execution {
	at, image := noon.Add(-2*time.Hour), "registry.example/shop:1.4.0-candidate-aaaaaaa"
	s := begin(t, "excand", pipeline.KindRelease, image, sha("a"), at)
	s = advance(t, s,
		settled("excand-1-1-1", at.Add(3*time.Minute), pipeline.Succeeded, "212 tests passed", "https://ci.example/run/7"),
		pipeline.ImageResolved{At: at.Add(4 * time.Minute), Reference: image, Digest: digest("c")},
		settled("excand-2-1-1", at.Add(6*time.Minute), pipeline.Succeeded, "deployed to staging", ""))
	if _, _, open := s.OpenApproval(); !open {
		t.Fatalf("the candidate does not wait for approval: %s", pipeline.Why(s, noon))
	}
	return store.Execution{
		ID: "excand", RepoID: shopID, Kind: pipeline.KindRelease, Branch: "release/1.4.0", SHA: sha("a"), ReleaseID: "rel14", Pull: 12, Status: s.Status, State: s, Version: "1.4.0",
		ConfigSHA: sha("f"), ConfigHash: "hash", Image: image, Digest: digest("c"), StartedBy: by, CreatedAt: at,
	}
}

// failed is a build of a branch with a hostile name.
func failed(t *testing.T) store.Execution {
	at := noon.Add(-40 * time.Minute)
	s := begin(t, "exfailed", pipeline.KindBugfix, "", sha("d"), at)
	s = advance(t, s, settled("exfailed-1-1-1", at.Add(90*time.Second), pipeline.Failed, hostileText, hostileURL))
	return store.Execution{
		ID: "exfailed", RepoID: shopID, Kind: pipeline.KindBugfix, Branch: hostileBranch, SHA: sha("d"), Status: s.Status, State: s, CreatedAt: at, EndedAt: s.EndedAt,
		StartedBy: forge.User{ID: 8, Login: "mallory"},
	}
}

func succeeded(t *testing.T) store.Execution {
	at := noon.Add(-time.Hour)
	s := begin(t, "exok", pipeline.KindDevelopment, "", sha("e"), at)
	s = advance(t, s, settled("exok-1-1-1", at.Add(2*time.Minute), pipeline.Succeeded, "", ""), settled("exok-2-1-1", at.Add(10*time.Minute), pipeline.Succeeded, "", ""))
	return store.Execution{ID: "exok", RepoID: shopID, Kind: pipeline.KindDevelopment, Branch: "development", SHA: sha("e"), Status: s.Status, State: s, CreatedAt: at, EndedAt: s.EndedAt}
}

// trend is how tests and coverage of the development branch went, and some of other branches that nobody asks for.
func trend() []store.TestTotals {
	var out []store.TestTotals
	for i, failed := range []int64{0, 8, 4, 2} {
		at := store.TestTotals{ActionID: fmt.Sprintf("act%d", i), RepoID: shopID, ExecutionID: "exok", Branch: "development", SHA: sha("e"), At: noon.Add(time.Duration(i-9) * time.Hour)}
		unit, cover := at, at
		unit.Name, unit.Format, unit.Tests, unit.Failed, unit.Errored, unit.Skipped, unit.Passed = "unit", "JUNITXML", 12, failed, failed/2, 0, 12-failed-failed/2
		cover.Name, cover.Format, cover.Lines, cover.Covered = "cover<b>", "CLOVERXML", 1000, 700+int64(i)
		elsewhere, rival := unit, unit
		elsewhere.ActionID, elsewhere.Branch = "else", "feature/x"
		rival.ActionID, rival.RepoID, rival.Name = "rival", otherID, "secret-tests"
		out = append(out, unit, cover, elsewhere, rival)
	}
	return out
}

// rivals is an execution of the other repository.
func rivals(t *testing.T) store.Execution {
	s := begin(t, "exrival", pipeline.KindDevelopment, "", sha("7"), noon)
	return store.Execution{ID: "exrival", RepoID: otherID, Kind: pipeline.KindDevelopment, Branch: "rivals-branch", SHA: sha("7"), Status: s.Status, State: s, CreatedAt: noon}
}
