package gitflow

// Rule names a rule of the flow. It is stable: it appears in the check's text, in configuration and in the audit log.
type Rule string

// The rules that CheckPull and CheckPush hold.
const (
	RuleSource     Rule = "source"      // a branch of this kind may not be merged anywhere from here
	RuleTarget     Rule = "target"      // a branch of this kind may not be merged into that base
	RuleName       Rule = "name"        // the head's or base's name is malformed or imitates another
	RuleFork       Rule = "fork"        // a fork may only bring changes to development
	RuleForeign    Rule = "foreign"     // the branch contains commits of a line it must not bring along
	RuleUnrelated  Rule = "unrelated"   // head and base have no commit in common
	RuleUnknown    Rule = "unknown"     // the facts were incomplete: failed closed
	RuleBotBranch  Rule = "bot-branch"  // a branch that Sluice keeps was changed or opened by somebody else
	RuleDirectPush Rule = "direct-push" // pushed to a protected branch without a pull request
	RuleForcePush  Rule = "force-push"  // history of a protected branch was rewritten
	RuleDeleted    Rule = "deleted"     // a protected branch was deleted
	RuleEarly      Rule = "early"       // a release was merged into production before it was approved
	RuleTagByHand  Rule = "tag-by-hand" // a release tag was made by somebody else than Sluice
	RuleTagMoved   Rule = "tag-moved"   // a release tag was moved or deleted
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
	// Ref is the branch or tag that a push broke a rule of, and Back the commit that Commands put it back to; empty where no push
	// is judged, and where nothing is put back.
	Ref, Back string `json:",omitempty"`
	// Mended is true once somebody has put Ref back.
	Mended bool `json:",omitempty"`
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
	// Unnamed are merged commits whose branches are to be told in Merged, and the pull request be judged again; none for most.
	Unnamed []string `json:"-"`
}
