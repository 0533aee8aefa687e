package githubapp

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// CreateBranch creates a head; forge.ErrExists when it is there.
func (r *Repo) CreateBranch(ctx context.Context, name, sha string) error {
	return r.createRef(ctx, "refs/heads/"+name, sha)
}

// CreateTag creates a lightweight tag; forge.ErrExists when it is there.
func (r *Repo) CreateTag(ctx context.Context, name, sha string) error {
	return r.createRef(ctx, "refs/tags/"+name, sha)
}

func (r *Repo) createRef(ctx context.Context, ref, sha string) error {
	_, err := r.call(ctx, "POST", r.path("git", "refs"), map[string]string{"ref": ref, "sha": sha}, nil)
	return err
}

// DeleteBranch deletes a head.
func (r *Repo) DeleteBranch(ctx context.Context, name string) error {
	_, err := r.call(ctx, "DELETE", r.path("git", "refs", "heads")+"/"+escapeRef(name), nil, nil)
	if refused, ok := err.(*forge.RefusedError); ok && strings.Contains(refused.Message, "Reference does not exist") {
		return forge.ErrNotFound
	}
	return err
}

// CreateCommit makes a commit with the tree of another one, on no branch.
func (r *Repo) CreateCommit(ctx context.Context, message, treeOf string, parents []string) (string, error) {
	var of struct {
		Tree struct {
			SHA string `json:"sha"`
		} `json:"tree"`
	}
	if _, err := r.call(ctx, "GET", r.path("git", "commits", treeOf), nil, &of); err != nil {
		return "", err
	}
	var made struct {
		SHA string `json:"sha"`
	}
	_, err := r.call(ctx, "POST", r.path("git", "commits"), map[string]any{
		"message": message, "tree": of.Tree.SHA, "parents": parents,
	}, &made)
	return made.SHA, err
}

// Merge makes a merge commit on base. forge.ErrUpToDate, forge.ErrConflict.
func (r *Repo) Merge(ctx context.Context, base, headSHA, message string) (string, error) {
	c, resp, err := r.gh.Repositories.Merge(ctx, r.owner, r.name, &github.RepositoryMergeRequest{
		Base: &base, Head: &headSHA, CommitMessage: &message,
	})
	switch {
	case resp != nil && resp.StatusCode == http.StatusNoContent:
		return "", forge.ErrUpToDate
	case resp != nil && resp.StatusCode == http.StatusConflict:
		return "", forge.ErrConflict
	case err != nil:
		return "", r.fail(resp, err)
	}
	return c.GetSHA(), nil
}

// CreatePull opens a pull request. forge.ErrExists, forge.ErrNoCommits.
func (r *Repo) CreatePull(ctx context.Context, title, head, base, body string) (forge.PullRequest, error) {
	p, resp, err := r.gh.PullRequests.Create(ctx, r.owner, r.name, &github.NewPullRequest{
		Title: &title, Head: &head, Base: &base, Body: &body,
	})
	if err != nil {
		return forge.PullRequest{}, r.fail(resp, err)
	}
	return pullOf(p), nil
}

func (r *Repo) editPull(ctx context.Context, number int, change map[string]string) error {
	_, err := r.call(ctx, "PATCH", r.path("pulls", itoa(number)), change, nil)
	return err
}

// ClosePull closes a pull request without merging it.
func (r *Repo) ClosePull(ctx context.Context, number int) error {
	return r.editPull(ctx, number, map[string]string{"state": "closed"})
}

// RetargetPull changes the base.
func (r *Repo) RetargetPull(ctx context.Context, number int, base string) error {
	return r.editPull(ctx, number, map[string]string{"base": base})
}

// EditPull replaces title and description.
func (r *Repo) EditPull(ctx context.Context, number int, title, body string) error {
	return r.editPull(ctx, number, map[string]string{"title": title, "body": body})
}

// MergePull merges with two parents, only if the head is sha.
func (r *Repo) MergePull(ctx context.Context, number int, sha, title, message string) (string, error) {
	res, resp, err := r.gh.PullRequests.Merge(ctx, r.owner, r.name, number, message, &github.PullRequestOptions{
		CommitTitle: title, SHA: sha, MergeMethod: "merge",
	})
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusMethodNotAllowed && strings.Contains(err.Error(), "not mergeable") {
			return "", forge.ErrConflict
		}
		return "", r.fail(resp, err)
	}
	return res.GetSHA(), nil
}

// maxComment is GitHub's limit of a comment, in characters.
const maxComment = 65536

// CreateComment writes a comment on an issue or pull request.
func (r *Repo) CreateComment(ctx context.Context, issue int, body string) (forge.Comment, error) {
	c, resp, err := r.gh.Issues.CreateComment(ctx, r.owner, r.name, issue, &github.IssueComment{Body: ptr(cutEnd(body, maxComment))})
	if err != nil {
		return forge.Comment{}, r.fail(resp, err)
	}
	return commentOf(c), nil
}

// EditComment replaces a comment's text.
func (r *Repo) EditComment(ctx context.Context, id int64, body string) error {
	_, resp, err := r.gh.Issues.EditComment(ctx, r.owner, r.name, id, &github.IssueComment{Body: ptr(cutEnd(body, maxComment))})
	return r.fail(resp, err)
}

// React adds a reaction; the same one twice is one.
func (r *Repo) React(ctx context.Context, commentID int64, reaction string) error {
	_, resp, err := r.gh.Reactions.CreateIssueCommentReaction(ctx, r.owner, r.name, commentID, reaction)
	return r.fail(resp, err)
}

// CreateRelease publishes a GitHub release for a tag that exists.
func (r *Repo) CreateRelease(ctx context.Context, tag, name, body string, prerelease, latest bool) (forge.Release, error) {
	rel, resp, err := r.gh.Repositories.CreateRelease(ctx, r.owner, r.name, &github.RepositoryRelease{
		TagName: &tag, Name: &name, Body: ptr(cutEnd(body, 125000)), Prerelease: &prerelease,
		MakeLatest: ptr(map[bool]string{true: "true", false: "false"}[latest]),
	})
	if err != nil {
		return forge.Release{}, r.fail(resp, err)
	}
	return releaseOf(rel), nil
}

// CreateDeployment records a deployment. GitHub's defaults would merge the default branch and demand green checks; both
// are turned off.
func (r *Repo) CreateDeployment(ctx context.Context, sha, environment, description, payload string, production bool) (int64, error) {
	d, resp, err := r.gh.Repositories.CreateDeployment(ctx, r.owner, r.name, &github.DeploymentRequest{
		Ref: &sha, Environment: &environment, Description: &description, Payload: payload,
		AutoMerge: ptr(false), RequiredContexts: &[]string{}, ProductionEnvironment: &production,
	})
	if err != nil {
		return 0, r.fail(resp, err)
	}
	return d.GetID(), nil
}

// SetDeploymentState adds a status to a deployment.
func (r *Repo) SetDeploymentState(ctx context.Context, id int64, state forge.DeploymentState, description, logURL, environmentURL string) error {
	s := &github.DeploymentStatusRequest{State: ptr(string(state)), Description: &description, AutoInactive: ptr(true)}
	if logURL != "" {
		s.LogURL = &logURL
	}
	if environmentURL != "" {
		s.EnvironmentURL = &environmentURL
	}
	_, resp, err := r.gh.Repositories.CreateDeploymentStatus(ctx, r.owner, r.name, id, s)
	return r.fail(resp, err)
}

func ptr[T any](v T) *T { return &v }
