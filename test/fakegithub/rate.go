package fakegithub

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// rate counts what a user or installation did in the current hour.
type rate struct {
	used  int
	reset time.Time
	// recent are the calls of the last hour, for the secondary limits.
	recent []recentCall
}

type recentCall struct {
	at      time.Time
	points  int
	content bool
}

// GitHub's secondary limits.
const (
	pointsPerMinute  = 900
	contentPerMinute = 80
	contentPerHour   = 500
)

// secondary notes a call and refuses it when it goes beyond a secondary limit. Calls that change something count as
// creating content.
func (r *rate) secondary(now time.Time, write bool) error {
	c := recentCall{at: now, points: 1, content: write}
	if write {
		c.points = 5
	}
	for len(r.recent) > 0 && now.Sub(r.recent[0].at) >= time.Hour {
		r.recent = r.recent[1:]
	}
	points, minute, hour := c.points, 0, 0
	for _, x := range r.recent {
		if now.Sub(x.at) < time.Minute {
			points += x.points
			if x.content {
				minute++
			}
		}
		if x.content {
			hour++
		}
	}
	if points > pointsPerMinute || write && (minute >= contentPerMinute || hour >= contentPerHour) {
		return &refusal{status: http.StatusForbidden, message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			header: http.Header{"Retry-After": {"60"}}}
	}
	r.recent = append(r.recent, c)
	return nil
}

func rateKey(a *actor) string {
	switch {
	case a == nil:
		return ""
	case a.install != nil:
		return fmt.Sprintf("installation %d", a.install.ID)
	case a.account != nil:
		return "user " + a.account.Login
	}
	return "app " + a.app.Slug
}

func (s *Server) rateOf(a *actor) *rate {
	key, now := rateKey(a), s.opts.Now()
	r := s.rates[key]
	if r == nil || !now.Before(r.reset) {
		r = &rate{reset: now.Add(time.Hour).Truncate(time.Second)}
		s.rates[key] = r
	}
	return r
}

// count takes a call off the hourly limit and refuses it when that is used up. GET /rate_limit is free.
func (s *Server) count(c *call) error {
	r := s.rateOf(c.who)
	if c.route.path == "/rate_limit" {
		return nil
	}
	if s.opts.RateLimit > 0 && r.used >= s.opts.RateLimit {
		return &refusal{status: http.StatusForbidden, message: "API rate limit exceeded for " + rateKey(c.who) + "."}
	}
	if s.opts.SecondaryLimits {
		if err := r.secondary(s.opts.Now(), c.r.Method != http.MethodGet && c.r.Method != http.MethodHead); err != nil {
			s.faults.wait(c.who.name(), time.Minute)
			return err
		}
	}
	r.used++
	return nil
}

// uncount gives a call back: answers of 304 are free.
func (s *Server) uncount(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rateOf(c.who); r.used > 0 {
		r.used--
	}
}

func (s *Server) rateHeaders(h http.Header, a *actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Get("X-RateLimit-Remaining") == "0" {
		return // a fault has said so
	}
	limit, used, reset := s.rateNumbers(a)
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(limit-used))
	h.Set("X-RateLimit-Used", strconv.Itoa(used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
	h.Set("X-RateLimit-Resource", "core")
}

func (s *Server) rateNumbers(a *actor) (limit, used int, reset int64) {
	r := s.rateOf(a)
	limit = s.opts.RateLimit
	if limit < 0 {
		return 1_000_000, 0, r.reset.Unix()
	}
	return limit, min(r.used, limit), r.reset.Unix()
}

func (s *Server) rateLimit(c *call) (*answer, error) {
	limit, used, reset := s.rateNumbers(c.who)
	core := obj{"limit": limit, "used": used, "remaining": limit - used, "reset": reset}
	idle := func(n int) obj { return obj{"limit": n, "used": 0, "remaining": n, "reset": reset} }
	return ok(obj{"resources": obj{"core": core, "search": idle(30), "graphql": idle(5000), "integration_manifest": idle(5000)}, "rate": core})
}
