package store

import "context"

func checks() table[Check] {
	return table[Check]{"checks", []string{"repo_id", "sha", "name"}, func(c *Check) []column {
		return []column{
			{"repo_id", &c.RepoID}, {"sha", &c.SHA}, {"name", &c.Name}, {"run_id", &c.RunID}, {"hash", &c.Hash},
			{"status", &c.Status}, {"conclusion", &c.Conclusion}, {"updated_at", micros{&c.UpdatedAt}},
		}
	}}
}

func comments() table[Comment] {
	return table[Comment]{"comments", []string{"repo_id", "issue", "marker"}, func(c *Comment) []column {
		return []column{
			{"repo_id", &c.RepoID}, {"issue", &c.Issue}, {"marker", &c.Marker}, {"comment_id", &c.CommentID},
			{"hash", &c.Hash}, {"updated_at", micros{&c.UpdatedAt}},
		}
	}}
}

// Check returns the check run reported last for a name at a SHA.
func (tx *Tx) Check(ctx context.Context, repo int64, sha, name string) (Check, error) {
	return checks().one(ctx, tx, "repo_id = ? AND sha = ? AND name = ?", repo, sha, name)
}

// Checks returns the check runs at a SHA by name.
func (tx *Tx) Checks(ctx context.Context, repo int64, sha string) ([]Check, error) {
	return checks().list(ctx, tx, "repo_id = ? AND sha = ? ORDER BY name", repo, sha)
}

// AllChecks returns every check run of a repository, in the order they were last changed.
func (tx *Tx) AllChecks(ctx context.Context, repo int64) ([]Check, error) {
	return checks().list(ctx, tx, "repo_id = ? ORDER BY updated_at, sha, name", repo)
}

// SaveCheck writes the check run under its SHA and name.
func (tx *Tx) SaveCheck(ctx context.Context, c Check) error { return checks().put(ctx, tx, &c) }

// Comment returns our comment with the marker on an issue or pull request.
func (tx *Tx) Comment(ctx context.Context, repo int64, issue int, marker string) (Comment, error) {
	return comments().one(ctx, tx, "repo_id = ? AND issue = ? AND marker = ?", repo, issue, marker)
}

// SaveComment writes the comment under its issue and marker.
func (tx *Tx) SaveComment(ctx context.Context, c Comment) error { return comments().put(ctx, tx, &c) }
