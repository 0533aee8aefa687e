package pipeline

import "time"

// Fact is something that has happened. Facts are the only input of Advance. Every fact carries its time in At.
type Fact interface{ at() time.Time }

// Started says that the execution's turn has come (see Schedule).
type Started struct{ At time.Time }

// Queued says where an execution that waits for its turn stands. It means nothing once the execution has begun.
type Queued struct {
	At     time.Time
	Number int    // 1: it is the next
	Behind string // one line for people: what is directly before it
}

// Transitions says which transitions are disabled now: all of them, by the name of the stage that they lead into.
type Transitions struct {
	At       time.Time
	Disabled map[string]Disabled
}

// ActionWaits says that an action cannot begin yet, because its environment is locked, occupied or closed. Waiting is
// not running: until it begins, WaitTimeout counts, from when its turn came, and not the action's own timeout. An empty
// For says that the wait is over and the executor is being called.
type ActionWaits struct {
	At  time.Time
	ID  string // action execution ID
	For string // one line for people: "production is locked by rita until …"
}

// ActionStarted says that the executor has begun: the environment's lock is held, the service was called. From now on
// the action's timeout counts; between ActionWaits and this it bounds how long the executor may take to begin.
type ActionStarted struct {
	At              time.Time
	ID              string // action execution ID
	ExternalID, URL string
}

// ActionProgress says something new about a running action. Empty fields change nothing.
type ActionProgress struct {
	At                       time.Time
	ID                       string
	Summary, ExternalID, URL string
}

// ActionSettled says that an attempt has ended. It is also the answer to StopAction.
type ActionSettled struct {
	At              time.Time
	ID              string
	Status          Status // Succeeded, Failed or Stopped
	Summary         string
	ExternalID, URL string
	// Variables are exported ones, without namespace.
	Variables map[string]string
	// Artifacts by name; those that are not among the action's outputs are dropped.
	Artifacts map[string]Artifact
	// Image is set when the action pushed the image and knows its digest. One that contradicts the digest already
	// known fails the action.
	Image Image
}

// ImageResolved answers ResolveImage: the tag points at this digest.
type ImageResolved struct {
	At                time.Time
	Reference, Digest string
}

// ImageUnresolved answers ResolveImage: there is no such image, or the registry refuses for good.
type ImageUnresolved struct {
	At                time.Time
	Reference, Reason string
}

// Approved says that everybody needed has approved. SHA, Digest and ConfigHash are what they approved; they must be
// those the approval was opened with.
type Approved struct {
	At                      time.Time
	ID                      string // action execution ID of the approval
	By                      []Actor
	SHA, Digest, ConfigHash string
}

// Rejected says that somebody who may has refused. The execution fails.
type Rejected struct {
	At     time.Time
	ID     string
	By     Actor
	Reason string
}

// ApprovalVoided says that an approval, open or given, no longer counts. Ignored once a promotion has started.
type ApprovalVoided struct {
	At     time.Time
	ID     string
	Reason string
}

// PromotionRequested says that somebody asked for the manual action whose turn has come.
type PromotionRequested struct {
	At time.Time
	ID string // of the action, as AwaitRequest named it
	By Actor
}

// CancelRequested says that somebody wants the execution stopped.
type CancelRequested struct {
	At     time.Time
	By     Actor
	Reason string
	Halt   Halt
}

// Halt says what becomes of the actions that run when an execution is cancelled. The empty value has them stopped, and
// waits until they have ended.
type Halt string

// What else may become of them. In each case no further action starts.
const (
	HaltWait    Halt = "wait"    // they run to their end
	HaltAbandon Halt = "abandon" // they are told to stop, and nobody waits: the execution ends at once
)

// SupersededBy says that a newer execution has taken over. Refused once a promotion has started.
type SupersededBy struct {
	At time.Time
	ID string // of the newer execution
	// What is the newer execution in one line for people; empty: its ID has to do.
	What string
}

// Held keeps further actions from starting; those that run go on. With Until the hold lifts itself then; without, the
// execution fails after ApprovalTimeout unless Unheld.
type Held struct {
	At     time.Time
	By     Actor
	Reason string
	Until  time.Time
}

// Unheld lifts a hold.
type Unheld struct {
	At time.Time
	By Actor
}

// Scope says what a retry repeats.
type Scope string

// Scopes of a retry, both within the stage that did not succeed.
const (
	RetryFailed Scope = "failed" // its actions that did not succeed
	RetryStage  Scope = "stage"  // all of its actions, approvals among them
)

// RetryRequested says that somebody wants an execution that Failed or was Stopped to go on.
type RetryRequested struct {
	At    time.Time
	By    Actor
	Scope Scope // empty: RetryFailed
	// Key tells requests apart (the comment's or the delivery's ID). A key that was used before changes nothing.
	Key string
}

// ConditionOverridden says that somebody lets the execution go on although a condition of a stage, which has failed it,
// does not hold. Approvals, locks and what else keeps an action from beginning are no conditions, and stay as they are.
type ConditionOverridden struct {
	At     time.Time
	Stage  string // its name
	By     Actor
	Reason string
	// Key tells requests apart from each other and from those of RetryRequested. One that was used before changes nothing.
	Key string
}

// Ticked says what time it is.
type Ticked struct{ At time.Time }

func (f Started) at() time.Time             { return f.At }
func (f Queued) at() time.Time              { return f.At }
func (f Transitions) at() time.Time         { return f.At }
func (f ActionWaits) at() time.Time         { return f.At }
func (f ActionStarted) at() time.Time       { return f.At }
func (f ActionProgress) at() time.Time      { return f.At }
func (f ActionSettled) at() time.Time       { return f.At }
func (f ImageResolved) at() time.Time       { return f.At }
func (f ImageUnresolved) at() time.Time     { return f.At }
func (f Approved) at() time.Time            { return f.At }
func (f Rejected) at() time.Time            { return f.At }
func (f ApprovalVoided) at() time.Time      { return f.At }
func (f PromotionRequested) at() time.Time  { return f.At }
func (f CancelRequested) at() time.Time     { return f.At }
func (f SupersededBy) at() time.Time        { return f.At }
func (f Held) at() time.Time                { return f.At }
func (f Unheld) at() time.Time              { return f.At }
func (f RetryRequested) at() time.Time      { return f.At }
func (f ConditionOverridden) at() time.Time { return f.At }
func (f Ticked) at() time.Time              { return f.At }
