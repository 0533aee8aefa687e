package bot

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// App is GitHub as the App sees it, before any repository is named.
type App interface {
	// Identity is the App's own ID, slug and bot account: what it needs to know its own comments and checks.
	Identity(ctx context.Context) (Identity, error)
	// Installations lists the IDs of all installations that are not suspended.
	Installations(ctx context.Context) ([]int64, error)
	// Repos lists the repositories of an installation.
	Repos(ctx context.Context, installation int64) ([]forge.Repo, error)
	// InstallationOf is the installation that covers a repository, by a name that it has or had; ErrNotFound: none does.
	InstallationOf(ctx context.Context, owner, name string) (int64, error)
	// HookDeliveries lists the attempts in the App's delivery log since a time, newest first. GitHub keeps three days.
	HookDeliveries(ctx context.Context, since time.Time) ([]forge.HookDelivery, error)
	// Redeliver asks GitHub to send a delivery again; it comes with the same GUID.
	Redeliver(ctx context.Context, deliveryID int64) error
	// Repo is the client for one repository. It makes no call.
	Repo(installation, repoID int64, owner, name string) GitHub
}

// Identity is who the App is.
type Identity struct {
	AppID int64
	Slug  string
	// Login is the bot account's, "slug[bot]"; UserID its numeric ID, 0 when it cannot be had.
	Login  string
	UserID int64
}

// GitHub is one repository on GitHub. Errors are those of package forge. Reads are conditional requests where GitHub
// supports them, so repeating one is cheap. Writes are paced by the implementation and never repeated by it: who writes
// looks first.
type GitHub interface {
	reader
	writer
}

