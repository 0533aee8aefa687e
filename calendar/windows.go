package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Windows say when something may be done: in any of Allow (without any: always), and in none of Deny.
type Windows struct {
	Allow, Deny []Span
	// Zone is where the wall times are told. Never nil where a span is given.
	Zone *time.Location
}

// Equal tells whether two sets of windows are written the same.
func (w Windows) Equal(v Windows) bool {
	same := func(a, b Span) bool { return a.text == b.text }
	return slices.EqualFunc(w.Allow, v.Allow, same) && slices.EqualFunc(w.Deny, v.Deny, same) &&
		(w.Zone == v.Zone || w.Zone != nil && v.Zone != nil && w.Zone.String() == v.Zone.String())
}

// horizon is how many days ahead an opening is looked for.
const horizon = 800

// Open tells whether the windows are open at a moment.
func (w Windows) Open(t time.Time) bool { return w.Closed(t) == "" }

// Closed says why the windows are closed at a moment, in words that begin with a preposition; empty: they are open.
func (w Windows) Closed(t time.Time) string {
	if len(w.Allow)+len(w.Deny) == 0 {
		return ""
	}
	local := t.In(w.Zone)
	day, minute := dateOf(local), local.Hour()*60+local.Minute()
	for _, s := range w.Deny {
		if s.holds(day, minute) {
			return fmt.Sprintf("within %q", s)
		}
	}
	if len(w.Allow) == 0 || slices.ContainsFunc(w.Allow, func(s Span) bool { return s.holds(day, minute) }) {
		return ""
	}
	texts := make([]string, len(w.Allow))
	for i, s := range w.Allow {
		texts[i] = fmt.Sprintf("%q", s)
	}
	return "outside " + strings.Join(texts, ", ")
}

// Opening is the first moment from t on at which the windows are open: t itself when they are. ok is false when there is
// none in the next two years.
func (w Windows) Opening(t time.Time) (at time.Time, ok bool) {
	if w.Open(t) {
		return t, true
	}
	first := dateOf(t.In(w.Zone)).plus(-1) // a wall time may come a second time
	for n := range horizon {
		for _, at := range w.edges(first.plus(n)) {
			if at.After(t) && w.Open(at) {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// edges are the moments of a day at which the windows may open or close, in order: what is between two of them is all open
// or all closed.
func (w Windows) edges(d date) []time.Time {
	midnight := w.at(d, clock{})
	edges := midnight
	for _, s := range slices.Concat(w.Allow, w.Deny) {
		edges = append(append(edges, w.at(d, s.start)...), w.at(d, s.end)...)
	}
	if _, end := midnight[0].In(w.Zone).ZoneBounds(); !end.IsZero() && end.Sub(midnight[0]) < 26*time.Hour {
		edges = append(edges, end) // clocks that go back may lead into a window again
	}
	slices.SortFunc(edges, time.Time.Compare)
	return edges
}

// at is when the clocks show a time, or when they leap over it.
func (w Windows) at(d date, c clock) []time.Time {
	if c.hour == 24 {
		d, c = d.plus(1), clock{}
	}
	if shown := moments(d, c, w.Zone); len(shown) > 0 {
		return shown
	}
	return []time.Time{change(d, c, w.Zone)}
}
