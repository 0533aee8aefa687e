package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/sluicehq/sluice/store"
)

// Alarm is what monitoring says of an environment.
type Alarm struct {
	Environment string
	Component   string // of a repository with several; empty: all of them
	Name        string // tells alarms apart
	Reason      string
	Cleared     bool // it is over
}

// alarmUsage says how an alarm is given through the API.
const alarmUsage = `{"id": "…", "repository": "owner/name", "environment": "production", "name": "…", "state": "raised", "reason": "…"}`

// Alarm hands in an alarm, as the command that people would give: it goes through the lane, with the rights of o.By, and is written
// down as every command is. An operation whose ID is there already is not handed in again. *CommandError: there is no such
// environment or component, or a field is missing; it names those there are.
func (b *Bot) Alarm(ctx context.Context, o store.Operation, a Alarm) (store.Operation, error) {
	a.Name, a.Reason = plainWords(a.Name), plainWords(a.Reason)
	wrong := func(format string, args ...any) (store.Operation, error) {
		return o, &CommandError{Line: 1, Problem: fmt.Sprintf(format, args...), Usage: alarmUsage}
	}
	switch {
	case a.Name == "":
		return wrong("the name of the alarm is missing")
	case len([]rune(a.Name)) > maxAlarmName:
		return wrong("the name of an alarm has at most %d characters", maxAlarmName)
	case a.Reason == "" && !a.Cleared:
		return wrong("the reason is missing: it goes into the record")
	}
	s, err := b.reading(ctx, o.RepoID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return o, err
	case err != nil: // GitHub does not answer, say: an alarm is taken all the same, and looked at when its turn comes
		b.logOf(ctx, o.RepoID).WarnContext(ctx, "alarm taken unseen", "environment", a.Environment, "err", err)
	case a.Component != "" && !slices.Contains(s.names().Components, a.Component):
		there := "the repository has no components"
		if names := s.names().Components; len(names) > 0 {
			there = "there is " + strings.Join(names, ", ")
		}
		return wrong("there is no component %q; %s", a.Component, there)
	case componentOf(a.Environment) != "" && a.Component != "" || !s.knownEnvironment(a.Environment):
		return wrong("there is no environment %q; there is %s", a.Environment, strings.Join(slices.Sorted(maps.Keys(s.cfg.Environments)), ", "))
	}
	place := plainWords(a.Environment)
	if a.Component != "" {
		place = plainWords(a.Component) + "/" + place
	}
	if place == "" || strings.ContainsAny(place, " \t") {
		return wrong("there is no environment %q", a.Environment)
	}
	command := "/alarm " + place
	if a.Cleared {
		command = "/alarm clear " + place
	}
	o.Command = command + " --name " + a.Name
	if a.Reason != "" {
		o.Command += " --reason " + a.Reason
	}
	return b.Post(ctx, o)
}

// plainWords is text as words of a command that are no flags of it, on one line.
func plainWords(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	for i, w := range words {
		words[i] = strings.TrimLeft(w, "-")
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return strings.Trim(strings.Join(words, " "), `"'`)
}
