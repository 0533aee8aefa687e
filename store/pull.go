package store

import "context"

func pulls() table[Pull] {
	return table[Pull]{"pulls", []string{"repo_id", "number"}, func(p *Pull) []column {
		return columns([]column{
			{"repo_id", &p.RepoID}, {"number", &p.Number}, {"title", &p.Title}, {"head_branch", &p.HeadBranch},
			{"head_sha", &p.HeadSHA}, {"head_repo_id", &p.HeadRepoID}, {"base_branch", &p.BaseBranch}, {"base_sha", &p.BaseSHA},
			{"is_open", &p.Open}, {"merged", &p.Merged}, {"problems", &p.Problems}, {"verdict", blob{&p.Verdict}},
			{"head_at", micros{&p.HeadAt}}, {"cockpit", &p.Cockpit}, {"updated_at", micros{&p.UpdatedAt}},
		}, user("author", &p.Author))
	}}
}

// Pull returns a pull request as judged last.
func (tx *Tx) Pull(ctx context.Context, repo int64, number int) (Pull, error) {
	return pulls().one(ctx, tx, "repo_id = ? AND number = ?", repo, number)
}

// OpenPulls returns the open pull requests by number.
func (tx *Tx) OpenPulls(ctx context.Context, repo int64) ([]Pull, error) {
	return pulls().list(ctx, tx, "repo_id = ? AND is_open = ? ORDER BY number", repo, true)
}

// PullsAt returns the pull requests, open or not, whose head is the SHA, by number.
func (tx *Tx) PullsAt(ctx context.Context, repo int64, headSHA string) ([]Pull, error) {
	return pulls().list(ctx, tx, "repo_id = ? AND head_sha = ? ORDER BY number", repo, headSHA)
}

// SavePull writes the pull request under its number.
func (tx *Tx) SavePull(ctx context.Context, p Pull) error { return pulls().put(ctx, tx, &p) }
