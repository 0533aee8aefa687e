package gitflow

// PushFacts is a push as CheckPush sees it. Exactly one of Branch and Tag is set.
type PushFacts struct {
	Branch, Tag              string
	Before, After            string // SHAs; empty (or forty zeros) when created or deleted
	Created, Deleted, Forced bool
	By                       string // login of who pushed; untrusted
	// ByBot is true when our own App pushed or merged.
	ByBot bool
	// Pulls are merged pull requests that brought the push: their merge commit lies in it. Empty: pushed directly.
	Pulls []Pull
	// Comparisons answer PushNeeds.
	Comparisons []Comparison
	// OpenReleases are the release branches that exist.
	OpenReleases []string
	// ReleaseTag is true when Tag has the form of a release tag of this repository (package tagging knows it), and
	// TagVersion is its version. KnownTag is true when the release log has that version at the same commit.
	ReleaseTag, KnownTag bool
	TagVersion           string
	// TagWas is the commit the release log has for the tag; empty: none.
	TagWas string
}

// PushReport is what a push means for the flow.
type PushReport struct {
	Branch Branch // zero for a tag
	// Violations are reported on the commit and in the repository's log; a push cannot be refused after the fact.
	Violations []Violation
	// OutOfBand are commits that reached production without a release or hotfix, newest first. They are recorded, the
	// next version accounts for them.
	OutOfBand []Commit
	// BackmergeOwed is true when production gained commits that must go to development and the open release branches.
	BackmergeOwed bool
	// VoidsApprovals is true when approvals given for the branch's earlier head no longer hold.
	VoidsApprovals bool
	// Keep is a commit that a force push or deletion made unreachable and that should be kept by a ref. Empty: none.
	Keep string
	// Alarm is true when release managers should be told at once: history of a long-lived branch or a tag was changed.
	Alarm bool
}

// PushNeeds lists the comparisons that CheckPush wants for this push; none for most.
func PushNeeds(n Names, push PushFacts) []CompareRequest { return nil }

// CheckPush says what a push means by the rules of the flow.
func CheckPush(n Names, push PushFacts) PushReport { return PushReport{} }
