package forge

import (
	"errors"
	"fmt"
	"time"
)

// What a call to GitHub can come back with. Package githubapp returns these, wrapped with what was attempted; package
// bot decides what follows from each in one place.
var (
	// ErrNotFound: there is no such thing, or the App may not see it (404; GitHub does not tell which).
	ErrNotFound = errors.New("not found")
	// ErrExists: a ref, pull request or release of that name is there already (422).
	ErrExists = errors.New("exists already")
	// ErrConflict: the merge has conflicts that a person must resolve (409).
	ErrConflict = errors.New("merge conflict")
	// ErrBaseMoved: the branch that was to be merged into moved meanwhile, or another merge into it is under way (405 or 409).
	ErrBaseMoved = errors.New("the base moved")
	// ErrMoved: the head is not the SHA that was named any more (409).
	ErrMoved = errors.New("the head moved")
	// ErrUpToDate: there is nothing to merge (204).
	ErrUpToDate = errors.New("nothing to merge")
	// ErrArchived: the repository is archived and takes no writes (403).
	ErrArchived = errors.New("the repository is archived")
	// ErrNoCommits: a pull request would be empty (422).
	ErrNoCommits = errors.New("no commits between the branches")
)

// RefusedError is a refusal that repeating does not mend: a rule, a setting, a missing permission (401, 403, 405, 422).
type RefusedError struct {
	Status  int
	Message string // GitHub's words, without credentials
	// Permission is true when the App lacks a permission, false when a rule or setting of the repository refused.
	Permission bool
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("GitHub refused (%d): %s", e.Status, e.Message)
}

// RateLimitError asks to come back at Until: GitHub's primary or secondary limit, or our own pacing.
type RateLimitError struct {
	Until     time.Time
	Secondary bool
}

func (e *RateLimitError) Error() string {
	return "GitHub's rate limit is reached until " + e.Until.UTC().Format(time.RFC3339)
}

// TemporaryError is a failure that may be gone next time: a 5xx, a timeout, a reset connection. Whether the call took
// effect is unknown.
type TemporaryError struct{ Err error }

func (e *TemporaryError) Error() string {
	return "GitHub did not answer as it should: " + e.Err.Error()
}
func (e *TemporaryError) Unwrap() error { return e.Err }

// NotAFileError is returned for a path that holds something else than a regular file.
type NotAFileError struct {
	Path string
	Type string // symlink, submodule, dir, or "file of N bytes" when it is too large
}

func (e *NotAFileError) Error() string {
	return fmt.Sprintf("%s is a %s, not a file that can be read", e.Path, e.Type)
}
