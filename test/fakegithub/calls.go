package fakegithub

import "time"

// Call is one request to the API, as it was answered. Git over HTTP and pages are not among them.
type Call struct {
	// Seq counts from 1 in the order of arrival.
	Seq    int
	At     time.Time
	Method string
	// Path is without prefix and query.
	Path string
	// Query is the raw query.
	Query string
	// Route is the path as GitHub's description spells it; empty when unknown.
	Route string
	// Actor is the login the call was made as; an App's slug for its JWT; empty for anonymous calls.
	Actor string
	// Status is what was answered, 0 when the connection was cut.
	Status int
	// Fault tells that the answer was ordered by Inject.
	Fault bool
	// Conditional tells that the call had If-None-Match.
	Conditional bool
	// Body is the request's, cut to 64 KiB.
	Body     []byte
	Duration time.Duration
}

// Write tells whether the call could change something.
func (c Call) Write() bool { return c.Method != "GET" && c.Method != "HEAD" }

// Succeeded tells whether the call was answered 2xx, or would have been had its reply not been lost.
func (c Call) Succeeded() bool { return c.Status >= 200 && c.Status < 300 }

// CallFilter picks calls. Empty fields match everything.
type CallFilter struct {
	Method string
	Route  string // as in Call
	Actor  string
	// Path matches Call.Path exactly.
	Path string
	// After picks calls with a greater Seq.
	After int
}

// Violation is a breach of GitHub's description or of its rules for callers.
type Violation struct {
	// Call is the Seq of the call.
	Call   int
	Method string
	Path   string
	// Kind is request, response, unknown-route, webhook, limit (a call made while told to wait) or stale-token.
	Kind    string
	Problem string
}

func (v Violation) String() string {
	return v.Kind + ": " + v.Method + " " + v.Path + ": " + v.Problem
}
