package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// scopes saves records of two repositories in no particular order and looks at what each list returns.
func scopes(t *testing.T, s suite) {
	start := s.clock.now
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	s.write(t, func(ctx context.Context, tx *store.Tx) error {
		var errs []error
		for _, r := range []store.Repo{
			{ID: 1, Owner: "Acme", Name: "shop", UpdatedAt: at(1)},
			{ID: 3, Owner: "acme", Name: "Shop", UpdatedAt: at(3), Gone: "removed from the installation"},
			{ID: 2, Owner: "acme", Name: "api"},
		} {
			errs = append(errs, tx.SaveRepo(ctx, r))
		}
		for _, repo := range []int64{2, 1} {
			id := func(name string) string { return string(rune('0'+repo)) + name }
			for _, name := range []string{"release/1.0.0", "master", "release-x", "Zebra"} {
				errs = append(errs, tx.SaveBranch(ctx, store.Branch{RepoID: repo, Name: name, SHA: "s"}))
			}
			errs = append(errs, tx.DeleteBranch(ctx, repo, "master"), tx.DeleteBranch(ctx, repo, "never there"))
			for _, n := range []int{12, 2, 7} {
				errs = append(errs, tx.SavePull(ctx, store.Pull{RepoID: repo, Number: n, Open: n != 7, HeadSHA: map[int]string{12: "h", 2: "other", 7: "h"}[n]}))
			}
			for n, p := range []store.Permit{{ID: "p2", BaseBranch: "master"}, {ID: "p1", BaseBranch: "master", EndedAt: at(1)}, {ID: "p3"}} {
				p.RepoID, p.ID, p.Pull, p.At = repo, id(p.ID), 2, at(n)
				errs = append(errs, tx.SavePermit(ctx, p))
			}
			for _, sha := range []string{"s2", "s1", "s1"} {
				errs = append(errs, tx.AddPush(ctx, store.Push{RepoID: repo, Branch: "release/1.0.0", SHA: sha, At: at(map[string]int{"s1": 1, "s2": 2}[sha])}))
			}
			for _, r := range []store.Release{
				{ID: id("b"), Version: "1.1.0", Branch: "release/1.1.0", Status: store.ReleaseOpen, Pull: 5, StartedAt: at(2)},
				{ID: id("a"), Version: "1.0.0", Branch: "release/1.0.0", Status: store.ReleaseReleased, Finished: true, Pull: 4, StartedAt: at(1)},
				{ID: id("d"), Version: "1.1.0", Branch: "release/1.1.0", Status: store.ReleaseAbandoned, Pull: 5, StartedAt: at(0)},
				{ID: id("c"), Version: "1.0.1", Branch: "hotfix/1", Status: store.ReleaseReleased, StartedAt: at(3)},
				{ID: id("e"), Version: "1.2.0", Branch: "release/1.2.0", Status: store.ReleaseRolledBack, StartedAt: at(4)},
				{ID: id("f"), Version: "1.3.0", Branch: "release/1.3.0", Status: store.ReleaseFailed, StartedAt: at(5)},
				{ID: id("g"), Version: "1.4.0", Branch: "release/1.4.0", Status: store.ReleasePromoting, StartedAt: at(6)},
			} {
				r.RepoID = repo
				errs = append(errs, tx.SaveRelease(ctx, r))
			}
			for n, e := range []store.Execution{
				{ID: id("x3"), Kind: "release", Branch: "release/1.1.0", SHA: "h", ReleaseID: id("b"), CreatedAt: at(3)},
				{ID: id("x1"), Kind: "release", Branch: "release/1.1.0", SHA: "g", ReleaseID: id("b"), CreatedAt: at(1), EndedAt: at(2)},
				{ID: id("x2"), Kind: "release", Branch: "release/1.0.0", SHA: "h", ReleaseID: id("a"), CreatedAt: at(2)},
				{ID: id("x4"), Kind: "feature", Branch: "release/1.1.0", SHA: "h", CreatedAt: at(4), EndedAt: at(5)},
			} {
				e.RepoID, e.Status = repo, pipeline.Status("InProgress")
				errs = append(errs, tx.CreateExecution(ctx, &e),
					tx.SaveActionRun(ctx, store.ActionRun{ID: e.ID + "-0-0-1", ExecutionID: id("x1"), RepoID: repo, Final: n == 0, Intended: n == 1, StartedAt: e.CreatedAt}),
					tx.SaveDeployment(ctx, store.Deployment{ID: e.ID, RepoID: repo, Environment: map[bool]string{true: "staging", false: "production"}[n < 3],
						Status: map[bool]pipeline.Status{true: pipeline.Succeeded, false: pipeline.Failed}[e.ID != id("x3")], StartedAt: e.CreatedAt}),
					tx.SaveApproval(ctx, store.Approval{ID: e.ID, RepoID: repo, ExecutionID: id("x1"), ReleaseID: e.ReleaseID, At: e.CreatedAt}))
			}
			for _, name := range []string{"staging", "development"} {
				errs = append(errs, tx.SaveEnvironment(ctx, store.Environment{RepoID: repo, Name: name}))
			}
			for n, name := range []string{"sluice/pipeline", "sluice/branch"} {
				errs = append(errs, tx.SaveCheck(ctx, store.Check{RepoID: repo, SHA: "h", Name: name, UpdatedAt: at(n)}),
					tx.SaveCheck(ctx, store.Check{RepoID: repo, SHA: "g", Name: name, UpdatedAt: at(n + 5)}))
			}
			for n, base := range []string{"master", "development"} {
				errs = append(errs, tx.SaveSecretScan(ctx, store.SecretScan{RepoID: repo, SHA: "h", Base: base, UpdatedAt: at(n)}),
					tx.SaveSecretScan(ctx, store.SecretScan{RepoID: repo, SHA: "g", Base: base, Done: base == "master", UpdatedAt: at(n)}))
			}
			for n, key := range []string{"k2", "k1", "k0"} {
				errs = append(errs, tx.SaveSignature(ctx, store.Signature{RepoID: repo, Digest: "d", KeyID: key, VerifiedAt: at(n / 2)}),
					tx.SaveSignature(ctx, store.Signature{RepoID: repo, Digest: "e", KeyID: key, VerifiedAt: at(n)}))
			}
			for n, kind := range []string{"tag.create", "merge", "tag_create", "TAG.create"} {
				s.clock.now = at(n)
				_, err := tx.Intend(ctx, store.Effect{Key: id(kind), RepoID: repo, Kind: kind})
				errs = append(errs, err)
			}
		}
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.read(t, func(ctx context.Context, tx *store.Tx) error {
		for _, list := range []struct {
			name string
			want []any
			got  func() ([]any, error)
		}{
			{"Repos", []any{"api", "shop", "Shop"}, pick(func(r store.Repo) any { return r.Name })(tx.Repos(ctx))},
			{"Branches", []any{"Zebra", "release-x", "release/1.0.0"}, pick(func(b store.Branch) any { return b.Name })(tx.Branches(ctx, 1))},
			{"OpenPulls", []any{2, 12}, pick(func(p store.Pull) any { return p.Number })(tx.OpenPulls(ctx, 1))},
			{"PullsAt", []any{7, 12}, pick(func(p store.Pull) any { return p.Number })(tx.PullsAt(ctx, 1, "h"))},
			{"Pushes", []any{"s1", "s2"}, pick(func(p store.Push) any { return p.SHA })(tx.Pushes(ctx, 1, "release/1.0.0"))},
			{"Releases", []any{"1d", "1a", "1b", "1c", "1e", "1f", "1g"}, pick(func(r store.Release) any { return r.ID })(tx.Releases(ctx, 1))},
			{"UnfinishedReleases", []any{"1d", "1b", "1c", "1e", "1f", "1g"}, pick(func(r store.Release) any { return r.ID })(tx.UnfinishedReleases(ctx, 1))},
			{"LiveReleases", []any{"1b", "1f", "1g"}, pick(func(r store.Release) any { return r.ID })(tx.LiveReleases(ctx, 1))},
			{"ExecutionsAt", []any{"1x2", "1x3", "1x4"}, pick(func(e store.Execution) any { return e.ID })(tx.ExecutionsAt(ctx, 1, "h"))},
			{"ActiveExecutions", []any{"1x2", "1x3"}, pick(func(e store.Execution) any { return e.ID })(tx.ActiveExecutions(ctx, 1))},
			{"ApprovalsOpen", nil, pick(func(e store.Execution) any { return e.ID })(tx.ApprovalsOpen(ctx, 1))},
			{"ExecutionsFor branch", []any{"1x3", "1x1"}, pick(func(e store.Execution) any { return e.ID })(tx.ExecutionsFor(ctx, 1, "release", "release/1.1.0", 9))},
			{"ExecutionsFor kind", []any{"1x3", "1x2"}, pick(func(e store.Execution) any { return e.ID })(tx.ExecutionsFor(ctx, 1, "release", "", 2))},
			{"ExecutionsByRelease", []any{"1x1", "1x3"}, pick(func(e store.Execution) any { return e.ID })(tx.ExecutionsByRelease(ctx, "1b"))},
			{"RecentExecutions", []any{"2x4", "1x4", "2x3"}, pick(func(e store.Execution) any { return e.ID })(tx.RecentExecutions(ctx, 3))},
			{"ActionRuns", []any{"1x1-0-0-1", "1x2-0-0-1", "1x3-0-0-1", "1x4-0-0-1"}, pick(func(r store.ActionRun) any { return r.ID })(tx.ActionRuns(ctx, "1x1"))},
			{"ActionRunsAt", []any{"1x1-0-0-1", "1x2-0-0-1", "1x3-0-0-1", "1x4-0-0-1"}, pick(func(r store.ActionRun) any { return r.ID })(tx.ActionRunsAt(ctx, 1, "g"))},
			{"ActionRunsAt, none", nil, pick(func(r store.ActionRun) any { return r.ID })(tx.ActionRunsAt(ctx, 1, "h"))},
			{"OpenActionRuns", []any{"1x1-0-0-1", "1x2-0-0-1", "1x4-0-0-1"}, pick(func(r store.ActionRun) any { return r.ID })(tx.OpenActionRuns(ctx, 1))},
			{"WaitingActionRuns", []any{"1x2-0-0-1", "1x4-0-0-1"}, pick(func(r store.ActionRun) any { return r.ID })(tx.WaitingActionRuns(ctx, 1))},
			{"Deployments", []any{"1x3", "1x2"}, pick(func(d store.Deployment) any { return d.ID })(tx.Deployments(ctx, 1, "staging", 2))},
			{"Deployments anywhere", []any{"1x4", "1x3", "1x2", "1x1"}, pick(func(d store.Deployment) any { return d.ID })(tx.Deployments(ctx, 1, "", 9))},
			{"DeploymentsAfter none", []any{"1x1", "1x2"}, pick(func(d store.Deployment) any { return d.ID })(tx.DeploymentsAfter(ctx, 1, "staging", store.Deployment{}, 2))},
			{"DeploymentsAfter one", []any{"1x2", "1x3"}, pick(func(d store.Deployment) any { return d.ID })(after(ctx, tx, "1x1"))},
			{"DeploymentsAfter the last", nil, pick(func(d store.Deployment) any { return d.ID })(after(ctx, tx, "1x3"))},
			{"LastSucceeded", []any{"1x2"}, pick(func(d store.Deployment) any { return d.ID })(standing(ctx, tx, "1x3"))},
			{"LastSucceeded, itself", []any{"1x1"}, pick(func(d store.Deployment) any { return d.ID })(standing(ctx, tx, "1x1"))},
			{"Approvals", []any{"1x1", "1x2", "1x3", "1x4"}, pick(func(a store.Approval) any { return a.ID })(tx.Approvals(ctx, "1x1"))},
			{"Permits", []any{"1p2", "1p1", "1p3"}, pick(func(p store.Permit) any { return p.ID })(tx.Permits(ctx, 1, 2))},
			{"PermitsOnBase", []any{"1p2"}, pick(func(p store.Permit) any { return p.ID })(tx.PermitsOnBase(ctx, 1, "master"))},
			{"ApprovalsByRelease", []any{"1x1", "1x3"}, pick(func(a store.Approval) any { return a.ID })(tx.ApprovalsByRelease(ctx, "1b"))},
			{"Environments", []any{"development", "staging"}, pick(func(e store.Environment) any { return e.Name })(tx.Environments(ctx, 1))},
			{"Checks", []any{"sluice/branch", "sluice/pipeline"}, pick(func(c store.Check) any { return c.Name })(tx.Checks(ctx, 1, "h"))},
			{"AllChecks", []any{"h sluice/pipeline", "h sluice/branch", "g sluice/pipeline", "g sluice/branch"}, pick(func(c store.Check) any { return c.SHA + " " + c.Name })(tx.AllChecks(ctx, 1))},
			{"SecretScans", []any{"development", "master"}, pick(func(c store.SecretScan) any { return c.Base })(tx.SecretScans(ctx, 1, "h"))},
			{"OpenSecretScans", []any{"g development", "h development", "h master"}, pick(func(c store.SecretScan) any { return c.SHA + " " + c.Base })(tx.OpenSecretScans(ctx, 1))},
			{"Signatures", []any{"k1", "k2", "k0"}, pick(func(s store.Signature) any { return s.KeyID })(tx.Signatures(ctx, 1, "d"))},
			{"Effects", []any{"1tag.create"}, pick(func(e store.Effect) any { return e.Key })(tx.Effects(ctx, 1, "tag."))},
			{"Effects of all kinds", []any{"1tag.create", "1merge", "1tag_create", "1TAG.create"}, pick(func(e store.Effect) any { return e.Key })(tx.Effects(ctx, 1, ""))},
			{"RepoByName", []any{int64(1)}, only(func(r store.Repo) any { return r.ID })(tx.RepoByName(ctx, "ACME", "shop"))},
			{"ReleaseByBranch", []any{"1b"}, only(func(r store.Release) any { return r.ID })(tx.ReleaseByBranch(ctx, 1, "release/1.1.0"))},
			{"ReleaseByPull", []any{"1b"}, only(func(r store.Release) any { return r.ID })(tx.ReleaseByPull(ctx, 1, 5))},
			{"ReleaseByVersion", []any{"1b"}, only(func(r store.Release) any { return r.ID })(tx.ReleaseByVersion(ctx, 1, "", "1.1.0"))},
		} {
			got, err := list.got()
			if err != nil {
				return err
			}
			if diff := cmp.Diff(list.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", list.name, diff)
			}
		}
		return nil
	})
}

// pick takes what tells records apart out of a list.
func pick[T any](of func(T) any) func([]T, error) func() ([]any, error) {
	return func(records []T, err error) func() ([]any, error) {
		var picked []any
		for _, r := range records {
			picked = append(picked, of(r))
		}
		return func() ([]any, error) { return picked, err }
	}
}

// only is pick for a single record.
func only[T any](of func(T) any) func(T, error) func() ([]any, error) {
	return func(record T, err error) func() ([]any, error) {
		return func() ([]any, error) { return []any{of(record)}, err }
	}
}

// after are the deployments to an environment that began after one of them.
func after(ctx context.Context, tx *store.Tx, id string) ([]store.Deployment, error) {
	d, err := tx.Deployment(ctx, id)
	if err != nil {
		return nil, err
	}
	return tx.DeploymentsAfter(ctx, d.RepoID, d.Environment, d, 9)
}

// standing is the deployment to an environment that succeeded last when one of them had begun.
func standing(ctx context.Context, tx *store.Tx, id string) ([]store.Deployment, error) {
	d, err := tx.Deployment(ctx, id)
	if err != nil {
		return nil, err
	}
	d, err = tx.LastSucceeded(ctx, d)
	return []store.Deployment{d}, err
}
