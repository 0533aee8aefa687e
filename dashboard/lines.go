package dashboard

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// scribe writes records as lines of pages. It knows the repository and the time.
type scribe struct {
	repo   store.Repo
	github string // GitHub's web address
	now    time.Time
}

func (w scribe) fullName() string { return w.repo.Owner + "/" + w.repo.Name }

func (w scribe) path(more ...string) string {
	parts := append([]string{w.repo.Owner, w.repo.Name}, more...)
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/" + strings.Join(parts, "/")
}

func (w scribe) commitURL(sha string) string {
	if sha == "" {
		return ""
	}
	return w.github + w.path("commit", sha)
}

func (w scribe) pullURL(number int) string {
	if number == 0 {
		return ""
	}
	return w.github + w.path("pull", strconv.Itoa(number))
}

func (w scribe) summary() RepoSummary {
	r := w.repo
	return RepoSummary{
		ID: r.ID, Owner: r.Owner, Name: r.Name, Path: w.path(), URL: w.github + w.path(), Gone: r.Gone, ConfigProblem: r.ConfigProblem, ConfigMisfit: r.ConfigMisfit,
		Observe: r.Observe, Environments: []Environment{},
	}
}

func (w scribe) environment(e store.Environment) Environment {
	v := Environment{
		Name: e.Name, Version: e.Version, Image: e.Image, Digest: e.Digest, SHA: e.SHA, DeployedAt: e.DeployedAt,
		Execution: e.ExecutionID, Hold: e.Hold, HoldBy: e.HoldBy.Login, HoldAt: e.HoldAt, DeployingFor: e.LockedBy,
	}
	if e.ExecutionID != "" {
		v.Path = w.path("executions", e.ExecutionID)
	}
	return v
}

// stranded says that something was to be put back into an environment and was not.
func (w scribe) stranded(x store.Stranded) string {
	why := ""
	if sound(x.Execution.State) {
		why = " " + pipeline.Why(x.Execution.State, w.now)
	}
	if x.Release.ID == "" {
		return fmt.Sprintf("The rollback to %s did not succeed.%s", x.Execution.Version, why)
	}
	return fmt.Sprintf("%s was not put back.%s", x.Release.Version, why)
}

func (w scribe) row(x store.Execution) ExecutionRow {
	r := ExecutionRow{
		Repo: w.fullName(), ID: x.ID, Path: w.path("executions", x.ID), Kind: x.Kind, Component: x.Component, Branch: x.Branch, SHA: x.SHA,
		CommitURL: w.commitURL(x.SHA), Status: x.Status, Version: x.Version, Pull: x.Pull, PullURL: w.pullURL(x.Pull),
		StartedBy: x.StartedBy.Login, CreatedAt: x.CreatedAt, EndedAt: x.EndedAt, Seconds: seconds(x.CreatedAt, x.EndedAt, w.now),
	}
	if sound(x.State) {
		r.Why, r.AwaitsPeople = pipeline.Why(x.State, w.now), x.State.AwaitsPeople()
	}
	return r
}

// sound tells whether a stored state has the shape that package pipeline relies on. One that has not came from a
// damaged record, and its stages cannot be told.
func sound(s pipeline.State) bool {
	if len(s.Stages) != len(s.Definition.Stages) {
		return false
	}
	for i := range s.Stages {
		if len(s.Stages[i].Actions) != len(s.Definition.Stages[i].Actions) {
			return false
		}
	}
	return true
}

func seconds(start, end, now time.Time) int64 {
	if start.IsZero() {
		return 0
	}
	if end.IsZero() {
		end = now
	}
	return int64(max(end.Sub(start), 0) / time.Second)
}

// release writes a release. executions are its own, in any order.
func (w scribe) release(r store.Release, executions []store.Execution) ReleaseLine {
	l := ReleaseLine{
		Repo: w.fullName(), Kind: r.Kind, Component: r.Component, Version: r.Version, Path: w.path("releases", r.Key()), Branch: r.Branch, Status: r.Status,
		Pull: r.Pull, PullURL: w.pullURL(r.Pull), StartedBy: r.StartedBy.Login, StartedAt: r.StartedAt, ReleasedAt: r.ReleasedAt,
	}
	l.Next, l.Blocked = w.next(r, executions)
	return l
}

// next is the one next step of a release, and whether it waits for somebody to do it.
func (w scribe) next(r store.Release, executions []store.Execution) (step string, blocked bool) {
	id := r.ExecutionID
	if r.ProductionExecutionID != "" && r.Status != store.ReleaseOpen {
		id = r.ProductionExecutionID
	}
	var x *store.Execution
	for i := range executions {
		if executions[i].ID == id && sound(executions[i].State) {
			x = &executions[i]
		}
	}
	switch {
	case r.Problem != "":
		return r.Problem, true
	case r.Status == store.ReleaseAbandoned, r.Status == store.ReleaseRolledBack:
		return "", false
	case r.Status == store.ReleaseReleased:
		if r.Finished {
			return "", false
		}
		return "The merges back and the release notes are being finished.", false
	case r.Status == store.ReleaseFailed:
		return "Production failed: retry deploys the same digest again, a rollback goes back to the version before.", true
	case x == nil:
		return fmt.Sprintf("Push a commit to %s: its pipeline starts by itself.", r.Branch), true
	case x.State.AwaitsPeople():
		return w.awaited(r, x), true
	case x.Status == pipeline.Failed, x.Status == pipeline.Stopped:
		return fmt.Sprintf("%s Push a fix to %s, or retry.", pipeline.Why(x.State, w.now), r.Branch), true
	}
	return pipeline.Why(x.State, w.now), false
}

// awaited says what people are asked for.
func (w scribe) awaited(r store.Release, x *store.Execution) string {
	d, a, ok := x.State.OpenApproval()
	if !ok {
		return fmt.Sprintf("Say /promote to take %s to production.", r.Version)
	}
	return fmt.Sprintf("Approve or reject %s for %s, by %s.", r.Version, d.Environment, a.Approval.ExpiresAt.UTC().Format("2 January 15:04 UTC"))
}

func (w scribe) approval(a store.Approval) Approval {
	return Approval{
		By: a.By.Login, Verdict: a.Verdict, Reason: a.Reason, Via: a.Via, At: a.At, Environment: a.Environment, SHA: a.SHA, CommitURL: w.commitURL(a.SHA), Digest: a.Digest,
		Execution: a.ExecutionID, Path: w.path("executions", a.ExecutionID), VoidedAt: a.VoidedAt, VoidReason: a.VoidReason,
	}
}
