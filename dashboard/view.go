package dashboard

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// The types in this file are what pages show and what the JSON below /api/v1/ says; both come from the same values.
// Times are UTC; durations are whole seconds.

// Board is the organization board: one line for whatever is open, and every repository the person may read.
type Board struct {
	Repos []RepoSummary `json:"repos"`
	// Total counts the repositories that match Query, on all pages; Page counts from 1.
	Total int    `json:"total"`
	Page  int    `json:"page"`
	Pages int    `json:"pages"`
	Query string `json:"query,omitempty"`
	// Waiting counts the approvals and promotions that wait for people, among Repos.
	Waiting  int            `json:"waiting"`
	Releases []ReleaseLine  `json:"releases"`
	Running  []ExecutionRow `json:"running"`
}

// RepoSummary is a repository with what runs where.
type RepoSummary struct {
	ID    int64  `json:"id"`
	Owner string `json:"owner"`
	Name  string `json:"name"`
	Path  string `json:"path"`
	URL   string `json:"url"` // at GitHub
	// Gone says why nothing may be done here; ConfigProblem what is wrong with the newest configuration,
	// ConfigMisfit why the one in force does not fit the repository.
	Gone string `json:"gone,omitempty"`
	// Waits is why the work on this repository stands still, such as GitHub's rate limit; it goes on at WaitsUntil by itself.
	Waits         string        `json:"waits,omitempty"`
	WaitsUntil    time.Time     `json:"waits_until,omitzero"`
	ConfigProblem string        `json:"config_problem,omitempty"`
	ConfigMisfit  string        `json:"config_misfit,omitempty"`
	Observe       bool          `json:"observe,omitempty"`
	Environments  []Environment `json:"environments"`
	// Frozen are branches into which nothing is merged now.
	Frozen []Frozen `json:"frozen,omitempty"`
	// Disabled are stages that no execution enters now.
	Disabled []DisabledTransition `json:"disabled_transitions,omitempty"`
	Running  int                  `json:"running"`
	Open     int                  `json:"open"` // releases and hotfixes
}

// Frozen is a branch that is frozen.
type Frozen struct {
	Branch string `json:"branch"`
	Stop
}

// DisabledTransition is a stage whose transition is disabled.
type DisabledTransition struct {
	Stage string `json:"stage"` // pipeline/stage
	Stop
}

// Environment is what runs in a place.
type Environment struct {
	Name       string    `json:"name"`
	Version    string    `json:"version,omitempty"`
	Image      string    `json:"image,omitempty"`
	Digest     string    `json:"digest,omitempty"`
	SHA        string    `json:"sha,omitempty"`
	DeployedAt time.Time `json:"deployed_at,omitzero"`
	Execution  string    `json:"execution,omitempty"`
	Path       string    `json:"path,omitempty"` // of the execution
	// Hold is why nothing may be promoted here; HoldBy and HoldAt who said so, when.
	Hold   string    `json:"hold,omitempty"`
	HoldBy string    `json:"hold_by,omitempty"`
	HoldAt time.Time `json:"hold_at,omitzero"`
	// DeployingFor is the execution whose deployment is under way.
	DeployingFor string `json:"deploying_for,omitempty"`
	// Stranded says that something was to be put back here and was not: a rollback failed, or a candidate did not come back. It is
	// tried again by /retry; StrandedExecution is what failed, StrandedPath its page.
	Stranded          string   `json:"stranded,omitempty"`
	StrandedExecution string   `json:"stranded_execution,omitempty"`
	StrandedPath      string   `json:"stranded_path,omitempty"`
	Buttons           *Buttons `json:"-"`
	// Stops are freezes and locks of the place.
	Stops []Stop `json:"stops,omitempty"`
}

// Stop is something that somebody said is not to go on now.
type Stop struct {
	Kind   store.StopKind `json:"kind"`
	Name   string         `json:"name,omitempty"` // of an alarm
	By     string         `json:"by"`
	Reason string         `json:"reason,omitempty"`
	At     time.Time      `json:"at"`
	Until  time.Time      `json:"until,omitzero"` // zero: until somebody lifts it
}

