package pipeline

import "time"

// Command is something that follows from a fact. Commands are to be carried out in order, after the state they came
// with was stored; each may be carried out again after a crash, and then must find its effect done.
type Command interface{ command() }

// StartAction asks for an action to be started. ID is the idempotency token.
type StartAction struct {
	ID          string
	StageNumber int // both count from 1
	Number      int
	Attempt     int // counts from 1
	Stage, Name string
	Uses        string
	Environment string
	Deploys     bool                // the environment's lock must be held
	With        map[string]any      // references resolved
	Env         map[string]string   // references resolved
	Inputs      map[string]Artifact // by name; for a promotion without image those approved; for a deployment that names none, all
	Outputs     []string
	Image       Image  // as known so far
	Digest      string // State.Digest when the action works on what was built
	Timeout     time.Duration
}

// StopAction asks for a running attempt to be stopped. ActionSettled must follow, whatever became of it.
type StopAction struct {
	ID     string
	Uses   string
	Reason string
}

// AbandonAction says that nobody waits for a running attempt any more, nor for the turn of one that waits: it is to be
// stopped, if it can be, and what becomes of it changes nothing, neither here nor in the environment that it deploys to.
type AbandonAction struct {
	ID     string
	Uses   string
	Reason string
}

// ResolveImage asks which digest the image's tag points at. ImageResolved or ImageUnresolved answers.
type ResolveImage struct{ Reference string }

// OpenApproval asks people for a decision. Approved, Rejected or ApprovalVoided answers.
type OpenApproval struct {
	ID                      string // action execution ID
	Stage, Name             string
	Environment             string // the environment that is entered
	SHA, Digest, ConfigHash string
	ExpiresAt               time.Time
}

// VoidApproval says that an open approval can no longer be given: expired, superseded, cancelled.
type VoidApproval struct{ ID, Reason string }

// Remind says that an approval has been open for long.
type Remind struct {
	ID        string
	ExpiresAt time.Time
}

// Escalate says that an approval has been open for so long that others are to be told.
type Escalate struct {
	ID          string
	Environment string
	ExpiresAt   time.Time
}

// AwaitRequest says that a manual action's turn has come. PromotionRequested with this ID starts it.
type AwaitRequest struct {
	ID          string
	Stage, Name string
	Environment string
	ExpiresAt   time.Time
}

// WakeAt asks for Ticked at that time. A later WakeAt replaces an earlier one.
type WakeAt struct{ At time.Time }

// Settled says that the execution has ended.
type Settled struct {
	Status Status
	Reason string
}

func (StartAction) command()   {}
func (StopAction) command()    {}
func (AbandonAction) command() {}
func (ResolveImage) command()  {}
func (OpenApproval) command()  {}
func (VoidApproval) command()  {}
func (Remind) command()        {}
func (Escalate) command()      {}
func (AwaitRequest) command()  {}
func (WakeAt) command()        {}
func (Settled) command()       {}
