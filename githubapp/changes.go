package githubapp

import (
	"context"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Numbers of files that GitHub lists of a comparison, and of a commit over all pages.
const (
	maxComparedFiles  = 300
	maxCommittedFiles = 3000
)

// Changes lists the files that head changes since it left base, with their patches. complete is false from GitHub's 300
// files on. forge.ErrNotFound as for Compare.
func (r *Repo) Changes(ctx context.Context, base, head string) (files []forge.FileChange, complete bool, err error) {
	var c github.CommitsComparison
	// The first page of what Compare asks for: one of the two is answered from what is remembered.
	if _, err := r.call(ctx, "GET", page(r.path("compare", base+"..."+head), 1), nil, &c); err != nil {
		return nil, false, err
	}
	return changesOf(c.Files), len(c.Files) < maxComparedFiles, nil
}

// CommitChanges lists the files that a commit changes against its first parent, with their patches. complete is false
// from GitHub's 3,000 files on.
func (r *Repo) CommitChanges(ctx context.Context, sha string) (files []forge.FileChange, complete bool, err error) {
	err = pages(func(n int) (*github.Response, error) {
		var c github.RepositoryCommit
		resp, err := r.call(ctx, "GET", page(r.path("commits", sha), n), nil, &c)
		files = append(files, changesOf(c.Files)...)
		return resp, err
	})
	return files, len(files) < maxCommittedFiles, err
}

func changesOf(list []*github.CommitFile) []forge.FileChange {
	out := make([]forge.FileChange, len(list))
	for i, f := range list {
		out[i] = forge.FileChange{
			Path: f.GetFilename(), Previous: f.GetPreviousFilename(), Status: f.GetStatus(), Patch: f.GetPatch(),
			Additions: f.GetAdditions(), Deletions: f.GetDeletions(),
		}
	}
	return out
}
