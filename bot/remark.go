package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// remark is what commands are written in: a comment, or the text of a review. GitHub counts the two apart, so that a comment and a
// review may have the same number.
type remark struct {
	event.Comment
	review bool
	// node is a review's name for GraphQL, and sha the commit that was reviewed.
	node, sha string
}

// reviewRemark is the text of a review.
func reviewRemark(e event.Review) remark {
	return remark{
		Comment: event.Comment{
			Origin: e.Origin, ID: e.ID, Number: e.Number, IsPullRequest: true, Body: e.Body, Author: e.Author, CreatedAt: e.SubmittedAt, ReceivedAt: e.ReceivedAt,
		},
		review: true, node: e.Node, sha: e.SHA,
	}
}

// commentRemark is a comment as GitHub lists it.
func commentRemark(c forge.Comment) remark {
	return remark{Comment: event.Comment{
		ID: c.ID, Number: c.Issue, IsPullRequest: c.Pull, Body: c.Body, Author: c.Author, HTMLURL: c.HTMLURL, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}}
}

// listedReview is a review of a pull request as GitHub lists it.
func listedReview(pull int, v forge.Review) remark {
	return reviewRemark(event.Review{ID: v.ID, Number: pull, Body: v.Body, Author: v.Author, SubmittedAt: v.SubmittedAt, Node: v.Node, SHA: v.SHA})
}

// reviewDismissed is the state of a review that somebody dismissed.
const reviewDismissed = "DISMISSED"

// via is the door that its commands come through, as the audit log names it.
func (m remark) via() string {
	if m.review {
		return "review"
	}
	return "comment"
}

// key tells it from all other remarks of its repository.
func (m remark) key() string {
	if m.review {
		return fmt.Sprintf("review-%d", m.ID)
	}
	return fmt.Sprint(m.ID)
}

// changes are the ways in which it can become another than it was, in words.
func (m remark) changes() string {
	if m.review {
		return "edited or dismissed"
	}
	return "edited or deleted"
}

// reviewed handles a review: its text may hold commands, and where branch rules ask for reviews, a release waiting for one goes on.
func (s *session) reviewed(ctx context.Context, e event.Review) error {
	if err := s.awaited(ctx, e.Number); err != nil {
		return err
	}
	m := reviewRemark(e)
	switch e.Activity {
	case event.Edited, event.Dismissed:
		return s.remarkChanged(ctx, m, string(e.Activity))
	}
	return s.remarked(ctx, m)
}

// remarked handles what was said now.
func (s *session) remarked(ctx context.Context, m remark) error {
	if m.Author.ID != m.Sender.ID {
		return nil
	}
	if s.b.doubt.Load() { // GitHub was asked to send it again, by somebody, after a backup was restored
		lost, err := s.heardAndLost(ctx, m)
		if err != nil || lost {
			return err
		}
	}
	return s.commanded(ctx, m, tooLate(m.CreatedAt, m.ReceivedAt))
}

// reactTo adds a reaction to a remark.
func (s *session) reactTo(ctx context.Context, m remark, reaction string) error {
	_, err := do(ctx, s, effect[nothing]{
		kind: effectReaction, key: reactionKey(m.key(), reaction), intent: remarkRead{Reaction: reaction, Number: m.Number, Body: fingerprint(m.Body)},
		blind: "adding a reaction twice is adding it once",
		act: func(ctx context.Context) (nothing, error) {
			if m.review {
				return nothing{}, ignoreNotFound(s.gh.ReactToReview(ctx, m.node, reaction))
			}
			return nothing{}, ignoreNotFound(s.gh.React(ctx, m.ID, reaction))
		},
	})
	return err
}

func reactionKey(remark, reaction string) string { return remark + ":" + reaction }
