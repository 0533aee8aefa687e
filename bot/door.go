package bot

import "github.com/sluicehq/sluice/forge"

// Door is something people can ask for, whichever way they ask: comment, button, dashboard, API. Every way in names a
// door, and authorize is the only place that says who may pass.
type Door string

// The doors.
const (
	DoorRead           Door = "read"
	DoorVersion        Door = "version"
	DoorReleaseStart   Door = "release.start"
	DoorReleaseAbandon Door = "release.abandon"
	DoorHotfixStart    Door = "hotfix.start"
	DoorApprove        Door = "approve"
	DoorPromote        Door = "promote"
	DoorEmergency      Door = "emergency" // /promote --emergency
	DoorRetry          Door = "retry"
	DoorCancel         Door = "cancel"
	DoorBackmerge      Door = "backmerge"
	DoorRetarget       Door = "retarget"
	DoorRollback       Door = "rollback"
	DoorUnpin          Door = "unpin"
	DoorHold           Door = "hold"
	DoorFreeze         Door = "freeze"
	DoorTransition     Door = "transition"
	DoorLock           Door = "lock"
	DoorUnlock         Door = "unlock" // its starter is whose lock it is
	DoorAlarm          Door = "alarm"
	DoorPlan           Door = "plan"
	DoorEvidence       Door = "evidence"
	DoorTest           Door = "test"
	DoorRefresh        Door = "refresh"
	DoorOkToTest       Door = "ok-to-test"
	DoorOverride       Door = "override"
	DoorCondition      Door = "override.condition"
	DoorCherrypick     Door = "cherrypick"
	DoorRecheck        Door = "recheck" // GitHub's re-run button
)

// doorRule is who may pass a door when the configuration says nothing else.
type doorRule struct {
	role forge.Role
	// environment makes the door that environment's: its approve or promote setting decides, where there is one.
	environment environmentRule
	// also lets in those too whom that setting of the environment names, with whatever role.
	also environmentRule
	// starter lets in whoever started the thing, with write access.
	starter bool
	// author lets in whoever opened the pull request, with whatever role: it is their own change.
	author bool
	// production is the door that is asked for instead where nothing else stands before production.
	production Door
	// lenient asks only for write access when no release is concerned: a developer's own feature pipeline.
	lenient bool
}

type environmentRule string

const (
	byNobody    environmentRule = ""
	byApprove   environmentRule = "approve"
	byPromote   environmentRule = "promote"
	byEmergency environmentRule = "emergency"
	byAnyKeeper environmentRule = "any"          // all of them, and the role besides
	roleReader                  = forge.RoleNone // anyone who can see the repository
)

// doors is the whole table. A door without a row does not exist.
var doors = map[Door]doorRule{ //nolint:gochecknoglobals // a constant table
	DoorRead:           {role: roleReader},
	DoorVersion:        {role: forge.RoleMaintain},
	DoorReleaseStart:   {role: forge.RoleMaintain},
	DoorReleaseAbandon: {role: forge.RoleMaintain},
	DoorHotfixStart:    {role: forge.RoleWrite},
	DoorApprove:        {role: forge.RoleWrite, environment: byApprove},
	DoorPromote:        {role: forge.RoleMaintain, environment: byPromote},
	DoorEmergency:      {role: forge.RoleAdmin, environment: byEmergency},
	DoorRetry:          {role: forge.RoleMaintain, lenient: true},
	DoorCancel:         {role: forge.RoleMaintain, starter: true, lenient: true},
	DoorBackmerge:      {role: forge.RoleWrite},
	DoorRetarget:       {role: forge.RoleWrite},
	DoorRollback:       {role: forge.RoleMaintain, also: byEmergency},
	DoorUnpin:          {role: forge.RoleMaintain},
	DoorHold:           {role: forge.RoleWrite},
	DoorFreeze:         {role: forge.RoleMaintain},
	DoorTransition:     {role: forge.RoleMaintain},
	DoorLock:           {role: forge.RoleWrite},
	DoorUnlock:         {role: forge.RoleMaintain, starter: true},
	DoorAlarm:          {role: forge.RoleMaintain, environment: byAnyKeeper},
	DoorPlan:           {role: forge.RoleWrite},
	DoorEvidence:       {role: forge.RoleWrite},
	DoorTest:           {role: forge.RoleWrite, author: true},
	DoorRefresh:        {role: forge.RoleWrite, author: true},
	DoorOkToTest:       {role: forge.RoleWrite},
	DoorCherrypick:     {role: forge.RoleWrite},
	DoorOverride:       {role: forge.RoleAdmin},
	DoorCondition:      {role: forge.RoleMaintain, production: DoorOverride},
	DoorRecheck:        {role: forge.RoleWrite},
}

// looks tells whether what is behind the door changes nothing but what Sluice itself shows.
func (d Door) looks() bool {
	return d == DoorRead || d == DoorPlan || d == DoorEvidence || d == DoorRefresh
}

// who says in words who may pass, for help and documents.
func (d Door) who() string {
	r := doors[d]
	who := map[forge.Role]string{
		roleReader:         "anyone",
		forge.RoleWrite:    "developers (write)",
		forge.RoleMaintain: "release managers (maintain)",
		forge.RoleAdmin:    "admins",
	}[r.role]
	switch r.environment {
	case byApprove:
		return "approvers of the environment, else " + who
	case byPromote:
		return "who may promote to the environment, else " + who
	case byEmergency:
		return "whom the environment names for emergencies, else " + who
	case byAnyKeeper:
		return "whom the environment names to approve, to promote or for emergencies, and " + who
	}
	if r.also == byEmergency {
		who += " and, for production, whom it names for emergencies"
	}
	if r.starter {
		who += " and whoever started it"
	}
	if r.author {
		who += " and the pull request's author"
	}
	if r.production != "" {
		who += "; where it leads to production: " + r.production.who()
	}
	if r.lenient {
		who += "; on a feature: developers (write)"
	}
	return who
}
