package gitflow

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MergedBranch is a branch as it was when it was merged by a pull request.
type MergedBranch struct {
	SHA, Branch string
	// Number is the pull request's.
	Number int
	// Fork is true when it was a branch of another repository. Then it counts only where the merge names the pull request:
	// anybody can open one at a public commit, and GitHub calls it merged once the commit comes to its base by another way.
	Fork bool
}

// standing says what a commit that a merge brought to a line is to another branch that has it as well.
type standing int8

const (
	unnamed  standing = iota // nobody knows whose branch was merged
	featured                 // a feature's: it reaches nothing but development
	allowed                  // of a branch that may go into several others: a bugfix, a hotfix, a release
	own                      // made on the other branch itself, and merged from there
)

// arrivals tells for the commits of a line of history which merge on the line brought them, and whose branch that merged.
type arrivals struct {
	names   Names
	commits []Commit
	index   map[string]int
	seen    []bool
	via     []int // by commit: the merge on the line that brought it; -1: none
	is      []standing
	brought shaSet // what the branch in question brings
	mine    shaSet // its own line
	entire  string // its head, where a branch that is merged there is no other than it, whatever its name
	line    shaSet
	tips    map[string]standing // whose branch was at a commit when it was merged
	asked   []string            // tips of merged branches that brought something of it
}

// arrivalsOf looks at the merges on a line, newest first, of which everything that below reaches is older. nil: they brought
// nothing that the branch in question brings too.
func arrivalsOf(n Names, merged []MergedBranch, head, entire string, in, other Comparison, brought shaSet, line []Commit, below ...string) *arrivals {
	a := &arrivals{names: n, commits: other.Commits, brought: brought, entire: entire, index: make(map[string]int, len(other.Commits)), seen: make([]bool, len(other.Commits))}
	for i := range a.commits {
		a.index[a.commits[i].SHA] = i
	}
	a.pass(below)
	a.line = setOf(line)
	open := false
	for i := range a.commits {
		sha := a.commits[i].SHA
		open = open || !a.seen[i] && brought.has(sha) && !a.line.has(sha)
	}
	if !open {
		return nil
	}
	a.via, a.is = slices.Repeat([]int{-1}, len(a.commits)), make([]standing, len(a.commits))
	a.mine = setOf(collect(firstParents(in.Commits, head), nil))
	a.name(merged, in.Commits)
	for i := len(line) - 1; i >= 0; i-- {
		at, ok := a.index[line[i].SHA]
		if !ok || a.seen[at] {
			continue
		}
		a.seen[at] = true
		for _, tip := range line[i].Parents[min(1, len(line[i].Parents)):] {
			a.descend(at, tip, unnamed)
		}
	}
	return a
}

// pass marks all that the commits reach: it was there before.
func (a *arrivals) pass(from []string) {
	for len(from) > 0 {
		sha := from[len(from)-1]
		from = from[:len(from)-1]
		if i, ok := a.index[sha]; ok && !a.seen[i] {
			a.seen[i] = true
			from = append(from, a.commits[i].Parents...)
		}
	}
}

// descend goes down the branch that was merged at tip, takes what nothing older brought, and goes down what was merged into it.
// It tells whether any of that is in question.
func (a *arrivals) descend(via int, tip string, outer standing) bool {
	is := outer
	if named := a.tips[tip]; outer != own && named > is {
		is = named
	}
	onMine := is == featured && a.tips[tip] == featured && a.mine.has(tip)
	cutFromIt := onMine && tip != a.entire // the branch in question was cut from the feature, or moved up to it
	type link struct {
		at int
		is standing
	}
	var chain []link // newest first
	for at, ok := a.index[tip]; ok && !a.seen[at]; {
		c := &a.commits[at]
		switch named := a.tips[c.SHA]; {
		case a.mine.has(c.SHA) && !cutFromIt:
			is = own
		case named == allowed && is < allowed:
			is = allowed
		}
		a.seen[at] = true
		chain = append(chain, link{at, is})
		if len(c.Parents) == 0 {
			break
		}
		at, ok = a.index[c.Parents[0]]
	}
	found := false
	for _, l := range slices.Backward(chain) {
		c := &a.commits[l.at]
		a.via[l.at], a.is[l.at] = via, l.is
		found = found || a.brought.has(c.SHA)
		if onMine && l.is == own {
			l.is = featured // what the branch in question took in is judged by its own name
		}
		for _, merged := range c.Parents[min(1, len(c.Parents)):] {
			found = a.descend(via, merged, l.is) || found
		}
	}
	if found {
		a.asked = append(a.asked, tip)
	}
	return found
}

