package githubapp

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// maxCompared is how many commits of a comparison are read.
const maxCompared = 2500

// Commit gives a commit by SHA or ref.
func (r *Repo) Commit(ctx context.Context, ref string) (forge.Commit, error) {
	var c github.RepositoryCommit
	// One file a page: a commit comes with its files, which nobody asked for.
	if _, err := r.call(ctx, "GET", r.path("commits", ref)+"?per_page=1", nil, &c); err != nil {
		return forge.Commit{}, err
	}
	return commitOf(&c), nil
}

// CommitTime is when a commit was made, by its committer's clock. It takes a whole SHA: the Git database is asked, which is
// quicker than the commit with its files, and once only, because a commit does not change.
//
// https://docs.github.com/rest/git/commits#get-a-commit-object
func (r *Repo) CommitTime(ctx context.Context, sha string) (time.Time, error) {
	var c github.Commit
	_, err := r.call(ctx, "GET", r.path("git", "commits", sha), nil, &c)
	return c.GetCommitter().GetDate().UTC(), err
}

// Wrote tells whether a commit contains one that an account wrote, by the e-mail addresses that GitHub knows of it.
func (r *Repo) Wrote(ctx context.Context, sha, login string) (bool, error) {
	query := url.Values{"sha": {sha}, "author": {login}, "per_page": {"1"}}
	var list []*github.RepositoryCommit
	_, err := r.call(ctx, "GET", r.path("commits")+"?"+query.Encode(), nil, &list)
	return len(list) > 0, err
}

// CommitsTouching lists the commits in the history of head that changed a file or something in a folder, newest first, as far
// back as since by the committers' clocks. complete is false when there are more than the pages hold.
//
// https://docs.github.com/rest/commits/commits#list-commits
func (r *Repo) CommitsTouching(ctx context.Context, head, path string, since time.Time, pages int) (shas []string, complete bool, err error) {
	query := url.Values{"sha": {head}, "path": {path}, "since": {since.UTC().Format(time.RFC3339)}}
	for n := 1; n <= pages; n++ {
		var list []*github.RepositoryCommit
		resp, err := r.call(ctx, "GET", page(r.path("commits")+"?"+query.Encode(), n), nil, &list)
		if err != nil {
			return nil, false, err
		}
		for _, c := range list {
			shas = append(shas, c.GetSHA())
		}
		if resp.NextPage == 0 {
			return shas, true, nil
		}
	}
	return shas, false, nil
}

// History lists the commits of head, oldest first. complete is false when there are more than the pages hold; then the newest are given.
//
// https://docs.github.com/rest/commits/commits#list-commits
func (r *Repo) History(ctx context.Context, head string, pages int) (commits []forge.Commit, complete bool, err error) {
	query := url.Values{"sha": {head}}
	for n := 1; n <= pages && !complete; n++ {
		var list []*github.RepositoryCommit
		resp, err := r.call(ctx, "GET", page(r.path("commits")+"?"+query.Encode(), n), nil, &list)
		if err != nil {
			return nil, false, err
		}
		for _, c := range list {
			commits = append(commits, commitOf(c))
		}
		complete = resp.NextPage == 0
	}
	slices.Reverse(commits)
	return commits, complete, nil
}

// Compare tells what head has that base lacks. forge.ErrNotFound also when they have no history in common. Of more than
// 2,500 commits the first hundred are given; a comparison that changed while it was read is Truncated.
func (r *Repo) Compare(ctx context.Context, base, head string) (forge.Comparison, error) {
	var out forge.Comparison
	path := r.path("compare", base+"..."+head)
	for n := 1; ; n++ {
		var c github.CommitsComparison
		if _, err := r.call(ctx, "GET", page(path, n), nil, &c); err != nil {
			return forge.Comparison{}, err
		}
		if n == 1 {
			out.AheadBy, out.BehindBy = c.GetAheadBy(), c.GetBehindBy()
			out.MergeBase = c.GetMergeBaseCommit().GetSHA()
			for _, f := range c.Files {
				out.Files = append(out.Files, f.GetFilename())
				if f.GetPreviousFilename() != "" {
					out.Files = append(out.Files, f.GetPreviousFilename())
				}
			}
			out.FilesTruncated = len(c.Files) >= maxComparedFiles
		}
		for _, commit := range c.Commits {
			out.Commits = append(out.Commits, commitOf(commit))
		}
		moved := c.GetAheadBy() != out.AheadBy || c.GetMergeBaseCommit().GetSHA() != out.MergeBase
		if moved || len(c.Commits) == 0 || len(out.Commits) >= out.AheadBy || out.AheadBy > maxCompared {
			out.Truncated = moved || len(out.Commits) < out.AheadBy
			return out, nil
		}
	}
}

// CreateCommit makes a commit with the tree of another one, on no branch.
func (r *Repo) CreateCommit(ctx context.Context, message, treeOf string, parents []string) (string, error) {
	return r.makeCommit(ctx, treeOf, map[string]any{"message": message, "parents": append([]string{}, parents...)})
}

// CopyCommit makes a commit by the author of another one, at the time they wrote it, with the tree of a third, on no branch.
func (r *Repo) CopyCommit(ctx context.Context, of, message, treeOf string, parents []string) (string, error) {
	var original struct {
		Author struct {
			Name  string `json:"name"`
			Email string `json:"email"`
			Date  string `json:"date"`
		} `json:"author"`
	}
	if _, err := r.call(ctx, "GET", r.path("git", "commits", of), nil, &original); err != nil {
		return "", err
	}
	return r.makeCommit(ctx, treeOf, map[string]any{
		"message": message, "parents": append([]string{}, parents...), "author": original.Author,
	})
}

// makeCommit makes the commit that body describes, with the tree of another one.
func (r *Repo) makeCommit(ctx context.Context, treeOf string, body map[string]any) (string, error) {
	var of struct {
		Tree struct {
			SHA string `json:"sha"`
		} `json:"tree"`
	}
	if _, err := r.call(ctx, "GET", r.path("git", "commits", treeOf), nil, &of); err != nil {
		return "", err
	}
	body["tree"] = of.Tree.SHA
	var made struct {
		SHA string `json:"sha"`
	}
	_, err := r.call(ctx, "POST", r.path("git", "commits"), body, &made)
	return made.SHA, err
}

// Merge makes a merge commit of head on base and returns it. forge.ErrUpToDate, forge.ErrBaseMoved, forge.ErrConflict;
// forge.ErrNotFound when one of them is missing.
func (r *Repo) Merge(ctx context.Context, base, headSHA, message string) (string, error) {
	var made github.RepositoryCommit
	resp, err := r.call(ctx, "POST", r.path("merges"), map[string]string{"base": base, "head": headSHA, "commit_message": message}, &made)
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode == http.StatusNoContent:
		return "", forge.ErrUpToDate
	}
	return made.GetSHA(), nil
}
