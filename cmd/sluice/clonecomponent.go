package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/utils/merkletrie"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/tagging"
)

// as makes the clone one component's: its tags, versions and commits. given is what --component says; a branch that names a
// component says it too.
func (c *clone) as(given string, branch gitflow.Branch) error {
	names := c.config.Names.Components
	switch {
	case len(names) == 0 && given != "":
		return &usageError{fmt.Errorf("--component %s: this repository is one application; its configuration has no components", given)}
	case len(names) == 0:
		return nil
	case given == "" && branch.Component != "":
		given = branch.Component
	case given == "":
		return &usageError{fmt.Errorf("this repository has several versions; name a component with --component: %s", strings.Join(names, ", "))}
	case !slices.Contains(names, given):
		return &usageError{fmt.Errorf("--component %s: there is no such component; there is: %s", given, strings.Join(names, ", "))}
	case branch.Component != "" && branch.Component != given:
		return &usageError{fmt.Errorf("--component %s: the branch %s is of %s", given, branch.Name, branch.Component)}
	}
	if c.config.Names.Component == given {
		return nil // it is already
	}
	c.config = c.config.Component(given)
	return c.readTags()
}

// own picks the commits that touch the component's files, compared with their first parents.
func (c *clone) own(commits []tagging.Commit) ([]tagging.Commit, error) {
	component := c.config.Names.Component
	if component == "" {
		return commits, nil
	}
	var mine []tagging.Commit
	for _, one := range commits {
		files, err := c.changedBy(one.SHA)
		if err != nil {
			return nil, err
		}
		if slices.Contains(c.config.Changed(files), component) {
			mine = append(mine, one)
		}
	}
	return mine, nil
}

// changedBy are the paths that a commit changes.
func (c *clone) changedBy(sha string) ([]string, error) {
	commit, err := c.repo.CommitObject(plumbing.NewHash(sha))
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", sha, err)
	}
	after, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("files of commit %s: %w", sha, err)
	}
	before := &object.Tree{}
	if commit.NumParents() > 0 && !c.shallow[commit.Hash] {
		parent, err := commit.Parent(0)
		if err != nil {
			return nil, fmt.Errorf("parent of commit %s: %w", sha, err)
		}
		if before, err = parent.Tree(); err != nil {
			return nil, fmt.Errorf("files before commit %s: %w", sha, err)
		}
	}
	changes, err := object.DiffTree(before, after)
	if err != nil {
		return nil, fmt.Errorf("changes of commit %s: %w", sha, err)
	}
	var files []string
	for _, change := range changes {
		if action, err := change.Action(); err == nil && action != merkletrie.Insert {
			files = append(files, change.From.Name)
		}
		if change.To.Name != "" {
			files = append(files, change.To.Name)
		}
	}
	return files, nil
}
