package githubapp

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Bounds of what is read in pages.
const (
	perPage        = 100
	maxPages       = 250
	maxCompareSize = 2500 // commits of a comparison
	maxFile        = 1 << 20
)

// Info is what GitHub says of the repository itself.
func (r *Repo) Info(ctx context.Context) (forge.Repo, error) {
	repo, resp, err := r.gh.Repositories.Get(ctx, r.owner, r.name)
	if err != nil {
		return forge.Repo{}, r.fail(resp, err)
	}
	out := repoOf(repo)
	out.InstallationID = r.installation
	return out, nil
}

// pages calls next with page numbers until there are no more.
func (r *Repo) pages(next func(n int) (*github.Response, error)) error {
	for n, left := 1, maxPages; n != 0 && left > 0; left-- {
		resp, err := next(n)
		if err != nil {
			return r.fail(resp, err)
		}
		n = resp.NextPage
	}
	return nil
}

// Branches lists all heads.
func (r *Repo) Branches(ctx context.Context) ([]forge.Branch, error) {
	var out []forge.Branch
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Repositories.ListBranches(ctx, r.owner, r.name, &github.BranchListOptions{
			ListOptions: github.ListOptions{Page: n, PerPage: perPage},
		})
		for _, b := range page {
			out = append(out, forge.Branch{Name: b.GetName(), SHA: b.GetCommit().GetSHA()})
		}
		return resp, err
	})
	return out, err
}

// Branch gives a head. The ref is asked for, not the branch: a branch that was renamed redirects.
func (r *Repo) Branch(ctx context.Context, name string) (forge.Branch, error) {
	sha, err := r.ref(ctx, "heads", name)
	return forge.Branch{Name: name, SHA: sha}, err
}

// gitRef is GET /repos/{owner}/{repo}/git/ref/{ref}.
type gitRef struct {
	Object struct {
		Type string `json:"type"`
		SHA  string `json:"sha"`
	} `json:"object"`
}

// ref is what a ref points at, annotated tags peeled.
func (r *Repo) ref(ctx context.Context, kind, name string) (string, error) {
	var ref gitRef
	if _, err := r.call(ctx, "GET", r.path("git", "ref", kind)+"/"+escapeRef(name), nil, &ref); err != nil {
		return "", err
	}
	return r.peel(ctx, ref)
}

func (r *Repo) peel(ctx context.Context, ref gitRef) (string, error) {
	for range 5 { // a tag of a tag of a tag
		if ref.Object.Type != "tag" {
			return ref.Object.SHA, nil
		}
		var tag gitRef
		if _, err := r.call(ctx, "GET", r.path("git", "tags", ref.Object.SHA), nil, &tag); err != nil {
			return "", err
		}
		ref = tag
	}
	return "", &forge.RefusedError{Status: 422, Message: "a tag of a tag of a tag: too many"}
}

// escapeRef escapes each part of a ref name and leaves its slashes.
func escapeRef(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// Tags lists all tags with the commits they point at.
func (r *Repo) Tags(ctx context.Context) ([]forge.Tag, error) {
	var out []forge.Tag
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Repositories.ListTags(ctx, r.owner, r.name, &github.ListOptions{Page: n, PerPage: perPage})
		for _, t := range page {
			out = append(out, forge.Tag{Name: t.GetName(), SHA: t.GetCommit().GetSHA()})
		}
		return resp, err
	})
	return out, err
}

// Tag gives a tag, peeled.
func (r *Repo) Tag(ctx context.Context, name string) (forge.Tag, error) {
	sha, err := r.ref(ctx, "tags", name)
	return forge.Tag{Name: name, SHA: sha}, err
}

// Commit gives a commit by SHA or ref.
func (r *Repo) Commit(ctx context.Context, ref string) (forge.Commit, error) {
	var c github.RepositoryCommit
	if _, err := r.call(ctx, "GET", r.path("commits", ref), nil, &c); err != nil {
		return forge.Commit{}, notFoundAs422(err)
	}
	return commitOf(&c), nil
}

// notFoundAs422: GitHub answers 422 "No commit found for SHA" where there is no such commit.
func notFoundAs422(err error) error {
	if refused, ok := err.(*forge.RefusedError); ok && refused.Status == 422 && strings.Contains(refused.Message, "No commit found") {
		return forge.ErrNotFound
	}
	return err
}

