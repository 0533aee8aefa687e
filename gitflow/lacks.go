package gitflow

// Lacking is which production commits a candidate is missing.
type Lacking struct {
	// Commits are production commits that the candidate must contain and does not, newest first.
	Commits []Commit
	// Excused are commits it lacks that only bad releases brought.
	Excused []Commit
	// Runs is the commit that production runs, when the candidate does not contain it; else empty.
	Runs string
	// Unknown is true when the facts were truncated or missing: treated as lacking.
	Unknown bool
}

// OK tells whether nothing is missing.
func (l Lacking) OK() bool { return !l.Unknown && l.Runs == "" && len(l.Commits) == 0 }

// BadRelease is a release that was rolled back and marked.
type BadRelease struct {
	Version string
	// SHA is the candidate that was tagged; MergeSHA the merge commit on production (or the squash commit), if known.
	SHA, MergeSHA string
}

// LacksProduction tells which production commits a candidate lacks. candidateToProduction is
// compare(candidate...production); candidateToRunning is compare(candidate...SHA that production runs), the zero value
// where nothing runs yet.
func LacksProduction(candidateToProduction, candidateToRunning Comparison, bad []BadRelease) Lacking {
	return Lacking{}
}

// LacksNeeds lists the comparisons for LacksProduction, in the order of its arguments.
func LacksNeeds(n Names, candidate, running string) []CompareRequest { return nil }
