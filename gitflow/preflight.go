package gitflow

// PreflightFacts are the settings of the repository that a finish depends on.
type PreflightFacts struct {
	Names   Names
	Version string
	// Order decides whether production's required checks may include sluice/promotion.
	Order Order
	// MergeCommits is the repository setting allow_merge_commit.
	MergeCommits bool
	// Archived repositories take no pushes.
	Archived bool
	// Production and Development are the active rules of the branches, classic protection included; Tags those for the
	// release tag.
	Production, Development, Tags []RuleFact
	// Releases are the active rules for the release or hotfix branch itself, for its creation and deletion.
	Releases []RuleFact
	// Pull is the release pull request; zero at start.
	Pull Pull
	// Reviews is how many approving reviews the pull request has; -1: not asked.
	Reviews int
	// Checks are the foreign checks and statuses at the candidate, by context.
	Checks []CheckFact
	// AppID is our App, whose required checks are ours.
	AppID int64
	// WorkflowFiles are changed files under .github/workflows between production and the candidate.
	WorkflowFiles []string
	// MayWriteWorkflows is true when the App has the workflows permission.
	MayWriteWorkflows bool
	// FilesTruncated is true when the list of changed files was cut short (300 files).
	FilesTruncated bool
}

// RuleFact is a rule as GitHub's API for rules of a branch names it.
type RuleFact struct {
	Type    string // pull_request, required_linear_history, …
	Ruleset string // name or ID, for messages; untrusted
	// Bypass is true when the App may bypass it.
	Bypass bool
	// Checks of required_status_checks.
	Checks []RequiredCheck
	// Reviews and MergeMethods of pull_request; empty MergeMethods: all.
	Reviews      int
	MergeMethods []string
	// Pattern of name and message patterns, Environments of required_deployments: for messages; untrusted.
	Pattern      string
	Environments []string
}

// RequiredCheck is a check that a rule demands.
type RequiredCheck struct {
	Context string
	AppID   int64 // 0: from anyone
}

// CheckFact is a check run or status at a commit.
type CheckFact struct {
	Context string
	AppID   int64
	// Passed, Failed; neither: under way.
	Passed, Failed bool
}

// Obstacle is something that would refuse a later step.
type Obstacle struct {
	// Rule is GitHub's word for the rule or setting: required_linear_history, allow_merge_commit, mergeable, …
	Rule    string
	Ruleset string // where it is set; untrusted; empty: the repository's settings
	// Step is the step that would be refused: "merge:production", "tag", …
	Step     string
	Problem  Text
	Remedy   Text
	Commands []string
	// Fatal obstacles refuse the plan. Others are reported.
	Fatal bool
	// Later is true for what is not a fault but not done yet, such as checks under way: it makes the promotion wait, and
	// does not refuse a start.
	Later bool
}

// Preflight says what would refuse a later step of a release, most important first. A rule type it does not know is
// reported and never fatal.
func Preflight(f PreflightFacts) []Obstacle { return nil }
