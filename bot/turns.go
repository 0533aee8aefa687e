package bot

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// beforeStart is what is there before an execution is made.
type beforeStart struct {
	same   *store.Execution // the one that the same origin started for the same revision; nil: none
	active []store.Execution
	stops  stopList
}

// beforeStart reads what decides whether and how an execution starts.
func (s *session) beforeStart(ctx context.Context, q startRequest) (b beforeStart, err error) {
	var at []store.Execution
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		return tx.Together(ctx,
			func(tx *store.Tx) (err error) {
				at, err = tx.ExecutionsAt(ctx, s.repo.ID, q.sha)
				return err
			},
			func(tx *store.Tx) (err error) {
				b.active, err = tx.ActiveExecutions(ctx, s.repo.ID)
				return err
			},
			func(tx *store.Tx) (err error) {
				b.stops, err = s.stops(ctx, tx)
				return err
			},
		)
	})
	for i, x := range at {
		if strings.HasPrefix(q.origin, originPush) && (x.Status == pipeline.Superseded || x.Status == pipeline.Stopped) {
			continue // the branch went elsewhere since, and has come back
		}
		if b.same == nil && x.Kind == q.kind && x.Branch == q.branch.Name && x.Component == s.component() && x.Origin == q.origin {
			b.same = &at[i]
		}
	}
	return b, err
}

// ticketsOf are the executions of the pipeline that one is of, on its branch, and the mode in which they take their turns: that
// of the last one.
func ticketsOf(one store.Execution, all []store.Execution) (pipeline.Mode, []pipeline.Ticket) {
	mode := pipeline.ModeSuperseded
	var tickets []pipeline.Ticket
	for _, x := range all {
		if x.Kind == one.Kind && x.Branch == one.Branch && x.Component == one.Component {
			tickets = append(tickets, pipeline.TicketOf(x.State))
			mode = x.State.Definition.Mode
		}
	}
	return mode, tickets
}

// firstTurn has a new execution begin, unless it has to wait for its turn, takes another one's place, or comes to its end or to
// people by that: then more follows, of which schedule takes care. commands are what is to be done first, beginning or not.
func (s *session) firstTurn(x *store.Execution, active []store.Execution) (begun bool, commands []pipeline.Command, err error) {
	if wake := x.State.WakeAt; !wake.IsZero() { // it may wait, and not for ever
		commands = append(commands, pipeline.WakeAt{At: wake})
	}
	begin, overtaken := pipeline.Schedule(ticketsOf(*x, append(active[:len(active):len(active)], *x)))
	if len(overtaken) > 0 || len(begin) != 1 || begin[0] != x.ID {
		return false, commands, nil
	}
	state, first, err := pipeline.Advance(x.State, pipeline.Started{At: s.b.Now()})
	if err != nil {
		return false, nil, fmt.Errorf("execution %s begins: %w", x.ID, err)
	}
	if state.Status.Final() || state.AwaitsPeople() {
		return false, commands, nil
	}
	if state.WakeAt.Equal(x.State.WakeAt) { // else it is told anew
		first = append(commands, first...)
	}
	x.State, x.Digest = state, state.Digest()
	return true, first, nil
}
