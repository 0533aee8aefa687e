package store

import "context"

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
			{"line", &r.Line}, {"version_why", &r.VersionWhy},
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

// ReleaseByVersion returns the newest release with this version.
func (tx *Tx) ReleaseByVersion(ctx context.Context, repo int64, version string) (Release, error) {
	return releases().one(ctx, tx, "repo_id = ? AND version = ? ORDER BY started_at DESC, id DESC", repo, version)
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

// SaveRelease writes the release under its ID.
func (tx *Tx) SaveRelease(ctx context.Context, r Release) error { return releases().put(ctx, tx, &r) }
