package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/store"
)

// AlarmState says whether an alarm begins or is over.
type AlarmState string

// States of an alarm.
const (
	AlarmRaised  AlarmState = "raised"
	AlarmCleared AlarmState = "cleared"
)

// Alarm is what monitoring says of an environment.
type Alarm struct {
	// ID tells one occurrence from others: the same again changes nothing.
	ID         string `json:"id"`
	Repository string `json:"repository"` // owner/name
	// Environment is one of the configuration's; Component one of a repository with several, and empty for all of them.
	Environment string     `json:"environment"`
	Component   string     `json:"component,omitempty"`
	Name        string     `json:"name"` // tells alarms of an environment apart
	State       AlarmState `json:"state"`
	Reason      string     `json:"reason,omitempty"`
}

const (
	maxAlarmReason = 1000 // bytes
	maxAlarmField  = 200  // bytes, of any other field
)

// errOnlyAlarms is the answer to a token of monitoring that asks for anything else.
func errOnlyAlarms() *problem {
	return &problem{status: http.StatusForbidden, title: "The token may only raise alarms", text: "Its scope is alarms: it raises and clears them, and asks what came of that."}
}

// alarmRoutes are the routes that a token of monitoring has.
func alarmRoutes() []string {
	return []string{"/api/v1/user", "/api/v1/alarms", "/api/v1/repos/:owner/:repo/operations/:id"}
}

// allowed looks whether a token's scope covers a route.
func allowed(scope store.AccessScope, route string) error {
	if scope == store.ScopeAlarms && !slices.Contains(alarmRoutes(), route) {
		return errOnlyAlarms()
	}
	return nil
}

// alarm takes what monitoring says. It is answered at once; whether the token's owner may raise alarms there is decided when its turn
// comes in the repository's lane, by the rules that hold for comments.
func (s *Server) alarm() echo.HandlerFunc {
	return s.guard(func(c echo.Context) error {
		if c.Request().Method != http.MethodPost {
			return s.wrongMethod(c, "POST")
		}
		p, err := s.holder(c, "for alarms", store.ScopeAlarms, store.ScopeAct)
		if err != nil {
			return err
		}
		if s.opts.Actor == nil {
			return notFound("Nobody takes alarms here.")
		}
		a, err := readAlarm(c)
		if err != nil {
			return err
		}
		owner, name, _ := strings.Cut(a.Repository, "/")
		ctx := c.Request().Context()
		r, err := s.repoOf(ctx, p, owner, name)
		if errors.Is(err, store.ErrNotFound) {
			return notFound("There is no repository " + a.Repository + ", or Sluice is not active in it.")
		}
		if err != nil {
			return err
		}
		o := store.Operation{ID: a.operationID(p, r), RepoID: r.ID, By: p.user, Via: "api", TokenID: p.access.ID}
		got, err := s.opts.Actor.Alarm(ctx, o, a)
		var wrong *CommandError
		if errors.As(err, &wrong) {
			return &problem{status: http.StatusUnprocessableEntity, title: "The alarm cannot be taken", text: sentence(wrong.Problem), usage: wrong.Usage}
		}
		if err != nil {
			return err
		}
		w := scribe{repo: r}
		s.opts.Log.InfoContext(ctx, "alarm", "repo", w.fullName(), "environment", a.Environment, "name", a.Name, "state", string(a.State),
			"operation", got.ID, "login", p.user.Login, "token", p.access.ID)
		out := w.operation(got)
		c.Response().Header().Set("Location", out.Path)
		return s.writeJSON(c, http.StatusAccepted, out)
	})
}

// operationID makes the operation's ID of the alarm, so that the same, said again by the same person, is the same operation. The reason
// is not part of it: it may tell of a value that has changed since.
func (a Alarm) operationID(p *person, r store.Repo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %q %q %q %q %q", p.user.ID, r.ID, a.ID, a.State, a.Environment, a.Component, a.Name))
	return "a" + hex.EncodeToString(sum[:16])
}

// readAlarm reads the body of a request.
func readAlarm(c echo.Context) (a Alarm, err error) {
	bad := func(format string, args ...any) error {
		return &problem{status: http.StatusBadRequest, title: "The request could not be read", text: fmt.Sprintf(format, args...)}
	}
	r := c.Request()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return a, &problem{status: http.StatusUnsupportedMediaType, title: "The request is not JSON", text: "Send application/json."}
	}
	dec := json.NewDecoder(http.MaxBytesReader(c.Response(), r.Body, maxForm))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, bad("%s", sentence(strings.TrimPrefix(err.Error(), "json: ")))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return a, bad("There is more than one JSON value.")
	}
	for _, f := range []struct {
		name, text string
		most       int
		needed     bool
	}{
		{"id", a.ID, maxAlarmField, true}, {"repository", a.Repository, maxAlarmField, true}, {"environment", a.Environment, maxAlarmField, true},
		{"component", a.Component, maxAlarmField, false}, {"name", a.Name, maxAlarmField, true}, {"reason", a.Reason, maxAlarmReason, a.State == AlarmRaised},
	} {
		switch {
		case f.needed && strings.TrimSpace(f.text) == "":
			return a, bad("The field %s is missing.", f.name)
		case len(f.text) > f.most:
			return a, bad("The field %s is longer than %d bytes.", f.name, f.most)
		case f.name != "reason" && strings.ContainsFunc(f.text, unicode.IsControl):
			return a, bad("The field %s has control characters.", f.name)
		}
	}
	if a.State != AlarmRaised && a.State != AlarmCleared {
		return a, bad("The field state is raised or cleared.")
	}
	if owner, name, ok := strings.Cut(a.Repository, "/"); !ok || owner == "" || name == "" {
		return a, bad("The field repository is owner/name.")
	}
	return a, nil
}
