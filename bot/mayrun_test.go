package bot

import (
	"testing"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// What a test of the configuration says somebody may do is what they may do.
func TestAllowedCommandsAreThoseThatAuthorizeAdmits(t *testing.T) {
	for _, yaml := range []string{"", namedKeepers, "version: 1\nmode: observe\n"} {
		l := newLab(t, yaml)
		l.gh.Teams = map[string][]string{"qa": {"quinn"}}
		allowed, refused := 0, 0
		for _, role := range []string{"none", "read", "write", "maintain", "admin"} {
			for _, actor := range []config.Actor{{Role: role}, {Role: role, Login: "quinn", Teams: []string{"qa"}}, {Role: role, Login: "UMA"}, {Role: role, Release: true}} {
				who := person(2, actor.Login)
				if actor.Login == "" {
					who = person(1, "somebody")
				}
				l.gh.Roles = map[string]forge.Role{}
				if role != "none" {
					l.gh.Roles[who.Login] = forge.Role(role)
				}
				got := AllowedCommands(l.cfg, actor)
				for _, c := range commandTable {
					no, err := l.authorize(t.Context(), ask{door: c.door, who: who, environment: pipeline.EnvironmentProduction, release: actor.Release})
					must(t, err)
					want := no == nil && (l.cfg.Mode != config.Observe || c.door.looks())
					if got[c.name] != want {
						t.Errorf("%+v, /%s: %t, want %t", actor, c.name, got[c.name], want)
					}
					if want {
						allowed++
					} else {
						refused++
					}
				}
			}
		}
		if allowed == 0 || refused == 0 {
			t.Errorf("%d allowed and %d refused prove nothing", allowed, refused)
		}
	}
	l := newLab(t, "")
	if AllowedCommands(l.cfg, config.Actor{Role: "admin", Author: true})["approve"] || !AllowedCommands(l.cfg, config.Actor{Author: true})["test"] {
		t.Error("an author may approve their own change, or not test it")
	}
}
