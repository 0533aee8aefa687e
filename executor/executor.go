// Package executor is the contract between Sluice and whatever carries out an action: a build on this host, a workflow
// at GitHub, a deployment service.
//
// There is one folder for each value of `uses:`. An executor declares the small interfaces it needs of GitHub or a
// registry, and the command wires them. What the contract asks is written at Executor and proved by one suite that
// every executor passes, executortest.Run.
//
// The rule behind all of it: the caller may crash between any two calls and will then repeat the last one, with exactly
// the same Request, on a new instance of the executor. So Start looks before it acts, Status can be asked by anybody who
// has the request and the handle, and nothing is kept only in memory.
package executor

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/pipeline"
)

// Request is an action to carry out, fully resolved. It is stored as JSON with the job, so that a restart repeats
// exactly it.
type Request struct {
	ID          string `json:"id"` // action execution ID: the idempotency token
	ExecutionID string `json:"execution_id"`
	Uses        string `json:"uses"`
	Stage       string `json:"stage"`
	Name        string `json:"name"`
	Environment string `json:"environment,omitempty"`

	Owner          string `json:"owner"` // of the repository
	Repo           string `json:"repo"`  // its name
	RepoID         int64  `json:"repo_id"`
	InstallationID int64  `json:"installation_id"`
	CloneURL       string `json:"clone_url,omitempty"` // without credentials

	Branch     string    `json:"branch"`      // short name
	BranchKind string    `json:"branch_kind"` // feature, release, …
	SHA        string    `json:"sha"`         // full
	CommitTime time.Time `json:"commit_time,omitzero"`

	With    map[string]any               `json:"with,omitempty"`
	Env     map[string]string            `json:"env,omitempty"` // SLUICE_* and what the action adds
	Inputs  map[string]pipeline.Artifact `json:"inputs,omitempty"`
	Outputs []string                     `json:"outputs,omitempty"`
	// Digest is what the action works on once it is known: the image's, or the artifact bundle's.
	Digest  string        `json:"digest,omitempty"`
	Timeout time.Duration `json:"timeout"` // the caller enforces it with Stop; executors may hand it on
	Attempt int           `json:"attempt"` // counts from 1

	// PreviousSHA is the head that the branch had before SHA; empty when the branch is new or it is not known.
	PreviousSHA string `json:"previous_sha,omitempty"`
	// ActorID is the numeric ID of the account at GitHub that the execution was started by; 0 when it is not known.
	ActorID int64 `json:"actor_id,omitempty"`
	// RequestedAt is when the action was asked for: the same in every call for this ID.
	RequestedAt time.Time `json:"requested_at"`
	// StartTried is when Start was first called for this ID, as the caller noted before that call; zero in that first
	// call itself. Executors of services that take no idempotency token use it to tell "never started" from "started,
	// and the answer was lost". It is the only field that may differ between calls, and is not stored.
	StartTried time.Time `json:"-"`
}

// MaxLog is the size of Report.Log at most, in bytes.
const MaxLog = 64 << 10

// DefaultPoll is how long the caller waits between two Status calls when Report.PollAfter is 0.
const DefaultPoll = 5 * time.Second

// Report is where an action stands. It holds no secret: log and summary are masked.
type Report struct {
	Status  pipeline.Status `json:"status"` // InProgress, Succeeded, Failed, Stopped
	Summary string          `json:"summary,omitempty"`
	URL     string          `json:"url,omitempty"` // where a person can look
	// ExternalID is the service's own ID.
	ExternalID string                       `json:"external_id,omitempty"`
	Variables  map[string]string            `json:"variables,omitempty"` // exported, without namespace
	Artifacts  map[string]pipeline.Artifact `json:"artifacts,omitempty"`
	// Image is set by executors that pushed the image and know its digest.
	Image pipeline.Image `json:"image,omitzero"`
	Log   string         `json:"log,omitempty"` // the end of it, MaxLog bytes at most
	// Annotations are remarks on lines of files.
	Annotations []Annotation `json:"annotations,omitempty"`
	// Findings counts what analysers found, worst first.
	Findings []Finding `json:"findings,omitempty"`
	// Tests are what tools for tests and coverage wrote, in the order of the build's file.
	Tests []TestReport `json:"tests,omitempty"`
	// Hosts are those of a deployment to several, in their order.
	Hosts []Host `json:"hosts,omitempty"`
	// PollAfter is when to ask again while InProgress; 0 means DefaultPoll. Embedded executors ring a Bell when they
	// are done, so nobody waits for the poll.
	PollAfter time.Duration `json:"poll_after,omitempty"`
}

