package githubapp

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/forge"
)

type urgentKey struct{}

// Urgent marks the writes made under a context as work on a release or a reply to a person: they may use what is kept
// back from others (see WriteRate), and so overtake them.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

func isUrgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) != nil }

// Prioritized is a repository whose writes for releases and people are urgent, while the many others, check runs above
// all, are not.
type Prioritized struct {
	*Repo
	// Checks are the names of the check runs that are urgent all the same.
	Checks []string
}

// CreateBranch is [Repo.CreateBranch], urgent.
func (p *Prioritized) CreateBranch(ctx context.Context, name, sha string) error {
	return p.Repo.CreateBranch(Urgent(ctx), name, sha)
}

// CreateTag is [Repo.CreateTag], urgent.
func (p *Prioritized) CreateTag(ctx context.Context, name, sha string) error {
	return p.Repo.CreateTag(Urgent(ctx), name, sha)
}

// DeleteBranch is [Repo.DeleteBranch], urgent.
func (p *Prioritized) DeleteBranch(ctx context.Context, name string) error {
	return p.Repo.DeleteBranch(Urgent(ctx), name)
}

// CreateCommit is [Repo.CreateCommit], urgent.
func (p *Prioritized) CreateCommit(ctx context.Context, message, treeOf string, parents []string) (string, error) {
	return p.Repo.CreateCommit(Urgent(ctx), message, treeOf, parents)
}

// CopyCommit is [Repo.CopyCommit], urgent.
func (p *Prioritized) CopyCommit(ctx context.Context, of, message, treeOf string, parents []string) (string, error) {
	return p.Repo.CopyCommit(Urgent(ctx), of, message, treeOf, parents)
}

// Merge is [Repo.Merge], urgent.
func (p *Prioritized) Merge(ctx context.Context, base, headSHA, message string) (string, error) {
	return p.Repo.Merge(Urgent(ctx), base, headSHA, message)
}

// CreatePull is [Repo.CreatePull], urgent.
func (p *Prioritized) CreatePull(ctx context.Context, title, head, base, body string) (forge.PullRequest, error) {
	return p.Repo.CreatePull(Urgent(ctx), title, head, base, body)
}

// ClosePull is [Repo.ClosePull], urgent.
func (p *Prioritized) ClosePull(ctx context.Context, number int) error {
	return p.Repo.ClosePull(Urgent(ctx), number)
}

// RetargetPull is [Repo.RetargetPull], urgent.
func (p *Prioritized) RetargetPull(ctx context.Context, number int, base string) error {
	return p.Repo.RetargetPull(Urgent(ctx), number, base)
}

// MergePull is [Repo.MergePull], urgent.
func (p *Prioritized) MergePull(ctx context.Context, number int, sha, title, message string) (string, error) {
	return p.Repo.MergePull(Urgent(ctx), number, sha, title, message)
}

// CreateComment is [Repo.CreateComment], urgent.
func (p *Prioritized) CreateComment(ctx context.Context, issue int, body string) (forge.Comment, error) {
	return p.Repo.CreateComment(Urgent(ctx), issue, body)
}

// EditComment is [Repo.EditComment], urgent.
func (p *Prioritized) EditComment(ctx context.Context, id int64, body string) error {
	return p.Repo.EditComment(Urgent(ctx), id, body)
}

// React is [Repo.React], urgent.
func (p *Prioritized) React(ctx context.Context, commentID int64, reaction string) error {
	return p.Repo.React(Urgent(ctx), commentID, reaction)
}

// ReactToReview is [Repo.ReactToReview], urgent.
func (p *Prioritized) ReactToReview(ctx context.Context, node, reaction string) error {
	return p.Repo.ReactToReview(Urgent(ctx), node, reaction)
}

// SaveCheckRun is [Repo.SaveCheckRun], urgent for the names in Checks.
func (p *Prioritized) SaveCheckRun(ctx context.Context, run forge.CheckRun) (int64, error) {
	if slices.Contains(p.Checks, run.Name) {
		ctx = Urgent(ctx)
	}
	return p.Repo.SaveCheckRun(ctx, run)
}

// CreateRelease is [Repo.CreateRelease], urgent.
func (p *Prioritized) CreateRelease(ctx context.Context, tag, name, body string, prerelease, latest bool) (forge.Release, error) {
	return p.Repo.CreateRelease(Urgent(ctx), tag, name, body, prerelease, latest)
}

// CreateDeployment is [Repo.CreateDeployment], urgent.
func (p *Prioritized) CreateDeployment(ctx context.Context, sha, environment, description, payload string, production bool) (int64, error) {
	return p.Repo.CreateDeployment(Urgent(ctx), sha, environment, description, payload, production)
}

// SetDeploymentState is [Repo.SetDeploymentState], urgent.
func (p *Prioritized) SetDeploymentState(ctx context.Context, id int64, state forge.DeploymentState, description, logURL, environmentURL string) error {
	return p.Repo.SetDeploymentState(Urgent(ctx), id, state, description, logURL, environmentURL)
}

// Enqueue is [Repo.Enqueue], urgent.
func (p *Prioritized) Enqueue(ctx context.Context, number int, sha string) error {
	return p.Repo.Enqueue(Urgent(ctx), number, sha)
}
