package fakegithub

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

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

// Write tells whether the call could change something. A query of GraphQL does not, though it is a POST.
func (c Call) Write() bool {
	if c.Path == "/graphql" {
		var in struct{ Query string }
		return json.Unmarshal(c.Body, &in) == nil && strings.HasPrefix(strings.TrimSpace(in.Query), "mutation")
	}
	return c.Method != "GET" && c.Method != "HEAD"
}

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
	// Kind is request, response, unknown-route, webhook, or limit (a call made while told to wait).
	Kind    string
	Problem string
}

func (v Violation) String() string {
	return v.Kind + ": " + v.Method + " " + v.Path + ": " + v.Problem
}

type callLog struct {
	keep       int
	mu         sync.Mutex
	seq        int
	calls      []Call
	violations []Violation
}

func (l *callLog) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	return l.seq
}

func (l *callLog) end(c Call) {
	if l.keep < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= l.keep {
		l.calls = append([]Call(nil), l.calls[len(l.calls)/2:]...)
	}
	l.calls = append(l.calls, c)
}

func (l *callLog) violate(c Call, kind, problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, Violation{Call: c.Seq, Method: c.Method, Path: c.Path, Kind: kind, Problem: problem})
}

// Calls returns the calls that fit the filter, in the order of their arrival.
func (s *Server) Calls(f CallFilter) []Call {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var out []Call
	for _, c := range s.log.calls {
		if (f.Method == "" || f.Method == c.Method) && (f.Route == "" || f.Route == c.Route) && (f.Actor == "" || f.Actor == c.Actor) &&
			(f.Path == "" || f.Path == c.Path) && c.Seq > f.After {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Call) int { return a.Seq - b.Seq })
	return out
}

// LastCall is the Seq of the latest call, for CallFilter.After.
func (s *Server) LastCall() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.seq
}

// Violations returns what broke GitHub's description or rules so far.
func (s *Server) Violations() []Violation {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Clone(s.log.violations)
}

// ForgetViolations drops the violations so far, for tests that provoke them.
func (s *Server) ForgetViolations() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.violations = nil
}
