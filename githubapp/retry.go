package githubapp

import (
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// readTries is how often a read is tried.
const readTries = 3

// retry repeats reads that got a 5xx or no answer. Writes are never repeated: whether they took effect is not known.
type retry struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return r.next.RoundTrip(req)
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 200 * time.Millisecond
	for try := 1; ; try++ {
		resp, err := r.next.RoundTrip(req)
		again := err != nil && req.Context().Err() == nil || err == nil && resp.StatusCode >= 500
		if !again || try == readTries {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-req.Context().Done():
			timer.Stop()
			return nil, req.Context().Err()
		case <-timer.C:
		}
	}
}
