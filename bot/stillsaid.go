package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// replicaLag is how far behind its own webhooks GitHub may be when it is asked: it answers from copies of its database. What was said
// just now and is not found may be there all the same; what is not found after this time is gone.
const replicaLag = 10 * time.Second

// notYetError says that GitHub does not find what it told of just now.
type notYetError struct {
	what string
	wait time.Duration // until it is asked again
}

func (e *notYetError) Error() string {
	return fmt.Sprintf("GitHub does not find %s, of which it told just now; it is asked again in %s", e.what, e.wait.Round(time.Second))
}

// notFoundYet is the *notYetError for a remark that GitHub does not find; nil where it was heard of so long ago that it is gone. One that
// was heard of in the future, by a clock that has been put right since, is not waited for either.
func (s *session) notFoundYet(m remark, heard time.Time) error {
	age := s.b.Now().Sub(heard)
	if age >= replicaLag || age <= -replicaLag {
		return nil
	}
	return &notYetError{fmt.Sprintf("%s %d", m.via(), m.ID), min(replicaLag-age, replicaLag)}
}

// remarkRead is the intent of a reaction to a remark: it keeps where the remark stands and what it said then.
type remarkRead struct {
	Reaction string `json:"reaction"`
	Number   int    `json:"number"`
	Body     string `json:"body"` // its fingerprint
}

// fingerprint tells one text of a comment from another. Ends of lines and what is around the text say nothing.
func fingerprint(body string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))))
	return hex.EncodeToString(sum[:16])
}

// stillSaid asks GitHub whether the comments and reviews in which something was said that counts are there still and say what they
// said, and withdraws what is not: GitHub's word of an edit or a deletion may have been lost. withdrawn tells whether that was so of any.
func (s *session) stillSaid(ctx context.Context, said []store.Approval) (withdrawn bool, err error) {
	looked := map[string]bool{}
	for _, a := range said {
		m := remark{Comment: event.Comment{ID: a.CommentID, Author: a.By, ReceivedAt: a.At}, review: a.Via == "review"}
		if !a.VoidedAt.IsZero() || a.CommentID == 0 || looked[m.key()] {
			continue
		}
		looked[m.key()] = true
		what, err := s.becomeOf(ctx, m)
		if err != nil {
			return withdrawn, fmt.Errorf("%s %d, which %s of %s was given in: %w", m.via(), m.ID, a.Verdict, a.By.Login, err)
		}
		if what == "" {
			continue
		}
		s.log.WarnContext(ctx, "a "+m.via()+" that counted was changed, and GitHub did not tell of it", "comment", m.ID, "reason", what)
		if err := s.remarkChanged(ctx, m, what); err != nil {
			return withdrawn, err
		}
		withdrawn = true
	}
	return withdrawn, nil
}

// stillSaidOf is stillSaid for a release, or for an execution that belongs to none.
func (s *session) stillSaidOf(ctx context.Context, r *store.Release, x *store.Execution) (withdrawn bool, err error) {
	said, err := s.said(ctx, r, x)
	if err != nil {
		return false, err
	}
	return s.stillSaid(ctx, said)
}

// becomeOf tells what has become of a remark that was read; empty: it says what it said.
func (s *session) becomeOf(ctx context.Context, m remark) (string, error) {
	var read remarkRead
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		e, err := tx.Effect(ctx, effectKey(s.repo.ID, effectReaction, reactionKey(m.key(), reactionSeen)))
		if err != nil {
			return ignoreMissing(err)
		}
		_ = json.Unmarshal(e.Intent, &read) // an older record is the reaction alone
		return nil
	})
	if err != nil {
		return "", err
	}
	if m.review {
		return s.becomeOfReview(ctx, m, read)
	}
	c, err := s.gh.Comment(ctx, m.ID)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		if err := s.notFoundYet(m, m.ReceivedAt); err != nil {
			return "", err
		}
		if gone := s.b.whetherCovered(ctx, s.repo, err); gone != err { //nolint:errorlint // the very error: the repository is there
			return "", gone
		}
		return "deleted", nil
	case err != nil:
		return "", err
	case c.Author.ID != m.Author.ID:
		return "taken from its author's account", nil
	case read.Body == "" && !asWritten(c), read.Body != "" && read.Body != fingerprint(c.Body):
		return "edited", nil
	}
	return "", nil
}

// becomeOfReview is becomeOf for a review, which is found by its pull request.
func (s *session) becomeOfReview(ctx context.Context, m remark, read remarkRead) (string, error) {
	if read.Number == 0 {
		return "", nil
	}
	all, err := s.gh.Reviews(ctx, read.Number)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(v forge.Review) bool { return v.ID == m.ID })
	switch {
	case i < 0:
		return "deleted", s.notFoundYet(m, m.ReceivedAt)
	case all[i].State == reviewDismissed:
		return "dismissed", nil
	case all[i].Author.ID != m.Author.ID:
		return "taken from its author's account", nil
	case read.Body != fingerprint(all[i].Body):
		return "edited", nil
	}
	return "", nil
}

// reconcileWords is stillSaid for all that waits for approvals.
func (s *session) reconcileWords(ctx context.Context) error {
	var said []store.Approval
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		open, err := tx.ApprovalsOpen(ctx, s.repo.ID)
		for _, x := range open {
			of, failed := tx.Approvals(ctx, x.ID)
			said, err = append(said, of...), errors.Join(err, failed)
		}
		return err
	})
	if err == nil {
		_, err = s.stillSaid(ctx, said)
	}
	return err
}
