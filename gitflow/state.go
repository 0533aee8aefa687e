package gitflow

// Order is finish.order of the configuration.
type Order string

// Orders. The zero value means DeployThenMerge.
const (
	DeployThenMerge Order = "deploy-then-merge"
	MergeThenDeploy Order = "merge-then-deploy"
)

// State is what is known of one release or hotfix and of the branches around it, all read at about the same time. The
// zero value of a field means "not there" or "no". Fields that a plan does not mention may be left out.
type State struct {
	Names Names
	// Kind is KindRelease, KindHotfix, or KindSupport for a release from a support line.
	Kind    Kind
	Version string // "1.4.0", "1.4.0-hotfix-17": what is promoted and tagged
	Branch  string // "release/1.4.0"
	Tag     string // git tag of the version: "v1.4.0"
	Order   Order
	// KeepBranch is finish.delete_branch: false.
	KeepBranch bool

	Start StartFacts

	Production, Development Line
	// Releases are the other open release branches (never Branch itself), in any order.
	Releases []Line
	// Support is set when the version belongs to a support line: it is merged into that line instead of production and
	// brought nowhere else.
	Support Line
	// Undeployed is true for a version of a support line that production does not run: its image is promoted, and nothing
	// is deployed.
	Undeployed bool

	// Head is where Branch is; empty: there is no such branch.
	Head string
	// HeadAhead is how many commits Head has that production lacks: compare(production...Head).ahead_by.
	HeadAhead int
	// Pull is the pull request of Branch into production, open or not; the newest, where there were several.
	Pull Pull
	// Children are open pull requests into Branch.
	Children []Pull

	Candidate Candidate
	Approvals Approvals
	// Lacks is LacksProduction for the candidate.
	Lacks Lacking
	// Outrun is the later version that production, or the support line, has already; empty: none.
	Outrun string
	// Broken is the rule that the pull request breaks, with the remedy: the problem of its verdict. Empty: none.
	Broken Text
	// Secrets is what was found in what the candidate brings to production.
	Secrets Secrets
	// Signature is whether the candidate's image is signed.
	Signature Signature
	// Obstacles is Preflight, computed for now.
	Obstacles []Obstacle
	// Paused is set while the release is on /hold: who and why.
	Paused Hold
	// Soak is what is missing of the time in the environment before, Scheduled the time that was asked for.
	Soak      Soak
	Scheduled Schedule
	// Alarm stands in production, or in the environment before it.
	Alarm Alarm
	// Emergency is set when two people asked by the emergency path: the approvals still missing, a freeze, a closed window,
	// an alarm and soak time do not keep the promotion waiting. Tests, production's commits, holds, vetoes and the digest still do.
	Emergency bool
	// OutOfOrder allows a release to ship before an open one with a lower version.
	OutOfOrder bool

	// Published is the digest that the production registry has for Version; empty: none, the version is not spent.
	Published string
	// Publishing is set until the pipeline that copies the image to production's registry has succeeded: the registry may have
	// the digest before what belongs to it is there, because somebody copied it by hand, or by a copy that was called off and
	// came to its end all the same.
	Publishing bool
	// Environment is the production environment.
	Environment Environment

	// TagSHA is the commit that Tag points at, peeled; empty: there is no such tag.
	TagSHA string
	// FinishHead is where Names.FinishBranch(Version) is; empty: no such branch. FinishPull is its pull request.
	FinishHead string
	FinishPull Pull
	// FinishLacks is true when the head of FinishPull, which anybody who may push can move, does not contain the candidate: merged,
	// it has not brought the candidate along.
	FinishLacks bool
	// FinishSound is the head of FinishPull if that is OnlyUpdated; empty: it is not, or at the candidate itself.
	FinishSound string
	// RepairHead and RepairPull are the same for RepairBranch of that branch. RepairSound is its head if that is a merge
	// of the approved commit into one of the branch that changes no file, as Sluice makes it, or that with more of the branch merged in.
	RepairHead  string
	RepairSound string
	RepairPull  Pull
	// Backmerges are the back-merge pull requests, open and merged, and branches without one yet.
	Backmerges []Backmerge
	// Bad is true once a rollback marked the version, whether its deployment had succeeded or not.
	Bad bool
	// ReleasePage is true when the GitHub release of Tag exists.
	ReleasePage bool
	// Running is how many executions of Branch are under way (not counting production's).
	Running int
	// Rollback is what PlanRollback is asked for.
	Rollback RollbackFacts
}

