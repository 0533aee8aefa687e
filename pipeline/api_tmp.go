package pipeline

import "time"

// Input is what an execution starts with.
type Input struct {
	ID         string
	Definition Definition
	SHA        string // full revision
	ConfigHash string
	// Image.Reference is where the build pushes; empty without registries. Image.Digest is set for an execution that
	// deploys what was built before (production, a rollback).
	Image Image
	// Variables are known from the start, by "namespace.name"; customarily in the namespace "sluice".
	Variables map[string]string
}

// New makes an execution that waits for its turn: the fact Started starts it.
func New(in Input, at time.Time) State { panic("being written") }

// Start makes an execution and starts it.
func Start(in Input, at time.Time) (State, []Command) { panic("being written") }

// Advance takes in a fact. The state handed in is not changed. An error (*RefusedError) says why a person's wish was
// refused, and the state is as before; late and repeated facts of machines change nothing without error.
func Advance(s State, f Fact) (State, []Command, error) { panic("being written") }

// RefusedError says why a fact that somebody wished for changes nothing: one sentence, fit to be shown.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Problem is something wrong with a definition.
type Problem struct {
	Stage, Action string // empty: the definition, the stage as a whole
	Field         string // name, uses, inputs, run_order, …
	Text          string // lower case, with the remedy
}

// Validate finds everything that is wrong with the definition. Parameters in With are the executors' to check.
func (d Definition) Validate() []Problem { panic("being written") }

// Deploy is environments.<name>.deploy.
type Deploy struct {
	Uses string
	With map[string]any
}

// Options say what the default definitions build on.
type Options struct {
	// LocalExecutors: the operator lets embedded executors run this repository's code (--local-executors).
	LocalExecutors bool
	// HasBuildspec: there is a buildspec.yml at the root of the revision.
	HasBuildspec bool
	// SkipDeploy leaves out the deployment: branches of other bots.
	SkipDeploy bool
	// Environments are those with a deploy executor; in others the deployment is only recorded.
	Environments map[string]Deploy
	// ApprovalExpires and ApprovalRemind are environments.production.approve.expires and remind; 0: the defaults.
	ApprovalExpires, ApprovalRemind time.Duration
	// ManualPromotion is environments.production.promote.auto: false.
	ManualPromotion bool
}

// Default is the pipeline of a kind of branch that has none configured. ok is false for kinds without a pipeline.
func Default(kind string, o Options) (d Definition, ok bool) { panic("being written") }

// Complete finishes a configured definition: mode by kind, names' defaults, approval and promote appended to release
// and hotfix unless written, `uses: deploy` resolved to the environment's executor.
func Complete(d Definition, o Options) Definition { panic("being written") }

// BeforeApproval is where the part before the first approval stands: what sluice/pipeline reports. Without approval
// it is the execution's own status.
func (s State) BeforeApproval() Status { panic("being written") }

// Table is the stage table for a check's text, in Markdown: a line for each stage and each action, with durations.
func Table(s State, now time.Time) string { panic("being written") }

// Why says in one sentence what the execution is waiting for, or why it ended.
func Why(s State, now time.Time) string { panic("being written") }

// Ticket is what Schedule needs to know of an execution.
type Ticket struct {
	ID               string
	Status           Status
	Promoting        bool // State.Promoting
	AwaitingApproval bool // nothing runs, an approval is open
}

// TicketOf takes the ticket of an execution.
func TicketOf(s State) Ticket { panic("being written") }

// Overtaken is an execution that is to be superseded, by another.
type Overtaken struct{ ID, By string }

// Schedule says which waiting executions start now and which are superseded, given all executions of one repository,
// kind and branch (for kinds with one pipeline, of the application and environment), oldest first.
func Schedule(m Mode, tickets []Ticket) (start []string, superseded []Overtaken) { panic("being written") }
