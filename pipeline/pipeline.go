// Package pipeline knows what a pipeline is and what an execution of one does next.
//
// The words are CodePipeline's. A Definition has stages, a stage has actions, run orders make actions sequential or
// parallel, actions hand on artifacts and variables, and an approval is an action like any other. An execution is one
// pass of a definition, for one revision; its State is plain data that can be stored as JSON and carries everything
// needed to go on after a restart.
//
// The engine is one function: Advance takes the state and a Fact (an action settled, somebody approved, time passed)
// and returns the new state and the Commands that follow from it: start this action, open that approval, wake me then.
// It is pure and total. It knows no git, HTTP, SQL or clock: times come with the facts. A fact that comes twice, late
// or in the wrong order changes nothing, and the same state and fact always give the same answer, so that whoever
// carries out commands may crash at any point and repeat them: every StartAction carries an action execution ID, the
// idempotency token of everything that is done for it.
//
// What the engine promises, whatever facts arrive in whatever order:
//
//   - every execution ends: each action, approval, hold and image look-up has a deadline, and Ticked enforces it;
//   - no action behind an approval starts unless that approval was given for exactly the revision, digest and
//     configuration hash that the execution has;
//   - no attempt of an action starts while an earlier attempt may still be running, unless a person retries one whose
//     end could not be learned;
//   - the image digest is learned once and never changes.
package pipeline

// Status says where an execution, a stage or an action stands.
type Status string

// Statuses. An execution is Waiting until Started (in mode queued others may be before it), then InProgress, and ends
// as one of the others except Skipped.
const (
	// Waiting has not started. For an action: something before it is not done, or nobody has asked for a manual action.
	Waiting Status = "Waiting"
	// InProgress runs. An approval is InProgress while it is open.
	InProgress Status = "InProgress"
	Succeeded  Status = "Succeeded"
	Failed     Status = "Failed"
	// Stopped was cancelled by somebody.
	Stopped Status = "Stopped"
	// Superseded gave way to a newer execution.
	Superseded Status = "Superseded"
	// Skipped was never reached, because something before it failed or was stopped. Only stages and actions are.
	Skipped Status = "Skipped"
)

// Final tells whether nothing further happens by itself. A person may still retry what Failed or was Stopped.
func (s Status) Final() bool { return s != Waiting && s != InProgress && s != "" }

// Mode says how executions of one pipeline on one branch get along with each other.
type Mode string

// Modes; see Schedule.
const (
	ModeSuperseded Mode = "superseded" // the newest wins, the older ones are stopped
	ModeQueued     Mode = "queued"     // one after the other, oldest first
	ModeParallel   Mode = "parallel"   // all at once
)

// OnFailure says what follows when an action fails.
type OnFailure string

// Consequences of a failed action. The empty value means OnFailureFail.
const (
	OnFailureFail     OnFailure = "fail"     // the stage fails once its running actions have ended
	OnFailureContinue OnFailure = "continue" // recorded, and the stage goes on as if it had succeeded
	OnFailureRetry    OnFailure = "retry"    // tried again, Action.Retries times, then as fail
)

// Kinds of branches that have pipelines; the keys of `pipelines:`.
const (
	KindFeature     = "feature"
	KindBugfix      = "bugfix"
	KindDevelopment = "development"
	KindRelease     = "release"
	KindHotfix      = "hotfix"
	KindProduction  = "production"
	KindSupport     = "support"
)

// Names of environments with a part in the flow.
const (
	EnvironmentDevelopment = "development"
	EnvironmentStaging     = "staging"
	EnvironmentProduction  = "production"
)

// Values of Action.Uses that the engine itself understands. All others are executors.
const (
	// UsesApproval waits for people. Nothing is executed: OpenApproval asks, Approved or Rejected answers.
	UsesApproval = "approval"
	// UsesPromote copies what was approved to production's registry. Once one has started, nothing supersedes.
	UsesPromote = "promote"
	// UsesDeploy deploys as environments.<name>.deploy says. Resolve replaces it by that executor; where the environment
	// has none it stays, and only the deployment is recorded.
	UsesDeploy = "deploy"
)

// EngineUses are those of them that have a place in the pipeline of a kind: production starts once approved and promoted, and
// only what ships is promoted.
func EngineUses(kind string) []string {
	switch kind {
	case KindFeature, KindBugfix, KindDevelopment:
		return []string{UsesApproval, UsesDeploy}
	case KindProduction:
		return []string{UsesDeploy}
	}
	return []string{UsesApproval, UsesDeploy, UsesPromote}
}