// Compare tells what head has that base lacks.
func (r *Repo) Compare(ctx context.Context, base, head string) (forge.Comparison, error) {
	var out forge.Comparison
	path := r.path("compare", base+"..."+head)
	for n := 1; ; n++ {
		var c github.CommitsComparison
		resp, err := r.call(ctx, "GET", page(path, n), nil, &c)
		if err != nil {
			return out, err
		}
		if n == 1 {
			out.AheadBy, out.BehindBy = c.GetAheadBy(), c.GetBehindBy()
			out.MergeBase = c.GetMergeBaseCommit().GetSHA()
			for _, f := range c.Files {
				out.Files = append(out.Files, f.GetFilename())
			}
		}
		for _, commit := range c.Commits {
			out.Commits = append(out.Commits, commitOf(commit))
		}
		if resp.NextPage == 0 || len(c.Commits) == 0 || len(out.Commits) >= maxCompareSize {
			break
		}
	}
	out.Truncated = len(out.Commits) < out.AheadBy
	return out, nil
}

// content is a file in GET /repos/{owner}/{repo}/contents/{path}.
type content struct {
	Type     string `json:"type"`
	Size     int    `json:"size"`
	Encoding string `json:"encoding"`
	Content  string `json:"content"`
	Target   string `json:"target"`
}

// File reads a regular file at a ref.
func (r *Repo) File(ctx context.Context, path, ref string) ([]byte, error) {
	var raw any
	address := r.path("contents") + "/" + escapeRef(path) + "?ref=" + url.QueryEscape(ref)
	if _, err := r.call(ctx, "GET", address, nil, &raw); err != nil {
		return nil, err
	}
	fields, ok := raw.(map[string]any)
	if !ok {
		return nil, &forge.NotAFileError{Path: path, Type: "directory"}
	}
	c := content{Type: text(fields["type"]), Encoding: text(fields["encoding"]), Content: text(fields["content"]), Target: text(fields["target"])}
	if size, ok := fields["size"].(float64); ok {
		c.Size = int(size)
	}
	switch {
	case c.Type != "file":
		return nil, &forge.NotAFileError{Path: path, Type: c.Type}
	case c.Size > maxFile || c.Encoding == "none":
		return nil, &forge.NotAFileError{Path: path, Type: fmt.Sprintf("file of %d bytes", c.Size)}
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(c.Content, "\n", ""))
	if err != nil {
		return nil, fmt.Errorf("content of %s: %w", path, err)
	}
	return data, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// OpenPulls lists the open pull requests.
func (r *Repo) OpenPulls(ctx context.Context) ([]forge.PullRequest, error) {
	return r.pulls(ctx, &github.PullRequestListOptions{State: "open"}, maxPages)
}

// PullsFrom lists pull requests from a branch of this repository, newest first.
func (r *Repo) PullsFrom(ctx context.Context, head, base string) ([]forge.PullRequest, error) {
	return r.pulls(ctx, &github.PullRequestListOptions{
		State: "all", Head: r.owner + ":" + head, Base: base, Sort: "created", Direction: "desc",
	}, 1)
}

// MergedInto lists the newest pull requests that were merged into a branch.
func (r *Repo) MergedInto(ctx context.Context, base string) ([]forge.PullRequest, error) {
	all, err := r.pulls(ctx, &github.PullRequestListOptions{State: "closed", Base: base, Sort: "updated", Direction: "desc"}, 1)
	var out []forge.PullRequest
	for _, p := range all {
		if p.Merged {
			out = append(out, p)
		}
	}
	return out, err
}

func (r *Repo) pulls(ctx context.Context, o *github.PullRequestListOptions, limit int) ([]forge.PullRequest, error) {
	var out []forge.PullRequest
	o.PerPage = perPage
	for n := 0; n < limit; n++ {
		page, resp, err := r.gh.PullRequests.List(ctx, r.owner, r.name, o)
		if err != nil {
			return nil, r.fail(resp, err)
		}
		for _, p := range page {
			out = append(out, pullOf(p))
		}
		if resp.NextPage == 0 {
			break
		}
		o.Page = resp.NextPage
	}
	return out, nil
}

// Pull gives a pull request.
func (r *Repo) Pull(ctx context.Context, number int) (forge.PullRequest, error) {
	p, resp, err := r.gh.PullRequests.Get(ctx, r.owner, r.name, number)
	if err != nil {
		return forge.PullRequest{}, r.fail(resp, err)
	}
	return pullOf(p), nil
}

// PullsWith lists the pull requests that brought a commit.
func (r *Repo) PullsWith(ctx context.Context, sha string) ([]forge.PullRequest, error) {
	page, resp, err := r.gh.PullRequests.ListPullRequestsWithCommit(ctx, r.owner, r.name, sha, &github.ListOptions{PerPage: perPage})
	if err != nil {
		return nil, notFoundAs422(r.fail(resp, err))
	}
	var out []forge.PullRequest
	for _, p := range page {
		out = append(out, pullOf(p))
	}
	return out, nil
}

// PullFiles lists the paths a pull request changes; complete is false past GitHub's 3,000.
func (r *Repo) PullFiles(ctx context.Context, number int) (paths []string, complete bool, err error) {
	err = r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.PullRequests.ListFiles(ctx, r.owner, r.name, number, &github.ListOptions{Page: n, PerPage: perPage})
		for _, f := range page {
			paths = append(paths, f.GetFilename())
			if f.GetPreviousFilename() != "" {
				paths = append(paths, f.GetPreviousFilename())
			}
		}
		return resp, err
	})
	return paths, len(paths) < 3000, err
}

