package event

// RefKind tells a branch from a tag.
type RefKind string

// The kinds of refs GitHub reports.
const (
	Branch RefKind = "branch"
	Tag    RefKind = "tag"
)

// Push is a change of one ref (event "push"). GitHub sends none when more than three tags or 5,000 branches are pushed
// at once.
type Push struct {
	Origin
	// Ref is the full name, "refs/heads/…" or "refs/tags/…".
	Ref string
	// Branch is the short name when Ref is a branch, Tag when it is a tag; the other is empty. Both are empty for any
	// other ref.
	Branch, Tag string
	// Before and After are the SHAs the ref had and has; empty where the ref did not or does not exist.
	Before, After string
	// Created, Deleted and Forced are GitHub's account of the change. Forced means that Before is not an ancestor of
	// After.
	Created, Deleted, Forced bool
}

// RefCreated is a new branch or tag (event "create"). The payload has no SHA.
type RefCreated struct {
	Origin
	Kind RefKind
	Name string // short name
}

// RefDeleted is a deleted branch or tag (event "delete").
type RefDeleted struct {
	Origin
	Kind RefKind
	Name string // short name
}

// MergeGroup is a change of a merge queue's entry (event "merge_group").
type MergeGroup struct {
	Origin
	// Activity is ChecksRequested or Destroyed.
	Activity Activity
	// SHA is the head of the temporary branch that checks are wanted on.
	SHA string
	// HeadRef is the temporary branch, "refs/heads/gh-readonly-queue/…"; BaseRef the full name of the branch that is
	// merged into.
	HeadRef, BaseRef string
	// BaseSHA is the commit of the base the group was made on.
	BaseSHA string
}
