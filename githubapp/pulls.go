package githubapp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Bounds of lists of pull requests.
const (
	maxPullFiles   = 3000 // GitHub's
	maxMerged      = 100
	maxMergedPages = 3
)

// OpenPulls lists the open pull requests.
func (r *Repo) OpenPulls(ctx context.Context) ([]forge.PullRequest, error) {
	var out []forge.PullRequest
	err := pages(func(n int) (*github.Response, error) {
		list, resp, err := r.pulls(ctx, url.Values{"state": {"open"}}, n)
		out = append(out, pullsOf(list)...)
		return resp, err
	})
	return out, err
}

// PullsSince lists the pull requests, open and closed, that were changed at a time or after it, by GitHub's clock and to the second, the
// last changed first. The first page is always the same question.
func (r *Repo) PullsSince(ctx context.Context, since time.Time) ([]forge.PullRequest, error) {
	var out []forge.PullRequest
	query := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"desc"}}
	err := pages(func(n int) (*github.Response, error) {
		list, resp, err := r.pulls(ctx, query, n)
		for _, p := range pullsOf(list) {
			if p.UpdatedAt.Before(since) {
				return &github.Response{}, nil // as are all that follow
			}
			out = append(out, p)
		}
		return resp, err
	})
	return out, err
}

// PullsFrom lists pull requests, open and closed, newest first, from a branch of this repository; base "" is any.
func (r *Repo) PullsFrom(ctx context.Context, head, base string) ([]forge.PullRequest, error) {
	query := url.Values{"state": {"all"}, "head": {r.owner + ":" + head}, "sort": {"created"}, "direction": {"desc"}}
	if base != "" {
		query.Set("base", base)
	}
	list, _, err := r.pulls(ctx, query, 1)
	// The owner may have a fork of its own repository, with a branch of that name.
	return slices.DeleteFunc(pullsOf(list), forge.PullRequest.Fork), err
}

// MergedInto lists the pull requests that were merged into a branch, newest first; at most the newest hundred. complete is
// false where there may be more; those were changed last before the ones that are listed.
func (r *Repo) MergedInto(ctx context.Context, base string) (pulls []forge.PullRequest, complete bool, err error) {
	var merged []*github.PullRequest
	next := 1
	query := url.Values{"state": {"closed"}, "base": {base}, "sort": {"updated"}, "direction": {"desc"}}
	for looked := 0; next != 0 && looked < maxMergedPages && len(merged) < maxMerged; looked++ {
		list, resp, err := r.pulls(ctx, query, next)
		if err != nil {
			return nil, false, err
		}
		for _, p := range list {
			if p.MergedAt != nil {
				merged = append(merged, p)
			}
		}
		next = resp.NextPage
	}
	slices.SortStableFunc(merged, func(a, b *github.PullRequest) int { return b.MergedAt.Compare(a.MergedAt.Time) })
	return pullsOf(merged[:min(len(merged), maxMerged)]), next == 0 && len(merged) <= maxMerged, nil
}

func (r *Repo) pulls(ctx context.Context, query url.Values, n int) ([]*github.PullRequest, *github.Response, error) {
	var list []*github.PullRequest
	resp, err := r.call(ctx, "GET", page(r.path("pulls")+"?"+query.Encode(), n), nil, &list)
	return list, resp, err
}

// Pull gives a pull request.
func (r *Repo) Pull(ctx context.Context, number int) (forge.PullRequest, error) {
	var p github.PullRequest
	if _, err := r.call(ctx, "GET", r.path("pulls", itoa(int64(number))), nil, &p); err != nil {
		return forge.PullRequest{}, err
	}
	return pullOf(&p), nil
}

// PullsWith lists the pull requests that brought a commit.
func (r *Repo) PullsWith(ctx context.Context, sha string) ([]forge.PullRequest, error) {
	var list []*github.PullRequest
	_, err := r.call(ctx, "GET", page(r.path("commits", sha, "pulls"), 1), nil, &list)
	return pullsOf(list), err
}

// maxPullCommits is how many commits GitHub lists of a pull request.
const maxPullCommits = 250

// PullCommits lists the commits of a pull request, oldest first; complete is false where GitHub lists no more.
func (r *Repo) PullCommits(ctx context.Context, number int) (commits []forge.Commit, complete bool, err error) {
	err = pages(func(n int) (*github.Response, error) {
		var list []*github.RepositoryCommit
		resp, err := r.call(ctx, "GET", page(r.path("pulls", itoa(int64(number)), "commits"), n), nil, &list)
		for _, c := range list {
			commits = append(commits, commitOf(c))
		}
		return resp, err
	})
	if err != nil {
		return nil, false, err
	}
	return commits, len(commits) < maxPullCommits, nil
}