// Comments lists the comments of an issue or pull request, oldest first.
func (r *Repo) Comments(ctx context.Context, issue int) ([]forge.Comment, error) {
	var out []forge.Comment
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Issues.ListComments(ctx, r.owner, r.name, issue, &github.IssueListCommentsOptions{
			ListOptions: github.ListOptions{Page: n, PerPage: perPage},
		})
		for _, c := range page {
			out = append(out, commentOf(c))
		}
		return resp, err
	})
	return out, err
}

// Comment gives a comment.
func (r *Repo) Comment(ctx context.Context, id int64) (forge.Comment, error) {
	c, resp, err := r.gh.Issues.GetComment(ctx, r.owner, r.name, id)
	if err != nil {
		return forge.Comment{}, r.fail(resp, err)
	}
	return commentOf(c), nil
}

// CheckRuns lists the latest run of each check on a commit.
func (r *Repo) CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	var out []forge.CheckRun
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Checks.ListCheckRunsForRef(ctx, r.owner, r.name, sha, &github.ListCheckRunsOptions{
			ListOptions: github.ListOptions{Page: n, PerPage: perPage},
		})
		if page != nil {
			for _, c := range page.CheckRuns {
				out = append(out, checkOf(c))
			}
		}
		return resp, err
	})
	return out, err
}

// Statuses lists the latest status of each context on a commit.
func (r *Repo) Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error) {
	var out []forge.CommitStatus
	err := r.pages(func(n int) (*github.Response, error) {
		page, resp, err := r.gh.Repositories.GetCombinedStatus(ctx, r.owner, r.name, sha, &github.ListOptions{Page: n, PerPage: perPage})
		if page != nil {
			for _, s := range page.Statuses {
				out = append(out, forge.CommitStatus{Context: s.GetContext(), State: s.GetState()})
			}
		}
		return resp, err
	})
	return out, err
}

// ReleaseByTag gives the GitHub release of a tag.
func (r *Repo) ReleaseByTag(ctx context.Context, tag string) (forge.Release, error) {
	var out github.RepositoryRelease
	if _, err := r.call(ctx, "GET", r.path("releases", "tags")+"/"+escapeRef(tag), nil, &out); err != nil {
		return forge.Release{}, err
	}
	return releaseOf(&out), nil
}

// Deployments lists deployment records, newest first.
func (r *Repo) Deployments(ctx context.Context, environment, sha string) ([]forge.Deployment, error) {
	page, resp, err := r.gh.Repositories.ListDeployments(ctx, r.owner, r.name, &github.DeploymentsListOptions{
		SHA: sha, Environment: environment, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return nil, r.fail(resp, err)
	}
	var out []forge.Deployment
	for _, d := range page {
		out = append(out, forge.Deployment{
			ID: d.GetID(), SHA: d.GetSHA(), Environment: d.GetEnvironment(), Payload: strings.Trim(string(d.Payload), `"`),
		})
	}
	return out, nil
}
