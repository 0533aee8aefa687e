package gitflow

// PlanStart plans the start of a release or hotfix: gates, branch, pull request into production. A hotfix's pull request
// waits until the branch has a commit.
func PlanStart(s State) Plan { return Plan{} }

// PlanPromote plans what takes an approved candidate to production: gates (it is tested, lacks nothing of production,
// its version is not spent by another image, nothing holds, approvals complete, preflight), the copy by digest, the deployment.
// With MergeThenDeploy tag and merge come before the deployment.
func PlanPromote(s State) Plan { return Plan{} }

// PlanFinish plans what follows the deployment of a candidate: tag, merge into production, back-merges, GitHub release,
// branches deleted. With MergeThenDeploy it includes the deployment, after the merge.
func PlanFinish(s State) Plan { return Plan{} }

// PlanBackmerge plans the back-merge of the production tip into development and every open release branch. Version may
// be empty: then it is the tip's own debt, after a direct push.
func PlanBackmerge(s State) Plan { return Plan{} }

// PlanAbandon plans the end of a release or hotfix that will not ship.
func PlanAbandon(s State) Plan { return Plan{} }

// PlanRollback plans going back to an earlier version: hold the environment, mark the release bad, deploy the old digest.
func PlanRollback(s State) Plan { return Plan{} }

// NextStep is the one next action for a release or hotfix, in one sentence of plain text, for check titles. It names
// who must act where somebody must.
func NextStep(s State) string { return "" }