type reader interface {
	Info(ctx context.Context) (forge.Repo, error)
	Branches(ctx context.Context) ([]forge.Branch, error)
	// Branch gives the head; ErrNotFound when there is no such branch.
	Branch(ctx context.Context, name string) (forge.Branch, error)
	Tags(ctx context.Context) ([]forge.Tag, error)
	Tag(ctx context.Context, name string) (forge.Tag, error)
	Commit(ctx context.Context, sha string) (forge.Commit, error)
	// CommitTime is when a commit was made, by its committer's clock.
	CommitTime(ctx context.Context, sha string) (time.Time, error)
	// Wrote tells whether a commit contains one that an account wrote.
	Wrote(ctx context.Context, sha, login string) (bool, error)
	// Compare takes SHAs or branch names.
	Compare(ctx context.Context, base, head string) (forge.Comparison, error)
	// Changes lists the files that head changes since it left base, CommitChanges those of one commit, with their
	// patches; complete is false where GitHub does not list all.
	Changes(ctx context.Context, base, head string) (files []forge.FileChange, complete bool, err error)
	CommitChanges(ctx context.Context, sha string) (files []forge.FileChange, complete bool, err error)
	// File reads a regular file of at most 1 MiB at a ref.
	File(ctx context.Context, path, ref string) ([]byte, error)
	// CommitsTouching lists the commits in the history of head that changed a file or something in a folder, back to since;
	// complete is false when they are more than so many pages of a hundred.
	CommitsTouching(ctx context.Context, head, path string, since time.Time, pages int) (shas []string, complete bool, err error)
	// History lists the commits of head, oldest first; complete is false when they are more than so many pages of a hundred, of which
	// the newest are given.
	History(ctx context.Context, head string, pages int) (commits []forge.Commit, complete bool, err error)
	// HeadSince tells when a branch came to be at a commit where it is now, and by whom; the zero Move where GitHub does not say.
	HeadSince(ctx context.Context, branch, sha string) (forge.Move, error)
	OpenPulls(ctx context.Context) ([]forge.PullRequest, error)
	// PullsSince lists the pull requests, open and closed, that were changed at a time or after it, by GitHub's clock and to the
	// second, the last changed first. Comments and submitted reviews are changes.
	PullsSince(ctx context.Context, since time.Time) ([]forge.PullRequest, error)
	Pull(ctx context.Context, number int) (forge.PullRequest, error)
	// PullsFrom lists pull requests, open and closed, newest first, from a branch of this repository; base "" is any.
	PullsFrom(ctx context.Context, head, base string) ([]forge.PullRequest, error)
	// MergedInto lists the pull requests that were merged into a branch, newest first; at most the newest hundred. complete is
	// false where there may be more; those were changed last before the ones that are listed.
	MergedInto(ctx context.Context, base string) (merged []forge.PullRequest, complete bool, err error)
	// PullsWith lists the pull requests that brought a commit.
	PullsWith(ctx context.Context, sha string) ([]forge.PullRequest, error)
	// PullsBringing is PullsWith for many commits, by commit; one that GitHub does not have has no entry. It is a call for
	// every 25 commits, and gives of pull requests number, title, text, branches, author and whether they are merged.
	PullsBringing(ctx context.Context, shas []string) (map[string][]forge.PullRequest, error)
	// Authors lists the accounts that wrote commits, co-authors included, by commit; one that GitHub does not have has no
	// entry. It is a call for every 25 commits.
	Authors(ctx context.Context, shas []string) (map[string]forge.Authors, error)
	// PullFiles lists the paths a pull request changes; complete is false past GitHub's 3,000.
	PullFiles(ctx context.Context, number int) (paths []string, complete bool, err error)
	// PullCommits lists the commits of a pull request, oldest first; complete is false past GitHub's 250.
	PullCommits(ctx context.Context, number int) (commits []forge.Commit, complete bool, err error)
	Comments(ctx context.Context, issue int) ([]forge.Comment, error)
	// Reactors lists who reacted to a comment in a way: eyes, rocket, confused.
	Reactors(ctx context.Context, commentID int64, reaction string) ([]forge.User, error)
	// ReviewMore is what the list of reviews does not tell of one. node is its name for GraphQL; ErrNotFound when it is gone.
	ReviewMore(ctx context.Context, node string) (forge.ReviewMore, error)
	// CommentsSince lists those on all issues and pull requests that were made or changed at a time or after it, by GitHub's
	// clock and to the second, the longest unchanged first.
	CommentsSince(ctx context.Context, since time.Time) ([]forge.Comment, error)
	Comment(ctx context.Context, id int64) (forge.Comment, error)
	CheckRuns(ctx context.Context, sha string) ([]forge.CheckRun, error)
	Statuses(ctx context.Context, sha string) ([]forge.CommitStatus, error)
	// Rules lists the active rules of a branch: rulesets and classic protection, unknown types included. TagRules lists
	// those of a tag.
	Rules(ctx context.Context, branch string) ([]forge.Rule, error)
	TagRules(ctx context.Context, tag string) ([]forge.Rule, error)
	// Role is what an account may do here, live.
	Role(ctx context.Context, login string) (forge.Role, error)
	// TeamMember tells whether an account is an active member of a team of the repository's organization.
	TeamMember(ctx context.Context, team, login string) (bool, error)
	// Collaborators lists the people whose role is at least role; TeamMembers those of a team of the organization.
	Collaborators(ctx context.Context, role forge.Role) ([]forge.User, error)
	TeamMembers(ctx context.Context, team string) ([]forge.User, error)
	// Reviews lists the submitted reviews of a pull request, oldest first.
	Reviews(ctx context.Context, number int) ([]forge.Review, error)
	// UserByID is an account as it is now: its login may have changed. ErrNotFound when it is gone.
	UserByID(ctx context.Context, id int64) (forge.User, error)
	// FindIssue gives the number of an issue of the App's whose text holds a mark, the newest; 0: there is none.
	FindIssue(ctx context.Context, mark string) (int, error)
	// UserByLogin resolves a login to its account; ErrNotFound.
	UserByLogin(ctx context.Context, login string) (forge.User, error)
	// Queued tells whether a pull request is in a merge queue.
	Queued(ctx context.Context, number int) (bool, error)
	// QueueEntries lists the groups in the merge queue of a branch, the next to be merged first; at most the first hundred. None
	// where there is no queue.
	QueueEntries(ctx context.Context, branch string) ([]forge.QueueEntry, error)
	ReleaseByTag(ctx context.Context, tag string) (forge.Release, error)
	// Deployments lists deployment records of an environment for a SHA, newest first.
	Deployments(ctx context.Context, environment, sha string) ([]forge.Deployment, error)
	// DeploymentState is what was said of a deployment last; empty: nothing.
	DeploymentState(ctx context.Context, id int64) (forge.DeploymentState, error)
	// Permissions is what the installation was granted: name to "read" or "write".
	Permissions(ctx context.Context) (map[string]string, error)
}

