package store

import (
	"context"
	"strings"
)

func releases() table[Release] {
	return table[Release]{"releases", []string{"id"}, func(r *Release) []column {
		return columns([]column{
			{"id", &r.ID}, {"repo_id", &r.RepoID}, {"kind", &r.Kind}, {"version", &r.Version}, {"hotfix_id", &r.HotfixID},
			{"branch", &r.Branch}, {"tag", &r.Tag}, {"cut_sha", &r.CutSHA}, {"head_sha", &r.HeadSHA}, {"pull", &r.Pull},
			{"sha", &r.SHA}, {"candidate_image", &r.CandidateImage}, {"candidate_digest", &r.CandidateDigest},
			{"production_image", &r.ProductionImage}, {"production_digest", &r.ProductionDigest},
			{"status", text[ReleaseStatus]{&r.Status}}, {"execution_id", &r.ExecutionID},
			{"production_execution_id", &r.ProductionExecutionID}, {"production_tip", &r.ProductionTip},
			{"finished", &r.Finished}, {"problem", &r.Problem}, {"origin", &r.Origin}, {"reason", &r.Reason}, {"bad", &r.Bad},
			{"line", &r.Line}, {"component", &r.Component}, {"version_why", &r.VersionWhy},
			{"started_at", micros{&r.StartedAt}}, {"released_at", micros{&r.ReleasedAt}}, {"updated_at", micros{&r.UpdatedAt}},
		}, user("started_by", &r.StartedBy), user("promote_by", &r.PromoteBy))
	}}
}

// Release returns the release or hotfix with the ID.
func (tx *Tx) Release(ctx context.Context, id string) (Release, error) {
	return releases().one(ctx, tx, "id = ?", id)
}

// ReleaseByBranch returns the newest release that was cut as this branch.
func (tx *Tx) ReleaseByBranch(ctx context.Context, repo int64, branch string) (Release, error) {
	return releases().one(ctx, tx, "repo_id = ? AND branch = ? ORDER BY started_at DESC, id DESC", repo, branch)
}

// ReleaseByPull returns the newest release whose pull request has this number.
func (tx *Tx) ReleaseByPull(ctx context.Context, repo int64, number int) (Release, error) {
	return releases().one(ctx, tx, "repo_id = ? AND pull = ? ORDER BY started_at DESC, id DESC", repo, number)
}

// ReleaseByVersion returns the newest release of a component with this version; the component is empty where the
// repository has none.
func (tx *Tx) ReleaseByVersion(ctx context.Context, repo int64, component, version string) (Release, error) {
	return releases().one(ctx, tx, "repo_id = ? AND component = ? AND version = ? ORDER BY started_at DESC, id DESC", repo, component, version)
}

// Releases returns all releases and hotfixes of a repository, oldest first.
func (tx *Tx) Releases(ctx context.Context, repo int64) ([]Release, error) {
	return releases().list(ctx, tx, "repo_id = ? ORDER BY started_at, id", repo)
}

// LiveReleases returns those whose status is Live, oldest first.
func (tx *Tx) LiveReleases(ctx context.Context, repo int64) ([]Release, error) {
	return releases().list(ctx, tx, "repo_id = ? AND status IN (?, ?, ?) ORDER BY started_at, id",
		repo, string(ReleaseOpen), string(ReleasePromoting), string(ReleaseFailed))
}

// UnfinishedReleases returns those that are not Finished, oldest first.
func (tx *Tx) UnfinishedReleases(ctx context.Context, repo int64) ([]Release, error) {
	return releases().list(ctx, tx, "repo_id = ? AND finished = ? ORDER BY started_at, id", repo, false)
}

// SaveRelease writes the release under its ID.
func (tx *Tx) SaveRelease(ctx context.Context, r Release) error { return releases().put(ctx, tx, &r) }

// Name is the release's version; of a component "api 1.4.0".
func (r Release) Name() string {
	if r.Component == "" {
		return r.Version
	}
	return r.Component + " " + r.Version
}

// Key names a release in an address or an argument: its version, of a component "api@1.4.0".
func (r Release) Key() string { return ReleaseKey(r.Component, r.Version) }

// ReleaseKey is the Key of a component's version; component is empty where the repository has none.
func ReleaseKey(component, version string) string {
	if component == "" {
		return version
	}
	return component + "@" + version
}

// SplitReleaseKey takes a ReleaseKey apart. What is none is a version.
func SplitReleaseKey(key string) (component, version string) {
	component, version, found := strings.Cut(key, "@")
	if !found {
		return "", key
	}
	return component, version
}
