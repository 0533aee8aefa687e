package gitflow

// Kind is what git-flow takes a branch for.
type Kind string

// The kinds of branches. Feature is whatever has no other kind.
const (
	KindProduction  Kind = "production"
	KindDevelopment Kind = "development"
	KindFeature     Kind = "feature"
	KindBugfix      Kind = "bugfix"
	KindRelease     Kind = "release"
	KindHotfix      Kind = "hotfix"
	KindSupport     Kind = "support"
	// KindBackmerge is a branch at a production tip that people merge a conflicting target into: backmerge/*.
	KindBackmerge Kind = "backmerge"
	// KindFinish is a branch of Sluice at an approved commit, sluice/finish-*, for when protection refuses to merge
	// that commit without a pull request.
	KindFinish Kind = "finish"
	// KindIgnored is a branch that Sluice keeps out of, such as gh-pages.
	KindIgnored Kind = "ignored"
)

// LongLived tells whether branches of this kind are never deleted and never forced: production, development, support.
func (k Kind) LongLived() bool {
	return k == KindProduction || k == KindDevelopment || k == KindSupport
}

// Ships tells whether branches of this kind are taken to production: release, hotfix and support.
func (k Kind) Ships() bool { return k == KindRelease || k == KindHotfix || k == KindSupport }

// Branch is a branch and what its name says.
type Branch struct {
	Name string // short name, as given
	Kind Kind
	// Component is the component that a release, hotfix or support branch names; empty where the repository has none.
	Component string
	// Version is set for a release branch whose name holds a version: "1.4.0".
	Version string
	// ID is set for a hotfix branch: "17".
	ID string
	// Line is set for a support branch whose name holds a line: "1.4".
	Line string
	// Deploys is false where the branch may be tested and built but never deployed: other bots' branches, branches of
	// forks, and kinds without a pipeline.
	Deploys bool
	// Fork is true for a branch of another repository. It is never long-lived, release, hotfix or ours, whatever its name.
	Fork bool
	// Flaws say what is wrong or dangerous about the name. Empty for most.
	Flaws []Flaw
}

// Flaw is something wrong with a branch name.
type Flaw struct {
	Rule FlawRule
	Text Text // one sentence
	// Like is the name or pattern that the branch may be mistaken for; empty where that is not the flaw.
	Like string
	// Fatal is true when a pull request from or into the branch must not pass: the name claims a kind and does not
	// keep to its form, or imitates a protected branch.
	Fatal bool
}

// FlawRule names a flaw of a branch name; it is stable.
type FlawRule string

// The flaws.
const (
	FlawLookAlike FlawRule = "look-alike" // reads like a protected branch, with letters of another alphabet
	FlawCaseClash FlawRule = "case-clash" // differs from a protected branch or a pattern in upper and lower case only
	FlawVersion   FlawRule = "version"    // a release or support branch without a version of the right form
	FlawComponent FlawRule = "component"  // a release, hotfix or support branch that names no component, or one there is not
	FlawHidden    FlawRule = "hidden"     // contains characters that are invisible or reorder text
	FlawRefLike   FlawRule = "ref-like"   // begins with "refs/" or "-" or is "HEAD": tools may take it for something else
	FlawForkName  FlawRule = "fork-name"  // a fork's branch with the name of one of this repository's protected branches
)
