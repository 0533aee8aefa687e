package fakegithub

import (
	"context"
	"errors"
	"net/http"
)

var errPending = errors.New("being written")

// Server is the stand-in. All its methods may be called at the same time.
type Server struct{}

// OpenAPI is GitHub's description of its REST API, loaded.
type OpenAPI struct{}

// LoadOpenAPI reads the description, such as test/node_modules/@octokit/openapi/generated/api.github.com.json.
func LoadOpenAPI(path string) (*OpenAPI, error) { return nil, errPending }

// New returns a server without accounts. Close it.
func New(o Options) (*Server, error) { return nil, errPending }

// ServeHTTP answers REST (with and without /api/v3), git over smart HTTP, the OAuth sign-in and a few pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Start listens on addr ("127.0.0.1:0" when empty) and returns the base URL, without final slash.
func (s *Server) Start(addr string) (string, error) { return "", errPending }

// URL is the base URL since Start, without final slash; the API is there and under /api/v3.
func (s *Server) URL() string { return "" }

// Close stops listening and delivering and removes a temporary folder.
func (s *Server) Close() error { return nil }

// Settle waits until all webhooks are delivered and all workflow callbacks have returned.
func (s *Server) Settle(ctx context.Context) error { return errPending }

// AddUser creates a user with a token, or returns the one that exists.
func (s *Server) AddUser(login string) Account { return Account{} }

// AddOrg creates an organization with the users as its members, created when they are new.
func (s *Server) AddOrg(login string, members ...string) Account { return Account{} }

// AddTeam creates a team; members are created when they are new and join the organization.
func (s *Server) AddTeam(org, slug string, members ...string) Team { return Team{} }

// SetTeamMember lets somebody join a team, or leave it.
func (s *Server) SetTeamMember(org, slug, login string, member bool) error { return nil }

// AddApp registers an App.
func (s *Server) AddApp(c AppConfig) (App, error) { return App{}, errPending }

// SetWebhook changes where an App's deliveries go.
func (s *Server) SetWebhook(appID int64, url, secret string) error { return errPending }

// Install puts an App on an account, for the repositories named (full names) or for all. It sends installation.created.
func (s *Server) Install(appID int64, account string, repos ...string) (Installation, error) {
	return Installation{}, errPending
}

// SetInstallation changes an installation's permissions (nil: as they are) and repositories (nil: all).
func (s *Server) SetInstallation(id int64, permissions map[string]string, repos []string) error {
	return errPending
}

// AddRepo creates an empty repository; its owner must exist.
func (s *Server) AddRepo(fullName string, c RepoConfig) (*Repo, error) { return nil, errPending }

// Repo returns a repository by its full name, or nil.
func (s *Server) Repo(fullName string) *Repo { return nil }

// Inject orders a fault and returns what takes it back.
func (s *Server) Inject(f Fault) (remove func()) { return nil }

// InjectHook orders a fault of webhook deliveries and returns what takes it back.
func (s *Server) InjectHook(f HookFault) (remove func()) { return nil }

// HoldHooks keeps all webhooks back until ReleaseHooks.
func (s *Server) HoldHooks() {}

// ReleaseHooks sends what was kept back. Order, if given, receives the number of deliveries and returns the order in
// which to send them, as a permutation.
func (s *Server) ReleaseHooks(order func(n int) []int) {}

// OnCall lets f see each call after it was let in and before it has an effect, outside of all locks: f may push,
// comment, block. Nil stops it.
func (s *Server) OnCall(f func(Call)) {}

// Calls returns the calls that fit the filter, oldest first.
func (s *Server) Calls(f CallFilter) []Call { return nil }

// Violations returns what broke GitHub's description or rules so far.
func (s *Server) Violations() []Violation { return nil }

// Deliveries returns all attempts at webhook deliveries, oldest first.
func (s *Server) Deliveries() []Delivery { return nil }

// Redeliver sends every delivery again whose last attempt failed, and returns how many.
func (s *Server) Redeliver() int { return 0 }

// OnWorkflow sets what runs workflows: it is called in a goroutine of its own for each run that is created or re-run.
// Without it runs stay queued until SetRun.
func (s *Server) OnWorkflow(run func(ctx context.Context, r *Repo, w WorkflowRun)) {}

func (s *Server) tokenOf(login string) string { return "" }

