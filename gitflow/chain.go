package gitflow

import (
	"iter"
	"slices"
)

// line is the first-parent line of a comparison's head, as far as base lacks it, newest first: the commits that were made
// on the head branch itself or merged into it, without what the merges brought along.
func (c Comparison) line() []Commit {
	return collect(firstParents(c.Commits, c.tip()), nil)
}

// tip is the SHA of the head.
func (c Comparison) tip() string {
	if c.HeadSHA != "" || len(c.Commits) == 0 {
		return c.HeadSHA
	}
	return c.Commits[len(c.Commits)-1].SHA // GitHub lists the oldest first
}

// firstParents follows first parents from a commit for as long as they are among the commits.
func firstParents(commits []Commit, from string) iter.Seq[*Commit] {
	return func(yield func(*Commit) bool) {
		// GitHub lists parents before children, so that one pass from the end finds the whole line. Any other order takes
		// more passes, and none takes for ever: each pass must find something, and no line is longer than the list.
		left := len(commits)
		for found := true; found && left > 0; {
			found = false
			for i := len(commits) - 1; i >= 0; i-- {
				c := &commits[i]
				if c.SHA != from {
					continue
				}
				if left--; !yield(c) || len(c.Parents) == 0 || left == 0 {
					return
				}
				found = true
				from = c.Parents[0]
			}
		}
	}
}

// collect copies the commits that are in a set; a nil set takes all.
func collect(seq iter.Seq[*Commit], in shaSet) []Commit {
	var out []Commit
	for c := range seq {
		if in == nil || in.has(c.SHA) {
			out = append(out, *c)
		}
	}
	return out
}

// shaSet answers membership; built once where several questions follow.
type shaSet map[string]struct{}

func setOf(commits []Commit) shaSet {
	s := make(shaSet, len(commits))
	for i := range commits {
		s[commits[i].SHA] = struct{}{}
	}
	return s
}

func (s shaSet) has(sha string) bool { _, ok := s[sha]; return ok }

// both are the commits of list that are in the set, in the order of the list.
func both(list []Commit, in shaSet) []Commit {
	var out []Commit
	for i := range list {
		if in.has(list[i].SHA) {
			out = append(out, list[i])
		}
	}
	return out
}

// without are the commits of list that are not in the set.
func without(list []Commit, out shaSet) []Commit {
	if len(out) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(c Commit) bool { return out.has(c.SHA) })
}

// plain are the commits that are no merges.
func plain(list []Commit) []Commit {
	return slices.DeleteFunc(slices.Clone(list), func(c Commit) bool { return len(c.Parents) > 1 })
}

func indexSHA(list []Commit, sha string) int {
	return slices.IndexFunc(list, func(c Commit) bool { return c.SHA == sha })
}

// reach is everything among the commits that the given SHAs reach, themselves included.
func reach(commits []Commit, from ...string) shaSet {
	index := make(map[string]int, len(commits))
	for i, c := range commits {
		index[c.SHA] = i
	}
	seen := make(shaSet)
	for len(from) > 0 {
		sha := from[len(from)-1]
		from = from[:len(from)-1]
		i, ok := index[sha]
		if !ok || seen.has(sha) {
			continue
		}
		seen[sha] = struct{}{}
		from = append(from, commits[i].Parents...)
	}
	return seen
}
