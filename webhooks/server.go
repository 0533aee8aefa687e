// Package webhooks is where the deliveries of GitHub and AWS come in, and where they are turned into events.
//
// The two halves meet only in the database. Server answers POST /webhooks/github, and POST /webhooks/aws in the same way: it checks size, headers and
// signature, scans the body once for validity and for the IDs that choose a lane, hands the raw delivery to an
// Acceptor that stores it, and answers. It decodes nothing and calls nobody, so the answer takes as long as the
// storage, and what a payload contains cannot hurt the intake. Translate runs later, when the delivery's turn has
// come: it decodes the payload with GitHub's client library and returns the few facts that Sluice acts on.
//
// Nothing here trusts a sender before the signature is checked. Whatever can be refused by its headers is refused
// before the body is read; the memory that unverified bodies take together is bounded, grows only with bytes that
// really came, and a body is never logged.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/sluicehq/sluice/event"
)

// Path is where Register puts the endpoint.
const Path = "/webhooks/github"

// MaxBody is the size of the largest body that is read, 25 MiB; GitHub sends nothing above 25 MB.
const MaxBody = 25 << 20

// Acceptor stores deliveries. Once Accept has returned nil the delivery must survive a crash.
type Acceptor interface {
	// Accept stores d and has it handled later. It returns event.ErrDuplicate, event.ErrConflict, event.ErrFull or
	// event.ErrUnavailable, wrapped or not, when it did not store it for that reason, and will not; event.ErrUnsure when
	// that is not known; any other error is answered 500. It must not keep d.Body after it has returned: the memory is used
	// for the next delivery. ctx ends when the answer is due.
	Accept(ctx context.Context, d event.Delivery) error
}

// Server is the webhook endpoint. Its methods may be called concurrently.
type Server struct {
	verifier   verifier
	aws        AWS
	acceptor   Acceptor
	room       *semaphore.Weighted // bytes
	pieces     sync.Pool           // of *piece
	timeout    time.Duration
	retryAfter string
	metrics    *metrics
	log        *slog.Logger
	now        func() time.Time
}

// New returns the endpoint that c describes. The error names every wrong field.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Registerer, len(c.Secrets))
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	return &Server{
		verifier: newVerifier(c.Secrets), aws: c.AWS, acceptor: c.Acceptor, room: semaphore.NewWeighted(c.MaxInFlight),
		pieces: sync.Pool{New: func() any { return new(piece) }}, timeout: c.Timeout, retryAfter: fmt.Sprint(int(c.RetryAfter.Seconds())), metrics: m, log: c.Log, now: c.Now,
	}, nil
}

// Router is what Register needs of *echo.Echo and *echo.Group.
type Router interface {
	Any(path string, handler echo.HandlerFunc, middleware ...echo.MiddlewareFunc) []*echo.Route
}

// Register puts the endpoints at Path and AWSPath, below r if that is a group. The time limit for reading headers is the
// HTTP server's to set.
func (s *Server) Register(r Router) {
	r.Any(Path, s.serve)
	r.Any(AWSPath, s.serveAWS)
}

// serve answers one request. Refusals are answered here and are not errors to echo, so that no error handler or
// middleware can change what GitHub is told.
func (s *Server) serve(c echo.Context) error {
	started := s.now()
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.timeout)
	defer cancel()
	a := s.receive(ctx, c, started)
	s.metrics.answered(a, s.now().Sub(started))
	return a.write(c, s.retryAfter)
}

// receive does all but answer, which is due when ctx ends.
func (s *Server) receive(ctx context.Context, c echo.Context, at time.Time) answer {
	r := c.Request()
	h, refusal := checkHeaders(r)
	if refusal != nil {
		return *refusal
	}
	b, err := s.read(ctx, c.Response(), r, MaxBody)
	defer func() { s.release(b) }()
	if err != nil {
		return unread(err, tooLarge)
	}
	key, ok := s.verifier.verify(h.signature, b.bytes)
	if !ok {
		return wrongSignature
	}
	s.metrics.keys[key].Inc()
	d, err := NewDelivery(h.delivery, h.event, b.bytes, at)
	if err != nil {
		s.log.WarnContext(ctx, "webhook refused: signed and not usable", "delivery", h.delivery, "event", h.event, "err", err)
		return invalid
	}
	return s.store(ctx, d, &b)
}

// store hands a verified delivery on, with what is left of the time. It is worth storing even if the sender has hung up by
// now.
func (s *Server) store(ctx context.Context, d event.Delivery, b *body) answer {
	s.metrics.event(d.Name)
	due, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), due)
	defer cancel()
	return s.outcome(ctx, d, s.acceptor.Accept(ctx, d), b)
}

// outcome turns the Acceptor's result into the answer.
func (s *Server) outcome(ctx context.Context, d event.Delivery, err error, b *body) answer {
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, event.ErrDuplicate):
		return duplicate
	case errors.Is(err, event.ErrConflict):
		s.log.WarnContext(ctx, "webhook refused: the delivery ID is stored with another body", "delivery", d.ID, "event", d.Name)
		return conflict
	case errors.Is(err, event.ErrFull):
		return full
	}
	b.abandon() // who failed may not have kept the promise to let go of it
	s.log.ErrorContext(ctx, "webhook not stored", "delivery", d.ID, "event", d.Name, "err", err)
	switch {
	case errors.Is(err, event.ErrUnsure), errors.Is(err, context.DeadlineExceeded):
		return unsure
	case errors.Is(err, event.ErrUnavailable):
		return unavailable
	}
	return failed
}

// NewDelivery makes a delivery of an event's name and its payload, which it scans and does not decode. It fails when
// body is not one JSON object. It is for whoever has a payload that did not come by HTTP as well: the command line,
// and the check for missed deliveries.
func NewDelivery(id, name string, body []byte, at time.Time) (event.Delivery, error) {
	ids, err := Scan(body)
	if err != nil {
		return event.Delivery{}, err
	}
	return event.Delivery{
		ID: id, Name: name, Body: body, InstallationID: ids.Installation, RepoID: ids.Repository, ReceivedAt: at,
	}, nil
}
