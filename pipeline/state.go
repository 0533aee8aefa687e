package pipeline

import (
	"maps"
	"slices"
	"time"
)

// Artifact is what an action built and a later one takes.
type Artifact struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // sha256:…, of the stored bytes
	Size   int64  `json:"size"`   // bytes
	// Location is where the bytes are, in words that executors understand (a path, a URL without credentials).
	Location string `json:"location"`
}

// Image is the container image of an execution.
type Image struct {
	// Reference is where the build pushes it, host/repository:tag. Empty when the repository has no registries.
	Reference string `json:"reference,omitempty"`
	// Digest is sha256:…; empty until it is known, and never changed from then on.
	Digest string `json:"digest,omitempty"`
}

// Actor is a person, as a fact names one. Two are the same only if their IDs are.
type Actor struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// State is an execution: all there is to know about it. It is stored as JSON. Only Advance changes it.
type State struct {
	ID         string     `json:"id"`
	Definition Definition `json:"definition"`
	SHA        string     `json:"sha"`         // the revision
	ConfigHash string     `json:"config_hash"` // of the configuration parts that approvals bind
	Status     Status     `json:"status"`
	Reason     string     `json:"reason,omitempty"` // why it ended so, one line; empty when Succeeded
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  time.Time  `json:"started_at,omitzero"`
	EndedAt    time.Time  `json:"ended_at,omitzero"`

	Stages    []StageState      `json:"stages"` // as Definition.Stages
	Variables map[string]string `json:"variables,omitempty"`
	// Given are the values that somebody gave for the definition's variables, by name. They stay as they are.
	Given     map[string]string   `json:"given,omitempty"`
	Artifacts map[string]Artifact `json:"artifacts,omitempty"`
	Image     Image               `json:"image,omitzero"`
	// Bundle is the digest over all artifacts (BundleDigest), fixed when the first approval opens in an execution
	// without an image.
	Bundle string `json:"bundle,omitempty"`
	// Bundled names the artifacts there were when the first approval opened, sorted: they never change from then on, and
	// Bundle is of them. Later ones are not part of what was approved.
	Bundled []string `json:"bundled,omitempty"`

	// Resolving is the time by which the image's digest must be learned, while ResolveImage is under way.
	Resolving time.Time `json:"resolving,omitzero"`
	// Stopping says that no further action starts and how the execution will end once the running ones have.
	Stopping *Stopping `json:"stopping,omitempty"`
	// SupersededBy is the ID of the newer execution.
	SupersededBy string `json:"superseded_by,omitempty"`
	Hold         *Hold  `json:"hold,omitempty"`
	// Turn is the place in the queue of an execution that has not begun, as Queued told.
	Turn *Turn `json:"turn,omitempty"`
	// RetriedAt and RetryKeys say when, and by which requests, the execution went on after it had ended: by a retry, or
	// because a condition was overridden.
	RetriedAt time.Time `json:"retried_at,omitzero"`
	RetryKeys []string  `json:"retry_keys,omitempty"`
	// WakeAt is when the next deadline or reminder is due; zero when none is. Send Ticked then.
	WakeAt time.Time `json:"wake_at,omitzero"`
}

// Stopping is a cancellation or supersession under way.
type Stopping struct {
	Status Status    `json:"status"` // Stopped or Superseded
	By     Actor     `json:"by,omitzero"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Hold keeps further actions from starting.
type Hold struct {
	By     Actor     `json:"by,omitzero"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	// Lifts says what happens at Until: true, the execution goes on; false, it fails.
	Lifts bool `json:"lifts,omitempty"`
}

// Turn is a place in a queue.
type Turn struct {
	Number int    `json:"number"` // 1: the next
	Behind string `json:"behind"` // what is directly before it, in one line for people
}

// StageState is where a stage stands.
type StageState struct {
	Name      string        `json:"name"`
	Status    Status        `json:"status"`
	Reason    string        `json:"reason,omitempty"` // why it failed, or was left out, when no action says so
	StartedAt time.Time     `json:"started_at,omitzero"`
	EndedAt   time.Time     `json:"ended_at,omitzero"`
	Actions   []ActionState `json:"actions"` // as Stage.Actions
	// Disabled says that the transition into the stage is disabled, ArrivedAt since when the execution waits there. What
	// has begun is not concerned.
	Disabled  *Disabled `json:"disabled,omitempty"`
	ArrivedAt time.Time `json:"arrived_at,omitzero"`
	// Retried says that Stage.OnFailure has had the stage tried again, since somebody last retried it by hand.
	Retried bool `json:"retried,omitempty"`
	// Unmet is the condition that has failed the stage; empty: none has.
	Unmet ConditionAt `json:"unmet,omitempty"`
	// Overrides say which of its conditions people have overridden, in the order in which they did.
	Overrides []Override `json:"overrides,omitempty"`
}

// ActionState is where an action stands: its latest attempt, with the earlier ones in Earlier.
type ActionState struct {
	Name string `json:"name"`
	Attempt
	// Approval is set for an approval, once opened.
	Approval *Approval `json:"approval,omitempty"`
	// AwaitsRequest says that a manual action's turn has come and nobody has asked for it. Then Deadline is set, and ID
	// is the one its next attempt will have.
	AwaitsRequest bool `json:"awaits_request,omitempty"`
	// RequestedBy asked for a manual action.
	RequestedBy *Actor `json:"requested_by,omitempty"`
	// AutoRetries counts the attempts made because of OnFailureRetry since somebody last retried by hand.
	AutoRetries int       `json:"auto_retries,omitempty"`
	Earlier     []Attempt `json:"earlier,omitempty"`
}

