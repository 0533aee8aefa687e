package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// ErrSignedOut is what a Viewer returns for a token that GitHub does not take any more: expired or revoked. The person
// signs in again.
var ErrSignedOut = errors.New("the sign-in at GitHub has ended")

// Viewer signs people in and says what they may read. GitHub implements it; tests have their own.
type Viewer interface {
	// SignInURL is the address at the forge where a person agrees, with a PKCE challenge (S256) made of verifier. The
	// browser comes back to redirect with the state.
	SignInURL(state, verifier, redirect string) string
	// Login trades the code a browser came back with. verifier and redirect are those of SignInURL.
	Login(ctx context.Context, code, verifier, redirect string) (forge.User, Token, error)
	// User is whose token it is, now: with the login the account has today.
	User(ctx context.Context, token string) (forge.User, error)
	// Readable returns the IDs of the repositories where the App is installed and the person was given access.
	Readable(ctx context.Context, token string) ([]int64, error)
	// MayRead tells whether the token may read the repository; that a repository of this name is there but has another
	// ID is no.
	MayRead(ctx context.Context, token string, repo forge.Repo) (bool, error)
}

// Token is a person's own token for GitHub. It does not print itself.
type Token struct {
	Value string
	// Expires is when it ends; zero: not known.
	Expires time.Time
}

// String is "[token]".
func (Token) String() string { return "[token]" }

// GoString is "[token]".
func (Token) GoString() string { return "[token]" }

// LogValue is "[token]".
func (Token) LogValue() slog.Value { return slog.StringValue("[token]") }

// Actor carries out what somebody asked for with a button. It decides who may, by the rules that hold for comments, and
// looks at the state anew: the page may be old.
type Actor interface {
	// Act gives a command, as it would be typed in a comment ("/approve", "/reject the login is broken", "/promote",
	// "/retry", "/cancel"), for an execution of a repository. ok is false when it was refused; reply says why, or what
	// follows, in Markdown. An error is a failure to find out.
	Act(ctx context.Context, repoID int64, executionID, command string, by forge.User) (reply string, ok bool, err error)
}
