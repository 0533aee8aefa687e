package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// Bounds of what is done about commands that come late.
const (
	// lateCommand is after how long a command is not begun any more but asked for again. A comparison with GitHub finds within an
	// hour what nobody told, so that a lost event only delays.
	lateCommand = 2 * time.Hour
	// lostCommand is after how long nobody waits for an answer; GitHub sends no event again that is older.
	lostCommand = 72 * time.Hour
	// refusalWait is how long GitHub's delivery log is given before a remark that was found is answered that it will not be
	// carried out.
	refusalWait = 2 * redeliverEvery
)

// foundRemark is the payload of itemRemark.
type foundRemark struct {
	ID int64 `json:"comment"`
	// Reviewed is the pull request of a review, by which alone GitHub gives one; 0: it is a comment.
	Reviewed int `json:"reviewed,omitempty"`
	// SaidAt is when it was made, At when it was found.
	SaidAt time.Time `json:"said"`
	At     time.Time `json:"at"`
	// Overtaken: commands that were given after it were begun before.
	Overtaken bool `json:"overtaken,omitempty"`
}

// tooLate is why the commands of a remark are not begun, if it was heard of so late that they may not be meant any more.
func tooLate(said, heard time.Time) string {
	if heard.IsZero() || heard.Sub(said) <= lateCommand {
		return ""
	}
	return fmt.Sprintf("GitHub's word of it came %s after it was said, and it may not be meant any more. If it is, say it again in a new comment.", hours(heard.Sub(said)))
}

// Up to when comments, and reviews, were looked at is kept under these names.
const (
	listedComments = "comments"
	listedReviews  = "reviews"
)

func (s *session) listedKey(what string) string { return fmt.Sprintf("%s/%d", what, s.repo.ID) }

// listedUpTo is up to when comments or reviews were looked at, by GitHub's clock; at first, since Sluice knows the repository. It is
// never long ago: nobody waits for an answer then.
func (s *session) listedUpTo(ctx context.Context, what string) (time.Time, error) {
	seen := s.repo.BaselineAt
	var raw string
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		raw, err = tx.Setting(ctx, s.listedKey(what))
		return ignoreMissing(err)
	})
	if err == nil && raw != "" {
		seen, err = time.Parse(time.RFC3339, raw)
	}
	if err != nil {
		return seen, fmt.Errorf("up to when %s were looked at: %w", what, err)
	}
	oldest := s.b.Now().Add(-lostCommand).Truncate(24 * time.Hour) // the same all day, so that the question is
	if seen.Before(oldest) {
		seen = oldest
	}
	return seen, nil
}

// listedRemark is a remark as GitHub lists it. withdrawn: it shows that it was edited or dismissed since.
type listedRemark struct {
	remark
	withdrawn bool
}

// newComments lists the comments that were made or changed since they were looked at, and up to when they are looked at now.
func (s *session) newComments(ctx context.Context) (out []listedRemark, upTo time.Time, err error) {
	upTo, err = s.listedUpTo(ctx, listedComments)
	if err != nil {
		return nil, upTo, err
	}
	all, err := s.gh.CommentsSince(ctx, upTo)
	if err != nil {
		return nil, upTo, fmt.Errorf("comments: %w", err)
	}
	for _, c := range all {
		out = append(out, listedRemark{commentRemark(c), !asWritten(c)})
		upTo = later(upTo, c.UpdatedAt)
	}
	return out, upTo, nil
}

// newReviews is newComments for reviews. GitHub lists them by pull request alone, and each submitted one changes its pull request.
func (s *session) newReviews(ctx context.Context) (out []listedRemark, upTo time.Time, err error) {
	since, err := s.listedUpTo(ctx, listedReviews)
	if err != nil {
		return nil, since, err
	}
	pulls, err := s.gh.PullsSince(ctx, since)
	if err != nil {
		return nil, since, fmt.Errorf("pull requests: %w", err)
	}
	upTo = since
	for _, p := range pulls {
		all, err := s.gh.Reviews(ctx, p.Number)
		if err != nil {
			return nil, since, fmt.Errorf("reviews of #%d: %w", p.Number, err)
		}
		for _, v := range all {
			if !v.SubmittedAt.Before(since) {
				out = append(out, listedRemark{listedReview(p.Number, v), v.State == reviewDismissed})
			}
		}
		upTo = later(upTo, p.UpdatedAt)
	}
	return out, upTo, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// reconcileRemarks finds comments and reviews with commands of which nobody told, and has each handled in its turn. As long as
// nothing was said, the questions stay the same, and so cost nothing of GitHub's limit.
func (s *session) reconcileRemarks(ctx context.Context) error {
	all, comments, err := s.newComments(ctx)
	if err != nil {
		return err
	}
	more, reviews, err := s.newReviews(ctx)
	if err != nil {
		return err
	}
	all = append(all, more...)
	slices.SortStableFunc(all, func(a, b listedRemark) int { // the newest first
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	var found []foundRemark
	overtaken := false
	for _, m := range all {
		if !s.mayCommand(m.Author) || !hasCommands(m.Body, s.us.Slug) {
			continue
		}
		heard, err := s.heardOf(ctx, m.remark)
		mayRun := !m.withdrawn && s.b.Now().Sub(m.CreatedAt) < lostCommand
		if err == nil && !heard && mayRun {
			var edited bool
			heard, edited, err = s.heardBefore(ctx, m.remark)
			mayRun = !edited
		}
		if err != nil {
			return err
		}
		switch {
		case heard:
			overtaken = true
		case mayRun:
			f := foundRemark{ID: m.ID, SaidAt: m.CreatedAt, At: s.b.Now(), Overtaken: overtaken}
			if m.review {
				f.Reviewed = m.Number
			}
			found = append(found, f)
		}
	}
	slices.Reverse(found)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, f := range found {
			s.log.WarnContext(ctx, "a "+f.remark().via()+" was found that GitHub did not tell of", "comment", f.ID)
			due := f.At
			if f.stale() != "" {
				due = due.Add(refusalWait)
			}
			if err := s.b.Queue.PostAt(ctx, tx, laneOf(s.repo.ID), itemRemark, f, "comment:"+f.remark().key(), due); err != nil {
				return err
			}
		}
		if err := tx.SetSetting(ctx, s.listedKey(listedComments), comments.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		return tx.SetSetting(ctx, s.listedKey(listedReviews), reviews.UTC().Format(time.RFC3339))
	})
}

// hasCommands tells whether a remark holds commands, rightly written or not.
func hasCommands(body, slug string) bool {
	commands, wrong := ParseCommands(body, slug)
	return len(commands)+len(wrong) > 0
}

// asWritten tells whether a comment was never edited: what somebody writes into one later is no command.
func asWritten(c forge.Comment) bool { return c.UpdatedAt.Equal(c.CreatedAt) }

// heardOf tells whether the commands of a remark were begun: its author was shown that first.
func (s *session) heardOf(ctx context.Context, m remark) (heard bool, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.Effect(ctx, effectKey(s.repo.ID, effectReaction, reactionKey(m.key(), reactionSeen)))
		heard = err == nil
		return ignoreMissing(err)
	})
	return heard, err
}

