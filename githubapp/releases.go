package githubapp

import (
	"context"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// ReleaseByTag gives the GitHub release of a tag. Drafts have none.
func (r *Repo) ReleaseByTag(ctx context.Context, tag string) (forge.Release, error) {
	var out github.RepositoryRelease
	if _, err := r.call(ctx, "GET", r.path("releases", "tags")+"/"+escapeRef(tag), nil, &out); err != nil {
		return forge.Release{}, err
	}
	return releaseOf(&out), nil
}

// CreateRelease publishes a GitHub release for a tag; forge.ErrNotFound when there is no such tag (GitHub would create it,
// wherever the default branch is), forge.ErrExists when it has a release. A prerelease is never the latest.
func (r *Repo) CreateRelease(ctx context.Context, tag, name, body string, prerelease, latest bool) (forge.Release, error) {
	if _, err := r.ref(ctx, "tags", tag); err != nil {
		return forge.Release{}, fmt.Errorf("release of tag %s: %w", tag, err)
	}
	makeLatest := "false"
	if latest && !prerelease {
		makeLatest = "true"
	}
	var out github.RepositoryRelease
	_, err := r.call(ctx, "POST", r.path("releases"), map[string]any{
		"tag_name": tag, "name": name, "body": cutEnd(body, maxReleaseBody), "prerelease": prerelease, "make_latest": makeLatest,
	}, &out)
	if err != nil {
		return forge.Release{}, err
	}
	return releaseOf(&out), nil
}
