package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// replayCmd is "sluice replay": what was given up is listed, and handled again. It works on the database, or, while a
// server has the SQLite file, through that server.
type replayCmd struct {
	databaseFlags

	Delivery string `arg:"" optional:"" placeholder:"DELIVERY" help:"ID of a delivery, or of a dead letter as the list shows it."`
	Dead     bool   `help:"List what was given up."`
	All      bool   `help:"With --dead: handle all of it again."`
	Limit    int    `default:"100" placeholder:"N" help:"With --dead: at most so many, newest first."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// letter is a dead letter as people and machines see it.
type letter struct {
	// ID is what replay takes: the delivery's ID, else lane#place.
	ID       string    `json:"id"`
	Lane     string    `json:"lane"`
	Seq      int64     `json:"seq"`
	Kind     string    `json:"kind"`
	Delivery string    `json:"delivery,omitempty"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	Problem  string    `json:"problem"`
}

// replayReport is what --json prints.
type replayReport struct {
	Dead     []letter `json:"dead"`
	Replayed []string `json:"replayed"`
}

// Run lists or replays.
func (c *replayCmd) Run(e *env) error {
	switch {
	case c.Delivery == "" && !c.Dead:
		return &usageError{errors.New("name a delivery, or list with --dead what was given up")}
	case c.Delivery != "" && (c.Dead || c.All):
		return &usageError{errors.New("--dead lists what was given up; take it away to replay one delivery")}
	case c.All && !c.Dead:
		return &usageError{errors.New("--all is for --dead: sluice replay --dead --all")}
	case c.Limit < 1:
		return &usageError{errors.New("--limit must be at least 1")}
	}
	report := replayReport{Dead: []letter{}, Replayed: []string{}}
	if c.Dead {
		err := c.read(e, func(ctx context.Context, s *store.Store) (err error) {
			report.Dead, err = letters(ctx, s, c.Limit)
			return err
		})
		if err != nil {
			return err
		}
	}
	var again []string
	if c.Delivery != "" {
		again = []string{c.Delivery}
	}
	if c.All {
		for _, l := range report.Dead {
			again = append(again, l.ID)
		}
	}
	if err := c.replay(e, again, &report); err != nil {
		return err
	}
	return c.print(e, report)
}

// replay has things handled again.
func (c *replayCmd) replay(e *env, again []string, report *replayReport) error {
	if len(again) == 0 {
		return nil
	}
	err := c.change(e, func(ctx context.Context, s *store.Store) error {
		for _, id := range again {
			if err := replayOne(ctx, s, id); err != nil {
				return err
			}
			report.Replayed = append(report.Replayed, id)
		}
		return nil
	})
	if !errors.Is(err, store.ErrInUse) {
		return err
	}
	dir, dirErr := c.dir(e)
	if dirErr != nil {
		return dirErr
	}
	for _, id := range again {
		if err := askServer(e.ctx, dir, id); err != nil {
			return err
		}
		report.Replayed = append(report.Replayed, id)
	}
	return nil
}

// letters are the dead letters, newest first.
func letters(ctx context.Context, s *store.Store, limit int) ([]letter, error) {
	q, err := queue.New(s, queue.Options{})
	if err != nil {
		return nil, err
	}
	dead, err := q.DeadLetters(ctx, limit)
	out := make([]letter, len(dead))
	for i, d := range dead {
		out[i] = letter{
			ID: d.DeliveryID, Lane: d.Lane, Seq: d.Seq, Kind: d.Kind, Delivery: d.DeliveryID, Attempts: d.Attempts, At: d.At.UTC(), Problem: d.Problem,
		}
		if d.DeliveryID == "" {
			out[i].ID = fmt.Sprintf("%s#%d", d.Lane, d.Seq)
		}
	}
	return out, err
}

// replayOne has a delivery, or a dead letter named lane#place, handled again.
func replayOne(ctx context.Context, s *store.Store, id string) error {
	q, err := queue.New(s, queue.Options{})
	if err != nil {
		return err
	}
	if lane, place, isPlace := cutLast(id, '#'); isPlace {
		seq, err := strconv.ParseInt(place, 10, 64)
		if err != nil {
			return &usageError{fmt.Errorf("%q names neither a delivery nor lane#place", id)}
		}
		err = q.Replay(ctx, lane, seq)
		return notDead(err, id)
	}
	return notDead(q.ReplayDelivery(ctx, strings.ToLower(id)), id)
}

func notDead(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: there is no such delivery or dead letter, or its payload was deleted for its age: %w", id, err)
	}
	return err
}

// cutLast cuts at the last separator.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (c *replayCmd) print(e *env, report replayReport) error {
	if c.JSON {
		return printJSON(e.stdout, report)
	}
	if len(report.Replayed) > 0 {
		for _, id := range report.Replayed {
			fmt.Fprintf(e.stdout, "%s is handled again\n", id)
		}
		return nil
	}
	if len(report.Dead) == 0 {
		fmt.Fprintln(e.stdout, "nothing was given up")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tLANE\tKIND\tATTEMPTS\tGIVEN UP\tPROBLEM")
	for _, l := range report.Dead {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", l.ID, l.Lane, l.Kind, l.Attempts, l.At.Format(time.RFC3339), firstLine(l.Problem))
	}
	return w.Flush()
}

// firstLine is the first line of a text, without control characters.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
