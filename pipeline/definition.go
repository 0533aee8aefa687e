package pipeline

import "time"

// Limits and defaults of time.
const (
	DefaultTimeout    = 60 * time.Minute    // of an action, from when it really began
	WaitTimeout       = 7 * 24 * time.Hour  // in which an action whose turn has come must be let into its environment
	ApprovalTimeout   = 7 * 24 * time.Hour  // of an approval, of a manual action, of a hold without end
	ApprovalRemind    = 24 * time.Hour      // after which an open approval is called to mind, once
	StopGrace         = 5 * time.Minute     // in which an action that was told to stop must settle
	ResolveTimeout    = 15 * time.Minute    // in which the image's digest must be learned
	TransitionTimeout = 14 * 24 * time.Hour // after which an execution that waits at a disabled transition fails
	QueueTimeout      = 14 * 24 * time.Hour // after which an execution that never started fails
)

// Definition is a pipeline: what is done for a kind of branch.
type Definition struct {
	Kind   string  `json:"kind"` // KindFeature, …
	Mode   Mode    `json:"mode"`
	Stages []Stage `json:"stages"`
	// Variables may be given when an execution is started by hand.
	Variables []Variable `json:"variables,omitempty"`
}

// Stage is a step of a pipeline. Stages run one after the other.
type Stage struct {
	Name    string   `json:"name"`
	Actions []Action `json:"actions"`
	// BeforeEntry is asked once the stage's turn has come, OnSuccess once its actions are done.
	BeforeEntry *Condition `json:"before_entry,omitempty"`
	OnSuccess   *Condition `json:"on_success,omitempty"`
	// OnFailure is what follows when an action has failed the stage. A condition that does not hold is not tried again.
	OnFailure StageFailure `json:"on_failure,omitempty"`
}

// Action is one thing that is done, or waited for, in a stage.
type Action struct {
	Name string `json:"name"` // unique in the stage
	// Uses names the executor, or is UsesApproval, UsesPromote, UsesDeploy.
	Uses string `json:"uses"`
	// With has the executor's parameters; its own Check knows them. A value that is exactly "#{namespace.name}" is
	// replaced by that variable when the action starts. References inside longer text are refused by Validate.
	With map[string]any `json:"with,omitempty"`
	// Env has further environment variables. References may stand anywhere in a value: they end up in a variable, never
	// in a command's text.
	Env map[string]string `json:"env,omitempty"`
	// Environment is the environment that is entered, for deploy, approval and promote.
	Environment string `json:"environment,omitempty"`
	// RunOrder counts from 1; 0 means 1. Actions with the same number run at the same time, a higher number after them;
	// numbers may be left out.
	RunOrder int `json:"run_order,omitempty"`
	// Inputs and Outputs are names of artifacts. An output's name is unique in the definition.
	Inputs  []string `json:"inputs,omitempty"`
	Outputs []string `json:"outputs,omitempty"`
	// Namespace prefixes the variables the action exports. Default: the action's name.
	Namespace string `json:"namespace,omitempty"`
	// Timeout in nanoseconds; 0 means DefaultTimeout, for an approval ApprovalTimeout.
	Timeout   time.Duration `json:"timeout,omitempty"`
	OnFailure OnFailure     `json:"on_failure,omitempty"`
	Retries   int           `json:"retries,omitempty"` // with OnFailureRetry: how often again, 1 to 10
	// Deploys tells that the action changes its Environment and must hold that environment's lock.
	Deploys bool `json:"deploys,omitempty"`
	// Manual holds the action back, when its turn has come, until somebody asks for it (PromotionRequested).
	Manual bool `json:"manual,omitempty"`
	// Escalate is when an open approval is taken to those whom the configuration names for it; 0: never.
	Escalate time.Duration `json:"escalate,omitempty"`
	// Remind is when an open approval is called to mind; 0 means ApprovalRemind, below 0 never.
	Remind time.Duration `json:"remind,omitempty"`
}

// IsApproval tells whether the action waits for people.
func (a Action) IsApproval() bool { return a.Uses == UsesApproval }

// IsPromote tells whether the action promotes: copies to production.
func (a Action) IsPromote() bool { return a.Uses == UsesPromote }

// NeedsDigest tells whether the action works on what was built, so that the image's digest must be known before it.
func (a Action) NeedsDigest() bool { return a.IsApproval() || a.IsPromote() || a.Deploys }

// production tells whether the action changes what production has.
func (a Action) production() bool {
	return a.IsPromote() || a.Deploys && !a.IsApproval() && a.Environment == EnvironmentProduction
}

func (a Action) order() int { return max(a.RunOrder, 1) }

func (a Action) namespace() string {
	if a.Namespace != "" {
		return a.Namespace
	}
	return a.Name
}

func (a Action) timeout() time.Duration {
	switch {
	case a.Timeout > 0:
		return a.Timeout
	case a.IsApproval():
		return ApprovalTimeout
	}
	return DefaultTimeout
}

// HasApproval tells whether the definition waits for people anywhere.
func (d Definition) HasApproval() bool {
	for _, s := range d.Stages {
		for _, a := range s.Actions {
			if a.IsApproval() {
				return true
			}
		}
	}
	return false
}
