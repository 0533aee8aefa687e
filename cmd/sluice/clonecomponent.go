package main

import (
	"fmt"
	"slices"
	"strings"

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

// own picks the commits that touch the component's files, compared with their first parents, from those that do not.
func (c *clone) own(commits []tagging.Commit) (mine, elsewhere []tagging.Commit, err error) {
	component := c.config.Names.Component
	if component == "" || len(commits) == 0 {
		return commits, nil, nil
	}
	changed, err := c.changed(commits)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range commits {
		if slices.Contains(c.config.Changed(changed[one.SHA]), component) {
			mine = append(mine, one)
		} else {
			elsewhere = append(elsewhere, one)
		}
	}
	return mine, elsewhere, nil
}

// changed are the paths that each commit changes.
func (c *clone) changed(commits []tagging.Commit) (map[string][]string, error) {
	var ask strings.Builder
	for _, one := range commits {
		ask.WriteString(one.SHA + "\n")
	}
	text, err := c.git.fed(ask.String(), "diff-tree", "--stdin", "-r", "--root", "-z", "--no-renames", "--diff-merges=first-parent")
	if err != nil {
		return nil, fmt.Errorf("changes of %d commits: %w", len(commits), err)
	}
	files := make(map[string][]string, len(commits))
	at, isPath := "", false
	for field := range strings.SplitSeq(text, "\x00") { // a commit, and what it changes: ":modes and objects", path
		switch {
		case isPath:
			files[at], isPath = append(files[at], field), false
		case strings.HasPrefix(field, ":"):
			isPath = true
		default:
			at = field
		}
	}
	return files, nil
}
