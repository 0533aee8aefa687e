package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/dashboard"
)

// eventsSilence is how long a stream may say nothing: the server says every 15 seconds that it is there.
const eventsSilence = 45 * time.Second

// maxEvent is how long one line of a stream may be, in bytes.
const maxEvent = 2 << 20

var errSilence = errors.New("the server says nothing any more")

// events reads a stream of server-sent events about a log to its end, and hands on what is in each. A connection that ends
// or is lost, which may be over in a moment, is no failure of the server's.
func (r *remote) events(ctx context.Context, path string, each func(*dashboard.ActionLog) error) error {
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	silence := time.AfterFunc(eventsSilence, func() { hangUp(errSilence) })
	defer silence.Stop()
	res, err := r.open(ctx, path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return fmt.Errorf("%s does not answer as a Sluice server does; look at the address", r.base)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		silence.Reset(eventsSilence)
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var part dashboard.ActionLog
		if err := json.Unmarshal([]byte(data), &part); err != nil {
			return r.unreachable(fmt.Errorf("an event was cut off: %w", err))
		}
		if err := each(&part); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return err
	case errors.Is(context.Cause(ctx), errSilence):
		return r.unreachable(errSilence)
	case err != nil:
		return r.unreachable(err)
	}
	return nil
}

// open asks for a stream. Only the context bounds how long it lasts.
func (r *remote) open(ctx context.Context, path string) (*http.Response, error) {
	req, err := r.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream, application/json")
	patient := *r.client
	patient.Timeout = 0
	res, err := patient.Do(req)
	if err != nil {
		return nil, r.unreachable(err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return nil, r.unreachable(err)
	}
	return nil, r.refusal(res, raw)
}
