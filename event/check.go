package event

import "github.com/sluicehq/sluice/forge"

// CheckAction is a press on a button of a check run (event "check_run", activity requested_action). GitHub sends it
// only to the App that made the check run, AppID; who is told otherwise must not act on it.
type CheckAction struct {
	Origin
	CheckRunID int64
	Name, SHA  string
	ExternalID string
	AppID      int64
	// Identifier is the button's, forge.Button.Identifier; written by us and sent back by a stranger.
	Identifier string
	Press      string // as in CheckRerequested
}

// CheckRerequested is a request to run one check run again (event "check_run", activity rerequested).
type CheckRerequested struct {
	Origin
	CheckRunID int64
	Name, SHA  string
	ExternalID string
	AppID      int64
	// Press is the ID of the delivery that told of it, by which one press is told from another; who hands it over fills it in.
	Press string
}

// SuiteRerequested is a request to run all checks of an App on a commit again (event "check_suite", activity
// rerequested).
type SuiteRerequested struct {
	Origin
	SuiteID int64
	SHA     string
	Branch  string // short name; empty when GitHub gives none
	AppID   int64
	Press   string // as in CheckRerequested
}

// ChecksChanged says that a check run, a check suite or a commit status on a commit came to a result: it is time to
// look at the commit's checks again. Our own check runs come back as this event too; AppID tells them.
type ChecksChanged struct {
	Origin
	SHA string
	// AppID is the App that reported; 0 for a commit status.
	AppID int64
	// Name is the check run's name or the status's context; empty for a whole suite.
	Name string
	// Result is GitHub's word: the check's conclusion, or the status's state. A hint for logs.
	Result string
}

// WorkflowRun is a GitHub Actions run that was requested, started or completed (event "workflow_run").
type WorkflowRun struct {
	Origin
	Activity Activity // Requested, InProgress or Completed
	Run      forge.WorkflowRun
	Attempt  int // counts from 1
}
