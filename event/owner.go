package event

import "github.com/sluicehq/sluice/forge"

// Release is a change of a GitHub release, the page (event "release").
type Release struct {
	Origin
	Activity          Activity
	Release           forge.Release
	Draft, Prerelease bool
}

// Repository is a change of a repository itself (event "repository"). Origin.Repo is what it is now.
type Repository struct {
	Origin
	// Activity is Created, Deleted, Archived, Unarchived, Edited, Renamed, Transferred, Publicized or Privatized.
	Activity Activity
	// NameBefore is the name before Renamed, OwnerBefore the owner's login before Transferred, DefaultBranchBefore the
	// short name before an edit that changed the default branch. Empty otherwise.
	NameBefore, OwnerBefore, DefaultBranchBefore string
}

// Installation is a change of the App's installation on an account (event "installation").
type Installation struct {
	Origin
	// Activity is Created, Deleted, Suspended, Unsuspended or NewPermissionsAccepted.
	Activity Activity
	Account  forge.User // the user or organization it is installed on
	// Repos are the repositories it covers, as far as the payload lists them: ID, owner and name.
	Repos []forge.Repo
}

// InstallationRepositories is a change of which repositories an installation covers (event
// "installation_repositories").
type InstallationRepositories struct {
	Origin
	Activity       Activity   // Added or Removed
	Account        forge.User // the user or organization it is installed on
	Added, Removed []forge.Repo
}

// Members says that somebody's rights may have changed: a collaborator of a repository (event "member"), a member of a
// team ("membership") or a team itself ("team"). What was remembered about who may do what has to be asked for again.
type Members struct {
	Origin
	Activity Activity
	// Organization is the login of the organization; empty for a collaborator of a user's repository.
	Organization string
	// Team is the slug of the team; empty for event "member". TeamID is its ID.
	Team   string
	TeamID int64
	// User is who was added, removed or given other rights; zero when it concerns a whole team.
	User forge.User
}

// Ping is GitHub's greeting after a webhook was set up (event "ping").
type Ping struct {
	Origin
	HookID int64
}