func (s *Server) clickButton(ctx context.Context, login, repo string, checkRun int64, identifier string) error {
	return errPending
}

type commitOrder struct {
	branch, message string
	files           map[string]string
}

func (s *Server) commitFiles(ctx context.Context, login, repo string, o commitOrder) (string, error) {
	return "", errPending
}

// Repo is a repository. Its methods look and set up; they ask nobody's permission and send webhooks only where said.
type Repo struct{}

// ID is the repository's ID.
func (r *Repo) ID() int64 { return 0 }

// FullName is owner/name, as it is now.
func (r *Repo) FullName() string { return "" }

// Dir is the bare repository.
func (r *Repo) Dir() string { return "" }

// CloneURL is the URL for git, with the user's token in it unless login is empty.
func (r *Repo) CloneURL(login string) string { return "" }

// Grant gives a user a role; RoleNone takes it away.
func (r *Repo) Grant(login string, role Role) {}

// GrantTeam gives a team of the owner a role.
func (r *Repo) GrantTeam(slug string, role Role) {}

// Seed commits files without rules and webhooks, for set-up; the branch is created, from the default branch where that
// has a commit. It returns the commit's SHA.
func (r *Repo) Seed(branch, message string, files map[string]string) (string, error) { return "", nil }

// SHA resolves a branch, tag (peeled), full ref or SHA to a commit; empty when there is none.
func (r *Repo) SHA(rev string) string { return "" }

// Branches maps branch names to SHAs.
func (r *Repo) Branches() map[string]string { return nil }

// Tags maps tag names to the SHAs of their commits.
func (r *Repo) Tags() map[string]string { return nil }

// Parents are the parents of a commit.
func (r *Repo) Parents(sha string) []string { return nil }

// File reads a file at a revision; the error wraps fs.ErrNotExist.
func (r *Repo) File(rev, path string) (string, error) { return "", nil }

// AddRuleset adds rules and returns the ruleset's ID.
func (r *Repo) AddRuleset(rs Ruleset) int64 { return 0 }

// RemoveRuleset removes a ruleset.
func (r *Repo) RemoveRuleset(id int64) {}

// Issues returns all issues and pull requests by number.
func (r *Repo) Issues() []Issue { return nil }

// Issue returns one, with ok false when there is none.
func (r *Repo) Issue(number int) (i Issue, ok bool) { return Issue{}, false }

// Comments returns the comments on an issue or pull request, or on all (0), oldest first.
func (r *Repo) Comments(number int) []Comment { return nil }

// Reactions returns all reactions, oldest first.
func (r *Repo) Reactions() []Reaction { return nil }

// Reviews returns the reviews of a pull request.
func (r *Repo) Reviews(number int) []Review { return nil }

// CheckRuns returns the check runs at a commit, or all (""), oldest first.
func (r *Repo) CheckRuns(sha string) []CheckRun { return nil }

// Statuses returns the commit statuses at a commit, or all (""), oldest first.
func (r *Repo) Statuses(sha string) []Status { return nil }

// Deployments returns all deployments, oldest first.
func (r *Repo) Deployments() []Deployment { return nil }

// Releases returns all releases, oldest first.
func (r *Repo) Releases() []Release { return nil }

// WorkflowRuns returns all workflow runs, oldest first.
func (r *Repo) WorkflowRuns() []WorkflowRun { return nil }

// SetRun moves a workflow run on and sends workflow_run in_progress or completed. Conclusion is for completed.
func (r *Repo) SetRun(id int64, status, conclusion string) error { return nil }

// SetCheck reports a check run as another App would: it is created, or brought up to date when that App has one of the
// name at the commit. Status in_progress or queued goes with an empty conclusion.
func (r *Repo) SetCheck(appID int64, sha, name, conclusion string) (int64, error) { return 0, nil }

// Enqueue puts a pull request into the merge queue: it builds the merge of base and head, points
// gh-readonly-queue/<base>/pr-<number>-<base sha> at it and sends merge_group.checks_requested. It returns the SHA.
func (r *Repo) Enqueue(number int) (string, error) { return "", nil }

// Dequeue ends a merge group: merged moves the base to it and closes the pull request; else it is thrown away. It sends
// merge_group.destroyed.
func (r *Repo) Dequeue(sha string, merged bool) error { return nil }
