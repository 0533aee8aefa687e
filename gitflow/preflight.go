package gitflow

import (
	"cmp"
	"slices"
)

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
	// Unchecked are the checks that Releases require and that have not passed at the commit that the branch is cut from; asked where
	// they are required for its creation.
	Unchecked []string
	// Branch and Tag are the names of the release or hotfix branch and of the release tag.
	Branch, Tag string
	// Finish and Backmerge are branches that Sluice makes where it merges by pull request, and the rules for them; asked
	// where NeedsPull says so.
	Finish, Backmerge OwnBranch
	// Unsigned are the commits between production and the candidate whose signatures GitHub could not verify.
	Unsigned []Commit
	// Pull is the release pull request; zero at start.
	Pull Pull
	// Reviews is how many approving reviews the pull request has; -1: not asked.
	Reviews int
	// ChangesBy is who requests changes on it, which blocks the merge like a missing review; untrusted; empty: nobody.
	ChangesBy string
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
	// Bypass is true when the App may bypass it, BypassByPull when it may so by merging a pull request.
	Bypass, BypassByPull bool
	// Unread: what it demands could not be read, or its type is not known.
	Unread bool
	// Checks of required_status_checks; OnCreate: also of the commit at which a branch is made; Strict: a pull request must have
	// all of the branch.
	Checks           []RequiredCheck
	OnCreate, Strict bool
	// Reviews of pull_request, MergeMethods of that and of merge_queue; empty MergeMethods: all.
	Reviews      int
	MergeMethods []string
	// Pattern of name and message patterns; untrusted.
	Pattern NamePattern
	// Environments of required_deployments: for messages; untrusted.
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
// reported and never fatal. Rules that the App may bypass are left out.
func Preflight(f PreflightFacts) []Obstacle {
	var out []Obstacle
	if f.Archived {
		out = append(out, Obstacle{Rule: "archived", Step: "tag", Fatal: true,
			Problem: "The repository is archived and takes no pushes.", Remedy: "Unarchive it in its settings."})
	}
	if !f.MergeCommits {
		out = append(out, Obstacle{Rule: "allow_merge_commit", Step: "merge:production", Fatal: true,
			Problem: "The repository does not allow merge commits, and git-flow merges with two parents.",
			Remedy:  "Switch on \"Allow merge commits\" in the repository's settings."})
	}
	for _, b := range []struct {
		name  string
		role  role
		rules []RuleFact
	}{
		{f.Names.Production, roleProduction, f.Production},
		{f.Names.Development, roleDevelopment, f.Development},
		{"", roleCandidate, f.Releases},
		{"", roleTag, f.Tags},
		{"", roleFinish, f.Finish.Rules},
		{"", roleBackmerge, f.Backmerge.Rules},
	} {
		for _, r := range b.rules {
			if r.Bypass || r.BypassByPull && b.name != "" { // long-lived branches can be merged into by pull request
				continue
			}
			out = append(out, f.rule(b.name, b.role, r)...)
		}
	}
	out = append(out, f.mergeable()...)
	out = append(out, f.workflows()...)
	slices.SortStableFunc(out, func(a, b Obstacle) int { return cmp.Compare(a.weight(), b.weight()) })
	return out
}

func (o Obstacle) weight() int {
	switch {
	case o.Fatal:
		return 0
	case o.Later:
		return 1
	}
	return 2
}

// mergeable asks GitHub's opinion of the release pull request.
func (f PreflightFacts) mergeable() []Obstacle {
	if f.Pull.Number == 0 || f.Pull.Mergeable != No || f.Pull.Merged || !f.Pull.Open {
		return nil
	}
	return []Obstacle{{Rule: "mergeable", Step: "merge:production", Fatal: true,
		Problem: text("Pull request #%d conflicts with %s.", f.Pull.Number, f.Pull.Base),
		Remedy:  text("Merge %s into %s and resolve the conflict there.", f.Pull.Base, f.Pull.Head),
		Commands: []string{
			command("git", "fetch", "origin"), command("git", "switch", "-C", f.Pull.Head, "origin/"+f.Pull.Head),
			command("git", "merge", "origin/"+f.Pull.Base), command("git", "push", "origin", "HEAD:refs/heads/"+f.Pull.Head),
		}}}
}

// workflows: GitHub refuses an App that merges changed workflow files without the permission.
func (f PreflightFacts) workflows() []Obstacle {
	switch {
	case f.MayWriteWorkflows:
		return nil
	case len(f.WorkflowFiles) > 0:
		return []Obstacle{{Rule: "workflows permission", Step: "merge:production", Fatal: true,
			Problem: text("The release changes %s, and the App may not write workflow files.", names(f.WorkflowFiles)),
			Remedy:  "Grant the App the permission \"Workflows: write\", or merge those files into the production branch by a pull request of your own first."}}
	case f.FilesTruncated:
		return []Obstacle{{Rule: "workflows permission", Step: "merge:production",
			Problem: "GitHub's list of changed files is cut short, so it cannot be ruled out that workflow files are among them.",
			Remedy:  "If the merge is refused, grant the App the permission \"Workflows: write\"."}}
	}
	return nil
}
