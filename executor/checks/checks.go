// Package checks is the executor for `uses: checks`: it starts nothing and waits for what others report on the revision.
//
// Which checks and statuses those are is decided in this order:
//
//  1. those that the rules of the branch require;
//  2. else those that were reported on the branch's previous head, and whatever else is reported on this one;
//  3. else, once two minutes have passed, those that have been reported on the revision itself by then. When there are
//     none the action succeeds and says so: "no other checks report".
//
// Sluice's own checks never count, since one of them waits for this action, and neither do check suites without runs,
// which GitHub opens for every App that is installed. A required check that never reports lets the action run into its
// timeout. One that is only expected from the previous head (2) is given up after ten minutes, with a remark: workflows
// may be limited to some paths, or gone.
package checks

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
)

// GitHub is what the executor asks of a repository. Errors are those of package forge.
type GitHub interface {
	// CheckRuns lists the latest run of each check on a commit, Sluice's own among them.
	CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error)
	// Statuses lists the latest status of each context on a commit.
	Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error)
	// Rules lists the active rules of a branch.
	Rules(ctx context.Context, branch string) ([]forge.Rule, error)
}

// Executor waits for checks. All fields but AppID are required.
type Executor struct {
	// Repo is the client for the repository of a request. It makes no call.
	Repo func(executor.Request) GitHub
	// AppID is Sluice's own App, whose checks are left out. Names that begin with "sluice/" always are.
	AppID int64
	Now   func() time.Time

	stopped marks
}