// heardBefore tells whether the author of a remark was shown that its commands were begun, and the database does not know it, as
// after a restored backup: they may have been carried out, and are not carried out twice. edited tells whether its text was changed since
// it was said.
func (s *session) heardBefore(ctx context.Context, m remark) (heard, edited bool, err error) {
	if m.review {
		more, err := s.gh.ReviewMore(ctx, m.node)
		if err != nil {
			return false, false, fmt.Errorf("whether review %d was seen: %w", m.ID, err)
		}
		return slices.Contains(more.Reacted, reactionSeen), editedSince(m.CreatedAt, more), nil
	}
	by, err := s.gh.Reactors(ctx, m.ID, reactionSeen)
	if err != nil {
		return false, false, fmt.Errorf("who has seen comment %d: %w", m.ID, err)
	}
	return slices.ContainsFunc(by, func(u forge.User) bool { return u.ID == s.us.UserID }), !m.UpdatedAt.Equal(m.CreatedAt), nil
}

// heardAndLost tells whether the commands of a new remark were begun before, by what GitHub shows, and the database does not know it.
func (s *session) heardAndLost(ctx context.Context, e remark) (bool, error) {
	if !s.mayCommand(e.Author) || !hasCommands(e.Body, s.us.Slug) {
		return false, nil
	}
	known, err := s.heardOf(ctx, e)
	if err != nil || known {
		return false, err
	}
	heard, _, err := s.heardBefore(ctx, e)
	return heard, err
}

// remarkFound handles a remark of which nobody told, if it is there still, and as it was written. One that GitHub has told of meanwhile
// was handled, and its commands are not carried out twice.
func (s *session) remarkFound(ctx context.Context, f foundRemark) error {
	m, err := s.readAgain(ctx, f)
	if errors.Is(err, forge.ErrNotFound) {
		return s.notFoundYet(f.remark(), s.b.heard(f.SaidAt))
	}
	if err != nil || m.withdrawn {
		return err
	}
	m.Activity, m.Sender, m.ReceivedAt = event.Created, m.Author, f.At
	return s.commanded(ctx, m.remark, f.stale())
}

// readAgain is a remark that was found, as it is now. ErrNotFound: it is gone.
func (s *session) readAgain(ctx context.Context, f foundRemark) (listedRemark, error) {
	if f.Reviewed == 0 {
		c, err := s.gh.Comment(ctx, f.ID)
		return listedRemark{commentRemark(c), !asWritten(c)}, err
	}
	all, err := s.gh.Reviews(ctx, f.Reviewed)
	if err != nil {
		return listedRemark{}, err
	}
	i := slices.IndexFunc(all, func(v forge.Review) bool { return v.ID == f.ID })
	if i < 0 {
		return listedRemark{}, fmt.Errorf("review %d of #%d: %w", f.ID, f.Reviewed, forge.ErrNotFound)
	}
	more, err := s.gh.ReviewMore(ctx, all[i].Node)
	return listedRemark{listedReview(f.Reviewed, all[i]), all[i].State == reviewDismissed || editedSince(all[i].SubmittedAt, more)}, err
}

// editedSince tells whether the text of a review was changed after it was submitted: until then it is its author's own.
func editedSince(submitted time.Time, more forge.ReviewMore) bool {
	return more.EditedAt.After(submitted)
}

// remark is the remark by what is known of it without asking.
func (f foundRemark) remark() remark {
	return remark{Comment: event.Comment{ID: f.ID, Number: f.Reviewed}, review: f.Reviewed != 0}
}

// stale is why the commands of a remark that was found are not begun any more; empty: they are.
func (f foundRemark) stale() string {
	if why := tooLate(f.SaidAt, f.At); why != "" || !f.Overtaken {
		return why
	}
	return "GitHub's word of it did not come, and commands that were given after it have been carried out since. If it is still meant, say it again in a new comment."
}
