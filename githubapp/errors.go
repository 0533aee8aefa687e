package githubapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// lacksPermission is how GitHub refuses what the installation was not granted.
const lacksPermission = "not accessible by integration"

// mapError turns what go-github and ghinstallation return into the errors of package forge. It is the only place that
// knows GitHub's statuses. Texts hold no credentials: they are GitHub's message, never the request.
func mapError(resp *github.Response, err error, now time.Time) error {
	var limit *forge.RateLimitError
	var rate *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var answer *github.ErrorResponse
	var twoFactor *github.TwoFactorAuthError
	var token *ghinstallation.HTTPError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limit):
		return limit
	case errors.As(err, &rate): // go-github knows it from the answer before
		return &forge.RateLimitError{Until: rate.Rate.Reset.Time}
	case errors.As(err, &abuse): // pace answers these; this is for a transport without it
		return &forge.RateLimitError{Until: now.Add(secondaryWait), Secondary: true}
	case errors.As(err, &answer):
		return mapAnswer(answer)
	case errors.As(err, &twoFactor):
		return mapAnswer((*github.ErrorResponse)(twoFactor))
	case errors.As(err, &token) && token.Response != nil:
		return mapToken(token.Response)
	case errors.As(err, &token) && token.RootCause != nil:
		return mapError(nil, token.RootCause, now)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return &forge.TemporaryError{Err: context.DeadlineExceeded}
	case resp != nil && resp.StatusCode >= 200 && resp.StatusCode < 300:
		return &forge.TemporaryError{Err: errors.New("the answer could not be read: " + redact(err.Error()))}
	}
	var with *url.Error // says the address again
	for errors.As(err, &with) {
		err = with.Err
	}
	return &forge.TemporaryError{Err: errors.New(redact(err.Error()))}
}

// mapAnswer is mapError for an answer with an error status.
func mapAnswer(e *github.ErrorResponse) error {
	switch status := e.Response.StatusCode; {
	case status == http.StatusNotFound,
		status == http.StatusGone && says(e, "deleted"),
		status == http.StatusConflict && says(e, "repository is empty"),
		status == http.StatusUnprocessableEntity && says(e, "no commit found", "reference does not exist"):
		if e.Message == "" || e.Message == "Not Found" {
			return forge.ErrNotFound
		}
		return fmt.Errorf("%w (%s)", forge.ErrNotFound, message(e))
	case status == http.StatusForbidden && says(e, "archived so is read-only"):
		return fmt.Errorf("%w (%s)", forge.ErrArchived, message(e))
	case status == http.StatusConflict && says(e, "head branch was modified"):
		return forge.ErrMoved
	case status == http.StatusConflict && says(e, "merge conflict"):
		return forge.ErrConflict
	case status == http.StatusUnprocessableEntity && says(e, "already exists", "already_exists"):
		return forge.ErrExists
	case status == http.StatusUnprocessableEntity && says(e, "no commits between"):
		return forge.ErrNoCommits
	case (status == http.StatusMethodNotAllowed || status == http.StatusConflict) && says(e, "base branch was modified", "merge already in progress"):
		return forge.ErrBaseMoved
	case status >= 500:
		return &forge.TemporaryError{Err: errors.New(message(e))}
	default:
		return &forge.RefusedError{Status: status, Message: message(e), Permission: status == http.StatusUnauthorized || says(e,
			lacksPermission, "installation has been suspended", "must have admin rights", "must have push access", "without `workflow",
		)}
	}
}

// mapToken is mapError for a refused installation token. The answer's own words are about the App's signature and may
// quote it.
func mapToken(resp *http.Response) error {
	why := "GitHub gives the App no access token for this installation"
	switch status := resp.StatusCode; status {
	case http.StatusUnauthorized:
		why += ": the App's ID and private key do not belong together, or this machine's clock is wrong"
	case http.StatusForbidden:
		why += ": it is suspended; somebody with admin rights can end that in the organization's settings"
	case http.StatusNotFound:
		why += ": it was removed"
	default:
		if status >= 500 {
			return &forge.TemporaryError{Err: fmt.Errorf("%s: %d %s", why, status, http.StatusText(status))}
		}
	}
	return &forge.RefusedError{Status: resp.StatusCode, Permission: true, Message: why}
}

// says tells whether message or one of the errors holds one of the texts, given in lower case.
func says(e *github.ErrorResponse, texts ...string) bool {
	all := strings.ToLower(e.Message)
	for _, d := range e.Errors {
		all += "\n" + strings.ToLower(d.Message) + "\n" + strings.ToLower(d.Code)
	}
	for _, t := range texts {
		if strings.Contains(all, t) {
			return true
		}
	}
	return false
}

// maxMessage bounds what is passed on of GitHub's words, in characters.
const maxMessage = 2000

// message is what GitHub says, with the details of its errors, in one line.
func message(e *github.ErrorResponse) string {
	parts := []string{e.Message}
	if e.Message == "" { // a proxy's page
		parts[0] = fmt.Sprintf("%d %s", e.Response.StatusCode, http.StatusText(e.Response.StatusCode))
	}
	for _, d := range e.Errors {
		switch {
		case d.Message != "" && !strings.Contains(e.Message, d.Message):
			parts = append(parts, d.Message)
		case d.Message == "" && d.Field != "":
			parts = append(parts, d.Field+" is "+strings.ReplaceAll(d.Code, "_", " "))
		}
	}
	return redact(cutEnd(strings.Join(strings.Fields(strings.Join(parts, ": ")), " "), maxMessage))
}
