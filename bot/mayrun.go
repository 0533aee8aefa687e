package bot

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// told are the rights that a test of the configuration says somebody has.
type told struct{ actor config.Actor }

// Role implements rights.
func (t told) Role(context.Context, string) (forge.Role, error) {
	if t.actor.Role == "none" {
		return forge.RoleNone, nil
	}
	return forge.Role(t.actor.Role), nil
}

// TeamMember implements rights.
func (t told) TeamMember(_ context.Context, team, _ string) (bool, error) {
	return slices.Contains(t.actor.Teams, team), nil
}

// AllowedCommands tells of each command whether somebody may give it under a configuration, by the rules that authorize
// goes by. It is the config.Commands of tests of the configuration.
func AllowedCommands(cfg *config.Repo, who config.Actor) map[string]bool {
	account := forge.User{ID: 1, Login: who.Login}
	if account.Login == "" {
		account.Login = "somebody" // whom no list names
	}
	ctx := context.Background() //nolint:contextcheck // nobody is asked
	out := make(map[string]bool, len(commandTable))
	for _, c := range commandTable {
		rule := doors[c.door]
		switch {
		case cfg.Mode == config.Observe && !c.door.looks():
			out[c.name] = false
		case rule.role == roleReader, rule.author && who.Author:
			out[c.name] = true
		default:
			no, err := decide(ctx, cfg, told{who}, rule, ask{
				door: c.door, who: account, environment: pipeline.EnvironmentProduction, release: who.Release,
			})
			out[c.name] = no == nil && err == nil && !tookPart(cfg, c, who)
		}
	}
	return out
}

// tookPart tells whether an approval would not count because of who gives it.
func tookPart(cfg *config.Repo, c commandSpec, who config.Actor) bool {
	approve := cfg.Environment(pipeline.EnvironmentProduction).Approve
	return c.name == "approve" && who.Author && approve != nil && !approve.AllowAuthor
}
