package bot

import (
	"context"
	"errors"
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

// commandFact names the operation that a lane item is about.
type commandFact struct {
	ID string `json:"id"`
}

// Post hands in a command that was given on a page or through the API. It goes through the repository's lane like
// everything else, with the rights that who asks has then; the answer is in the operation once it has ended. An operation
// whose ID is there already is not handed in again, and comes back as it stands. *CommandError: it is written wrongly.
func (b *Bot) Post(ctx context.Context, o store.Operation) (store.Operation, error) {
	c, wrong, ours := parseLine(o.Command, "", false)
	switch {
	case !ours:
		return o, &CommandError{Line: 1, Text: o.Command, Problem: fmt.Sprintf("%q is no command", o.Command), Usage: "/help"}
	case wrong != nil:
		return o, wrong
	}
	if o.ID == "" {
		o.ID = store.NewID()
	}
	o.Status, o.Reply, o.CreatedAt, o.EndedAt = store.OperationWaiting, "", b.Now(), time.Time{}
	err := b.Store.Write(ctx, func(tx *store.Tx) error {
		added, err := tx.CreateOperation(ctx, o)
		if err != nil {
			return err
		}
		if !added {
			o, err = tx.Operation(ctx, o.ID)
			return err
		}
		return b.Queue.Post(ctx, tx, laneOf(o.RepoID), itemCommand, commandFact{ID: o.ID}, "")
	})
	if err != nil {
		return o, fmt.Errorf("hand in /%s: %w", c.Name, err)
	}
	return o, nil
}

// Act is Post that waits some seconds for the end.
func (b *Bot) Act(ctx context.Context, o store.Operation) (store.Operation, error) {
	o, err := b.Post(ctx, o)
	if err != nil {
		return o, err
	}
	ctx, cancel := context.WithTimeout(ctx, actPatience)
	defer cancel()
	tick := time.NewTicker(actLook)
	defer tick.Stop()
	for {
		var now store.Operation
		err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			now, err = tx.Operation(ctx, o.ID)
			return err
		})
		if err == nil && now.Status != store.OperationWaiting {
			return now, nil
		}
		select {
		case <-ctx.Done():
			o.Reply = "It is noted and will be carried out; the repository is busy just now."
			return o, nil
		case <-tick.C:
		}
	}
}

// asked carries out a command that Post handed in.
func (b *Bot) asked(ctx context.Context, repo int64, f commandFact) error {
	err := b.in(ctx, repo, event.Origin{}, func(s *session) error { return s.operate(ctx, f.ID) })
	if errors.Is(err, errInactive) {
		return b.endOperation(ctx, f.ID, false, "Sluice is not active in this repository: it was taken from the App, or lacks a production or a development branch.")
	}
	return err
}

func (b *Bot) endOperation(ctx context.Context, id string, ok bool, reply string) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		return ignoreMissing(tx.EndOperation(ctx, id, ended(ok), reply, b.Now()))
	})
}

// ended is the status of an operation with an answer.
func ended(ok bool) store.OperationStatus {
	if ok {
		return store.OperationDone
	}
	return store.OperationRefused
}

// operate carries an operation out, once: its end is written with the decision.
func (s *session) operate(ctx context.Context, id string) error {
	var o store.Operation
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		o, err = tx.Operation(ctx, id)
		return err
	})
	if err != nil || o.Status != store.OperationWaiting || o.RepoID != s.repo.ID {
		return ignoreMissing(err)
	}
	reply, ok, err := s.operation(ctx, o)
	var no *userError
	if errors.As(err, &no) {
		reply, ok, err = no.text, false, nil
	}
	if err != nil {
		return err
	}
	return s.b.endOperation(ctx, id, ok, reply)
}

func (s *session) operation(ctx context.Context, o store.Operation) (reply string, ok bool, err error) {
	c, wrong, _ := parseLine(o.Command, "", false)
	if wrong != nil {
		return wrong.Error(), false, nil
	}
	if err := s.stillThem(ctx, o, c); err != nil {
		return "", false, err
	}
	q := &request{Command: c, by: o.By, known: o.CreatedAt, via: o.Via + " " + o.ID}
	q.done = func(tx *store.Tx) error { return tx.EndOperation(ctx, o.ID, ended(!q.no), q.said, s.b.Now()) }
	if err := s.place(ctx, q, o); err != nil {
		return "", false, err
	}
	return s.carry(ctx, q)
}

// stillThem refuses an operation whose account has another name by now, since rights are asked for by name and the old
// one may be somebody else's; one whose token was taken back while it waited; and one that is not for its token to ask for.
func (s *session) stillThem(ctx context.Context, o store.Operation, c Command) error {
	u, err := s.gh.UserByLogin(ctx, o.By.Login)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return fmt.Errorf("account of %s: %w", o.By.Login, err)
	}
	if err != nil || u.ID != o.By.ID {
		return &userError{fmt.Sprintf("The account %s has another name at GitHub now, or is gone. Sign in again, and make a new token.", code(o.By.Login))}
	}
	if o.TokenID == "" {
		return nil
	}
	var t store.AccessToken
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		t, err = tx.AccessToken(ctx, o.TokenID)
		return ignoreMissing(err)
	})
	switch {
	case err != nil:
		return err
	case t.Owner.ID != o.By.ID:
		return &userError{"The token is another account's."}
	case t.Scope == store.ScopeAlarms && !c.alarms():
		return &userError{"The token may only raise alarms and clear them."}
	case t.Scope != store.ScopeAct && t.Scope != store.ScopeAlarms:
		return &userError{"The token may only read. Make one that may act."}
	case !t.Valid(s.b.Now()):
		return &userError{"The token was revoked, or has expired, before the command's turn came."}
	}
	return nil
}
