package githubapp

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// secondaryWait is how long to stop after a secondary limit that names no time, as GitHub's documentation asks.
const secondaryWait = time.Minute

// mapError turns what go-github and ghinstallation return into the errors of package forge. It is the only place that
// knows GitHub's statuses. Texts hold no credentials: they are GitHub's message, never the request.
func mapError(resp *github.Response, err error, now time.Time) error {
	var rate *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var answer *github.ErrorResponse
	var token *ghinstallation.HTTPError
	var limit *forge.RateLimitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limit):
		return limit
	case errors.As(err, &rate):
		return &forge.RateLimitError{Until: rate.Rate.Reset.Time}
	case errors.As(err, &abuse):
		wait := secondaryWait
		if abuse.RetryAfter != nil {
			wait = max(*abuse.RetryAfter, time.Second)
		}
		return &forge.RateLimitError{Until: now.Add(wait), Secondary: true}
	case errors.As(err, &answer):
		return mapAnswer(answer, now)
	case errors.As(err, &token):
		return mapToken(token)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case resp != nil && resp.StatusCode >= 200 && resp.StatusCode < 300:
		return &forge.TemporaryError{Err: errors.New("the answer could not be read: " + redact(err.Error()))}
	}
	return &forge.TemporaryError{Err: errors.New(redact(err.Error()))}
}

// mapAnswer is mapError for an answer with an error status.
func mapAnswer(e *github.ErrorResponse, now time.Time) error {
	text := message(e)
	switch status := e.Response.StatusCode; {
	case status == http.StatusNotFound:
		return forge.ErrNotFound
	case status == http.StatusTooManyRequests,
		status == http.StatusForbidden && strings.Contains(strings.ToLower(e.Message), "rate limit"):
		return &forge.RateLimitError{Until: now.Add(secondaryWait), Secondary: true}
	case status == http.StatusConflict && strings.Contains(e.Message, "Head branch was modified"):
		return forge.ErrMoved
	case status == http.StatusConflict && strings.Contains(strings.ToLower(e.Message), "merge conflict"):
		return forge.ErrConflict
	case status == http.StatusUnprocessableEntity && says(e, "already exists", "already_exists"):
		return forge.ErrExists
	case status == http.StatusUnprocessableEntity && says(e, "No commits between"):
		return forge.ErrNoCommits
	case status >= 500:
		return &forge.TemporaryError{Err: errors.New(text)}
	default:
		permission := status == http.StatusUnauthorized || status == http.StatusForbidden && says(e, "not accessible by integration")
		return &forge.RefusedError{Status: status, Message: text, Permission: permission}
	}
}

// mapToken is mapError for a refused installation token.
func mapToken(e *ghinstallation.HTTPError) error {
	if e.Response == nil || e.Response.StatusCode >= 500 {
		return &forge.TemporaryError{Err: errors.New(redact(e.Message))}
	}
	return &forge.RefusedError{
		Status: e.Response.StatusCode, Permission: true,
		Message: "no access token for this installation: it is suspended or was removed, or the App's key is not valid",
	}
}

// says tells whether message or one of the errors holds one of the texts.
func says(e *github.ErrorResponse, texts ...string) bool {
	all := strings.ToLower(e.Message)
	for _, d := range e.Errors {
		all += "\n" + strings.ToLower(d.Message) + "\n" + strings.ToLower(d.Code)
	}
	for _, t := range texts {
		if strings.Contains(all, strings.ToLower(t)) {
			return true
		}
	}
	return false
}

// message is what GitHub says, with the details of its errors.
func message(e *github.ErrorResponse) string {
	parts := []string{e.Message}
	for _, d := range e.Errors {
		if d.Message != "" && !strings.Contains(e.Message, d.Message) {
			parts = append(parts, d.Message)
		}
	}
	return redact(strings.Join(parts, ": "))
}

// credentials match tokens and the user part of addresses.
var credentials = regexp.MustCompile(`gh[oprsu]_[A-Za-z0-9._-]{16,}|github_pat_[A-Za-z0-9_]{16,}|//[^/@\s]+@|[Bb]earer\s+\S+`)

func redact(s string) string { return credentials.ReplaceAllString(s, "[secret]") }