// PullFiles lists the paths a pull request changes, those before a rename too; complete is false from GitHub's 3,000
// files on.
func (r *Repo) PullFiles(ctx context.Context, number int) (paths []string, complete bool, err error) {
	files := 0
	err = pages(func(n int) (*github.Response, error) {
		var list []*github.CommitFile
		resp, err := r.call(ctx, "GET", page(r.path("pulls", itoa(int64(number)), "files"), n), nil, &list)
		for _, f := range list {
			paths = append(paths, f.GetFilename())
			if f.GetPreviousFilename() != "" {
				paths = append(paths, f.GetPreviousFilename())
			}
		}
		files += len(list)
		return resp, err
	})
	if err != nil {
		return nil, false, err
	}
	return paths, files < maxPullFiles, nil
}

// CreatePull opens a pull request. forge.ErrExists, forge.ErrNoCommits.
func (r *Repo) CreatePull(ctx context.Context, title, head, base, body string) (forge.PullRequest, error) {
	var p github.PullRequest
	_, err := r.call(ctx, "POST", r.path("pulls"), map[string]string{
		"title": cutEnd(title, maxPullTitle), "head": head, "base": base, "body": cutEnd(body, maxBody),
	}, &p)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return pullOf(&p), nil
}

func (r *Repo) editPull(ctx context.Context, number int, change map[string]string) error {
	_, err := r.call(ctx, "PATCH", r.path("pulls", itoa(int64(number))), change, nil)
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

// MergePull merges with two parents, only if the head is sha, and returns the merge commit. forge.ErrMoved when it is
// not, forge.ErrBaseMoved, forge.ErrConflict, *forge.RefusedError when a rule or setting refuses or the pull request is not open.
func (r *Repo) MergePull(ctx context.Context, number int, sha, title, message string) (string, error) {
	var made github.PullRequestMergeResult
	_, err := r.call(ctx, "PUT", r.path("pulls", itoa(int64(number)), "merge"), map[string]string{
		"commit_title": title, "commit_message": message, "sha": sha, "merge_method": "merge",
	}, &made)
	switch {
	case unmergeable(err):
		return "", r.whyUnmergeable(ctx, number)
	case err != nil:
		return "", err
	case !made.GetMerged():
		return "", &forge.RefusedError{Status: http.StatusMethodNotAllowed, Message: made.GetMessage()}
	}
	return made.GetSHA(), nil
}

// unmergeable tells whether GitHub refused a merge without a reason. Rules and settings are named: "At least 1 approving
// review is required", "Required status check …", "Merge commits are not allowed on this repository.".
func unmergeable(err error) bool {
	var refused *forge.RefusedError
	return errors.As(err, &refused) && refused.Status == http.StatusMethodNotAllowed &&
		strings.EqualFold(strings.TrimRight(refused.Message, ". "), "pull request is not mergeable")
}

// whyUnmergeable tells a conflict from a pull request that is not open for merging, which GitHub refuses in the same words.
func (r *Repo) whyUnmergeable(ctx context.Context, number int) error {
	p, err := r.Pull(ctx, number)
	if err != nil {
		return err
	}
	var why string
	switch {
	case p.Merged:
		why = "it is merged already"
	case !p.Open:
		why = "it is closed"
	case p.Draft:
		why = "it is a draft"
	default:
		return forge.ErrConflict
	}
	return &forge.RefusedError{Status: http.StatusMethodNotAllowed, Message: "Pull request is not mergeable: " + why}
}

// Reviews lists the submitted reviews of a pull request, oldest first.
func (r *Repo) Reviews(ctx context.Context, number int) ([]forge.Review, error) {
	var out []forge.Review
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.PullRequestReview
		resp, err := r.call(ctx, "GET", page(r.path("pulls", itoa(int64(number)), "reviews"), n), nil, &list)
		for _, v := range list {
			if v.GetState() == "PENDING" {
				continue // its author's own, until it is submitted
			}
			out = append(out, forge.Review{
				ID: v.GetID(), Node: v.GetNodeID(), Author: userOf(v.GetUser()), State: v.GetState(), SHA: v.GetCommitID(), Body: v.GetBody(), SubmittedAt: v.GetSubmittedAt().Time,
			})
		}
		return resp, err
	})
	return out, err
}
