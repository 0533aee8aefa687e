package event

import (
	"time"

	"github.com/sluicehq/sluice/forge"
)

// PullRequest is a change of a pull request (event "pull_request").
type PullRequest struct {
	Origin
	// Activity is Opened, Reopened, Closed, Edited, Synchronize, ReadyForReview or ConvertedToDraft.
	Activity Activity
	Number   int
	Author   forge.User
	// Base is the short name of the branch the pull request asks to merge into, BaseSHA its head when the event was
	// made.
	Base, BaseSHA string
	// BaseBefore is the base before an edit that changed it; empty otherwise.
	BaseBefore string
	// Head is the short name of the branch that is to be merged, HeadSHA its head.
	Head, HeadSHA string
	// HeadRepoID is the repository of the head; 0 when it was deleted. It differs from Repo.ID for a fork.
	HeadRepoID int64
	// HeadBefore is the head before a push (Synchronize); empty otherwise.
	HeadBefore string
	Draft      bool
	// Merged tells a Closed pull request that was merged from one that was not; MergeSHA is then the resulting commit.
	Merged   bool
	MergeSHA string
	// UpdatedAt is when the pull request was changed last, by GitHub's clock as the event was made.
	UpdatedAt time.Time
}

// Fork tells whether the head is in another repository than the base, or in one that is gone.
func (p PullRequest) Fork() bool { return p.HeadRepoID != p.Repo.ID }

// Review is a review that was submitted, edited or dismissed (event "pull_request_review").
type Review struct {
	Origin
	Activity Activity // Submitted, Edited or Dismissed
	Number   int      // of the pull request
	ID       int64
	Author   forge.User
	// State is GitHub's word in upper case as the API has it: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED.
	State string
	SHA   string // what was reviewed; empty when GitHub no longer knows
	Body  string // as written by a stranger
	// Node is its name for GraphQL.
	Node string
	// SubmittedAt is when the review was given.
	SubmittedAt time.Time
	// ReceivedAt is when Sluice was told of it, as with a comment. It is no part of the payload.
	ReceivedAt time.Time
}

// Comment is a comment on an issue or a pull request (event "issue_comment"); remarks on lines of code are not.
type Comment struct {
	Origin
	// Activity is Created, Edited or Deleted. Only Created may be a command.
	Activity Activity
	ID       int64
	Number   int // of the issue or pull request
	// IsPullRequest is false for an issue.
	IsPullRequest bool
	// Open is false once the issue or pull request is closed.
	Open bool
	// Body is what a stranger wrote, up to 65,536 characters. BodyBefore is what it was before an edit.
	Body, BodyBefore string
	// Author wrote the comment; Sender is who created, edited or deleted it, which may be somebody else.
	Author forge.User
	// IssueAuthor opened the issue or pull request.
	IssueAuthor          forge.User
	HTMLURL              string
	CreatedAt, UpdatedAt time.Time
	// ReceivedAt is when Sluice was told of it, by its own clock; zero: it is not known. It is no part of the payload.
	ReceivedAt time.Time
}
