package store

import (
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// GoneArchived is Repo.Gone of a repository that takes no writes any more; it can still be read.
const GoneArchived = "archived"

// Repo is a repository the App is or was installed on.
type Repo struct {
	ID             int64
	InstallationID int64
	Owner, Name    string
	DefaultBranch  string
	// Gone is why nothing may be done here: archived, removed from the installation, suspended. Empty: all is well.
	Gone string
	// BaselineAt is when heads and tags were first recorded. Zero: Sluice has not seen this repository yet, and whatever
	// is there now starts nothing.
	BaselineAt time.Time
	// Config is the last good .github/sluice.yml, ConfigSHA the commit of the default branch it was read at, and
	// ConfigProblem what is wrong with a newer one that could not be used. An empty Config is zero configuration.
	Config        []byte
	ConfigSHA     string
	ConfigProblem string
	// Organization is what Config was read with from the organization's repository, as JSON (config.Organization), and
	// OrganizationSHA the commit of that repository that was looked at last. Empty: there is nothing.
	Organization    []byte
	OrganizationSHA string
	// ConfigMisfit is why the configuration in force does not fit the repository any more: a branch it names is gone.
	ConfigMisfit string
	// Observe is true while the configuration says mode: observe.
	Observe   bool
	UpdatedAt time.Time
}

// Branch is a head as Sluice last handled it. A head on GitHub that differs was pushed while nobody told us.
type Branch struct {
	RepoID    int64
	Name      string
	SHA       string
	UpdatedAt time.Time
}

// Tag is a git tag Sluice knows, peeled. The release log is made of these.
type Tag struct {
	RepoID int64
	Name   string
	SHA    string
	// Seq orders the release log: the order in which releases happened, not SemVer's.
	Seq    int64
	SeenAt time.Time
}

// Push is one push to a branch that matters for approvals: who pushed what to a release or hotfix branch.
type Push struct {
	RepoID      int64
	Branch      string
	Before, SHA string
	Pusher      forge.User
	At          time.Time
}

// Pull is a pull request as Sluice last judged it.
type Pull struct {
	RepoID     int64
	Number     int
	Title      string
	Author     forge.User
	HeadBranch string
	HeadSHA    string
	HeadRepoID int64
	// HeadAt is when the head came to be HeadSHA at the latest, by GitHub's clock; zero while it is the first one that was seen.
	HeadAt     time.Time
	BaseBranch string
	BaseSHA    string
	Open       bool
	Merged     bool
	// Problems is how many rules of sluice/branch it breaks; Verdict the whole finding as JSON, for check and page.
	Problems int
	Verdict  []byte
	// Cockpit is true once a status comment belongs on it.
	Cockpit   bool
	UpdatedAt time.Time
}

// ReleaseStatus is where a release or hotfix stands.
type ReleaseStatus string

// Statuses of a release.
const (
	ReleaseOpen       ReleaseStatus = "open"
	ReleasePromoting  ReleaseStatus = "promoting"
	ReleaseReleased   ReleaseStatus = "released"
	ReleaseFailed     ReleaseStatus = "failed"
	ReleaseAbandoned  ReleaseStatus = "abandoned"
	ReleaseRolledBack ReleaseStatus = "rolled-back"
)

// Live tells whether the bot still has something to do for a release with this status.
func (s ReleaseStatus) Live() bool {
	return s == ReleaseOpen || s == ReleasePromoting || s == ReleaseFailed
}

// Release is a release or a hotfix from start to finish. Its SHAs are recorded as they become known and are what later
// steps name: the branch may be gone by then.
type Release struct {
	ID     string
	RepoID int64
	Kind   string // release, hotfix
	// Component is the application of a monorepo that it is a release of; empty: the repository is one.
	Component string
	// Line is the support line it is cut from and merged into, "1.4"; empty: production.
	Line     string
	Version  string // 1.4.0, 1.4.0-hotfix-17
	HotfixID string
	Branch   string
	Tag      string // v1.4.0
	CutSHA   string // the commit the branch was cut from
	HeadSHA  string // the newest head handled
	Pull     int    // the release pull request; 0 until it exists
	// SHA, CandidateImage and CandidateDigest are what was built last; they are fixed when Status becomes promoting.
	SHA             string
	CandidateImage  string // repository:tag
	CandidateDigest string
	// ProductionImage and ProductionDigest are set by the copy.
	ProductionImage  string
	ProductionDigest string
	Status           ReleaseStatus
	// ExecutionID is the candidate's pipeline; ProductionExecutionID the production pipeline's newest.
	ExecutionID           string
	ProductionExecutionID string
	// ProductionTip is the commit of the production branch after this release was merged.
	ProductionTip string
	// Finished is true when every step of the finish plan is done.
	Finished  bool
	Problem   string // what blocks it, in one sentence; empty when nothing does
	StartedBy forge.User
	// Origin is what started it, for instance "comment 123": the same origin never starts a second one.
	Origin string
	// PromoteBy is who said /promote, where the configuration asks for that; zero: nobody yet.
	PromoteBy forge.User
	Reason    string // of an abandonment or rollback
	// VersionWhy is why it has its version, noted when it was started: a tagging.Explanation as JSON; empty: not known.
	VersionWhy string
	// Bad marks a release that was rolled back or failed in production: what only it brought is not owed to anybody.
	Bad        bool
	StartedAt  time.Time
	ReleasedAt time.Time
	UpdatedAt  time.Time
}

// Execution is one pass of a pipeline, for one revision. State is the engine's and complete in itself.
type Execution struct {
	ID        string
	RepoID    int64
	Kind      string // of the branch: feature … production
	Component string // as Release.Component
	Branch    string
	SHA       string
	ReleaseID string // empty for feature and development
	Pull      int    // the pull request it reports to, where there is one
	Status    pipeline.Status
	State     pipeline.State
	ConfigSHA string // commit the configuration was read at
	// OrganizationSHA is the commit of the organization's repository that defaults and pipeline models were read at; empty
	// where there are none.
	OrganizationSHA string
	ConfigHash      string // of what an approval covers
	Version         string
	Image           string // reference to push: registry/repository:tag; empty without registries
	Digest          string // of Image, resolved once after the build, or given at the start; empty until then
	StartedBy       forge.User
	// Origin is what started it; the same origin never starts a second one.
	Origin     string
	CommitTime time.Time
	// Rev counts the writes. A write with another Rev than the row's is refused with ErrStale.
	Rev       int64
	CreatedAt time.Time
	UpdatedAt time.Time
	EndedAt   time.Time
}

// ActionRun is an action execution handed to an executor: what was asked, what came back. Request and Report are the
// executor package's, as JSON.
type ActionRun struct {
	ID          string // action execution ID
	ExecutionID string
	RepoID      int64
	Request     []byte
	// Handle is the executor's own name for what it started; Intended is set before the first call to it.
	Intended bool
	Handle   string
	Report   []byte
	Final    bool
	Stop     bool // somebody asked for a stop
	// TriedAt is when the executor was first told to start it, noted before that call; zero until then.
	TriedAt   time.Time
	StartedAt time.Time
	UpdatedAt time.Time
}

// Effect is one change of the outside world under the effect protocol: intent, probe, act, result.
type Effect struct {
	Key       string // from repository, kind, target and SHA or digest: never from a time or a delivery
	RepoID    int64
	Kind      string
	Intent    []byte // what is to be done, JSON
	Done      bool
	Result    []byte // what came of it, JSON
	Attempts  int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Verdict of an approver.
type Verdict string

// What an approver can say.
const (
	VerdictApproved Verdict = "approved"
	VerdictRejected Verdict = "rejected"
	// VerdictEmergency asks for the emergency path; it takes a second person.
	VerdictEmergency Verdict = "emergency"
)

// Approval is one person's word on one candidate: bound to execution, head, digest and configuration.
type Approval struct {
	ID          string
	RepoID      int64
	ReleaseID   string
	ExecutionID string
	Environment string
	SHA         string
	Digest      string
	ConfigHash  string
	By          forge.User
	Verdict     Verdict
	Reason      string
	CommentID   int64  // the comment it was said in; 0 for buttons
	Via         string // comment, button, dashboard, api
	At          time.Time
	// VoidedAt and VoidReason tell when and why it stopped counting. Zero: it counts.
	VoidedAt   time.Time
	VoidReason string
}

// Emergency is a promotion by the emergency path, and the review that is owed for it.
type Emergency struct {
	ID          string // action execution ID of the approval that was passed
	RepoID      int64
	ReleaseID   string
	ExecutionID string
	Environment string
	Version     string
	SHA, Digest string
	Reason      string
	// Skipped says what the promotion did not wait for, in sentences for people.
	Skipped string
	// Asked asked for it and Second confirmed it.
	Asked, Second forge.User
	At            time.Time
	// Reminders counts the calls for the review, RemindAt is when the next one is due.
	Reminders int64
	RemindAt  time.Time
	// Reviewer gave the review at ReviewedAt; zero: it is owed. Agreed is their verdict, Review what they said.
	Reviewer   forge.User
	ReviewedAt time.Time
	Review     string
	Agreed     bool
}

// Environment is what runs in a place, and who may touch it.
type Environment struct {
	RepoID  int64
	Name    string
	Version string
	Image   string // repository:tag
	Digest  string
	SHA     string
	// ExecutionID and ReleaseID brought what runs.
	ExecutionID string
	ReleaseID   string
	DeployedAt  time.Time
	// Hold is why nothing may be promoted here until /unpin; empty: nothing holds it.
	Hold   string
	HoldBy forge.User
	HoldAt time.Time
	// LockedBy is the execution whose deploy action runs now, Fence the number it was given: a later writer has a higher one.
	LockedBy string
	Fence    int64
	// OccupiedBy is the release that keeps the place until its approval is decided; LentBy are the releases whose candidates
	// were there before and are put back afterwards, the last first.
	OccupiedBy string
	LentBy     []string
	// ReturnBy is the execution that was last started to put something back here: a rollback, or a candidate that had given
	// way. Empty: there was none, or something was deployed after it.
	ReturnBy  string
	UpdatedAt time.Time
}

// Deployment is one attempt to put an artifact into an environment: the history a rollback chooses from.
type Deployment struct {
	ID          string // action execution ID
	RepoID      int64
	Environment string
	Version     string
	Image       string
	Digest      string
	SHA         string
	ReleaseID   string
	ExecutionID string
	GitHubID    int64 // GitHub's deployment; 0 until recorded there
	Status      pipeline.Status
	StartedAt   time.Time
	EndedAt     time.Time
}

// Check is the newest check run Sluice reported for a name at a SHA.
type Check struct {
	RepoID     int64
	SHA        string
	Name       string
	RunID      int64
	Hash       string // of what was sent, to leave out updates that change nothing
	Status     string
	Conclusion string
	UpdatedAt  time.Time
}

// Comment is a comment of ours that is edited in place or must exist once.
type Comment struct {
	RepoID    int64
	Issue     int
	Marker    string
	CommentID int64
	Hash      string
	UpdatedAt time.Time
}

// AuditEntry is one decision. Entries are chained: Hash covers the entry and the hash before it, so a changed or missing
// entry shows.
type AuditEntry struct {
	Seq      int64
	RepoID   int64
	At       time.Time
	Actor    forge.User
	Action   string // approve, promote, release.start, …
	Subject  string // what it was done to
	Reason   string
	Evidence []byte // JSON
	PrevHash string
	Hash     string
}