// Attempt is one execution of an action.
type Attempt struct {
	Number int    `json:"number"` // counts from 1; 0: never started
	ID     string `json:"id,omitempty"`
	Status Status `json:"status"`
	// Summary says in one line what happened; from the executor, or the engine's own reason.
	Summary    string    `json:"summary,omitempty"`
	ExternalID string    `json:"external_id,omitempty"` // the service's own ID
	URL        string    `json:"url,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"` // when StartAction was given
	RunningAt  time.Time `json:"running_at,omitzero"` // when the executor had started it (lock held, service called)
	EndedAt    time.Time `json:"ended_at,omitzero"`
	Deadline   time.Time `json:"deadline,omitzero"`
	// WaitsFor says what keeps an action whose turn has come from beginning, as ActionWaits told; Deadline is then the end
	// of the wait, WaitTimeout after StartedAt.
	WaitsFor string `json:"waits_for,omitempty"`
	// StopReason is set once StopAction was given; Deadline is then the end of the grace time.
	StopReason string `json:"stop_reason,omitempty"`
	// Lost says that the attempt did not settle in the grace time, or was abandoned: how it really ended is unknown.
	Lost bool `json:"lost,omitempty"`
}

// Approval is an approval and what it is bound to.
type Approval struct {
	SHA        string    `json:"sha"`
	Digest     string    `json:"digest"`
	ConfigHash string    `json:"config_hash"`
	OpenedAt   time.Time `json:"opened_at"`
	RemindAt   time.Time `json:"remind_at,omitzero"`   // zero: no reminder (any more)
	EscalateAt time.Time `json:"escalate_at,omitzero"` // zero: not escalated (any more)
	ExpiresAt  time.Time `json:"expires_at"`
	Approved   bool      `json:"approved,omitempty"`
	By         []Actor   `json:"by,omitempty"` // who approved, or who rejected
	DecidedAt  time.Time `json:"decided_at,omitzero"`
}

// Digest is what approvals bind and deployments use: the image's digest, else the fixed bundle's, else the digest over
// the artifacts so far. Empty when nothing was built.
func (s State) Digest() string {
	switch {
	case s.Image.Digest != "":
		return s.Image.Digest
	case s.Bundle != "":
		return s.Bundle
	}
	return BundleDigest(s.Artifacts)
}

// Action finds the action with the action execution ID, and its definition. The attempt may be an earlier one.
func (s State) Action(id string) (Action, ActionState, bool) {
	execution, stage, action, attempt, ok := ParseActionID(id)
	if !ok || execution != s.ID || stage > len(s.Stages) || action > len(s.Stages[stage-1].Actions) {
		return Action{}, ActionState{}, false
	}
	a := s.Stages[stage-1].Actions[action-1]
	return s.Definition.Stages[stage-1].Actions[action-1], a, attempt <= a.Number
}

// OpenApproval finds the approval that waits for people now, and its definition.
func (s State) OpenApproval() (Action, ActionState, bool) {
	for i, stage := range s.Stages {
		for j, a := range stage.Actions {
			if a.Approval != nil && a.Status == InProgress {
				return s.Definition.Stages[i].Actions[j], a, true
			}
		}
	}
	return Action{}, ActionState{}, false
}

// Abandoned tells whether something was given up in it that may go on all the same.
func (s State) Abandoned() (is bool) {
	s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		is = is || a.Lost && a.Status == Stopped
		return true
	})
	return is
}

// Promoting tells whether a promotion or a deployment to production has started, in this or an earlier attempt: from
// then on nothing supersedes.
func (s State) Promoting() bool {
	for i, stage := range s.Stages {
		for j, a := range stage.Actions {
			if a.Number > 0 && s.Definition.Stages[i].Actions[j].production() {
				return true
			}
		}
	}
	return false
}

// BeforeApproval is where the part before the first approval stands: what sluice/pipeline reports. It is Succeeded
// once that approval has opened, whatever comes of it. Without approval it is the execution's own status.
func (s State) BeforeApproval() Status {
	if opened, has := s.firstApproval(); has && opened {
		return Succeeded
	}
	return s.Status
}

// firstApproval tells whether the first approval was ever opened, and whether there is one.
func (s *State) firstApproval() (opened, has bool) {
	at, order := -1, 0
	s.each(func(i, _ int, d *Action, a *ActionState) bool {
		if at >= 0 && i > at {
			return false
		}
		if d.IsApproval() && (at < 0 || d.order() < order) {
			at, order, opened, has = i, d.order(), a.Number > 0, true
		}
		return true
	})
	return opened, has
}

// AwaitsPeople tells whether nothing goes on by itself: an approval is open, or a manual action has its turn, and no
// other action runs.
func (s State) AwaitsPeople() bool {
	waits, runs := false, false
	s.each(func(_, _ int, _ *Action, a *ActionState) bool {
		switch {
		case a.AwaitsRequest, a.Approval != nil && a.Status == InProgress:
			waits = true
		case a.Status == InProgress:
			runs = true
		}
		return !runs
	})
	return s.Status == InProgress && waits && !runs
}

// clone copies what Advance may change, so that the state handed in stays as it was.
func (s State) clone() State {
	s.Stages = slices.Clone(s.Stages)
	for i := range s.Stages {
		actions := slices.Clone(s.Stages[i].Actions)
		for j := range actions {
			if p := actions[j].Approval; p != nil {
				c := *p
				actions[j].Approval = &c
			}
			actions[j].Earlier = slices.Clip(actions[j].Earlier)
		}
		s.Stages[i].Actions = actions
		s.Stages[i].Overrides = slices.Clip(s.Stages[i].Overrides)
	}
	s.Variables = maps.Clone(s.Variables)
	s.Artifacts = maps.Clone(s.Artifacts)
	s.RetryKeys = slices.Clip(s.RetryKeys)
	return s
}
