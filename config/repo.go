package config

import (
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
)

// Context is what the loader must know about a repository beyond its file.
type Context struct {
	// Owner and RepoName are as GitHub spells them.
	Owner, RepoName string
	// Branches are the short names of the branches that exist. Nil means that they are not known: defaults then take the
	// first name, and nothing is said about branches that might be missing.
	Branches []string
	// Check looks at the parameters of an executor, as executor.Registry.Check does: its error names the key as
	// with.KEY, several errors one a line. It is asked about every `uses:` except approval, promote and deploy. Nil: any
	// parameters are accepted.
	Check func(uses string, with map[string]any) error
	// Executors are the names of executors that a repository's file may use besides those of every server: the demo has one of its own.
	Executors []string
	// LocalExecutors tells whether the operator lets embedded executors run this repository's code.
	LocalExecutors bool
	// Organization is what the file is read with; nil: nothing is known of one, so there are no defaults.
	Organization *Organization
	// Lenient: a branch that the configuration names and Branches lacks is no error, but is listed in Repo.Missing.
	Lenient bool
	// File is the name that errors carry. Empty means FileName.
	File string
}

// Mode says whether Sluice acts or only reports.
type Mode string

// Modes of a repository.
const (
	Enforce Mode = "enforce" // the default
	Observe Mode = "observe" // report, change nothing
)

// Repo is the checked configuration of a repository. Treat it as read-only: it may be shared.
type Repo struct {
	// Configured is false for zero configuration (Default).
	Configured bool
	// Active tells whether Sluice does anything in the repository at all. A configured repository always is; without
	// configuration it takes a production and a development branch. Inactive says what is missing, else it is empty.
	Active   bool
	Inactive string

	Mode Mode
	// App is the key app, else the repository's name as GitHub spells it. ImageName is App fitted to the path grammar of
	// image registries (tagging.ImageName): {AppName} and {ImageName} in tags, {app} in registries.
	App, ImageName string
	Names          gitflow.Names
	Versioning     Versioning
	Registries     Registries
	Environments   map[string]Environment // by name; development, staging and production are always there
	Finish         Finish
	Secrets        Secrets

	// Components are the applications of a monorepo, in the order of the file; empty: the repository is one application.
	Components []Component

	// Missing are the branches that the configuration names and that do not exist; empty unless Context.Lenient.
	Missing []*Error

	local     bool                           // Context.LocalExecutors
	pipelines map[string]pipeline.Definition // as configured, by kind, not completed
}

// Bump says which part of a version rises.
type Bump string

// The parts of a version that versioning.next may name.
const (
	BumpPatch Bump = "patch"
	BumpMinor Bump = "minor" // the default
	BumpMajor Bump = "major"
)

// HotfixVersions says how a hotfix is versioned.
type HotfixVersions string

// The ways of versioning.hotfix.
const (
	HotfixSuffix HotfixVersions = "suffix" // 1.4.0-hotfix-17, the default
	HotfixPatch  HotfixVersions = "patch"  // 1.4.1
)

// Versioning is how versions and tags are made.
type Versioning struct {
	Next           Bump // the least that rises for the next release
	Hotfix         HotfixVersions
	Tag            tagging.TagPattern // of git tags; default v{ReleaseVersion}
	RevisionLength int                // hex digits of the SHA in image tags, 7 to 40; default 7
}

// Registries are full image repositories, host/path without tag, with {owner} and {app} expanded. Each may be empty.
// Whether the server allows the repository to use them is not asked here (Server.RegistryAllow).
type Registries struct {
	Development, Production string
}

// Environment is a place that is deployed to.
type Environment struct {
	Name string
	// Approve is what must be approved before anything enters; nil: nothing. Production's is never nil.
	Approve *Approve
	Promote Promote
	// Emergency says who may take a candidate here by the emergency path, nobody named: admins; and who may roll it back besides
	// release managers. Production's only.
	Emergency People `json:",omitzero"`
	// Deploy is how to deploy; Deploy.Uses is empty where only the deployment is recorded.
	Deploy pipeline.Deploy
	// Borrow says who may take the place from a candidate that waits for its approval. A release with a lower version always
	// may: it ships first. Changing it voids no approval.
	Borrow Borrow `json:"-"`
	// RollbackOnFailure: a failed deployment is answered by deploying the last good digest again.
	RollbackOnFailure bool
	// RollbackOnAlarm: so is one that failed after an alarm of the environment was raised.
	RollbackOnAlarm bool
	// Verify says whose signature an image must have to come in. Production's only. No approval rests on it, because it is
	// asked anew each time.
	Verify Verify `json:"-"`
	// Windows, Freeze and Soak say when may be deployed and promoted. No approval rests on them.
	Windows Windows `json:"-"`
	Freeze  Freeze  `json:"-"`
	Soak    Soak    `json:"-"`
}

// Borrow says who may borrow an environment from a waiting candidate, whose image is put back afterwards.
type Borrow string

// The values of borrow.
const (
	BorrowHotfix Borrow = "hotfix" // a hotfix, the default
	BorrowNever  Borrow = "never"  // nobody: a hotfix waits until the candidate's approval is decided
)

// Approve says who may let something into an environment.
type Approve struct {
	// Teams are slugs of teams of the repository's owner, Users logins. Both empty: whoever may write.
	Teams, Users []string
	Count        int // different people needed; at least 1, the default
	// AllowAuthor lets people approve who took part in the change. Default false.
	AllowAuthor bool
	Expires     time.Duration // default 7 days
	Remind      time.Duration // default 24 hours; 0: no reminder
	// Reviews counts GitHub's reviews of the pull request too: approvals of the commit that waits, and requested changes
	// as a veto. Default false.
	Reviews bool `json:",omitzero"`
	// Escalate says whom an approval that nobody gives is taken to. The zero value: nobody.
	Escalate Escalate `json:",omitzero"`
}

// People are members of teams of the repository's owner, by slug, and users by login.
type People struct {
	Teams, Users []string `json:",omitempty"`
}

// Escalate calls further people once an approval has been open for some time.
type Escalate struct {
	After time.Duration // less than the approval's Expires
	People
}

// Promote says who may promote into an environment.
type Promote struct {
	// Teams are slugs of teams of the repository's owner, Users logins. Both empty: whoever may maintain.
	Teams, Users []string
	// Auto: the last approval starts the promotion. Default true.
	Auto bool
}

// FinishOrder says what comes first at the end of a release.
type FinishOrder string

// Orders of finish.order.
const (
	DeployThenMerge FinishOrder = "deploy-then-merge" // the default
	MergeThenDeploy FinishOrder = "merge-then-deploy"
)

// Finish is how a release ends.
type Finish struct {
	Order        FinishOrder
	DeleteBranch bool // default true
}

// Component is one application of a monorepo.
type Component struct {
	Name  string
	Paths []string // globs of its files
	// Registries are its own; zero: below the repository's.
	Registries Registries

	pipelines map[string]pipeline.Definition // by kind; a kind it lacks is the repository's
}

// Configures tells whether the component has a pipeline for a kind of branch of its own.
func (c Component) Configures(kind string) bool {
	_, ok := c.pipelines[kind]
	return ok
}

// Revision is what a pipeline's default depends on that only the revision itself tells.
type Revision struct {
	// Buildspec is the path of the build specification that the default runs; empty: there is none.
	Buildspec string
	// SkipDeploy leaves out what deploys, and the approvals and promotion after it: branches of other bots.
	SkipDeploy bool
}
