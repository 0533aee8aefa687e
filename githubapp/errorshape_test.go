package githubapp

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
)

// errorShape is what a caller can tell of an error.
func errorShape(err error) string {
	var refused *forge.RefusedError
	var limit *forge.RateLimitError
	var temporary *forge.TemporaryError
	var odd *forge.NotAFileError
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &refused):
		return fmt.Sprintf("refused %d permission=%v %s", refused.Status, refused.Permission, refused.Message)
	case errors.As(err, &limit):
		return fmt.Sprintf("limit until %s secondary=%v", limit.Until.UTC().Format("15:04:05"), limit.Secondary)
	case errors.As(err, &temporary):
		return "temporary: " + temporary.Err.Error()
	case errors.As(err, &odd):
		return fmt.Sprintf("not a file: %s is a %s", odd.Path, odd.Type)
	}
	for name, sentinel := range map[string]error{
		"not found": forge.ErrNotFound, "exists": forge.ErrExists, "conflict": forge.ErrConflict, "moved": forge.ErrMoved, "base moved": forge.ErrBaseMoved,
		"up to date": forge.ErrUpToDate, "no commits": forge.ErrNoCommits, "archived": forge.ErrArchived, "canceled": context.Canceled,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "unknown: " + err.Error()
}