// Finding is how often an analyser found something.
type Finding struct {
	Tool  string `json:"tool"`
	Rule  string `json:"rule"`
	Level string `json:"level"` // error, warning, note
	Count int    `json:"count"`
}

// TestReport sums up what the tools of one group wrote: tests, coverage, or nothing when Problem says why.
type TestReport struct {
	Group  string `json:"group"`
	Format string `json:"format"` // as in a buildspec: JUNITXML, COBERTURAXML, …
	// Failed are tests whose expectation was not met, Errored those that could not be carried out.
	Tests    int           `json:"tests,omitempty"`
	Passed   int           `json:"passed,omitempty"`
	Failed   int           `json:"failed,omitempty"`
	Errored  int           `json:"errored,omitempty"`
	Skipped  int           `json:"skipped,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	// Files is how many files coverage is about; Covered of Lines were run, Branched of Branches taken.
	Files    int `json:"files,omitempty"`
	Lines    int `json:"lines,omitempty"`
	Covered  int `json:"covered,omitempty"`
	Branches int `json:"branches,omitempty"`
	Branched int `json:"branched,omitempty"`
	// Failures are the first tests that failed, 50 at most.
	Failures []TestFailure `json:"failures,omitempty"`
	Problem  string        `json:"problem,omitempty"`
}

// TestFailure is a test that failed. Path is empty where it is not known which line of the revision that was.
type TestFailure struct {
	Title   string `json:"title"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// Host is where a deployment stands on one host.
type Host struct {
	Name  string `json:"name"`
	Batch int    `json:"batch,omitempty"` // counts from 1; 0: its turn has not come
	// Status is Pending, InProgress, Succeeded, Failed or RolledBack.
	Status string `json:"status"`
	// Event is the lifecycle event it came to, Revision what it serves, Message why it failed.
	Event    string `json:"event,omitempty"`
	Revision string `json:"revision,omitempty"`
	Message  string `json:"message,omitempty"`
}

// Annotation is a remark on a line of a file.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"` // counts from 1
	EndLine   int    `json:"end_line"`
	Level     string `json:"level"` // notice, warning, failure
	Title     string `json:"title,omitempty"`
	Message   string `json:"message"`
}

// Alarmed is an executor that can be told that what an action deploys is not well: it ends the action as failed, and goes back
// where it can. An alarm for an action that has ended does nothing and is no error; repeating one changes nothing.
type Alarmed interface {
	Alarm(ctx context.Context, r Request, reason string) error
}

// AtOnce is an executor that is done with an action when Start returns, so that Stop finds nothing to end: who does not want to wait
// ends the context of Start.
type AtOnce interface {
	AtOnce()
}

// Prepares is an executor whose Start may take long before anything begins, as it clones, unpacks, or waits for a place of the host to do
// so: who does not want the action any more ends the context of Start. After an error of Start, Stop and Status find by the request
// alone whatever there is, with any handle, and what had not begun never will.
type Prepares interface {
	Prepares()
}

// OneCall is an executor whose Start begins an action by a single call to a service, and fails for good only where that call was not made
// or was refused: when the first Start of a Request.ID returns an error wrapped by Permanent or a forge.RefusedError, nothing has begun.
// Of any other executor it may have.
type OneCall interface {
	OneCall()
}

// Executor carries out actions of one kind. All methods may be called by several goroutines at once, for different
// requests. An error wrapped by Permanent is one that no retry mends, and settles the action as Failed; after any other
// error the caller asks again later.
type Executor interface {
	// Check looks at the parameters alone, when the configuration is read. Values may still be references
	// ("#{namespace.name}"). The error names the key.
	Check(with map[string]any) error
	// Start makes sure that the action is under way and returns a handle for Status and Stop. It is idempotent by
	// Request.ID: it looks first, and when the action was started before, by this or another instance, it returns the
	// same handle and starts nothing. While it cannot find out whether an earlier Start succeeded it returns a
	// temporary error and starts nothing. Where it fails for good something may have begun all the same, unless it is OneCall.
	Start(ctx context.Context, r Request) (handle string, err error)
	// Status tells where the action stands. Once a Status is final it stays as it is.
	Status(ctx context.Context, r Request, handle string) (Report, error)
	// Stop asks for the action to end; Status becomes final soon after. Stopping what has ended already does nothing
	// and is no error. A caller that crashes before it has seen the final Status calls Stop again before it asks.
	Stop(ctx context.Context, r Request, handle string) error
}
