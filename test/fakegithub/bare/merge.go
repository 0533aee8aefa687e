package bare

import (
	"context"
	"fmt"
	"strings"
)

// ConflictError says that two commits cannot be merged without a person.
type ConflictError struct {
	Base, Head string
	Files      []string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("merging %.7s into %.7s conflicts in %s", e.Head, e.Base, strings.Join(e.Files, ", "))
}

type merged struct {
	tree  string
	files []string // in conflict
}

// Merge returns the tree of head merged into base. A conflict is a *ConflictError.
func (r *Repo) Merge(ctx context.Context, base, head string) (string, error) {
	key := [2]string{base, head}
	m, known := recall(r.memo, r.memo.merges, key)
	if !known {
		var err error
		if m, err = r.merge(ctx, base, head); err != nil {
			return "", err
		}
		remember(r.memo, r.memo.merges, key, m)
	}
	if m.files != nil {
		return "", &ConflictError{Base: base, Head: head, Files: m.files}
	}
	return m.tree, nil
}

func (r *Repo) merge(ctx context.Context, base, head string) (merged, error) {
	c, err := r.Compare(base, head)
	if err != nil {
		return merged{}, err
	}
	if c.MergeBase != "" { // where only one side changed anything, its tree is the result
		var trees [3]string
		for i, sha := range []string{c.MergeBase, base, head} {
			x, err := r.Commit(sha)
			if err != nil {
				return merged{}, err
			}
			trees[i] = x.Tree
		}
		switch trees[0] {
		case trees[1]:
			return merged{tree: trees[2]}, nil
		case trees[2]:
			return merged{tree: trees[1]}, nil
		}
	}
	if c.MergeBase == "" {
		return merged{files: []string{}}, nil // unrelated histories
	}
	out, clean, err := r.git(ctx, "", "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base, head)
	if err != nil {
		return merged{}, err
	}
	fields := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if !IsSHA(fields[0]) {
		return merged{}, fmt.Errorf("git merge-tree gave %q instead of a tree", fields[0])
	}
	if clean {
		return merged{tree: fields[0]}, nil
	}
	return merged{tree: fields[0], files: append([]string{}, fields[1:]...)}, nil
}

// Rebase puts the commits of head that onto lacks on top of it, merges left out, and returns the new tip. A conflict
// is a *ConflictError.
func (r *Repo) Rebase(ctx context.Context, onto, head string, committer Signature) (string, error) {
	c, err := r.Compare(onto, head)
	if err != nil {
		return "", err
	}
	tip := onto
	for i := len(c.Ahead) - 1; i >= 0; i-- {
		x, err := r.Commit(c.Ahead[i])
		if err != nil {
			return "", err
		}
		if len(x.Parents) > 1 {
			continue
		}
		if tip, err = r.pick(ctx, tip, x, committer); err != nil {
			return "", err
		}
	}
	return tip, nil
}

// pick applies a commit on top of tip: a merge of two commits made up for it, whose common parent is the commit's own.
func (r *Repo) pick(ctx context.Context, tip string, x *Commit, committer Signature) (string, error) {
	t, err := r.Commit(tip)
	if err != nil {
		return "", err
	}
	root := EmptyTree
	if len(x.Parents) > 0 {
		p, err := r.Commit(x.Parents[0])
		if err != nil {
			return "", err
		}
		root = p.Tree
	}
	if root == EmptyTree {
		if _, err := r.Write(KindTree, nil); err != nil {
			return "", err
		}
	}
	made := Commit{Tree: root, Author: committer, Committer: committer, Message: "base of " + x.SHA}
	parent, err := r.WriteCommit(made)
	if err != nil {
		return "", err
	}
	var sides [2]string
	for i, tree := range []string{t.Tree, x.Tree} {
		made.Tree, made.Parents = tree, []string{parent}
		made.Message = fmt.Sprintf("side %d of %s", i, x.SHA)
		if sides[i], err = r.WriteCommit(made); err != nil {
			return "", err
		}
	}
	tree, err := r.Merge(ctx, sides[0], sides[1])
	if err != nil {
		return "", err
	}
	return r.WriteCommit(Commit{Tree: tree, Parents: []string{tip}, Author: x.Author, Committer: committer, Message: x.Message})
}
