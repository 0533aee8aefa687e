package gitrepo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Error says why a clone was not made. It holds no credentials and, apart from a context's error, nothing of the
// library's errors but their text: they lead to the request and its headers.
type Error struct {
	URL     string // without credentials; empty when the URL given was no good
	SHA     string
	Problem string // in one line, with the remedy where there is one

	temporary bool
	cause     error
}

func (e *Error) Error() string {
	if e.URL == "" {
		return "clone: " + e.Problem
	}
	return fmt.Sprintf("clone %s at %s: %s", e.URL, e.SHA, e.Problem)
}

// Unwrap returns context.Canceled or context.DeadlineExceeded if that ended the clone, else nil.
func (e *Error) Unwrap() error { return e.cause }

// Temporary tells whether the same clone may work later: the network, the server, the disk or the context failed it.
// If not, the commit or the repository is not there, or may not be read with that token.
func (e *Error) Temporary() bool { return e.temporary }

// refused is for a source that is no good as it stands, so its URL may be anything and is not repeated.
func refused(err error) *Error { return &Error{Problem: err.Error()} }

func failed(from Source, err error) *Error {
	e := &Error{URL: from.URL, SHA: from.SHA, Problem: oneLine(masked(from.Token, err.Error())) + remedy(err), temporary: isTemporary(err)}
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			e.cause = cause
		}
	}
	return e
}

// masked makes sure that an error does not quote the token, whatever the server has answered.
func masked(t Token, text string) string {
	if t == "" {
		return text
	}
	basic := base64.StdEncoding.EncodeToString([]byte(tokenUser + ":" + string(t)))
	return strings.NewReplacer(string(t), redacted, basic, redacted).Replace(text)
}

// oneLine cuts what may be a server's whole page to its beginning, and leaves nothing in it that moves a cursor.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	const limit = 300
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// remedy is what to do about it, where the library's words do not say.
func remedy(err error) string {
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		errors.Is(err, transport.ErrRepositoryNotFound):
		return "; the App needs \"Contents: read\" on the repository, and a token that has not expired"
	case errors.Is(err, plumbing.ErrObjectNotFound), strings.Contains(err.Error(), "not our ref"):
		return "; the commit is not in the repository, or no longer"
	}
	return ""
}

func isTemporary(err error) bool {
	var (
		status  *githttp.Err
		network net.Error
		wrapped *plumbing.UnexpectedError // does not unwrap
	)
	switch {
	case errors.Is(err, errRedirect), errors.Is(err, errTooLarge), errors.Is(err, errNoSHA):
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &status):
		code := status.StatusCode()
		return code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
	case errors.As(err, &wrapped):
		return isTemporary(wrapped.Err)
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return true
	}
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
