package bot

import (
	"cmp"
	"context"
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
	// refusalWait is how long GitHub's delivery log is given before a comment that was found is answered that it will not be
	// carried out.
	refusalWait = 2 * redeliverEvery
)

// foundComment is the payload of itemComment.
type foundComment struct {
	ID int64 `json:"comment"`
	// SaidAt is when it was made, At when it was found.
	SaidAt time.Time `json:"said"`
	At     time.Time `json:"at"`
	// Overtaken: commands that were given after it were begun before.
	Overtaken bool `json:"overtaken,omitempty"`
}

// tooLate is why the commands of a comment are not begun, if it was heard of so late that they may not be meant any more.
func tooLate(said, heard time.Time) string {
	if heard.IsZero() || heard.Sub(said) <= lateCommand {
		return ""
	}
	return fmt.Sprintf("GitHub's word of it came %s after it was said, and it may not be meant any more. If it is, say it again in a new comment.", hours(heard.Sub(said)))
}

func (s *session) commentsKey() string { return fmt.Sprintf("comments/%d", s.repo.ID) }

// commentsSeen is up to when comments were looked at, by GitHub's clock; at first, since Sluice knows the repository. It is never
// long ago: nobody waits for an answer then.
func (s *session) commentsSeen(ctx context.Context) (time.Time, error) {
	seen := s.repo.BaselineAt
	var raw string
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		raw, err = tx.Setting(ctx, s.commentsKey())
		return ignoreMissing(err)
	})
	if err == nil && raw != "" {
		seen, err = time.Parse(time.RFC3339, raw)
	}
	oldest := s.b.Now().Add(-lostCommand).Truncate(24 * time.Hour) // the same all day, so that the question is
	if seen.Before(oldest) {
		seen = oldest
	}
	return seen, err
}

// reconcileComments finds comments with commands of which nobody told, and has each handled in its turn. As long as nothing was
// said, the question stays the same, and so costs nothing of GitHub's limit.
func (s *session) reconcileComments(ctx context.Context) error {
	seen, err := s.commentsSeen(ctx)
	if err != nil {
		return fmt.Errorf("up to when comments were looked at: %w", err)
	}
	all, err := s.gh.CommentsSince(ctx, seen)
	if err != nil {
		return fmt.Errorf("comments: %w", err)
	}
	slices.SortFunc(all, func(a, b forge.Comment) int { return cmp.Compare(b.ID, a.ID) }) // the newest first
	var found []foundComment
	later := false
	for _, c := range all {
		if c.UpdatedAt.After(seen) {
			seen = c.UpdatedAt
		}
		if !s.mayCommand(c.Author) || !hasCommands(c.Body, s.us.Slug) {
			continue
		}
		said := remark{Comment: event.Comment{ID: c.ID}}
		heard, err := s.heardOf(ctx, said)
		mayRun := asWritten(c) && s.b.Now().Sub(c.CreatedAt) < lostCommand
		if err == nil && !heard && mayRun {
			heard, err = s.heardBefore(ctx, said)
		}
		if err != nil {
			return err
		}
		switch {
		case heard:
			later = true
		case mayRun:
			found = append(found, foundComment{ID: c.ID, SaidAt: c.CreatedAt, At: s.b.Now(), Overtaken: later})
		}
	}
	slices.Reverse(found)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, f := range found {
			s.log.WarnContext(ctx, "a comment was found that GitHub did not tell of", "comment", f.ID)
			due := f.At
			if f.stale() != "" {
				due = due.Add(refusalWait)
			}
			if err := s.b.Queue.PostAt(ctx, tx, laneOf(s.repo.ID), itemComment, f, fmt.Sprintf("comment:%d", f.ID), due); err != nil {
				return err
			}
		}
		return tx.SetSetting(ctx, s.commentsKey(), seen.UTC().Format(time.RFC3339))
	})
}

// hasCommands tells whether a comment holds commands, rightly written or not.
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
// after a restored backup: they may have been carried out, and are not carried out twice.
func (s *session) heardBefore(ctx context.Context, m remark) (bool, error) {
	if m.review {
		found, err := s.gh.ReactedToReview(ctx, m.node, reactionSeen)
		if err != nil {
			return false, fmt.Errorf("who has seen review %d: %w", m.ID, err)
		}
		return found, nil
	}
	by, err := s.gh.Reactors(ctx, m.ID, reactionSeen)
	if err != nil {
		return false, fmt.Errorf("who has seen comment %d: %w", m.ID, err)
	}
	return slices.ContainsFunc(by, func(u forge.User) bool { return u.ID == s.us.UserID }), nil
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
	return s.heardBefore(ctx, e)
}

// commentFound handles a comment of which nobody told, if it is there still. One that GitHub has told of meanwhile was handled, and
// its commands are not carried out twice.
func (s *session) commentFound(ctx context.Context, f foundComment) error {
	c, err := s.gh.Comment(ctx, f.ID)
	if err != nil || !asWritten(c) {
		return ignoreNotFound(err)
	}
	return s.commanded(ctx, remark{Comment: event.Comment{
		Origin: event.Origin{Sender: c.Author}, Activity: event.Created, ID: c.ID, Number: c.Issue, IsPullRequest: c.Pull, Body: c.Body,
		Author: c.Author, HTMLURL: c.HTMLURL, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, ReceivedAt: f.At,
	}}, f.stale())
}

// stale is why the commands of a comment that was found are not begun any more; empty: they are.
func (f foundComment) stale() string {
	if why := tooLate(f.SaidAt, f.At); why != "" || !f.Overtaken {
		return why
	}
	return "GitHub's word of it did not come, and commands that were given after it have been carried out since. If it is still meant, say it again in a new comment."
}
