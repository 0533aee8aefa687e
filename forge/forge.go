// Package forge holds the words for what GitHub keeps: repositories, commits, pull requests, checks, rules.
//
// The values are plain data. Package githubapp fills them in from GitHub's REST API and package bot decides on them, so
// neither needs to know the other, and nothing outside githubapp needs to know GitHub's client library.
package forge

import "time"

// Repo is a repository the App is installed on. ID stays the same when the repository is renamed or transferred, so
// everything Sluice stores is keyed by it.
type Repo struct {
	ID             int64
	InstallationID int64
	Owner          string // login of the owner, as GitHub spells it
	Name           string
	DefaultBranch  string // short name
	CloneURL       string // HTTPS, without credentials
	HTMLURL        string
	Archived       bool
	Private        bool
	// MergeCommits tells whether the repository allows merge commits (repository setting allow_merge_commit).
	// Git-flow cannot finish a release without them.
	MergeCommits bool
}

// FullName is "owner/name".
func (r Repo) FullName() string { return r.Owner + "/" + r.Name }

// User is an account. Two users are the same only if their IDs are: logins can be changed and taken over.
type User struct {
	ID    int64
	Login string
	Bot   bool // GitHub's type "Bot": an App's own account
}

// Branch is a branch head.
type Branch struct {
	Name string // short name
	SHA  string
}

// Tag is a git tag and the commit it points at, annotated tags peeled.
type Tag struct {
	Name string // short name
	SHA  string
}

// Commit is a commit as the compare and commits APIs describe it.
type Commit struct {
	SHA     string
	Tree    string // the SHA of its tree: two commits with one tree have the same files
	Parents []string
	Message string
	// Author and Committer are zero users when GitHub knows no account for the e-mail address. Whoever writes a commit
	// chooses the address, so these may exclude somebody from a decision and never admit anybody.
	Author, Committer User
	AuthorEmail       string
	AuthorName        string
	Time              time.Time // of the commit, as the committer claims it
	// Verified is true for a commit whose signature GitHub could verify.
	Verified bool
}

// Side is one end of a pull request.
type Side struct {
	Branch string // short name
	SHA    string
	RepoID int64 // 0 when the repository was deleted
	Owner  string
}

