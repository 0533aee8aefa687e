package main

import "strings"

// saidBy is a variable in which a build says the branch that it has checked out.
type saidBy struct {
	name string
	// below is what stands before the branch in it; what has something else there, such as a tag, says none.
	below string
	// of is the variable with the repository's owner/name, where there is one.
	of string
	// unless names a variable with which this one says something else.
	unless string
}

// buildsSay are the variables of builds: Sluice's own, GitHub Actions, GitLab, Jenkins, Azure Pipelines, CodeBuild, CircleCI,
// Buildkite. What comes first counts: that of a pull request before what it is merged into for a trial.
func buildsSay() []saidBy {
	return []saidBy{
		{name: "SLUICE_BRANCH"},
		{name: "GITHUB_HEAD_REF", of: "GITHUB_REPOSITORY"},
		{name: "GITHUB_REF", below: "refs/heads/", of: "GITHUB_REPOSITORY"},
		{name: "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", of: "CI_PROJECT_PATH"},
		{name: "CI_COMMIT_BRANCH", of: "CI_PROJECT_PATH"},
		{name: "CHANGE_BRANCH"},
		{name: "BRANCH_NAME", unless: "TAG_NAME"},
		{name: "SYSTEM_PULLREQUEST_SOURCEBRANCH", below: "refs/heads/"},
		{name: "BUILD_SOURCEBRANCH", below: "refs/heads/"},
		{name: "CODEBUILD_WEBHOOK_HEAD_REF", below: "refs/heads/"},
		{name: "CIRCLE_BRANCH"},
		{name: "BUILDKITE_BRANCH", unless: "BUILDKITE_TAG"},
	}
}

// ofBuild finds the branch of a detached HEAD, as builds check commits out, by what the build says. Its last commit is then the one
// that is checked out. What is said of another repository than this clone's counts for nothing.
func (c *clone) ofBuild(getenv func(string) string) {
	if c.headBranch != "" || c.head == "" {
		return
	}
	owner, name := c.name()
	for _, v := range buildsSay() {
		branch, ok := strings.CutPrefix(getenv(v.name), v.below)
		if !ok || branch == "" || v.unless != "" && getenv(v.unless) != "" {
			continue
		}
		if of := getenv(v.of); of != "" && name != "" && !strings.EqualFold(of, owner+"/"+name) && !strings.HasSuffix(of, "/"+owner+"/"+name) {
			continue
		}
		c.headBranch, c.headSaid = branch, v.name
		c.branches[branch] = c.head
		return
	}
}
