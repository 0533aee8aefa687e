package config

import (
	"fmt"

	"github.com/sluicehq/sluice/gitflow"
)

// history is a small git in which a test's branches stand as the flow would have made them: production, development ahead
// of it, every other branch cut from where its kind starts, and development further on since.
type history struct {
	names   gitflow.Names
	commits map[string]gitflow.Commit
	order   []string // as made: parents before children
	heads   map[string]string
}

// newHistory is the history with some branches beside the long-lived ones.
func newHistory(names gitflow.Names, branches []string) *history {
	h := &history{names: names, commits: map[string]gitflow.Commit{}, heads: map[string]string{}}
	h.heads[names.Production] = h.add("the last release")
	h.heads[names.Development] = h.heads[names.Production]
	h.commit(names.Development)
	for _, b := range branches {
		h.cut(b, "", 1)
	}
	h.commit(names.Development)
	return h
}

// add makes a commit.
func (h *history) add(subject string, parents ...string) string {
	sha := fmt.Sprintf("%040x", len(h.order)+1)
	h.commits[sha] = gitflow.Commit{SHA: sha, Parents: parents, Subject: subject, Author: "somebody"}
	h.order = append(h.order, sha)
	return sha
}

// commit adds a commit to a branch.
func (h *history) commit(branch string) {
	h.heads[branch] = h.add("a commit of "+branch, h.heads[branch])
}

// cut makes a branch with some commits, unless it is there. An empty from is where the flow has its kind start.
func (h *history) cut(branch, from string, commits int) {
	if h.heads[branch] != "" && from == "" {
		return
	}
	if from == "" {
		from = h.start(branch)
	}
	if h.heads[from] == "" {
		h.cut(from, "", 1)
	}
	h.heads[branch] = h.heads[from]
	for range commits {
		h.commit(branch)
	}
}

// start is where branches of a kind begin.
func (h *history) start(branch string) string {
	switch h.names.Classify(branch).Kind {
	case gitflow.KindHotfix, gitflow.KindBackmerge, gitflow.KindSupport:
		return h.names.Production
	}
	return h.names.Development
}

// merge merges a branch into another, with two parents.
func (h *history) merge(into, branch string) {
	if h.heads[branch] == "" {
		h.cut(branch, "", 1)
	}
	if !h.ancestors(h.heads[into])[h.heads[branch]] {
		h.heads[into] = h.add("merge "+branch, h.heads[into], h.heads[branch])
	}
}

// ancestors is everything that a commit reaches, itself included.
func (h *history) ancestors(sha string) map[string]bool {
	seen := map[string]bool{}
	for todo := []string{sha}; len(todo) > 0; {
		one := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[one] {
			continue
		}
		seen[one] = true
		todo = append(todo, h.commits[one].Parents...)
	}
	return seen
}

// compare answers a comparison as GitHub does.
func (h *history) compare(r gitflow.CompareRequest) gitflow.Comparison {
	c := gitflow.Comparison{CompareRequest: r, BaseSHA: h.sha(r.Base), HeadSHA: h.sha(r.Head)}
	if c.BaseSHA == "" || c.HeadSHA == "" {
		c.Missing = true
		return c
	}
	inBase, inHead := h.ancestors(c.BaseSHA), h.ancestors(c.HeadSHA)
	for _, sha := range h.order {
		switch {
		case inHead[sha] && !inBase[sha]:
			c.Commits = append(c.Commits, h.commits[sha])
		case inBase[sha] && !inHead[sha]:
			c.BehindBy++
		case inBase[sha]:
			c.MergeBase = sha
		}
	}
	c.AheadBy = len(c.Commits)
	return c
}

// sha is the commit that a branch's name or a SHA stands for.
func (h *history) sha(ref string) string {
	if head := h.heads[ref]; head != "" {
		return head
	}
	if _, ok := h.commits[ref]; ok {
		return ref
	}
	return ""
}
