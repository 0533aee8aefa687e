package fakegithub

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

type order struct{ Fault }

// faultList keeps the orders to fail, and until when somebody was told to wait.
type faultList struct {
	now  func() time.Time
	mu   sync.Mutex
	list []*order
	told map[string]told
}

// told is the end of a wait by the server's clock, and the real moment of the telling: calls that were already on
// their way then break no rule.
type told struct {
	until time.Time
	at    time.Time
}

const inFlight = 200 * time.Millisecond

// Inject orders a fault and returns what takes it back.
func (s *Server) Inject(f Fault) (remove func()) {
	o := &order{f}
	if o.Count == 0 {
		o.Count = 1
	}
	l := s.faults
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, o)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		o.Count = 0
	}
}

// take returns the fault that strikes a call, or why the call should not have been made (yet).
func (l *faultList) take(c Call) (*Fault, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := ""
	if t, ok := l.told[c.Actor]; ok && l.now().Before(t.until) && time.Since(t.at) > inFlight {
		wait = fmt.Sprintf("called %s before the time it was told to wait for", t.until.Sub(l.now()).Round(time.Millisecond))
	}
	for _, o := range l.list {
		if o.Count == 0 || o.Method != "" && o.Method != c.Method || o.Route != "" && o.Route != c.Route || o.Actor != "" && o.Actor != c.Actor {
			continue
		}
		if o.Skip > 0 {
			o.Skip--
			continue
		}
		if o.Count > 0 {
			o.Count--
		}
		f := o.Fault
		l.tell(c.Actor, &f)
		return &f, wait
	}
	return nil, wait
}

func (l *faultList) tell(actor string, f *Fault) {
	wait := f.RetryAfter
	switch {
	case f.Kind == PrimaryLimit && wait == 0, f.Kind == SecondaryLimit && wait == 0:
		wait = time.Minute // what GitHub asks for when it names no time
	case f.Kind != PrimaryLimit && f.Kind != SecondaryLimit:
		return
	}
	l.note(actor, wait)
}

// note remembers that somebody was told to wait.
func (l *faultList) note(actor string, wait time.Duration) {
	if l.told == nil {
		l.told = map[string]told{}
	}
	l.told[actor] = told{until: l.now().Add(wait), at: time.Now()}
}

// wait is note for who does not hold the list's lock.
func (l *faultList) wait(actor string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(actor, d)
}

// fail makes a call fail. It returns true when the call is to go on.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, f *Fault, c *call, entry *Call, start time.Time) bool {
	var no *refusal
	switch f.Kind {
	case LoseReply:
		c.lose = true
		return true
	case Delay:
		s.await(r, f)
		return true
	case Reset:
		entry.Duration = time.Since(start)
		s.log.end(*entry)
		panic(http.ErrAbortHandler)
	case Hang:
		s.await(r, f)
		no = &refusal{status: http.StatusBadGateway, message: "Server Error"}
	case PrimaryLimit:
		no = &refusal{status: http.StatusForbidden, message: "API rate limit exceeded for " + entry.Actor + "."}
		reset := s.opts.Now().Add(f.RetryAfter)
		if f.RetryAfter == 0 {
			reset = s.opts.Now().Add(time.Minute)
		}
		no.header = http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Used": {"5000"},
			"X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}, "X-Ratelimit-Resource": {"core"}}
	case SecondaryLimit:
		no = &refusal{status: http.StatusForbidden, message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
		if f.RetryAfter > 0 {
			no.header = http.Header{"Retry-After": {strconv.Itoa(int((f.RetryAfter + time.Second - 1) / time.Second))}}
		}
	default:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		no = &refusal{status: status, message: cmp.Or(f.Message, "Server Error")}
	}
	body := no.body()
	if f.Kind == SecondaryLimit {
		body["documentation_url"] = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	}
	s.finish(w, c, &answer{status: no.status, raw: encode(body), header: no.header}, entry, start)
	return false
}

func (s *Server) await(r *http.Request, f *Fault) {
	var timeout <-chan time.Time
	if f.Kind == Delay && f.Release == nil {
		t := time.NewTimer(f.RetryAfter)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-f.Release:
	case <-timeout:
	case <-r.Context().Done():
	case <-s.hangs:
	}
}
