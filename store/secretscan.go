package store

import (
	"context"
	"time"
)

// SecretScan is the search for credentials in what a commit brings to a branch.
type SecretScan struct {
	RepoID int64
	SHA    string
	// Base is the branch that SHA was compared with, BaseSHA where that was.
	Base, BaseSHA string
	// Done is false while the search is under way.
	Done bool
	// Report is what was found, as JSON: places and fingerprints, never the credential itself.
	Report    []byte
	UpdatedAt time.Time
}

func secretScans() table[SecretScan] {
	return table[SecretScan]{"secret_scans", []string{"repo_id", "sha", "base"}, func(c *SecretScan) []column {
		return []column{
			{"repo_id", &c.RepoID}, {"sha", &c.SHA}, {"base", &c.Base}, {"base_sha", &c.BaseSHA}, {"done", &c.Done},
			{"report", blob{&c.Report}}, {"updated_at", micros{&c.UpdatedAt}},
		}
	}}
}

// SecretScan returns the search at a commit against a branch, or ErrNotFound.
func (tx *Tx) SecretScan(ctx context.Context, repo int64, sha, base string) (SecretScan, error) {
	return secretScans().one(ctx, tx, "repo_id = ? AND sha = ? AND base = ?", repo, sha, base)
}

// SecretScans returns the searches at a commit, by branch.
func (tx *Tx) SecretScans(ctx context.Context, repo int64, sha string) ([]SecretScan, error) {
	return secretScans().list(ctx, tx, "repo_id = ? AND sha = ? ORDER BY base", repo, sha)
}

// OpenSecretScans returns the searches of a repository that are under way, by commit and branch.
func (tx *Tx) OpenSecretScans(ctx context.Context, repo int64) ([]SecretScan, error) {
	return secretScans().list(ctx, tx, "repo_id = ? AND done = ? ORDER BY sha, base", repo, false)
}

// SaveSecretScan writes the search under its commit and branch.
func (tx *Tx) SaveSecretScan(ctx context.Context, c SecretScan) error {
	return secretScans().put(ctx, tx, &c)
}
