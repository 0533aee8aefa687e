package githubapp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/cenkalti/backoff/v5"

	"github.com/sluicehq/sluice/forge"
)

// readTries is how often a read is tried.
const readTries = 3

// retry repeats reads that got a 5xx or no answer, after a pause with jitter. Writes are never repeated: whether they
// took effect is not known. A request for a token has no effect that matters and counts as a read.
type retry struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r retry) RoundTrip(req *http.Request) (*http.Response, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 200 * time.Millisecond
	for try := 1; ; try++ {
		attempt, err := again(req)
		if err != nil {
			return nil, err
		}
		resp, err := r.next.RoundTrip(attempt)
		if try == readTries || !repeatable(req) || !worthwhile(resp, err) || req.Context().Err() != nil {
			return resp, err
		}
		if err := sleep(req.Context(), pause.NextBackOff()); err != nil {
			return nil, err
		}
	}
}

func repeatable(req *http.Request) bool {
	return reads(req) || strings.HasSuffix(req.URL.Path, "/access_tokens")
}

type queryKey struct{}

// query marks the calls made under a context as reads, whatever their method: GraphQL takes questions by POST too.
func query(ctx context.Context) context.Context { return context.WithValue(ctx, queryKey{}, true) }

// reads tells whether a call changes nothing.
func reads(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Context().Value(queryKey{}) != nil
}

// worthwhile tells whether the same request may fare better in a moment.
func worthwhile(resp *http.Response, err error) bool {
	var limit *forge.RateLimitError
	var token *ghinstallation.HTTPError
	switch {
	case err == nil:
		return resp.StatusCode >= 500 && resp.Header.Get("Retry-After") == ""
	case errors.As(err, &limit), errors.Is(err, errTooLarge), errors.As(err, &token): // tokens have had their tries
		return false
	}
	return true
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