// ReleaseLine is a release or hotfix in a list.
type ReleaseLine struct {
	Repo string `json:"repo"` // owner/name
	Kind string `json:"kind"`
	// Component is the application of a monorepo that it is of; empty: the repository is one.
	Component string              `json:"component,omitempty"`
	Version   string              `json:"version"`
	Path      string              `json:"path"`
	Branch    string              `json:"branch"`
	Status    store.ReleaseStatus `json:"status"`
	Pull      int                 `json:"pull,omitempty"`
	PullURL   string              `json:"pull_url,omitempty"`
	// Next is the one next step; Blocked tells that somebody must do it before anything goes on.
	Next       string    `json:"next,omitempty"`
	Blocked    bool      `json:"blocked,omitempty"`
	StartedBy  string    `json:"started_by,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	ReleasedAt time.Time `json:"released_at,omitzero"`
	// Stops are holds of it, and the time that somebody asked for.
	Stops []Stop `json:"stops,omitempty"`
}

// ExecutionRow is an execution in a list.
type ExecutionRow struct {
	Repo      string          `json:"repo"` // owner/name
	ID        string          `json:"id"`
	Path      string          `json:"path"`
	Kind      string          `json:"kind"`
	Component string          `json:"component,omitempty"` // as of a ReleaseLine
	Branch    string          `json:"branch"`
	SHA       string          `json:"sha"`
	CommitURL string          `json:"commit_url"`
	Status    pipeline.Status `json:"status"`
	Version   string          `json:"version,omitempty"`
	Why       string          `json:"why"` // what it waits for, or why it ended
	// AwaitsPeople tells that an approval is open, or somebody must ask for the promotion.
	AwaitsPeople bool      `json:"awaits_people,omitempty"`
	Pull         int       `json:"pull,omitempty"`
	PullURL      string    `json:"pull_url,omitempty"`
	StartedBy    string    `json:"started_by,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	Seconds      int64     `json:"seconds"` // so far, or in all
}

// Repo is the page of a repository.
type Repo struct {
	RepoSummary
	Open     []ReleaseLine  `json:"open_releases"`
	Past     []ReleaseLine  `json:"past_releases"` // newest first, at most pastReleases
	Running  []ExecutionRow `json:"running_executions"`
	Branches []ExecutionRow `json:"branches"` // the latest execution of each branch: running ones, then the newest
	Tests    []TestTrend    `json:"tests"`    // of the development branch
}

// Others are the running executions that are not the latest of their branch.
func (r Repo) Others() []ExecutionRow {
	return slices.DeleteFunc(slices.Clone(r.Running), func(x ExecutionRow) bool {
		return slices.ContainsFunc(r.Branches, func(latest ExecutionRow) bool { return latest.ID == x.ID })
	})
}

// Execution is the page of an execution.
type Execution struct {
	ExecutionRow
	Image     string `json:"image,omitempty"`
	Digest    string `json:"digest,omitempty"`
	ConfigSHA string `json:"config_sha,omitempty"`
	// OrganizationSHA is the commit that the organization's defaults and pipeline models were read at.
	OrganizationSHA string     `json:"organization_sha,omitempty"`
	Release         string     `json:"release,omitempty"` // version
	ReleaseURL      string     `json:"release_path,omitempty"`
	Variables       []Variable `json:"variables,omitempty"`
	Stages          []Stage    `json:"stages"`
	Approvals       []Approval `json:"approvals"`
	// Problem says why the stages cannot be shown.
	Problem string   `json:"problem,omitempty"`
	Buttons *Buttons `json:"-"`
}

// Variable is a variable of an execution's pipeline. Values are not masked.
type Variable struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	Given       bool   `json:"given"` // somebody gave it; otherwise it is the default
	Description string `json:"description,omitempty"`
}

// Stage is a stage of an execution.
type Stage struct {
	Name    string          `json:"name"`
	Status  pipeline.Status `json:"status"`
	Summary string          `json:"summary,omitempty"`
	Seconds int64           `json:"seconds"`
	Started bool            `json:"started"`
	Actions []Action        `json:"actions"`
}

// Action is an action of a stage: its latest attempt.
type Action struct {
	ID          string          `json:"id,omitempty"`
	Name        string          `json:"name"`
	Uses        string          `json:"uses"`
	Environment string          `json:"environment,omitempty"`
	Status      pipeline.Status `json:"status"`
	Attempt     int             `json:"attempt"`
	Summary     string          `json:"summary,omitempty"`
	URL         string          `json:"url,omitempty"` // http or https
	Started     bool            `json:"started"`
	Seconds     int64           `json:"seconds"`
	Log         string          `json:"log,omitempty"`      // the end of it, without terminal escapes
	LogPath     string          `json:"log_path,omitempty"` // of the page with all of it
	Remarks     []Remark        `json:"annotations,omitempty"`
	Hosts       []Host          `json:"hosts,omitempty"`
}

// Remark is a remark on a line of a file.
type Remark struct {
	Path    string `json:"path"`
	Line    int    `json:"start_line"`
	Level   string `json:"level"`
	Title   string `json:"title,omitempty"`
	Message string `json:"message"`
}

// Host is where a deployment stands on one host.
type Host struct {
	Name     string `json:"name"`
	Batch    int    `json:"batch,omitempty"` // counts from 1; 0: its turn has not come
	Status   string `json:"status"`
	Event    string `json:"event,omitempty"`
	Revision string `json:"revision,omitempty"`
	Message  string `json:"message,omitempty"`
}

