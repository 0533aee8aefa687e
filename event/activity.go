package event

// Activity is GitHub's word for what happened within an event: the field "action" of the payload. The constants are
// those that lead to an event; deliveries of other activities are kept and lead to none.
type Activity string

// Activities of pull requests.
const (
	Opened           Activity = "opened"
	Reopened         Activity = "reopened"
	Closed           Activity = "closed" // PullRequest.Merged tells how
	Synchronize      Activity = "synchronize"
	ReadyForReview   Activity = "ready_for_review"
	ConvertedToDraft Activity = "converted_to_draft"
	Dequeued         Activity = "dequeued" // out of the merge queue, merged or not
)

// Activities of reviews and, Edited and Deleted, of others too.
const (
	Submitted Activity = "submitted"
	Dismissed Activity = "dismissed"
	Edited    Activity = "edited"
	Deleted   Activity = "deleted"
)

// Activities of check runs, check suites, workflow runs and merge groups.
const (
	Rerequested     Activity = "rerequested"
	RequestedAction Activity = "requested_action"
	Requested       Activity = "requested"
	InProgress      Activity = "in_progress"
	Completed       Activity = "completed"
	ChecksRequested Activity = "checks_requested"
	Destroyed       Activity = "destroyed"
)

// Activities of releases.
const (
	Published   Activity = "published"
	Unpublished Activity = "unpublished"
	Prereleased Activity = "prereleased"
	Released    Activity = "released"
)

// Activities of repositories.
const (
	Created     Activity = "created"
	Renamed     Activity = "renamed"
	Transferred Activity = "transferred"
	Archived    Activity = "archived"
	Unarchived  Activity = "unarchived"
	Publicized  Activity = "publicized"
	Privatized  Activity = "privatized"
)

// Activities of installations, members and teams.
const (
	Suspended              Activity = "suspend"
	Unsuspended            Activity = "unsuspend"
	NewPermissionsAccepted Activity = "new_permissions_accepted"
	Added                  Activity = "added"
	Removed                Activity = "removed"
	AddedToRepository      Activity = "added_to_repository"
	RemovedFromRepository  Activity = "removed_from_repository"
)