// Line is a branch that merges go into, as it is now.
type Line struct {
	Branch string
	SHA    string // its head; empty: there is no such branch
	// HasCandidate is true when it contains Candidate.SHA: compare(SHA...candidate).ahead_by == 0.
	HasCandidate bool
	// HasProduction is true when it contains Production.SHA. Not looked at for production itself.
	HasProduction bool
	// Answer is what GitHub said when the commit TriedSHA was merged into it, or what its rules foretell
	// (MergeRefused, with TriedSHA empty: any commit).
	Answer   MergeAnswer
	TriedSHA string
	// Reason is GitHub's text for MergeRefused, or the name of the ruleset; untrusted.
	Reason string
	// Frozen is set by /freeze; only looked at for production.
	Frozen Hold
	// Files are the conflicting files for MergeConflict, where known; untrusted.
	Files []string
	// Reverts is what the production tip would take back or bring back in it.
	Reverts []Revert
	// Queue is true when the branch has a merge queue that binds the App: nothing gets in but through it.
	Queue bool
}

// MergeAnswer is how a branch takes a direct merge.
type MergeAnswer string

// The answers. The zero value: not tried.
const (
	MergeUntried  MergeAnswer = ""
	MergeRefused  MergeAnswer = "refused"  // protection demands a pull request
	MergeConflict MergeAnswer = "conflict" // people must resolve it
)

// Pull is a pull request. The zero value: there is none.
type Pull struct {
	Number      int
	Head, Base  string
	HeadSHA     string
	Open, Draft bool
	Merged      bool
	MergeSHA    string
	// MergeSeen is No when Merged is true and the head of the base, as read, does not contain MergeSHA: the facts were not
	// read at the same moment, and nothing may be concluded from a missing ancestry.
	MergeSeen Answer
	Mergeable Answer // by a merge commit, now, as GitHub says
	WaitsFor  string // what keeps it from being merged: "2 required checks"; empty: nothing known
	Needs     Text   // what somebody must give before it is merged: "an approving review"; empty: nothing known
	// Behind is true where its base takes only what has all of the base, and it has not.
	Behind bool
	// Queued is true while it is in a merge queue. Fallen is how often it was put in with this head and fell out again.
	Queued bool
	Fallen int
	// Fault is what the flow's rules have against the head of a back-merge, or CheckFinish against one into production, which
	// Sluice then does not merge; nil: nothing.
	Fault *Violation
}

// Answer is yes, no or not known yet.
type Answer string

// The answers; Unknown is the zero value.
const (
	Unknown Answer = ""
	Yes     Answer = "yes"
	No      Answer = "no"
)

// StartFacts are what PlanStart needs beyond the branches.
type StartFacts struct {
	// From is the commit to cut from: a commit of development for a release, what production runs for a hotfix, the
	// tag's commit for a hotfix of an older version.
	From string
	// Green: all checks of From passed. Asked for a release only.
	Green Answer
	// OnLine: From lies on development (release), or is contained in production or the support line (hotfix).
	OnLine Answer
	// HasFrom: Branch exists and contains From, so it is the one that was cut. Looked at only when Head is not From.
	HasFrom Answer
	// Changes is how many commits From has that production lacks. 0 refuses a release unless AllowEmpty.
	Changes    int
	AllowEmpty bool
	// Empty is why the release would have nothing in it, though From has commits that production lacks: they are merges and
	// documentation. Empty where it has something. Asked for a release only.
	Empty string
	// LastGreen is the newest commit of development whose checks passed, to name where From is not green; empty: none known.
	LastGreen string
	// OtherBranches are all branch names that could clash; the bot may pass those that begin like Branch, in any case.
	OtherBranches []string
	// VersionProblem is what package tagging has against the version; empty: nothing.
	VersionProblem Text
	// By is who asked, for the pull request's text; untrusted.
	By string
}

// Candidate is what is promoted: a commit and its image.
type Candidate struct {
	// SHA is the commit that was approved, or Head while nothing was.
	SHA    string
	Digest string // empty: no image yet
	// Tested is true when the candidate pipeline succeeded up to the approval.
	Tested bool
	// Status says where the pipeline is, in words for people, while Tested is false: "building".
	Status string
	// Failed is true when the pipeline failed or was stopped.
	Failed bool
	// OfPromoted is true when a promotion of SHA has begun: from here a push to the branch cancels nothing.
	OfPromoted bool
}

