package gitflow

// Rule names a rule of the flow. It is stable: it appears in the check's text, in configuration and in the audit log.
type Rule string

// The rules that CheckPull and CheckPush hold.
const (
	RuleSource       Rule = "source"        // a branch of this kind may not be merged anywhere from here
	RuleTarget       Rule = "target"        // a branch of this kind may not be merged into that base
	RuleName         Rule = "name"          // the head's or base's name is malformed or imitates another
	RuleFork         Rule = "fork"          // a fork may only bring changes to development
	RuleForeign      Rule = "foreign"       // the branch contains commits of a line it must not bring along
	RuleUnrelated    Rule = "unrelated"     // head and base have no commit in common
	RuleUnknown      Rule = "unknown"       // the facts were incomplete: failed closed
	RuleBotBranch    Rule = "bot-branch"    // a branch that Sluice keeps was changed or opened by somebody else
	RuleDirectPush   Rule = "direct-push"   // pushed to a protected branch without a pull request
	RuleForcePush    Rule = "force-push"    // history of a protected branch was rewritten
	RuleDeleted      Rule = "deleted"       // a protected branch was deleted
	RuleTagByHand    Rule = "tag-by-hand"   // a release tag was made by somebody else than Sluice
	RuleTagMoved     Rule = "tag-moved"     // a release tag was moved or deleted
	RuleBackmergeDue Rule = "backmerge-due" // production has commits that development or a release branch lacks
)

// Violation is a broken rule.
type Violation struct {
	Rule    Rule
	Problem Text // one sentence: what is wrong
	Remedy  Text // one sentence: what to do
	// Commands do the remedy with git (and gh where git cannot); each is one shell line, names quoted. May be empty.
	Commands []string
	// Commits are the commits at fault, newest first; empty where the rule is not about commits.
	Commits []Commit
	// Retarget is the base that would be legal, for an offer to change it; empty when changing the base does not help.
	Retarget string
}

// Outcome of one rule in a verdict.
type Outcome string

// Outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Noted   Outcome = "noted"   // does not fail the check, but people should know
	Skipped Outcome = "skipped" // did not apply
)

// Section is one line of a verdict's explanation.
type Section struct {
	Rule    Rule
	Outcome Outcome
	Text    Text // one sentence
}

// Verdict is what the check sluice/branch says about a pull request.
type Verdict struct {
	Pass  bool
	Title Text // one sentence for the check's title: the verdict, or the first violation's remedy
	Head  Branch
	Base  Branch
	// Sections explain the whole verdict, one for each rule looked at, in the order they were looked at.
	Sections []Section
	// Violations are the broken rules, most important first. Empty when Pass.
	Violations []Violation
	// LegalBases are the branches that this head may be merged into, best first.
	LegalBases []string
}

// PullFacts is a pull request as CheckPull sees it.
type PullFacts struct {
	Number           int
	Head, Base       string // short branch names
	HeadSHA, BaseSHA string
	Open, Draft      bool
	// Fork is true when the head is in another repository, or in one that was deleted.
	Fork bool
	// HeadOwner is the owner of the head's repository, for the commands shown; untrusted.
	HeadOwner string
	// ByBot is true when our own App opened the pull request.
	ByBot bool
	// OpenReleases are the release branches that exist, base and head included.
	OpenReleases []string
	// HotfixBranches are the hotfix branches that exist. Optional: they only add to LegalBases of a bugfix.
	HotfixBranches []string
	// Cut is the commit of development that a release branch was cut from, where it was recorded. With it, a
	// candidate that was fast-forwarded to later commits of development is found too.
	Cut string
	// Own are earlier heads of the head branch whose verdict found nothing foreign. Commits on their line are the
	// branch's own, even when development was fast-forwarded over them later. Optional.
	Own []string
	// FinishSHA is the approved commit that a sluice/finish-* branch must contain; set by the bot for its own.
	FinishSHA string
	// Comparisons answer PullNeeds. One that is absent fails the check with RuleUnknown.
	Comparisons []Comparison
}

// PullNeeds lists the comparisons that CheckPull needs for this pull request, at most two and one for each open release
// branch. Comparisons and SHAs in pull are not looked at, except that Head of a comparison is the pull request's
// HeadSHA and everything else is a branch name of this repository, so answers can be shared between pull requests.
func PullNeeds(n Names, pull PullFacts) []CompareRequest { return nil }

// CheckPull judges a pull request by the rules of the flow.
func CheckPull(n Names, pull PullFacts) Verdict { return Verdict{} }
