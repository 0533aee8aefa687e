package githubapp

import (
	"math"
	"net/http"
	"time"
)

// WriteRate is a token bucket for the writes of an installation: Burst at once, then PerSecond. GitHub asks writers to keep
// a second between calls that create content.
//
// A quarter of the burst, and a fifth of GitHub's own caps, is kept for urgent writes (see Urgent), so that checks of a
// busy day cannot hold up a release to production.
//
// A Burst of 1,000 or more, meant for demonstrations and benchmarks, says that the server is not GitHub: its caps are not
// kept then. A WriteRate without Burst or PerSecond does not pace at all.
type WriteRate struct {
	Burst     int
	PerSecond float64
}

// GitHub's limits of an installation ("Rate limits for the REST API").
const (
	contentPerMinute = 80
	contentPerHour   = 500
	pointsPerMinute  = 900 // a read is 1, a write is 5
	uncapped         = 1000
)

// callKind is what a call is to the budget.
type callKind int

const (
	read callKind = iota
	write
	urgentWrite
)

func kindOf(req *http.Request) callKind {
	switch {
	case reads(req):
		return read
	case isUrgent(req.Context()):
		return urgentWrite
	}
	return write
}

func (k callKind) points() int {
	if k == read {
		return 1
	}
	return 5
}

// budget is what an installation may still do.
type budget struct {
	rate   WriteRate
	tokens float64
	filled time.Time
	capped bool
	minute window
	hour   window
	points points
}

func newBudget(rate WriteRate, now time.Time) budget {
	b := budget{rate: rate, tokens: float64(rate.Burst), filled: now}
	b.capped = b.paced() && rate.Burst < uncapped
	if b.capped {
		b.minute = window{span: time.Minute, times: make([]time.Time, contentPerMinute)}
		b.hour = window{span: time.Hour, times: make([]time.Time, contentPerHour)}
	}
	return b
}

func (b *budget) paced() bool { return b.rate.Burst > 0 && b.rate.PerSecond > 0 }

// wait is how long a call has to wait. It takes nothing.
func (b *budget) wait(now time.Time, kind callKind) time.Duration {
	var wait time.Duration
	if b.capped {
		wait = b.points.wait(now, kind.points())
	}
	if kind == read || !b.paced() {
		return wait
	}
	b.fill(now)
	keep, share := float64(b.rate.Burst/4), 4
	if kind == urgentWrite {
		keep, share = 0, 5
	}
	if short := 1 + keep - b.tokens; short > 0 {
		wait = max(wait, time.Duration(math.Ceil(short/b.rate.PerSecond*float64(time.Second))))
	}
	if b.capped {
		wait = max(wait, b.minute.wait(now, contentPerMinute*share/5), b.hour.wait(now, contentPerHour*share/5))
	}
	return wait
}

func (b *budget) fill(now time.Time) {
	if past := now.Sub(b.filled); past > 0 {
		b.tokens = min(float64(b.rate.Burst), b.tokens+past.Seconds()*b.rate.PerSecond)
		b.filled = now
	}
}

// take notes a call that is made at a time.
func (b *budget) take(at time.Time, kind callKind) {
	if b.capped {
		b.points.take(at, kind.points())
	}
	if kind == read || !b.paced() {
		return
	}
	b.tokens-- // below zero: reserved, the next one waits longer
	if b.capped {
		b.minute.take(at)
		b.hour.take(at)
	}
}

// window remembers the times of the last writes.
type window struct {
	span  time.Duration
	times []time.Time // a ring
	next  int
}

func (w *window) take(at time.Time) {
	w.times[w.next] = at
	w.next = (w.next + 1) % len(w.times)
}

// wait is how long until fewer than n writes lie within the span.
func (w *window) wait(now time.Time, n int) time.Duration {
	last := w.times[(w.next-n+len(w.times))%len(w.times)] // the write n back
	if last.IsZero() {
		return 0
	}
	return max(last.Add(w.span).Sub(now), 0)
}

// points counts points by the second, for the last minute.
type points struct {
	seconds [64]struct { // a ring: a minute, and calls that are to be made soon
		at   int64 // Unix seconds
		used int
	}
}

func (p *points) take(at time.Time, cost int) {
	second := at.Unix()
	s := &p.seconds[second%int64(len(p.seconds))]
	if s.at != second {
		s.at, s.used = second, 0
	}
	s.used += cost
}

// wait is how long until there is room for cost.
func (p *points) wait(now time.Time, cost int) time.Duration {
	used, second := cost, now.Unix()
	for _, s := range p.seconds {
		if s.at > second-60 {
			used += s.used
		}
	}
	if used <= pointsPerMinute {
		return 0
	}
	for at := second - 59; at <= second; at++ { // the oldest leave first, a minute after they were made
		if s := p.seconds[at%int64(len(p.seconds))]; s.at == at {
			used -= s.used
		}
		if used <= pointsPerMinute {
			return time.Unix(at+60, 0).Sub(now)
		}
	}
	return time.Minute
}
