package fakegithub

import "slices"

// Deal says what becomes of webhooks that are kept back. They are named by their place, oldest first; those that it does not name go on
// being kept back.
type Deal struct {
	// Send are sent, in this order. What is named more than once is sent as often, under the same ID.
	Send []int
	// Drop get lost as if GitHub had never made them: its log does not have them.
	Drop []int
	// Fail are in GitHub's log as not delivered.
	Fail []int
}

// DealHooks deals with some of what HoldHooks keeps back, as deal says, which is told the events, and goes on keeping back. It returns how
// many there were. Deal must not call the server.
func (s *Server) DealHooks(deal func(events []string) Deal) int {
	q := s.hooks
	q.mu.Lock()
	defer q.mu.Unlock()
	events := make([]string, len(q.held))
	for i, p := range q.held {
		events[i] = p.Event
	}
	d := deal(events)
	for _, i := range d.Send {
		twin := *q.held[i] // what is sent twice has two entries in the log
		q.nextID++
		twin.ID = q.nextID
		q.queue = append(q.queue, &twin)
	}
	for _, i := range d.Fail {
		p := q.held[i]
		p.Problem, p.StatusCode, p.DeliveredAt = "failed to connect to host", 0, s.opts.Now()
		q.remember(&p.Delivery)
	}
	var kept []*parcel
	for i, p := range q.held {
		if !slices.Contains(d.Send, i) && !slices.Contains(d.Drop, i) && !slices.Contains(d.Fail, i) {
			kept = append(kept, p)
		}
	}
	q.held = kept
	q.poke()
	return len(events)
}

// Replay sends what was delivered once more, in the order given by order, a permutation of the deliveries, oldest first: as new deliveries
// with IDs of their own, so that a receiver that knows deliveries by their IDs takes them for new ones.
func (s *Server) Replay(order func(n int) []int) {
	all := s.Deliveries()
	for _, i := range order(len(all)) {
		d := all[i]
		d.GUID = guid()
		s.redeliver(d)
	}
}
