package bare

import (
	"container/heap"
	"fmt"
	"slices"
)

// Range compares two commits.
type Range struct {
	Base, Head string
	// MergeBase is the best common ancestor, empty when the histories are unrelated.
	MergeBase string
	// Ahead are the commits of head that base lacks, newest first; Behind the other way round.
	Ahead, Behind []string
}

// Status is GitHub's word: identical, ahead, behind or diverged.
func (c Range) Status() string {
	switch {
	case len(c.Ahead) == 0 && len(c.Behind) == 0:
		return "identical"
	case len(c.Behind) == 0:
		return "ahead"
	case len(c.Ahead) == 0:
		return "behind"
	}
	return "diverged"
}

// Compare compares two commits.
func (r *Repo) Compare(base, head string) (Range, error) {
	key := [2]string{base, head}
	if r.memo != nil {
		if c, ok := recall(r.memo, r.memo.ranges, key); ok {
			return c, nil
		}
	}
	if c, ok := r.linear(base, head); ok {
		if r.memo != nil {
			remember(r.memo, r.memo.ranges, key, c)
		}
		return c, nil
	}
	inBase, err := r.ancestors(base)
	if err != nil {
		return Range{}, err
	}
	inHead, err := r.ancestors(head)
	if err != nil {
		return Range{}, err
	}
	c := Range{Base: base, Head: head}
	ahead, behind, common := map[string]*Commit{}, map[string]*Commit{}, map[string]*Commit{}
	for sha, x := range inHead {
		if inBase[sha] == nil {
			ahead[sha] = x
		} else {
			common[sha] = x
		}
	}
	for sha, x := range inBase {
		if inHead[sha] == nil {
			behind[sha] = x
		}
	}
	c.Ahead, c.Behind = sorted(ahead), sorted(behind)
	c.MergeBase = r.best(common, base, head)
	if r.memo != nil {
		remember(r.memo, r.memo.ranges, key, c)
	}
	return c, nil
}

// linear is Compare for the frequent case that one side is a short row of commits on top of the other.
func (r *Repo) linear(base, head string) (Range, bool) {
	row := func(from, to string) (shas []string, ok bool) {
		for range 200 {
			if from == to {
				return shas, true
			}
			c, err := r.Commit(from)
			if err != nil || len(c.Parents) != 1 {
				return nil, false
			}
			shas, from = append(shas, from), c.Parents[0]
		}
		return nil, false
	}
	if _, err := r.Commit(base); err != nil {
		return Range{}, false
	}
	if ahead, ok := row(head, base); ok {
		return Range{Base: base, Head: head, MergeBase: base, Ahead: ahead}, true
	}
	if behind, ok := row(base, head); ok {
		return Range{Base: base, Head: head, MergeBase: head, Behind: behind}, true
	}
	return Range{}, false
}

// best picks the newest of the common ancestors that no other of them has as an ancestor.
func (r *Repo) best(common map[string]*Commit, base, head string) string {
	for _, sha := range []string{base, head} {
		if common[sha] != nil {
			return sha
		}
	}
	isParent := map[string]bool{}
	for _, x := range common {
		for _, p := range x.Parents {
			isParent[p] = true
		}
	}
	tips := map[string]*Commit{}
	for sha, x := range common {
		if !isParent[sha] {
			tips[sha] = x
		}
	}
	if order := sorted(tips); len(order) > 0 {
		return order[0]
	}
	return ""
}

// ancestors are the commits reachable from sha, itself included.
func (r *Repo) ancestors(sha string) (map[string]*Commit, error) {
	seen := map[string]*Commit{}
	todo := []string{sha}
	for len(todo) > 0 {
		sha := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[sha] != nil {
			continue
		}
		c, err := r.Commit(sha)
		if err != nil {
			return nil, err
		}
		seen[sha] = c
		todo = append(todo, c.Parents...)
	}
	return seen, nil
}

// Contains tells whether ancestor is head or one of its ancestors.
func (r *Repo) Contains(head, ancestor string) (bool, error) {
	if head == ancestor {
		return true, nil
	}
	c, err := r.Compare(ancestor, head)
	return err == nil && len(c.Behind) == 0, err
}

// Log lists the commits reachable from sha, newest first and children before parents.
func (r *Repo) Log(sha string) ([]string, error) {
	all, err := r.ancestors(sha)
	if err != nil {
		return nil, err
	}
	return sorted(all), nil
}

// LogPath is Log restricted to commits that change the path against their first parent (or have none and contain it).
func (r *Repo) LogPath(sha, path string) ([]string, error) {
	all, err := r.Log(sha)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, sha := range all {
		c, err := r.Commit(sha)
		if err != nil {
			return nil, err
		}
		now, _ := r.Lookup(c.Tree, path) // absent is the zero entry
		same := false
		for _, p := range c.Parents {
			pc, err := r.Commit(p)
			if err != nil {
				return nil, err
			}
			was, _ := r.Lookup(pc.Tree, path)
			same = same || was.SHA == now.SHA
		}
		if !same && (now.SHA != "" || len(c.Parents) > 0) {
			out = append(out, sha)
		}
	}
	return out, nil
}

// Resolve finds the commit that a branch, tag, full ref or SHA (also abbreviated, of a commit that a ref reaches) names.
func (r *Repo) Resolve(rev string) (string, error) {
	if IsSHA(rev) {
		return r.Peel(rev)
	}
	if rev == "HEAD" {
		if rev = r.Head(); rev == "" {
			return "", fmt.Errorf("HEAD: %w", ErrNotFound)
		}
	}
	for _, name := range []string{"refs/heads/" + rev, "refs/tags/" + rev, rev, "refs/" + rev} {
		if sha := r.Ref(name); sha != "" {
			return r.Peel(sha)
		}
	}
	if len(rev) >= 7 && len(rev) < 40 {
		for _, ref := range r.Refs("refs/") {
			tip, err := r.Peel(ref.SHA)
			if err != nil {
				continue // a tag of something else than a commit
			}
			all, err := r.ancestors(tip)
			if err != nil {
				return "", err
			}
			for sha := range all {
				if sha[:len(rev)] == rev {
					return sha, nil
				}
			}
		}
	}
	return "", fmt.Errorf("%q: %w", rev, ErrNotFound)
}

type byDate []*Commit

func (q byDate) Len() int { return len(q) }
func (q byDate) Less(i, j int) bool {
	a, b := q[i].Committer.When, q[j].Committer.When
	if a.Equal(b) {
		return q[i].SHA < q[j].SHA
	}
	return a.After(b)
}
func (q byDate) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *byDate) Push(x any)   { *q = append(*q, x.(*Commit)) }
func (q *byDate) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// sorted orders commits newest first, but never a parent before its child.
func sorted(set map[string]*Commit) []string {
	children := map[string]int{}
	for _, c := range set {
		for _, p := range slices.Compact(slices.Sorted(slices.Values(c.Parents))) {
			children[p]++
		}
	}
	var q byDate
	for sha, c := range set {
		if children[sha] == 0 {
			q = append(q, c)
		}
	}
	heap.Init(&q)
	out := make([]string, 0, len(set))
	for q.Len() > 0 {
		c := heap.Pop(&q).(*Commit)
		out = append(out, c.SHA)
		for _, p := range slices.Compact(slices.Sorted(slices.Values(c.Parents))) {
			if children[p]--; children[p] == 0 && set[p] != nil {
				heap.Push(&q, set[p])
			}
		}
	}
	return out
}
