package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// oneRepo is an App with one repository.
type oneRepo struct {
	*FakeApp
	gh GitHub
}

func (a oneRepo) Repo(int64, int64, string, string) GitHub { return a.gh }

// recorded is a lab with the records of a release that was approved twice, the first time of another digest.
func recorded(t *testing.T) *lab {
	t.Helper()
	l, r, x := candidate(t, "")
	l.b.App = oneRepo{l.app, l.gh}
	l.gh.Roles["reader"] = forge.RoleRead
	l.gh.Runs = []forge.CheckRun{
		{ID: 1, Name: "ci", AppID: 9, Status: "completed", Conclusion: forge.Failure}, {ID: 2, Name: "ci", AppID: 9, Status: "completed", Conclusion: forge.Success},
		{ID: 3, Name: "slow", AppID: 9, Status: "in_progress"},
	}
	l.write(func(tx *store.Tx) error {
		ctx := t.Context()
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.Status, now.CandidateDigest, now.ProductionDigest = store.ReleaseReleased, digest, digest
		for i, a := range []store.AuditEntry{
			{Action: "push.reported", Subject: "master"}, {Action: "release.start", Subject: "1.4.0"}, {Action: "freeze", Subject: "nobody's business"},
			{Action: "approve", Subject: "x1", Evidence: []byte(`{"digest":"` + digest + `"}`)}, {Action: "unpin", Subject: "staging"},
		} {
			a.RepoID, a.At, a.Actor = 42, noon, person(int64(i+1), "boss")
			if _, err := tx.Audit(ctx, a); err != nil {
				return err
			}
		}
		report, err := json.Marshal(secretReport{Unread: []unread{{Path: "dump.sql", Why: "too large", Fingerprint: "f"}}})
		if err != nil {
			return err
		}
		return errors.Join(tx.SaveRelease(ctx, now),
			tx.SaveApproval(ctx, store.Approval{ID: "a1", RepoID: 42, ReleaseID: r.ID, ExecutionID: x.ID, Environment: "production", SHA: cut,
				Digest: "sha256:old", By: person(6, "quinn"), Verdict: store.VerdictApproved, At: noon, VoidedAt: noon, VoidReason: "the head moved"}),
			tx.SaveApproval(ctx, store.Approval{ID: "a2", RepoID: 42, ReleaseID: r.ID, ExecutionID: x.ID, Environment: "production", SHA: head,
				Digest: digest, ConfigHash: "config", By: person(6, "quinn"), Verdict: store.VerdictApproved, At: noon, Via: "comment"}),
			tx.SaveDeployment(ctx, store.Deployment{ID: "d1", RepoID: 42, Environment: "production", Version: "1.4.0", Digest: digest, SHA: head,
				ReleaseID: r.ID, ExecutionID: "x2", Status: pipeline.Succeeded, StartedAt: noon}),
			tx.SaveDeployment(ctx, store.Deployment{ID: "d2", RepoID: 42, Environment: "production", Version: "1.3.0", ReleaseID: "r0", StartedAt: noon}),
			tx.SaveSecretScan(ctx, store.SecretScan{RepoID: 42, SHA: head, Base: "master", BaseSHA: cut, Done: true, Report: report}))
	})
	return l
}

func TestEvidence(t *testing.T) {
	l := recorded(t)
	e, err := l.b.Evidence(t.Context(), 42, person(2, "dev"), "1.4.0")
	must(t, err)
	var got []string
	add := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	add("%s %s %s same %v", e.Version, e.Status, short(e.Commits.Candidate), e.Image.Same)
	for _, a := range e.Approvals {
		add("%s %s %s %s %s", a.By.Login, a.Verdict, short(a.SHA), a.Digest, a.VoidReason)
	}
	for _, c := range e.Checks {
		add("%s %s %s", c.Name, c.Status, c.Conclusion)
	}
	for _, x := range e.Executions {
		add("%s %s %d actions", x.ID, x.ConfigHash, len(x.Actions))
	}
	for _, d := range e.Deployments {
		add("%s %s", d.Environment, d.Version)
	}
	for _, c := range e.Secrets {
		add("%s %v %d unread", c.Base, c.Done, len(c.Unread))
	}
	for _, a := range e.Audit.Entries {
		add("%d %s %s %v", a.Seq, a.Action, a.Subject, a.About)
	}
	add("%d-%d intact %v", e.Audit.FirstSeq, e.Audit.LastSeq, e.Audit.Intact)
	want := []string{
		"1.4.0 released 2222222 same true",
		"quinn approved 1111111 sha256:old the head moved", "quinn approved 2222222 " + digest + " ",
		"ci completed success", "slow in_progress ", "x1 " + l.cfg.ApprovalHash("release") + " 3 actions", "production 1.4.0", "master true 1 unread",
		"2 release.start 1.4.0 true", "3   false", "4 approve x1 true", "2-4 intact true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	raw, err := json.Marshal(e)
	must(t, err)
	if strings.Contains(string(raw), "nobody's business") {
		t.Error("an entry about something else is in the evidence")
	}
}

func TestEvidenceIsForDevelopers(t *testing.T) {
	l := recorded(t)
	var no *NotAllowedError
	if _, err := l.b.Evidence(t.Context(), 42, person(9, "reader"), "1.4.0"); !errors.As(err, &no) || !strings.Contains(no.Text, "role write") {
		t.Errorf("a reader: %v", err)
	}
	if _, err := l.b.Evidence(t.Context(), 42, forge.User{}, "1.4.0"); !errors.As(err, &no) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := l.b.Evidence(t.Context(), 42, person(2, "dev"), "9.9.9"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such version: %v", err)
	}
	if _, err := l.b.Evidence(t.Context(), 43, person(2, "dev"), "1.4.0"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another repository: %v", err)
	}
}

func TestEvidenceReply(t *testing.T) {
	l := recorded(t)
	q := &request{Command: Command{Name: "evidence", Args: []string{"v1.4.0"}}, done: func(*store.Tx) error { return nil }}
	reply, err := l.cmdEvidence(context.Background(), q)
	must(t, err)
	for _, want := range []string{
		"both are the same", "Approved for `production`", "no longer counts: the head moved", "1 of 2 passed, `slow` in_progress",
		"entries 2 to 4", "https://sluice.test/acme/shop/releases/1.4.0/evidence.json",
	} {
		if !strings.Contains(reply, want) {
			t.Errorf("no %q in\n%s", want, reply)
		}
	}
	var no *userError
	if _, err := l.cmdEvidence(t.Context(), &request{Command: Command{Args: []string{"9.9.9"}}}); !errors.As(err, &no) {
		t.Errorf("no such version: %v", err)
	}
	if _, err := l.cmdEvidence(t.Context(), &request{}); !errors.As(err, &no) {
		t.Errorf("production runs nothing: %v", err)
	}
}
