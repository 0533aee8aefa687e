package githubapp

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/forge"
)

const (
	// maxSleep is the longest pause taken in place; a longer one goes back to the queue, which has other things to do.
	maxSleep = 2 * time.Second
	// secondaryWait is how long to stop after a secondary limit that names no time, as GitHub's documentation asks; it
	// doubles when the limit is hit again at once, up to maxSecondaryWait.
	secondaryWait    = time.Minute
	maxSecondaryWait = 16 * time.Minute
	// maxConcurrent is how many calls of one installation are under way at once. GitHub allows 100.
	maxConcurrent = 50
)

// pace keeps GitHub's limits for one installation: it spaces calls, and after a limit was hit it makes none that would be
// refused anyway, since GitHub bans who goes on asking. An answer that names a limit comes out as a
// *forge.RateLimitError.
type pace struct {
	next   http.RoundTripper
	now    func() time.Time
	places chan struct{}

	mu     sync.Mutex
	budget budget
	// stop is when calls may go on after GitHub said stop, strikes how often it has said so in a row without a time.
	stop    forge.RateLimitError
	strikes int
}

func newPace(next http.RoundTripper, rate WriteRate, now func() time.Time) *pace {
	return &pace{next: next, now: now, budget: newBudget(rate, now()), places: make(chan struct{}, maxConcurrent)}
}

// RoundTrip implements http.RoundTripper.
func (p *pace) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	wait, err := p.reserve(kindOf(req))
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := p.stopped(); err != nil { // said while we waited
		return nil, err
	}
	resp, err := p.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return p.heed(resp)
}

// reserve takes what a call needs of the budget and says how long to wait before it. What would have to wait long takes
// nothing and gets an error.
func (p *pace) reserve(kind callKind) (time.Duration, error) {
	if err := p.stopped(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	wait := p.budget.wait(now, kind)
	if wait > maxSleep {
		return 0, &forge.RateLimitError{Until: now.Add(wait)}
	}
	p.budget.take(now.Add(wait), kind)
	return wait, nil
}

// stopped is the error while GitHub wants no calls.
func (p *pace) stopped() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stop.Until.After(p.now()) {
		return nil
	}
	limit := p.stop
	return &limit
}

// heed obeys what an answer says about limits.
func (p *pace) heed(resp *http.Response) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	limit, timed := limitOf(resp, now)
	if limit == nil {
		if resp.StatusCode < 400 {
			p.strikes = 0
		}
		return resp, nil
	}
	if !timed {
		limit.Until = now.Add(min(secondaryWait<<min(p.strikes, 8), maxSecondaryWait))
		p.strikes++
	}
	if limit.Until.After(p.stop.Until) {
		p.stop = *limit
	}
	return nil, limit
}

// limitOf reads a limit out of an answer in the order that GitHub's documentation gives: Retry-After, else the reset of
// the hourly limit when nothing remains, else a time of our own (timed is false).
func limitOf(resp *http.Response, now time.Time) (limit *forge.RateLimitError, timed bool) {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusUnprocessableEntity:
	default:
		return nil, false
	}
	text := peek(resp)
	message := strings.ToLower(text.Message)
	after, retry := retryAfter(resp, now)
	spent := resp.Header.Get("X-RateLimit-Remaining") == "0"
	secondary := strings.Contains(message, "secondary rate") || strings.Contains(message, "abuse") ||
		strings.Contains(message, "submitted too quickly") || strings.HasSuffix(text.Docs, "secondary-rate-limits")
	named := secondary || strings.Contains(message, "rate limit")
	switch {
	case resp.StatusCode == http.StatusUnprocessableEntity && !named:
		return nil, false
	case !named && !retry && !spent && resp.StatusCode != http.StatusTooManyRequests:
		return nil, false // a refusal of another kind
	case retry:
		return &forge.RateLimitError{Until: now.Add(max(after, time.Second)), Secondary: secondary || !spent}, true
	case spent:
		reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
		if until := time.Unix(reset, 0); err == nil && until.After(now) {
			return &forge.RateLimitError{Until: until, Secondary: secondary}, true
		}
	}
	return &forge.RateLimitError{Secondary: secondary || !spent}, false
}

// retryAfter reads the header Retry-After: seconds, or a date.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}
