package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// ErrNotFound is in the chain of an error when the tag, the digest or the repository is not there.
var ErrNotFound = errors.New("not found in the registry")

// ErrDenied is in the chain of an error when the registry refuses the credentials or asks for some.
var ErrDenied = errors.New("the registry denies access")

// ConflictError says that a tag is taken: it has another digest than the one it should get. Tags are never moved, so a
// person has to decide. It is permanent.
type ConflictError struct {
	Ref  string // host/repository:tag
	Have string // the digest it has
	Want string // the digest it should have got
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s is taken: it is %s, wanted %s; tags are never moved, use another version", e.Ref, e.Have, e.Want)
}

// Temporary is false: a tag that is taken stays so.
func (e *ConflictError) Temporary() bool { return false }

// Error is any other failure of a call: what was done to which reference and why it failed, without credentials. In its
// chain are ErrNotFound, ErrDenied and the context's errors only; the registry's own words are in the text.
type Error struct {
	Op     string // resolve, read, copy, push, tag
	Ref    string
	Reason string
	Status int // of the HTTP answer; 0 when there was none

	temporary bool
	is        error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", e.Op, e.Ref, e.Reason) }

// Temporary tells whether trying again later may help.
func (e *Error) Temporary() bool { return e.temporary }

// Unwrap returns ErrNotFound, ErrDenied, a context error or nil.
func (e *Error) Unwrap() error { return e.is }

// IsTemporary tells whether err came from this package and trying again later may help.
func IsTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// permanentError is a refusal of our own; wrap keeps it from being taken for trouble of the network.
type permanentError struct{ reason string }

func (e *permanentError) Error() string { return e.reason }

func refusef(format string, args ...any) error { return &permanentError{fmt.Sprintf(format, args...)} }

// wrap turns whatever a call ran into into an *Error; errors of this package pass unchanged.
func wrap(op, ref string, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		return conflict
	}
	e := &Error{Op: op, Ref: scrub(ref), Reason: scrub(err.Error())}
	var refused *permanentError
	var answer *transport.Error
	var network net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		e.is, e.temporary, e.Reason = context.Canceled, true, "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		e.is, e.temporary, e.Reason = context.DeadlineExceeded, true, "took too long"
	case errors.As(err, &refused):
		e.Reason = scrub(refused.reason)
	case errors.As(err, &certificate):
		e.Reason = scrub("its certificate is not valid: " + certificate.Error())
	case errors.As(err, &answer):
		e.Status = answer.StatusCode
		e.is, e.temporary = meaning(answer)
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.temporary = true
	}
	return e
}

// meaning tells what an HTTP answer stands for.
func meaning(answer *transport.Error) (is error, temporary bool) {
	if uploadLost(answer) {
		return nil, true
	}
	switch s := answer.StatusCode; {
	case s == http.StatusNotFound:
		return ErrNotFound, false
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return ErrDenied, false
	case s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s >= 500:
		return nil, true
	}
	return nil, answer.Temporary()
}

// uploadLost tells whether the registry has forgotten an upload, or a blob it had: uploading it again helps.
func uploadLost(err error) bool {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, d := range answer.Errors {
		switch d.Code {
		case transport.BlobUploadUnknownErrorCode, transport.BlobUploadInvalidErrorCode, transport.ManifestBlobUnknownErrorCode:
			return true
		}
	}
	r := answer.Request
	return answer.StatusCode == http.StatusNotFound && r != nil &&
		(r.Method == http.MethodPatch || r.Method == http.MethodPut && r.URL.Query().Has("digest"))
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

func isConflict(err error) bool {
	var conflict *ConflictError
	return errors.As(err, &conflict)
}

var (
	urlSecrets  = lazyregexp.New(`(?i)\b(https?://)([^\s/@"']*@)?([^\s?#"']*)(\?[^\s"']*)?`)
	authSecrets = lazyregexp.New(`(?i)\b(basic|bearer)\s+[A-Za-z0-9._~+/=-]{8,}`)
)

// scrub takes user names, passwords, query strings and authorization values out of text.
func scrub(text string) string {
	text = urlSecrets.ReplaceAllString(text, "$1$3")
	return authSecrets.ReplaceAllString(text, "$1 ***")
}
