package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
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

// Rights says what accounts may at GitHub, asked as the App: for people who come with a token of Sluice, when their own
// token for GitHub is not at hand.
type Rights interface {
	// Role is what an account may do in a repository now; RoleNone where it may not even see it, where GitHub does not know
	// it, and where its login has passed to another account.
	Role(ctx context.Context, repo store.Repo, who forge.User) (forge.Role, error)
}

// Actor carries out what somebody asked for on a page or through the API. It decides who may, by the rules that hold for comments, and looks
// at the state anew: the page may be old.
type Actor interface {
	// Act hands in a command, as it would be typed in a comment ("/approve", "/reject the login is broken"), and waits some
	// seconds for its end. An operation that is still waiting then says so in its reply. *CommandError: it is written
	// wrongly. Any other error is a failure to hand it in.
	Act(ctx context.Context, o store.Operation) (store.Operation, error)
	// Post is Act that does not wait. An operation whose ID is there already is not handed in again, and comes back as it
	// stands.
	Post(ctx context.Context, o store.Operation) (store.Operation, error)
	// Alarm is Post of what monitoring says; the operation lacks its command. *CommandError: there is no such environment or
	// component, and it names those there are.
	Alarm(ctx context.Context, o store.Operation, a Alarm) (store.Operation, error)
}

// Recorder has the evidence of releases. It decides who may have it, by the rules that hold for commands.
type Recorder interface {
	// Evidence gives the document about a version of a repository, which is written as JSON. store.ErrNotFound: there is
	// no such release; *RefusedError: they may not have it.
	Evidence(ctx context.Context, repo int64, who forge.User, version string) (any, error)
}

// RefusedError is a no to somebody who is known: why, and who may.
type RefusedError struct{ Text string }

func (e *RefusedError) Error() string { return e.Text }

// CommandError is a command that is written wrongly.
type CommandError struct {
	Problem string
	Usage   string
}

func (e *CommandError) Error() string { return e.Problem + "; usage: " + e.Usage }
