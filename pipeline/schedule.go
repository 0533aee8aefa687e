package pipeline

// Ticket is what Schedule needs to know of an execution.
type Ticket struct {
	ID     string
	Status Status
	// Promoting: a promotion has started (State.Promoting); nothing supersedes it.
	Promoting bool
	// AwaitsPeople: nothing goes on by itself (State.AwaitsPeople).
	AwaitsPeople bool
}

// TicketOf takes the ticket of an execution.
func TicketOf(s State) Ticket {
	return Ticket{ID: s.ID, Status: s.Status, Promoting: s.Promoting(), AwaitsPeople: s.AwaitsPeople()}
}

// Overtaken is an execution that is to be superseded, by another.
type Overtaken struct{ ID, By string }

// Schedule says which waiting executions start now and which executions are superseded, given all executions of one
// repository, kind and branch that have not ended (others do no harm), oldest first.
//
//   - superseded: the newest supersedes all older ones and starts. While an older one promotes, it waits: what is being
//     released is not disturbed by what is not in it.
//   - queued: the oldest starts when nothing runs. One that only waits for people gives way to the next, since its
//     revision is no longer the head; one that promotes does not.
//   - parallel: all start.
func Schedule(m Mode, tickets []Ticket) (start []string, superseded []Overtaken) {
	live := make([]Ticket, 0, len(tickets))
	for _, t := range tickets {
		if !t.Status.Final() {
			live = append(live, t)
		}
	}
	switch m {
	case ModeParallel:
		for _, t := range live {
			if t.Status == Waiting {
				start = append(start, t.ID)
			}
		}
	case ModeQueued:
		for i, t := range live {
			switch {
			case t.Status == Waiting:
				return append(start, t.ID), superseded
			case t.Promoting || !t.AwaitsPeople || i == len(live)-1:
				return nil, superseded
			}
			superseded = append(superseded, Overtaken{ID: t.ID, By: live[i+1].ID})
		}
	default:
		return scheduleNewest(live)
	}
	return start, superseded
}

func scheduleNewest(live []Ticket) (start []string, superseded []Overtaken) {
	if len(live) == 0 {
		return nil, nil
	}
	newest, free := live[len(live)-1], true
	for _, t := range live[:len(live)-1] {
		if t.Promoting {
			free = false
			continue
		}
		superseded = append(superseded, Overtaken{ID: t.ID, By: newest.ID})
	}
	if free && newest.Status == Waiting {
		start = []string{newest.ID}
	}
	return start, superseded
}
