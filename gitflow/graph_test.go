package gitflow

import (
	"fmt"
	"maps"
	"slices"
)

// graph is a small git: commits, branches, and GitHub's compare on them.
type graph struct {
	commits map[string]Commit
	order   []string // as made: parents before children
	heads   map[string]string
}

func newGraph() *graph {
	return &graph{commits: map[string]Commit{}, heads: map[string]string{}}
}

// clone is a copy that changes alone.
func (g *graph) clone() *graph {
	return &graph{commits: maps.Clone(g.commits), order: slices.Clone(g.order), heads: maps.Clone(g.heads)}
}

// add makes a commit; its SHA is its number, as forty digits that read well when cut to seven.
func (g *graph) add(subject string, parents ...string) string {
	sha := fmt.Sprintf("%07d%033d", len(g.order)+1, 0)
	g.commits[sha] = Commit{SHA: sha, Parents: parents, Subject: subject, Author: "ada"}
	g.order = append(g.order, sha)
	return sha
}

// commit adds to a branch, making the branch where there is none.
func (g *graph) commit(branch, subject string) string {
	var parents []string
	if head, ok := g.heads[branch]; ok {
		parents = []string{head}
	}
	g.heads[branch] = g.add(subject, parents...)
	return g.heads[branch]
}

// cut makes a branch at the head of another, or at a commit.
func (g *graph) cut(branch, from string) { g.heads[branch] = g.sha(from) }

// sha is the commit a branch name or SHA stands for.
func (g *graph) sha(ref string) string {
	if head, ok := g.heads[ref]; ok {
		return head
	}
	return ref
}

// merge merges a commit or branch with two parents, as the merges API does: nothing when it is contained already.
func (g *graph) merge(into, from string) string {
	sha := g.sha(from)
	if g.contains(g.heads[into], sha) {
		return g.heads[into]
	}
	g.heads[into] = g.add("Merge "+from+" into "+into, g.heads[into], sha)
	return g.heads[into]
}

// squash brings the changes without the ancestry.
func (g *graph) squash(into, from string) string {
	return g.commit(into, "Squash of "+from)
}

// ancestors is everything a commit reaches, itself included.
func (g *graph) ancestors(sha string) map[string]bool {
	seen := map[string]bool{}
	todo := []string{sha}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, ok := g.commits[s]; !ok || seen[s] {
			continue
		}
		seen[s] = true
		todo = append(todo, g.commits[s].Parents...)
	}
	return seen
}

func (g *graph) contains(head, sha string) bool { return g.ancestors(head)[sha] }

// compare is GitHub's base...head.
func (g *graph) compare(r CompareRequest) Comparison {
	base, head := g.sha(r.Base), g.sha(r.Head)
	c := Comparison{CompareRequest: r, BaseSHA: base, HeadSHA: head}
	if _, ok := g.commits[base]; !ok {
		c.Missing = true
		return c
	}
	if _, ok := g.commits[head]; !ok {
		c.Missing = true
		return c
	}
	inBase, inHead := g.ancestors(base), g.ancestors(head)
	for _, sha := range g.order {
		switch {
		case inHead[sha] && !inBase[sha]:
			c.Commits = append(c.Commits, g.commits[sha])
		case inBase[sha] && !inHead[sha]:
			c.BehindBy++
		case inBase[sha] && inHead[sha]:
			c.MergeBase = sha
		}
	}
	c.AheadBy = len(c.Commits)
	c.Missing = c.MergeBase == ""
	return c
}

// answers makes the comparisons that were asked for.
func (g *graph) answers(needs []CompareRequest) []Comparison {
	var out []Comparison
	for _, r := range needs {
		out = append(out, g.compare(r))
	}
	return out
}

// pull is an open pull request between two branches, its comparisons answered.
func (g *graph) pull(n Names, head, base string) PullFacts {
	p := PullFacts{Number: 12, Head: head, Base: base, HeadSHA: g.heads[head], BaseSHA: g.heads[base], Open: true}
	for b := range g.heads {
		if n.kind(b).Kind == KindRelease {
			p.OpenReleases = append(p.OpenReleases, b)
		}
	}
	slices.Sort(p.OpenReleases)
	p.Comparisons = g.answers(PullNeeds(n, p))
	return p
}

// subjects of commits, for comparing.
func subjects(commits []Commit) []string {
	var out []string
	for _, c := range commits {
		out = append(out, c.Subject)
	}
	return out
}

// shop is a repository in the middle of its life: 1.3.0 was released and merged back, development has moved on.
func shop() *graph {
	g := newGraph()
	g.commit("master", "first")
	g.cut("development", "master")
	g.commit("development", "feature one")
	g.cut("release/1.3.0", "development")
	g.commit("release/1.3.0", "fix of 1.3.0")
	g.commit("development", "feature two")
	g.merge("master", "release/1.3.0")
	g.merge("development", "master")
	delete(g.heads, "release/1.3.0")
	g.commit("development", "feature three")
	return g
}

var standard = DefaultNames([]string{"master", "development"})
