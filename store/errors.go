package store

import "errors"

// Errors a caller is expected to tell apart with errors.Is. Every one that comes back is wrapped with what was asked for.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrStale: the record was changed, or the lane given to somebody else, since it was read. Read it again and decide anew.
	ErrStale = errors.New("changed by somebody else since it was read")
	// ErrConflict: a record with this name exists and says something else, for example a tag with another SHA.
	ErrConflict = errors.New("exists with other content")
	// ErrNewerSchema: the database was migrated by a newer Sluice than this one.
	ErrNewerSchema = errors.New("the database belongs to a newer version of sluice")
	// ErrInUse: another process has the data folder open.
	ErrInUse = errors.New("the database is in use by another process")
	// ErrDamaged: the database file fails its integrity check, a part of it is missing, or a stored body cannot be read.
	ErrDamaged = errors.New("the database is damaged")
)
