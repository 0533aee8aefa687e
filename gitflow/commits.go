package gitflow

// Commit is a commit as the compare API lists it.
type Commit struct {
	SHA     string   // 40 hex digits
	Parents []string // SHAs; the first is the branch that was merged into
	Subject string   // first line of the message; untrusted
	Author  string   // login, else the name in the commit; untrusted, for display only
	// Verified is true when GitHub could verify its signature.
	Verified bool
	// Reverts and Picks are what its message says it reverts and copies; see Trailers.
	Reverts, Picks []string
}

// CompareRequest asks for compare/{base}...{head}. Base and Head are branch names or SHAs.
type CompareRequest struct {
	Base, Head string
}

// Comparison answers a CompareRequest. What it knows is Head's side: the commits in head that base lacks.
type Comparison struct {
	CompareRequest
	BaseSHA, HeadSHA string
	// AheadBy is how many commits head has that base lacks; BehindBy the reverse.
	AheadBy, BehindBy int
	MergeBase         string
	// Commits are those AheadBy commits, in any order.
	Commits []Commit
	// Truncated is true when Commits is not all of them. Decisions that would need the rest fail closed.
	Truncated bool
	// Missing is true when GitHub knows no such base or head, or they have no commit in common.
	Missing bool
}

// Contains tells whether base contains all of head. False when the comparison is Missing.
func (c Comparison) Contains() bool { return !c.Missing && c.AheadBy == 0 }