type writer interface {
	// CreateBranch and CreateTag create a ref; ErrExists when it is there, at whatever SHA.
	CreateBranch(ctx context.Context, name, sha string) error
	CreateTag(ctx context.Context, name, sha string) error
	DeleteBranch(ctx context.Context, name string) error
	// KeepCommit protects a commit by a ref of Sluice's own, which is neither a branch nor a tag. Keeping it twice is
	// keeping it once. ErrNotFound when GitHub does not have the commit any more.
	KeepCommit(ctx context.Context, sha string) error
	// CreateIssue opens an issue and returns its number.
	CreateIssue(ctx context.Context, title, body string) (int, error)
	// CreateCommit makes a commit with the tree of another commit and the given parents, on no branch.
	CreateCommit(ctx context.Context, message, treeOf string, parents []string) (string, error)
	// CopyCommit makes a commit by the author of another one (of), with the tree of a third, on no branch.
	CopyCommit(ctx context.Context, of, message, treeOf string, parents []string) (string, error)
	// Merge makes a merge commit of head (a SHA) on branch base and returns it. ErrUpToDate, ErrBaseMoved, ErrConflict.
	Merge(ctx context.Context, base, headSHA, message string) (string, error)
	// CreatePull opens a pull request. ErrExists, ErrNoCommits.
	CreatePull(ctx context.Context, title, head, base, body string) (forge.PullRequest, error)
	// ClosePull closes without merging; RetargetPull changes the base.
	ClosePull(ctx context.Context, number int) error
	RetargetPull(ctx context.Context, number int, base string) error
	// MergePull merges with two parents, only if the head is sha. ErrMoved, ErrBaseMoved, ErrConflict, *RefusedError.
	MergePull(ctx context.Context, number int, sha, title, message string) (string, error)
	// Enqueue puts a pull request into the merge queue of its base, only if its head is sha. Being there already is
	// success. *RefusedError.
	Enqueue(ctx context.Context, number int, sha string) error
	CreateComment(ctx context.Context, issue int, body string) (forge.Comment, error)
	EditComment(ctx context.Context, id int64, body string) error
	// React adds a reaction to a comment: eyes, rocket, confused. Adding it twice is adding it once.
	React(ctx context.Context, commentID int64, reaction string) error
	// ReactToReview is React for a review. node is its name for GraphQL; ErrNotFound when it is gone.
	ReactToReview(ctx context.Context, node, reaction string) error
	// SaveCheckRun creates the run (ID 0) or updates it, and returns its ID. Long texts are cut to GitHub's limits, and
	// annotations sent fifty at a time.
	SaveCheckRun(ctx context.Context, run forge.CheckRun) (int64, error)
	// CreateRelease publishes a GitHub release for a tag that exists.
	CreateRelease(ctx context.Context, tag, name, body string, prerelease, latest bool) (forge.Release, error)
	// CreateDeployment records a deployment: nothing merged, no contexts required.
	CreateDeployment(ctx context.Context, sha, environment, description, payload string, production bool) (int64, error)
	SetDeploymentState(ctx context.Context, id int64, state forge.DeploymentState, description, logURL, environmentURL string) error
}