// PullRequest is a pull request as GET /repos/{owner}/{repo}/pulls/{number} describes it.
type PullRequest struct {
	Number     int
	Title      string
	Body       string
	HTMLURL    string
	Open       bool
	Draft      bool
	Merged     bool
	Author     User
	Head, Base Side
	MergeSHA   string // the merge commit once Merged
	// Mergeable is nil until GitHub has computed it.
	Mergeable *bool
	// MergeableState is GitHub's word: clean, dirty, blocked, behind, unstable, draft, unknown.
	MergeableState string
	MergedBy       User
	Labels         []string
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Fork tells whether the head is in another repository than the base.
func (p PullRequest) Fork() bool { return p.Head.RepoID != p.Base.RepoID }

// Comparison is what GET /repos/{owner}/{repo}/compare/{base}...{head} says.
type Comparison struct {
	AheadBy, BehindBy int
	MergeBase         string
	Commits           []Commit // in head and not in base, oldest first
	Files             []string // paths changed since the merge base, those before a rename too
	// FilesTruncated is true from 300 files on, which is as many as GitHub lists.
	//
	// https://docs.github.com/rest/commits/commits#compare-two-commits
	FilesTruncated bool
	// Truncated is true when GitHub gave fewer commits than AheadBy. Who decides on Commits then must fail closed.
	Truncated bool
}

// Move is how a branch came to the commit where it is.
type Move struct {
	Before string // where it was before; empty: nowhere
	By     User   // who pushed, or merged; the zero User where the account is gone
	At     time.Time
}

// Authors are the accounts that wrote a commit together: its author's, and those of the co-authors whom its message names by
// addresses that GitHub knows to be theirs.
type Authors struct {
	Users []User
	// Complete is false when GitHub did not list them all. Who decides on them then must fail closed.
	Complete bool
}

// FileChange is what a comparison or commit does to one file.
type FileChange struct {
	Path     string
	Previous string // path before a rename, else empty
	Status   string // added, modified, removed, renamed, copied, changed, unchanged
	// Patch is the hunks, from the first "@@" on. GitHub leaves it out for binary files and for large changes.
	Patch                string
	Additions, Deletions int
}

// Conclusion of a check run.
type Conclusion string

// Conclusions that Sluice uses. Neutral, skipped and stale are left out on purpose: a required check that is skipped
// counts as passed.
const (
	Success        Conclusion = "success"
	Failure        Conclusion = "failure"
	Cancelled      Conclusion = "cancelled"
	TimedOut       Conclusion = "timed_out"
	ActionRequired Conclusion = "action_required"
)

// Button is a button on a check run (GitHub: actions; three at most).
type Button struct {
	Label       string // 20 characters at most
	Description string // 40 characters at most
	Identifier  string // 20 characters at most; comes back in check_run.requested_action
}

// Annotation is a remark on a line of a file in a check run.
type Annotation struct {
	Path      string
	StartLine int // counts from 1
	EndLine   int
	Level     string // notice, warning, failure
	Title     string
	Message   string
}

// CheckRun is one of our check runs, or one of another App's.
type CheckRun struct {
	ID          int64 // 0 for one that is to be created
	Name        string
	SHA         string
	ExternalID  string
	DetailsURL  string
	AppID       int64
	Status      string     // queued, in_progress, completed
	Conclusion  Conclusion // empty unless Status is completed; for foreign runs also neutral, skipped, stale
	Title       string
	Summary     string // Markdown, cut to GitHub's 65,535 characters by githubapp
	Text        string // Markdown, the same
	Buttons     []Button
	Annotations []Annotation
	StartedAt   time.Time
	CompletedAt time.Time
}

// CommitStatus is a commit status (the older sort of check), the latest for its context.
type CommitStatus struct {
	Context string
	State   string // error, failure, pending, success
}

// QueueEntry is a pull request in a merge queue, with the group that was made for it.
type QueueEntry struct {
	Pull int
	// HeadSHA is the commit that checks are wanted on, BaseSHA the one that it was made on. Both are empty until they are made.
	HeadSHA, BaseSHA string
}

// Comment is a comment on an issue or pull request.
type Comment struct {
	ID int64
	// Issue is the number of the issue or pull request it is on; Pull tells which.
	Issue     int
	Pull      bool
	Author    User
	Body      string
	HTMLURL   string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Review is a submitted pull request review.
type Review struct {
	ID     int64
	Author User
	State  string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	SHA    string // the commit that was reviewed
	Body   string // its text, as Markdown
	Node   string // its name for GraphQL
	// SubmittedAt is when it was given, by GitHub's clock, in whole seconds.
	SubmittedAt time.Time
}

// ReviewMore is what GraphQL tells of a review, and the list of reviews does not.
type ReviewMore struct {
	Reacted []string // how the App reacted to it: eyes, rocket, confused
	// EditedAt is when its text was changed last, by GitHub's clock, also before it was submitted; zero: never.
	EditedAt time.Time
}

// Release is a GitHub release: the page, not the branch.
type Release struct {
	ID      int64
	Tag     string
	Name    string
	Body    string
	HTMLURL string
}

// Deployment is a GitHub deployment record.
type Deployment struct {
	ID          int64
	SHA         string
	Environment string
	// Payload carries Sluice's action execution ID, by which a deployment made just before a crash is found again.
	Payload   string
	CreatedAt time.Time
	// State is the newest that was said of it, where that was asked for; empty: it was not, or nothing was said.
	State DeploymentState
}

// DeploymentState is GitHub's word for where a deployment stands.
type DeploymentState string

// The deployment states Sluice sets, and those that only others do.
const (
	DeploymentQueued     DeploymentState = "queued"
	DeploymentPending    DeploymentState = "pending"
	DeploymentInProgress DeploymentState = "in_progress"
	DeploymentSucceeded  DeploymentState = "success"
	DeploymentFailed     DeploymentState = "failure"
	DeploymentError      DeploymentState = "error"
	DeploymentInactive   DeploymentState = "inactive"
)

// Role is what somebody may do in a repository, GitHub's role_name. Custom roles are mapped to the base role they
// extend.
type Role string

// Roles in rising order.
const (
	RoleNone     Role = ""
	RoleRead     Role = "read"
	RoleTriage   Role = "triage"
	RoleWrite    Role = "write"
	RoleMaintain Role = "maintain"
	RoleAdmin    Role = "admin"
)

// AtLeast tells whether r allows everything that want allows. Unknown roles allow nothing.
func (r Role) AtLeast(want Role) bool { return r.rank() >= want.rank() }

func (r Role) rank() int {
	switch r {
	case RoleRead:
		return 1
	case RoleTriage:
		return 2
	case RoleWrite:
		return 3
	case RoleMaintain:
		return 4
	case RoleAdmin:
		return 5
	}
	return 0
}

// Rule is one active rule of a branch, from GET /repos/{owner}/{repo}/rules/branches/{branch}, or one of classic
// branch protection, translated into the same words.
type Rule struct {
	Type    string // GitHub's word: pull_request, required_status_checks, required_linear_history, merge_queue, …
	Ruleset string // name or ID of where it comes from, for messages
	// RequiredChecks is set for required_status_checks.
	RequiredChecks []RequiredCheck
	// OnCreate tells that required_status_checks holds for the commit too at which a branch is made.
	OnCreate bool
	// Strict tells that required_status_checks takes only pull requests that have all of the base branch.
	Strict bool
	// RequiredReviews is the number of approving reviews for pull_request.
	RequiredReviews int
	// MergeMethods is what pull_request allows, and how merge_queue merges: merge, squash, rebase; empty means all.
	MergeMethods []string
	// Bypass says whether our App is bound by the rule.
	Bypass Bypass
	// Pattern is that of name and message patterns, Environments those of required_deployments.
	Pattern      Pattern
	Environments []string
	// Known is false for a rule type this version of Sluice has no word for, and for parameters that it cannot read. It is
	// reported and never fatal.
	Known bool
}

// Pattern is what a rule demands of names or messages. Operator is starts_with, ends_with, contains or regex; Negate turns
// it round. The zero Pattern: there is none.
type Pattern struct {
	Operator, Text string
	Negate         bool
}

// Bypass is how far a rule does not bind our App.
type Bypass string

// How far. The zero value: it binds.
const (
	BypassNever  Bypass = ""
	BypassPulls  Bypass = "pull-requests" // not when it merges a pull request
	BypassAlways Bypass = "always"
)

// RequiredCheck is a check or status that a rule demands.
type RequiredCheck struct {
	Context string
	AppID   int64 // the only App whose report counts; 0: anyone's
}

// WorkflowRun is a GitHub Actions run.
type WorkflowRun struct {
	ID         int64
	Name       string // the run's display title, where a token can be carried
	Workflow   string // path of the workflow file
	SHA        string
	Branch     string
	Status     string // queued, in_progress, completed, …
	Conclusion string
	HTMLURL    string
	CreatedAt  time.Time
}

// WorkflowJob is a job of a GitHub Actions run.
type WorkflowJob struct {
	ID         int64
	Name       string
	Status     string // queued, in_progress, completed, …
	Conclusion string
	HTMLURL    string
	Started    time.Time // zero before it
	Completed  time.Time // zero before it
	Steps      []WorkflowStep
}

// WorkflowStep is a step of a job.
type WorkflowStep struct {
	Number     int
	Name       string
	Status     string
	Conclusion string
	Started    time.Time
	Completed  time.Time
}

// HookDelivery is one attempt at a delivery in the App's log (GET /app/hook/deliveries).
type HookDelivery struct {
	ID          int64
	GUID        string
	Event       string
	DeliveredAt time.Time
	StatusCode  int
	Redelivery  bool
}
