package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// itemCommand is the lane item of a command that was not given in a comment: payload commandFact.
const itemCommand = "command"

// How long Act waits for the lane, and how often it looks.
const (
	actPatience = 8 * time.Second
	actLook     = 25 * time.Millisecond
)

// commandFact is a command given for an execution, by a button on a page.
type commandFact struct {
	ID          string     `json:"id"`
	ExecutionID string     `json:"execution"`
	Command     string     `json:"command"`
	By          forge.User `json:"by"`
}

// acted is what came of it.
type acted struct {
	Reply string `json:"reply"`
	OK    bool   `json:"ok"`
}

// Act gives a command, as it would be typed in a comment, for an execution of a repository. It goes through the
// repository's lane like everything else, with the rights of who asks, and Act waits for the answer: ok is false when it
// was refused, and reply says why, or what follows, in Markdown.
func (b *Bot) Act(ctx context.Context, repoID int64, executionID, command string, by forge.User) (reply string, ok bool, err error) {
	f := commandFact{ID: store.NewID(), ExecutionID: executionID, Command: command, By: by}
	err = b.Store.Write(ctx, func(tx *store.Tx) error {
		return b.Queue.Post(ctx, tx, laneOf(repoID), itemCommand, f, "")
	})
	if err != nil {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(ctx, actPatience)
	defer cancel()
	tick := time.NewTicker(actLook)
	defer tick.Stop()
	for {
		var known store.Effect
		err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			known, err = tx.Effect(ctx, f.key(repoID))
			return ignoreMissing(err)
		})
		if err == nil && known.Done {
			var a acted
			err = json.Unmarshal(known.Result, &a)
			return a.Reply, a.OK, err
		}
		select {
		case <-ctx.Done():
			return "It is noted and will be carried out; the repository is busy just now.", true, nil
		case <-tick.C:
		}
	}
}

func (f commandFact) key(repo int64) string { return fmt.Sprintf("%d/asked/%s", repo, f.ID) }

// asked carries out a command that Act posted, and keeps the answer.
func (b *Bot) asked(ctx context.Context, repo int64, f commandFact) error {
	return b.in(ctx, repo, event.Origin{}, func(s *session) error {
		var a acted
		c, wrong, ours := parseLine(f.Command)
		switch {
		case !ours:
			a.Reply = fmt.Sprintf("%s is no command.", code(f.Command))
		case wrong != nil:
			a.Reply = wrong.Error()
		default:
			q := &request{Command: c, by: f.By, via: "dashboard " + f.ID, done: func(*store.Tx) error { return nil }}
			if err := s.findByExecution(ctx, q, f.ExecutionID); err != nil {
				return err
			}
			var err error
			if a.Reply, a.OK, err = s.carryFor(ctx, q, f.ExecutionID); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return err
		}
		return s.b.Store.Write(ctx, func(tx *store.Tx) error {
			e := store.Effect{Key: f.key(repo), RepoID: repo, Kind: "asked", Intent: []byte(`""`), CreatedAt: s.b.Now(), UpdatedAt: s.b.Now()}
			if _, err := tx.Intend(ctx, e); err != nil {
				return err
			}
			return tx.EffectDone(ctx, e.Key, raw)
		})
	})
}

// carryFor carries a command out, unless it judges a candidate that another one has taken the place of meanwhile: the
// page it was given on was about the old one.
func (s *session) carryFor(ctx context.Context, q *request, executionID string) (reply string, ok bool, err error) {
	judges := q.Name == "approve" || q.Name == "reject" || q.Name == "promote"
	if judges {
		if err := s.locate(ctx, q); err != nil {
			return "", false, err
		}
		if q.execution != nil && q.execution.ID != executionID {
			return "Another candidate has taken this one's place meanwhile; look at it first.", false, nil
		}
	}
	return s.carry(ctx, q)
}

// findByExecution finds the pull request and release that a command for an execution is about.
func (s *session) findByExecution(ctx context.Context, q *request, id string) error {
	var x store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if x, err = tx.Execution(ctx, id); err != nil || x.ReleaseID == "" {
			return err
		}
		r, err := tx.Release(ctx, x.ReleaseID)
		q.issue, q.pull = r.Pull, r.Pull != 0
		return err
	})
	if err != nil || x.RepoID != s.repo.ID {
		return ignoreMissing(err)
	}
	if q.pull {
		return nil // carry looks the rest up
	}
	return s.findByCheck(ctx, q, x.SHA)
}
