package githubapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Bounds of one attempt.
const (
	attemptTimeout = 30 * time.Second // for the whole answer
	maxAnswer      = 32 << 20         // bytes; the largest are comparisons and lists
)

// errTooLarge is an answer that asking again does not make smaller.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

// attempt sends a request and reads the whole answer, within bounds of time and memory. What comes out of it holds no
// connection: a cut-off answer is an error here, where reads are repeated, and nobody has to close a body.
type attempt struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (a attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	outer := req.Context()
	ctx, cancel := context.WithTimeout(outer, a.timeout)
	defer cancel()
	resp, err := a.next.RoundTrip(req.WithContext(ctx))
	if err == nil {
		err = readAll(resp)
	}
	switch {
	case err == nil:
		resp.Request = req
		return resp, nil
	case outer.Err() != nil:
		return nil, outer.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("no answer within %s", a.timeout)
	}
	return nil, err
}

func readAll(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > maxAnswer {
		return errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return errTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// said is what GitHub's refusals hold in common.
type said struct {
	Message string `json:"message"`
	Docs    string `json:"documentation_url"`
}

// peek reads what an answer says and leaves its body as it was. It is for answers that went through attempt.
func peek(resp *http.Response) said {
	var out said
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || json.Unmarshal(body, &out) != nil {
		return said{} // a page of a proxy
	}
	return out
}
