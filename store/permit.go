package store

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// Permit is what somebody allowed for one head of a pull request: a check that passes all the same, a fork's commit that
// may be tested. It ends when the head moves and, where BaseBranch is set, when the base does.
type Permit struct {
	ID     string
	RepoID int64
	Pull   int
	// Name is what is allowed: the name of a check, or another word of the bot's.
	Name    string
	HeadSHA string
	// BaseBranch and BaseSHA are the base it holds for; empty: any.
	BaseBranch, BaseSHA string
	By                  forge.User
	Reason              string
	CommentID           int64 // 0 when it was not given in a comment
	At                  time.Time
	// EndedAt is zero while it holds; EndReason says why it does not.
	EndedAt   time.Time
	EndReason string
}

func permits() table[Permit] {
	return table[Permit]{"permits", []string{"id"}, func(p *Permit) []column {
		return columns([]column{
			{"id", &p.ID}, {"repo_id", &p.RepoID}, {"pull", &p.Pull}, {"name", &p.Name}, {"head_sha", &p.HeadSHA},
			{"base_branch", &p.BaseBranch}, {"base_sha", &p.BaseSHA}, {"reason", &p.Reason}, {"comment_id", &p.CommentID},
			{"at", micros{&p.At}}, {"ended_at", micros{&p.EndedAt}}, {"end_reason", &p.EndReason},
		}, user("giver", &p.By))
	}}
}

// SavePermit writes the permit under its ID.
func (tx *Tx) SavePermit(ctx context.Context, p Permit) error { return permits().put(ctx, tx, &p) }

// Permits returns the permits of a pull request, ended or not, oldest first.
func (tx *Tx) Permits(ctx context.Context, repo int64, pull int) ([]Permit, error) {
	return permits().list(ctx, tx, "repo_id = ? AND pull = ? ORDER BY at, id", repo, pull)
}

// PermitsOnBase returns the permits that were given for a base branch and have not ended, oldest first.
func (tx *Tx) PermitsOnBase(ctx context.Context, repo int64, branch string) ([]Permit, error) {
	return permits().list(ctx, tx, "repo_id = ? AND base_branch = ? AND ended_at = 0 ORDER BY at, id", repo, branch)
}