// Approvals say how far the approval is.
type Approvals struct {
	Needed, Given int
	// Eligible is how many people may approve. With 0, Setting names what to change.
	Eligible int
	Setting  string
	// Unknown is why it cannot be told who took part in the change; then no approval counts. Empty: it can. Untrusted.
	Unknown string
	// RejectedBy is who vetoed; empty: nobody. Reason is theirs. Both untrusted.
	RejectedBy, Reason string
	// Void is why approvals given earlier no longer hold: "the head moved to 3f9c2ab". Empty: they hold.
	Void string
	// Lost is somebody whose approval stands and does not count, LostWhy the reason. Lost is untrusted. Empty: nobody.
	Lost, LostWhy string
	// Expired is true when the approval's time ran out.
	Expired bool
	// Wanted is false until somebody must say /promote (promote.auto: false). True: the promotion was asked for, or starts by itself.
	Wanted bool
}

// Hold is who holds something, and why. The zero value: nobody.
type Hold struct {
	By, Reason string // untrusted
	// Until says when it ends by itself: "Mon 2026-11-23 09:00 UTC"; empty: when somebody lifts it.
	Until string
}

func (h Hold) none() bool { return h.By == "" && h.Reason == "" }

// Alarm is an alarm that was raised and not cleared. The zero value: none.
type Alarm struct {
	Environment      string
	Name, By, Reason string // untrusted
}

// Soak is what is missing until the candidate has run long enough in the environment before. The zero value: nothing.
type Soak struct {
	// Environment is where it has to run; empty: the pipeline deploys nowhere before production.
	Environment  string
	Needed, Done string // "24h", "3h 5m"
	// Ends says when it is over if nothing happens; empty: the candidate does not run there.
	Ends string
}

// Schedule is a time that somebody asked for. The zero value: none.
type Schedule struct {
	By string // untrusted
	At string // "Sat 2026-11-28 06:00 Europe/Berlin"
	// Cancelled is why the promotion has to be asked for anew, at whatever time.
	Cancelled Text
}

// Environment is a deployment environment.
type Environment struct {
	Name string
	// Runs is what runs there now.
	Runs Deployed
	// Deploying is the version being deployed; empty: none. DeployFailed: the last deployment of our version failed.
	Deploying    string
	DeployFailed bool
	// Held is set after a rollback until /unpin.
	Held Hold
	// Frozen is set by /freeze.
	Frozen Hold
	// Locked is set by /lock.
	Locked Hold
	// Promoted is another version that is on its way to production, and comes first. The zero value: none.
	Promoted Promotion
	// WindowOpens says when deployments are allowed again, "Mon 09:00 Europe/Berlin"; empty: now.
	WindowOpens string
	// History is what was deployed, newest first, Runs included.
	History []Deployed
}

// Promotion is a version on its way into an environment. One of another component goes into another environment and into the
// same branch: it comes first only where both candidates change the same files.
type Promotion struct {
	Version     string // of a component with its name: "web 2.0.0"
	By          string // untrusted; who sent it; empty: the last approval did
	Environment string
	// Runs is true when it is deployed and has yet to be merged.
	Runs bool
	// Shares are the files that it and the candidate change since they parted; untrusted. Unlisted is true where GitHub does not
	// list all that either changes. Of the candidate's own component there are none.
	Shares   []string
	Unlisted bool
}

// Deployed is a version that was deployed.
type Deployed struct {
	Version, SHA, Digest string
	Succeeded            bool
	// Bad is true when a rollback marked it. Irreversible is why it cannot be gone back from or to; empty: it can.
	Bad          bool
	Irreversible string
	// Missing is true when its image is no longer in the registry.
	Missing bool
}

// Backmerge is one back-merge that goes through a pull request.
type Backmerge struct {
	Target string // branch it goes into
	Branch string // backmerge/…
	Tip    string // the production commit it was made for
	Head   string // where the branch is; empty: gone
	Sound  string // of one into production: its head, if Sluice may merge that besides Tip; see State.FinishSound and State.RepairSound
	// Repair is true for a zero-difference repair of a squashed or rebased back-merge.
	Repair bool
	// Lacks is true of a pull request whose head lacks the commit that the branch is for: of one into production, see
	// State.FinishLacks, and of a merged one of the newest tip.
	Lacks bool
	Pull  Pull // zero: none opened yet
}

// RollbackFacts are what PlanRollback is asked for.
type RollbackFacts struct {
	// To is the version to go back to; empty: the last good one before what runs.
	To string
	By string // untrusted
	// Reason is required.
	Reason string
	// Bad is true once the version that is rolled back from is marked in the release log.
	Bad bool
	// From is the version that is rolled back from, recorded when the rollback began; empty: what runs.
	From string
}
