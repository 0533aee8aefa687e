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

// LacksNeeds lists the comparisons for LacksProduction, in the order of its arguments. The second is left out when
// nothing runs yet. The first is zero for a component: production gathers the releases of all of them, and a candidate owes
// only what its own component runs.
func LacksNeeds(n Names, candidate, running string) []CompareRequest {
	needs := []CompareRequest{{Base: candidate, Head: n.Production}}
	if n.Component != "" {
		needs[0] = CompareRequest{}
	}
	if running != "" {
		needs = append(needs, CompareRequest{Base: candidate, Head: running})
	}
	return needs
}

// LacksProduction tells which production commits a candidate lacks. candidateToProduction is
// compare(candidate...production); candidateToRunning is compare(candidate...SHA that production runs), the zero value
// where nothing runs yet.
//
// A commit is excused when nothing but bad releases brought it: no other commit or merge on production's first-parent
// line leads to it. A good hotfix that was cut on top of a bad release makes the bad commits count again. The merge of the
// candidate itself, where it is in production already, is not something it lacks.
func LacksProduction(candidateToProduction, candidateToRunning Comparison, bad []BadRelease) Lacking {
	l := Lacking{
		Unknown: candidateToProduction.Missing || candidateToProduction.Truncated ||
			len(candidateToProduction.Commits) < candidateToProduction.AheadBy || candidateToRunning.Missing,
	}
	if !candidateToRunning.Missing && candidateToRunning.AheadBy > 0 {
		l.Runs = candidateToRunning.tip()
		if l.Runs == "" {
			l.Runs = candidateToRunning.Head
		}
	}
	commits := candidateToProduction.Commits
	if len(commits) == 0 {
		return l
	}
	good, ours := make(shaSet), make(shaSet)
	for _, c := range candidateToProduction.line() {
		if isBad(c, bad) {
			continue
		}
		if len(c.Parents) > 1 && candidateToProduction.is(c.Parents[1]) {
			ours[c.SHA] = struct{}{}
			continue
		}
		good[c.SHA] = struct{}{}
		if len(c.Parents) > 1 {
			for sha := range reach(commits, c.Parents[1:]...) {
				good[sha] = struct{}{}
			}
		}
	}
	excused := make(shaSet)
	for sha := range reach(commits, candidateToProduction.tip()) {
		if !good.has(sha) {
			excused[sha] = struct{}{}
		}
	}
	for i := len(commits) - 1; i >= 0; i-- {
		if ours.has(commits[i].SHA) {
			continue
		}
		if excused.has(commits[i].SHA) {
			l.Excused = append(l.Excused, commits[i])
		} else {
			l.Commits = append(l.Commits, commits[i])
		}
	}
	return l
}

// is tells whether a SHA is the comparison's base.
func (c Comparison) is(sha string) bool { return sha != "" && (sha == c.BaseSHA || sha == c.Base) }

// isBad tells whether a commit on production's line is the one that brought a bad release.
func isBad(c Commit, bad []BadRelease) bool {
	for _, b := range bad {
		if b.MergeSHA != "" && c.SHA == b.MergeSHA {
			return true
		}
		if b.SHA != "" && (c.SHA == b.SHA || len(c.Parents) > 1 && c.Parents[1] == b.SHA) {
			return true
		}
	}
	return false
}
