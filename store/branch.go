package store

import (
	"context"
	"fmt"
)

func branches() table[Branch] {
	return table[Branch]{"branches", []string{"repo_id", "name"}, func(b *Branch) []column {
		return []column{{"repo_id", &b.RepoID}, {"name", &b.Name}, {"sha", &b.SHA}, {"updated_at", micros{&b.UpdatedAt}}}
	}}
}

func tags() table[Tag] {
	return table[Tag]{"tags", []string{"repo_id", "name"}, func(t *Tag) []column {
		return []column{{"repo_id", &t.RepoID}, {"name", &t.Name}, {"sha", &t.SHA}, {"seq", &t.Seq}, {"seen_at", micros{&t.SeenAt}}}
	}}
}

func pushes() table[Push] {
	return table[Push]{"pushes", []string{"repo_id", "branch", "sha", "before_sha"}, func(p *Push) []column {
		return columns([]column{
			{"repo_id", &p.RepoID}, {"branch", &p.Branch}, {"before_sha", &p.Before}, {"sha", &p.SHA}, {"at", micros{&p.At}},
		}, user("pusher", &p.Pusher))
	}}
}

// Branches returns the known heads of a repository by name.
func (tx *Tx) Branches(ctx context.Context, repo int64) ([]Branch, error) {
	return branches().list(ctx, tx, "repo_id = ? ORDER BY name", repo)
}

// Branch returns one known head.
func (tx *Tx) Branch(ctx context.Context, repo int64, name string) (Branch, error) {
	return branches().one(ctx, tx, "repo_id = ? AND name = ?", repo, name)
}

// SaveBranch records a head as handled.
func (tx *Tx) SaveBranch(ctx context.Context, b Branch) error { return branches().put(ctx, tx, &b) }

// DeleteBranch forgets a head. One that is not known is fine.
func (tx *Tx) DeleteBranch(ctx context.Context, repo int64, name string) error {
	return tx.later(ctx, "delete branch "+name, "DELETE FROM branches WHERE repo_id = ? AND name = ?", repo, name)
}

// Tags returns the release log of a repository, oldest release first.
func (tx *Tx) Tags(ctx context.Context, repo int64) ([]Tag, error) {
	return tags().list(ctx, tx, "repo_id = ? ORDER BY seq", repo)
}

// Tag returns one known tag.
func (tx *Tx) Tag(ctx context.Context, repo int64, name string) (Tag, error) {
	return tags().one(ctx, tx, "repo_id = ? AND name = ?", repo, name)
}

// SaveTag appends a tag to the release log and returns it with the Seq it was given; Seq of the argument is ignored.
// A tag that is there with this SHA comes back as it is. With another SHA it is ErrConflict and the one that is there:
// tags never move.
func (tx *Tx) SaveTag(ctx context.Context, t Tag) (Tag, error) {
	t.Seq = 0
	if err := tx.next(ctx, &t.Seq, tagCounter(t.RepoID)); err != nil {
		return Tag{}, err
	}
	added, err := tags().insert(ctx, tx, &t)
	if err != nil || added {
		return t, err
	}
	known, err := tx.Tag(ctx, t.RepoID, t.Name)
	if err == nil && known.SHA != t.SHA {
		err = fmt.Errorf("tag %s is recorded at %s, now seen at %s: %w", t.Name, known.SHA, t.SHA, ErrConflict)
	}
	return known, err
}

// ForgetTag takes a tag that was no release out of the release log. One that is not there is fine.
func (tx *Tx) ForgetTag(ctx context.Context, repo int64, name string) error {
	return tx.later(ctx, "forget tag "+name, "DELETE FROM tags WHERE repo_id = ? AND name = ?", repo, name)
}

// AddPush records who pushed. The same push recorded again changes nothing.
func (tx *Tx) AddPush(ctx context.Context, p Push) error {
	_, err := pushes().insert(ctx, tx, &p)
	return err
}

// Pushes returns the pushes to a branch, oldest first.
func (tx *Tx) Pushes(ctx context.Context, repo int64, branch string) ([]Push, error) {
	return pushes().list(ctx, tx, "repo_id = ? AND branch = ? ORDER BY at, sha", repo, branch)
}

// tagCounter numbers the tags of a repository.
func tagCounter(repo int64) string { return fmt.Sprintf("tags:%d", repo) }

// next counts up the named counter. Its row stays locked until the transaction ends, so numbers are given in the order
// of the commits and without gaps.
func (tx *Tx) next(ctx context.Context, n *int64, counter string) error {
	_, err := tx.scalar(ctx, []any{n}, `INSERT INTO counters (name, value) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`, counter)
	if err != nil {
		return fmt.Errorf("count %s: %w", counter, err)
	}
	return nil
}
