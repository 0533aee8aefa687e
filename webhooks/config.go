package webhooks

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what New needs. Fields without a default are required.
type Config struct {
	// Secrets are the webhook secrets that are accepted, the newest first. More than one serves a rotation: both are
	// accepted until the old one is removed. None of them may be empty.
	Secrets []Secret
	// AWS is who is listened to at AWS. The zero AWS is nobody.
	AWS AWS
	// Acceptor stores the deliveries.
	Acceptor Acceptor
	// MaxInFlight bounds the bytes of all bodies held at one time. What does not fit is answered 503. Defaults to
	// 64 MiB; at least MaxBody.
	MaxInFlight int64
	// Timeout bounds a request from its headers to its answer: waiting for room, reading the body and storing it together.
	// Of it 2.5 s are kept for storing, so that a body that comes slowly is given up before. Defaults to 9 s: GitHub gives up
	// after 10 s. At least 3 s.
	Timeout time.Duration
	// RetryAfter is what a 503 asks the sender to wait. Defaults to 10 s; whole seconds.
	RetryAfter time.Duration
	// Registerer gets the metrics sluice_webhook_*; nil: they are counted and not shown.
	Registerer prometheus.Registerer
	// Log gets what an operator should know; never a body, a header or a secret. Defaults to slog.Default.
	Log *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 64 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = 9 * time.Second
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if len(c.Secrets) == 0 {
		errs = append(errs, errors.New("webhooks: no secret: set the webhook secret of the GitHub App"))
	}
	for i, s := range c.Secrets {
		if len(s) == 0 {
			errs = append(errs, fmt.Errorf("webhooks: secret %d is empty: set it, or leave it out", i+1))
		}
	}
	for i, s := range c.AWS.Secrets {
		if len(s) == 0 {
			errs = append(errs, fmt.Errorf("webhooks: EventBridge's secret %d is empty: set it, or leave it out", i+1))
		}
	}
	if c.Acceptor == nil {
		errs = append(errs, errors.New("webhooks: no acceptor"))
	}
	if c.MaxInFlight < MaxBody {
		errs = append(errs, fmt.Errorf("webhooks: MaxInFlight is %d bytes: must hold one body of %d", c.MaxInFlight, MaxBody))
	}
	if c.Timeout < storeTime+500*time.Millisecond || c.RetryAfter < time.Second {
		errs = append(errs, errors.New("webhooks: Timeout must be at least 3 s and RetryAfter at least a second"))
	}
	return errors.Join(errs...)
}