// Approval is one person's word on one candidate.
type Approval struct {
	By          string        `json:"by"`
	Verdict     store.Verdict `json:"verdict"`
	Reason      string        `json:"reason,omitempty"`
	Via         string        `json:"via"`
	At          time.Time     `json:"at"`
	Environment string        `json:"environment"`
	SHA         string        `json:"sha"`
	CommitURL   string        `json:"commit_url"`
	Digest      string        `json:"digest"`
	Execution   string        `json:"execution"`
	Path        string        `json:"path"`
	VoidedAt    time.Time     `json:"voided_at,omitzero"`
	VoidReason  string        `json:"void_reason,omitempty"`
}

// Release is the story of a release or hotfix.
type Release struct {
	ReleaseLine
	Tag              string `json:"tag,omitempty"`
	SHA              string `json:"sha,omitempty"`
	CommitURL        string `json:"commit_url,omitempty"`
	CutSHA           string `json:"cut_sha,omitempty"`
	CutURL           string `json:"cut_url,omitempty"`
	HeadSHA          string `json:"head_sha,omitempty"`
	HeadURL          string `json:"head_url,omitempty"`
	CandidateImage   string `json:"candidate_image,omitempty"`
	CandidateDigest  string `json:"candidate_digest,omitempty"`
	ProductionImage  string `json:"production_image,omitempty"`
	ProductionDigest string `json:"production_digest,omitempty"`
	// VersionWhy is why it has its version, as it was noted when it got it.
	VersionWhy []VersionReason `json:"version_why,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Bad        bool            `json:"bad,omitempty"`
	Finished   bool            `json:"finished"`
	Executions []ExecutionRow  `json:"executions"` // newest first
	Approvals  []Approval      `json:"approvals"`  // oldest first
	Audit      []AuditEntry    `json:"audit"`      // oldest first
	// AuditCut tells that there are more entries than are shown.
	AuditCut bool     `json:"audit_cut,omitempty"`
	Buttons  *Buttons `json:"-"`
}

// VersionReason is one sentence of why a release has its version.
type VersionReason struct {
	Text string `json:"text"`
	// Warning is true where a person should look: the version may not be what they expect.
	Warning bool          `json:"warning,omitempty"`
	Facts   []VersionFact `json:"facts,omitempty"`
}

// VersionFact is what a sentence rests on: a tag, a commit, a subject.
type VersionFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// CommitURL is where GitHub shows it; empty: it is no commit.
	CommitURL string `json:"commit_url,omitempty"`
}

// AuditEntry is one decision.
type AuditEntry struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor,omitempty"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Reason  string    `json:"reason,omitempty"`
	Hash    string    `json:"hash"`
}

// Approvals is what waits for people.
type Approvals struct {
	Waiting []Waiting `json:"waiting"`
}

// Waiting is an execution that goes on when somebody has spoken.
type Waiting struct {
	ExecutionRow
	For         string    `json:"for"` // approval, promotion
	Environment string    `json:"environment"`
	Image       string    `json:"image,omitempty"`
	Digest      string    `json:"digest,omitempty"`
	Until       time.Time `json:"until,omitzero"`
	ReleasePath string    `json:"release_path,omitempty"`
}

// Part says which part of a list this is. Total counts all; Page counts from 1.
type Part struct {
	Total int `json:"total"`
	Page  int `json:"page"`
	Pages int `json:"pages"`
}

// Executions, Releases and Environments are lists of one repository.
type (
	// Executions are the newest of each kind of branch.
	Executions struct {
		Executions []ExecutionRow `json:"executions"`
		Part
	}
	// Releases are all releases and hotfixes, newest first.
	Releases struct {
		Releases []ReleaseLine `json:"releases"`
		Part
	}
	// Environments are by name.
	Environments struct {
		Environments []Environment `json:"environments"`
	}
)

// Buttons are what may be asked for on a page.
type Buttons struct {
	Post     string // the path the form goes to
	Return   string // the path to come back to
	CSRF     string
	Approval string // ID of the approval that is open
	Approve  bool
	Reject   bool
	Promote  bool
	Retry    bool
	Cancel   bool
	// Abandon is for an execution that was cancelled and waits for what runs, and for one that has ended and keeps an environment,
	// which is Holds, from others.
	Abandon bool
	Holds   string
	// Override is the stage whose condition has failed the execution; empty: none has.
	Override string
	// Ended is when the execution ended, as the form of an override carries it: the same stage may fail by its other condition since.
	Ended string
	// Disable and Enable are stages that the execution has not entered, whose transition is enabled, or disabled.
	Disable, Enable []string
	// Version, SHA, Digest and Environment are what an approval would be of.
	Version, SHA, Digest, Environment string
}

// Any tells whether there is a button at all.
func (b *Buttons) Any() bool {
	return b != nil && (b.Approve || b.Reject || b.Promote || b.Retry || b.Cancel || b.Abandon)
}