// name finds out which branches were merged: what is recorded of pull requests counts, else the subjects of the merges.
func (a *arrivals) name(merged []MergedBranch, in []Commit) {
	a.tips = make(map[string]standing)
	subjects := make(map[string]string)                 // by what was merged
	for _, list := range [...][]Commit{in, a.commits} { // what the line says of a branch outweighs what the branch in question says
		for i := range list {
			if c := &list[i]; len(c.Parents) == 2 {
				subjects[c.Parents[1]] = c.Subject
				if branch := mergedBranch(c.Subject); branch != "" {
					a.tips[c.Parents[1]] = standingOf(a.names.kind(branch).Kind)
				}
			}
		}
	}
	recorded := make(map[string]standing)
	for _, m := range merged {
		branch := a.names.kind(m.Branch)
		if m.Fork {
			if !namesPull(subjects[m.SHA], m.Number) {
				continue
			}
			branch = a.names.ClassifyFork(m.Branch)
		}
		recorded[m.SHA] = max(recorded[m.SHA], standingOf(branch.Kind)) // several at one commit: it is nobody's fault if it may be
	}
	maps.Copy(a.tips, recorded)
}

// namesPull tells whether the subject of a merge has the number of a pull request.
func namesPull(subject string, number int) bool {
	_, rest, ok := strings.Cut(subject, "#"+strconv.Itoa(number))
	return ok && strings.TrimLeft(rest, "0123456789") == rest
}

func standingOf(k Kind) standing {
	switch k {
	case KindFeature:
		return featured
	case KindDevelopment, KindIgnored:
		return unnamed
	}
	return allowed
}

// lawful is everything that branches brought which may go into the branch in question, and were merged into it.
func (a *arrivals) lawful(in []Commit, head string) shaSet {
	var tips []string
	for c := range firstParents(in, head) {
		if a.line.has(c.SHA) {
			continue // the branch in question was cut from the line
		}
		for _, tip := range c.Parents[min(1, len(c.Parents)):] {
			if a.tips[tip] == allowed && !a.line.has(tip) {
				tips = append(tips, tip)
			}
		}
	}
	return reach(in, tips...)
}

// foreign are the commits at fault of a line, newest first, each merge before what it brought. Where whole is true, what a feature
// brought to the line is at fault without the merge, too.
func (a *arrivals) foreign(line []Commit, lawful shaSet, whole bool) []Commit {
	came := make(map[int][]Commit)
	for i := range slices.Backward(a.commits) {
		c, via := &a.commits[i], a.via[i]
		if via < 0 || !a.brought.has(c.SHA) || a.is[i] == own || a.is[i] != featured && lawful.has(c.SHA) {
			continue
		}
		if a.brought.has(a.commits[via].SHA) || whole && a.is[i] < allowed {
			came[via] = append(came[via], *c)
		}
	}
	var out []Commit
	for i := range line {
		if a.brought.has(line[i].SHA) {
			out = append(out, line[i])
		}
		if at, ok := a.index[line[i].SHA]; ok {
			out = append(out, came[at]...)
		}
	}
	return out
}

// mergedBranch reads which branch a merge brought, as GitHub and git write it when nobody chooses other words; empty: it does not
// say.
func mergedBranch(subject string) string {
	rest, ok := strings.CutPrefix(subject, "Merge ")
	if !ok {
		return ""
	}
	if pull, ok := strings.CutPrefix(rest, "pull request #"); ok { // of GitHub: #12 from owner/branch
		_, from, _ := strings.Cut(pull, " from ")
		_, branch, _ := strings.Cut(from, "/")
		return branch
	}
	for _, git := range [...]string{"branch '", "remote-tracking branch '"} {
		if name, ok := strings.CutPrefix(rest, git); ok {
			name, _, _ = strings.Cut(name, "'")
			return strings.TrimPrefix(name, "origin/")
		}
	}
	name, _, into := strings.Cut(rest, " into ")                                              // of GitHub's API for merges
	if !into || strings.Contains(name, " ") || strings.Trim(name, "0123456789abcdef") == "" { // a commit
		return ""
	}
	return name
}
