package fakegithub

import "time"

// FaultKind says what goes wrong with a call.
type FaultKind int

// Kinds of faults. In all but LoseReply the call has no effect.
const (
	// ServerError answers Status, or 502.
	ServerError FaultKind = iota
	// PrimaryLimit answers 403 with X-RateLimit-Remaining: 0, until RetryAfter has passed (default a minute).
	PrimaryLimit
	// SecondaryLimit answers 403 with GitHub's words for it, with Retry-After unless RetryAfter is 0.
	SecondaryLimit
	// Hang answers nothing until the client gives up or Release is closed; then it answers 502.
	Hang
	// Reset cuts the connection before anything is done.
	Reset
	// LoseReply does what was asked and then cuts the connection.
	LoseReply
	// Delay does what was asked, after RetryAfter or once Release is closed.
	Delay
)

// Fault is an order to fail calls. Empty fields match everything.
type Fault struct {
	Kind   FaultKind
	Method string
	// Route is a path as GitHub's description spells it, such as /repos/{owner}/{repo}/merges.
	Route string
	// Actor is the login of the caller, such as sluice[bot]; calls signed by the App's JWT have its slug.
	Actor string
	// Skip lets that many matching calls through first.
	Skip int
	// Count is how many calls fail; 0 is one, negative is all until the fault is removed.
	Count int
	// Status and Message are for ServerError; an empty Message is "Server Error".
	Status     int
	Message    string
	RetryAfter time.Duration
	// Release ends Hang and Delay.
	Release <-chan struct{}
}

// HookFaultKind says what goes wrong with a webhook delivery.
type HookFaultKind int

// Kinds of webhook faults.
const (
	// DropHook never sends the delivery and keeps no trace of it in the log.
	DropHook HookFaultKind = iota
	// FailHook does not send it and logs it as failed, so that redelivery can be asked for.
	FailHook
	// DuplicateHook sends it twice, with the same GUID.
	DuplicateHook
	// LateHook keeps it back until ReleaseHooks.
	LateHook
)

// HookFault is an order to mishandle deliveries. Empty fields match everything.
type HookFault struct {
	Kind HookFaultKind
	// Event and Action are as in X-GitHub-Event and in the payload.
	Event, Action string
	// Repo is a full name.
	Repo  string
	Skip  int
	Count int // as in Fault
}
