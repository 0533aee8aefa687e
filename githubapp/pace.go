package githubapp

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// WriteRate is a token bucket for writes: Burst at once, then PerSecond. GitHub asks writers to keep a second between
// calls that create content.
type WriteRate struct {
	Burst     int
	PerSecond float64
}

// maxSleep is the longest pause taken in place; a longer one goes back to the queue, which has other things to do.
const maxSleep = 2 * time.Second

// pace keeps GitHub's limits for one installation: it spaces writes, and after a limit was hit it makes no call that
// would be refused anyway.
type pace struct {
	next http.RoundTripper
	rate WriteRate
	now  func() time.Time

	mu     sync.Mutex
	tokens float64
	filled time.Time
	// writesUntil and allUntil are when writes, and all calls, may go on after GitHub said stop.
	writesUntil, allUntil time.Time
}

func newPace(next http.RoundTripper, rate WriteRate, now func() time.Time) *pace {
	return &pace{next: next, rate: rate, now: now, tokens: float64(rate.Burst), filled: now()}
}

// RoundTrip implements http.RoundTripper.
func (p *pace) RoundTrip(req *http.Request) (*http.Response, error) {
	write := req.Method != http.MethodGet && req.Method != http.MethodHead
	wait := p.wait(write)
	if wait > maxSleep {
		return nil, &forge.RateLimitError{Until: p.now().Add(wait)}
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		select {
		case <-req.Context().Done():
			timer.Stop()
			return nil, req.Context().Err()
		case <-timer.C:
		}
	}
	resp, err := p.next.RoundTrip(req)
	if err == nil {
		p.learn(resp)
	}
	return resp, err
}

// wait takes a token for a write and says how long to wait before the call.
func (p *pace) wait(write bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if wait := p.allUntil.Sub(now); wait > 0 {
		return wait
	}
	if !write {
		return 0
	}
	if wait := p.writesUntil.Sub(now); wait > 0 {
		return wait
	}
	if p.rate.Burst <= 0 || p.rate.PerSecond <= 0 {
		return 0
	}
	p.tokens = min(float64(p.rate.Burst), p.tokens+now.Sub(p.filled).Seconds()*p.rate.PerSecond)
	p.filled = now
	short := 1 - p.tokens
	wait := time.Duration(short / p.rate.PerSecond * float64(time.Second))
	if wait <= maxSleep {
		p.tokens-- // reserved: the next one waits longer
	}
	return max(wait, 0)
}

// learn obeys what an answer says about limits.
func (p *pace) learn(resp *http.Response) {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		p.writesUntil = now.Add(time.Duration(after) * time.Second)
		return
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			p.allUntil = time.Unix(reset, 0)
			return
		}
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		p.writesUntil = now.Add(secondaryWait)
	}
}
