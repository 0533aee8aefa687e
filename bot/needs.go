package bot

// Permission is what the App must be granted.
type Permission struct {
	// Name and Access are GitHub's words, as in the API: "pull_requests", "write".
	Name, Access string
	// Organization is true for a permission of the organization and not of its repositories.
	Organization bool
	// Optional permissions are asked for only by some repositories; Why says which.
	Optional bool
	Why      string // one sentence
}

// Permissions lists what the App needs, in the order GitHub's form shows it.
func Permissions() []Permission {
	return []Permission{
		{Name: "actions", Access: "write", Why: "Starts, follows and cancels workflow runs, and reads their logs and artifacts (`uses: github-actions`)."},
		{Name: "administration", Access: "read", Why: "Reads the protection of branches, to say before a release begins what would refuse its end."},
		{Name: "checks", Access: "write", Why: "Reports the four checks, and reads those of others."},
		{Name: "contents", Access: "write", Why: "Reads `.github/sluice.yml`, commits and comparisons; creates branches, tags, merges and GitHub releases."},
		{Name: "deployments", Access: "write", Why: "Records deployments and their states."},
		{Name: "issues", Access: "write", Why: "Answers comments and reacts to them; a pull request's comments are an issue's."},
		{Name: "merge_queues", Access: "read", Why: "Is told of groups of a merge queue, whose heads need the checks too."},
		{Name: "metadata", Access: "read", Why: "Is required of every App; rulesets and roles are read with it."},
		{Name: "pull_requests", Access: "write", Why: "Opens and merges the pull requests of releases, hotfixes and back-merges, and judges all of them."},
		{Name: "statuses", Access: "read", Why: "Reads commit statuses, which count among the checks that a pipeline waits for."},
		{Name: "workflows", Access: "write", Optional: true, Why: "Merges commits that change files in `.github/workflows`; without it a release that has such commits stops with that reason."},
		{Name: "members", Access: "read", Organization: true, Why: "Asks whether an approver is in a team that `approve.teams` or `promote.teams` names."},
	}
}

// Subscription is a webhook event the App subscribes to.
type Subscription struct {
	Event string // GitHub's name, as in X-GitHub-Event
	// Permission is the one that GitHub offers the event with; empty for events that every App is sent unasked.
	Permission string
	Why        string // one sentence
}

// Subscriptions lists the webhook events that Sluice takes something from, by name.
func Subscriptions() []Subscription {
	return []Subscription{
		{"check_run", "checks", "Other checks came to a result; the buttons and \"Re-run\" of ours were pressed."},
		{"check_suite", "checks", "\"Re-run all checks\" was pressed; a suite came to a result."},
		{"create", "contents", "A branch or tag was made; recorded, the push says more."},
		{"delete", "contents", "A branch or tag was deleted; recorded, the push says more."},
		{"installation", "", "The App was installed, suspended or removed."},
		{"installation_repositories", "", "Repositories were added to the installation or taken off it."},
		{"issue_comment", "issues", "Commands stand in comments; an edit takes back an approval."},
		{"member", "members", "A collaborator's rights changed; approvals that wait are counted again."},
		{"membership", "members", "A team's members changed; approvals that wait are counted again."},
		{"merge_group", "merge_queues", "A merge queue wants checks on the head of a group."},
		{"ping", "", "The webhook was set up."},
		{"pull_request", "pull_requests", "A pull request is held against the rules of the flow."},
		{"pull_request_review", "pull_requests", "Commands stand in reviews too, and a change takes back an approval. A release may wait for a review that a rule of the branch asks for; where `approve.reviews` says so, reviews are approvals and vetoes."},
		{"push", "contents", "A new head starts its pipeline, voids approvals and is held against the rules."},
		{"release", "contents", "A GitHub release changed; recorded, tags decide."},
		{"repository", "metadata", "A repository was renamed, transferred, archived or deleted."},
		{"status", "statuses", "A commit status changed."},
		{"team", "members", "A team changed; approvals that wait are counted again."},
		{"workflow_run", "actions", "A workflow run that an action follows has moved."},
	}
}
