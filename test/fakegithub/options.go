package fakegithub

import (
	"log/slog"
	"time"
)

// Options says how a [Server] behaves. The zero value is a GitHub with the real clock, GitHub's limits and no
// validation.
type Options struct {
	// Dir is the folder of the bare repositories. Empty: a temporary folder, removed by Close.
	Dir string
	// Now is the clock of everything: timestamps, expiry of tokens, rate limits. Defaults to time.Now.
	Now func() time.Time
	// OpenAPI checks every request and response, see package description. Nil: nothing is checked.
	OpenAPI Checker
	// Webhooks checks the payloads that are sent. Nil: they are not checked.
	Webhooks Checker
	// Log receives a line for each call and each webhook. Nil: none.
	Log *slog.Logger
	// HookTimeout is how long a webhook's receiver may take. Defaults to GitHub's 10 s.
	HookTimeout time.Duration
	// TokenLifetime is how long an installation token lives. Defaults to GitHub's hour.
	TokenLifetime time.Duration
	// RateLimit is how many calls an hour an account or installation may make. Defaults to 5,000; negative: no limit.
	RateLimit int
	// SecondaryLimits enforces what GitHub documents beside the hourly limit: 900 points a minute (a write is 5), 80 calls
	// a minute and 500 an hour that create content.
	SecondaryLimits bool
	// MergeableAfter is how many GETs of a pull request answer mergeable null after its head or base has moved, as
	// GitHub does while it computes. Defaults to none.
	MergeableAfter int
	// CallLog is how many calls are remembered. Defaults to 20,000; negative: none, for benchmarks.
	CallLog int
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HookTimeout == 0 {
		o.HookTimeout = 10 * time.Second
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.RateLimit == 0 {
		o.RateLimit = 5000
	}
	if o.CallLog == 0 {
		o.CallLog = 20_000
	}
	return o
}
