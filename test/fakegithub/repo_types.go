package fakegithub

import "time"

// RepoConfig describes a repository that is to be created.
type RepoConfig struct {
	Private bool
	// DefaultBranch defaults to "main".
	DefaultBranch string
	Description   string
	// ForkOf is the full name of the repository this one is forked from; its branches and tags are copied.
	ForkOf string
	// NoMergeCommits, NoSquash and NoRebase switch off ways to merge a pull request.
	NoMergeCommits, NoSquash, NoRebase bool
	// DeleteBranchOnMerge deletes a head branch when its pull request is merged.
	DeleteBranchOnMerge bool
}

// Issue is an issue, or the issue side of a pull request.
type Issue struct {
	ID        int64
	Number    int
	Title     string
	Body      string
	Author    string // login
	Open      bool
	Reason    string // state_reason: completed, not_planned, reopened
	Labels    []string
	Assignees []string
	Pull      *Pull // nil for an issue
	CreatedAt time.Time
	UpdatedAt time.Time
	ClosedAt  time.Time
	ClosedBy  string

	// asked counts how often somebody asked whether base and head can be merged.
	asked struct {
		of    [2]string
		times int
	}
}

// Pull is what a pull request has beyond its issue.
type Pull struct {
	ID       int64
	Draft    bool
	BaseRef  string // branch
	BaseSHA  string // the base's head when the pull request was opened or last updated
	HeadRepo string // full name
	HeadRef  string // branch
	HeadSHA  string
	Merged   bool
	MergedBy string
	MergedAt time.Time
	// MergeSHA is the commit that merged it, once Merged.
	MergeSHA           string
	RequestedReviewers []string
}

// Comment is a comment on an issue or pull request.
type Comment struct {
	ID        int64
	Issue     int // number
	Author    string
	Body      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Reaction is a reaction to an issue, pull request, comment or review.
type Reaction struct {
	ID      int64
	Author  string
	Content string // +1 -1 laugh confused heart hooray rocket eyes
	// Comment is the comment's ID, 0 when the reaction is to something else.
	Comment int64
	// Issue is the issue's number, 0 when the reaction is to something else.
	Issue int
	// Review is the review's ID, 0 when the reaction is to something else.
	Review    int64
	CreatedAt time.Time
}

// Review is a pull request review.
type Review struct {
	ID          int64
	Pull        int // number
	Author      string
	State       string // APPROVED CHANGES_REQUESTED COMMENTED DISMISSED PENDING
	Body        string
	SHA         string
	SubmittedAt time.Time
	EditedAt    time.Time // zero: never
}

// CheckRun is a check run of an App.
type CheckRun struct {
	ID          int64
	SuiteID     int64
	AppID       int64
	Name        string
	SHA         string
	ExternalID  string
	DetailsURL  string
	Status      string // queued in_progress completed waiting requested pending
	Conclusion  string
	Title       string
	Summary     string
	Text        string
	Annotations []Annotation
	Actions     []CheckAction
	StartedAt   time.Time
	CompletedAt time.Time
	// Updates counts how often the run was changed after it was created.
	Updates int
}

// Annotation is a remark on lines of a file.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
	Title     string `json:"title"`
	Details   string `json:"raw_details"`
}

// CheckAction is a button on a check run.
type CheckAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// CheckSuite groups the check runs of one App at one commit.
type CheckSuite struct {
	ID         int64
	AppID      int64
	SHA        string
	HeadBranch string
	CreatedAt  time.Time
}

// Status is a commit status. The newest of a context counts.
type Status struct {
	ID          int64
	SHA         string
	State       string // error failure pending success
	Context     string
	Description string
	TargetURL   string
	Author      string
	CreatedAt   time.Time
}

// Deployment is a deployment record with its statuses, oldest first.
type Deployment struct {
	ID          int64
	SHA         string
	Ref         string
	Task        string
	Environment string
	Description string
	Payload     any
	Author      string
	Production  bool
	Transient   bool
	Statuses    []DeploymentStatus
	CreatedAt   time.Time
}

// State is the latest status' state, or pending before the first.
func (d Deployment) State() string {
	if len(d.Statuses) == 0 {
		return "pending"
	}
	return d.Statuses[len(d.Statuses)-1].State
}

// DeploymentStatus is one report on a deployment.
type DeploymentStatus struct {
	ID             int64
	State          string
	Description    string
	EnvironmentURL string
	LogURL         string
	Author         string
	CreatedAt      time.Time
}

// Release is a GitHub release.
type Release struct {
	ID         int64
	Tag        string
	Target     string // target_commitish
	Name       string
	Body       string
	Author     string
	Draft      bool
	Prerelease bool
	NotLatest  bool // make_latest was "false"
	CreatedAt  time.Time
	Published  time.Time
}

// Rule is one rule of a ruleset. Parameters are as GitHub's REST API spells them; a type that GitHub does not have is
// handed out like any other, so that readers can be tested against rules of the future.
type Rule struct {
	Type       string         `json:"type"`
	Parameters map[string]any `json:"parameters,omitempty"`
}

// Ruleset is a set of rules for some branches or tags of a repository.
type Ruleset struct {
	ID   int64
	Name string
	// Target is branch (default) or tag.
	Target string
	// Include and Exclude are patterns such as refs/heads/release/**, ~DEFAULT_BRANCH or ~ALL.
	Include, Exclude []string
	// Enforcement is active (default), evaluate or disabled.
	Enforcement string
	// Bypass are actors the rules do not bind.
	Bypass []BypassActor
	Rules  []Rule
}

// BypassActor is somebody a ruleset does not bind.
type BypassActor struct {
	// Type is Integration (ID is the App's), Team, RepositoryRole (2 maintain, 4 write, 5 admin),
	// OrganizationAdmin or User.
	Type string `json:"actor_type"`
	ID   int64  `json:"actor_id"`
	// Mode is always or pull_request.
	Mode string `json:"bypass_mode"`
}

// WorkflowRun is a run of GitHub Actions. The stand-in runs nothing: see [Server.OnWorkflow] and [Repo.SetRun].
type WorkflowRun struct {
	ID         int64
	Number     int
	Attempt    int
	Repo       string // full name
	Workflow   string // file name, such as load.yml
	Title      string // display_title
	Event      string // workflow_dispatch, push
	Branch     string
	SHA        string
	Status     string // queued in_progress completed
	Conclusion string
	Actor      string
	Inputs     map[string]string
	Cancelled  bool   // somebody asked for it to stop
	Log        string // of its job; empty: there is none
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Delivery is one attempt at a webhook delivery, as the App's log keeps it.
type Delivery struct {
	ID          int64
	GUID        string
	AppID       int64
	Event       string
	Action      string
	Repo        string // full name, empty without a repository
	Install     int64
	Redelivery  bool
	DeliveredAt time.Time
	Duration    time.Duration
	StatusCode  int // 0 when no answer came
	Problem     string
	Body        []byte
}
