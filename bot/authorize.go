package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
)

// ask is somebody asking to pass a door.
type ask struct {
	door Door
	who  forge.User
	// environment is the one that is entered, for doors that are an environment's.
	environment string
	// recorded is true when who was written down earlier: the account's login is asked for anew by its ID, since the one it
	// had may be somebody else's now.
	recorded bool
	// starter started the thing the door leads to; zero where nobody did.
	starter forge.User
	// author opened the pull request that is concerned; zero where there is none.
	author forge.User
	// release is true when a release, a hotfix or production is concerned.
	release bool
	// production is true when nothing but this stands before production any more.
	production bool
}

// refusal is a no: why, and who could.
type refusal struct {
	Why string
	Who string
	// shut says that it is nobody's to do now: it is no want of a right.
	shut bool
}

func (r *refusal) String() string { return strings.TrimSpace(r.Why + " " + r.Who) }

// authorize says whether somebody may pass a door: for comments, buttons, dashboard and API alike, when they ask and
// again when what they asked for runs. It asks GitHub for the rights they have now. A refusal is no error.
func (s *session) authorize(ctx context.Context, a ask) (*refusal, error) {
	rule, ok := doors[a.door]
	if !ok {
		return nil, fmt.Errorf("door %q has no rule", a.door)
	}
	if a.production && rule.production != "" {
		rule = doors[rule.production]
	}
	if a.who.ID == 0 || a.who.Login == "" {
		return &refusal{Why: "GitHub did not say who asks."}, nil
	}
	if rule.role == roleReader {
		return nil, nil
	}
	if a.who.Bot {
		return &refusal{Why: "Bots do not do this.", Who: "A person with the rights has to ask."}, nil
	}
	if rule.author && a.author.ID == a.who.ID {
		return nil, nil
	}
	if a.recorded {
		now, err := s.account(ctx, a.who.ID)
		if errors.Is(err, forge.ErrNotFound) {
			return &refusal{Why: "The account does not exist any more."}, nil
		}
		if err != nil {
			return nil, err
		}
		a.who = now
	}
	return decide(ctx, s.cfg, s.gh, rule, a)
}

// rights is what somebody's rights are asked of: GitHub, or what a test of the configuration says.
type rights interface {
	Role(ctx context.Context, login string) (forge.Role, error)
	TeamMember(ctx context.Context, team, login string) (bool, error)
}

// decide is the rule of a door for one person: those whom the configuration names, else a role.
func decide(ctx context.Context, cfg *config.Repo, have rights, rule doorRule, a ask) (*refusal, error) {
	if teams, users := keepers(cfg, rule, a.environment); len(teams)+len(users) > 0 {
		no, err := listed(ctx, have, a.who, teams, users)
		if err != nil || no == nil || rule.environment != byAnyKeeper {
			return no, err
		}
	}
	others := ""
	if teams, users := named(cfg, rule.also, a.environment); len(teams)+len(users) > 0 {
		no, err := listed(ctx, have, a.who, teams, users)
		if err != nil || no == nil {
			return nil, err
		}
		others = " So can " + keeperNames(teams, users) + "."
	}
	want := rule.role
	if rule.lenient && !a.release || rule.starter && a.starter.ID == a.who.ID {
		want = forge.RoleWrite
	}
	role, err := have.Role(ctx, a.who.Login)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return nil, fmt.Errorf("role of %s: %w", a.who.Login, err)
	}
	if role.AtLeast(want) {
		return nil, nil
	}
	is := string(role)
	if role == forge.RoleNone {
		is = "none"
	}
	return &refusal{
		Why: fmt.Sprintf("This needs the role %s, and yours here is %s.", want, is),
		Who: fmt.Sprintf("Anyone with the role %s can do it.", want) + others,
	}, nil
}

// writes tells whether reviews of somebody count for GitHub's rules: those of people who may write.
func (s *session) writes(ctx context.Context, who forge.User) (bool, error) {
	role, err := s.gh.Role(ctx, who.Login)
	if ignoreNotFound(err) != nil {
		return false, fmt.Errorf("role of %s: %w", who.Login, err)
	}
	return role.AtLeast(forge.RoleWrite), nil
}

// keepers are the teams and users whom the configuration names for an environment's door; none means that the role
// decides.
func keepers(cfg *config.Repo, rule doorRule, environment string) (teams, users []string) {
	return named(cfg, rule.environment, environment)
}

// named are the teams and users whom a setting of an environment names.
func named(cfg *config.Repo, setting environmentRule, environment string) (teams, users []string) {
	env := cfg.Environment(environment)
	switch {
	case setting == byApprove && env.Approve != nil:
		return env.Approve.Teams, env.Approve.Users
	case setting == byPromote:
		return env.Promote.Teams, env.Promote.Users
	case setting == byEmergency:
		return env.Emergency.Teams, env.Emergency.Users
	case setting == byAnyKeeper:
		for _, one := range []environmentRule{byApprove, byPromote, byEmergency} {
			t, u := named(cfg, one, environment)
			teams, users = append(teams, t...), append(users, u...)
		}
	}
	return teams, users
}

// account is an account as it is now, by its ID. Answers are remembered for the length of the handling.
func (s *session) account(ctx context.Context, id int64) (forge.User, error) {
	if u, ok := s.accounts[id]; ok {
		return u, nil
	}
	u, err := s.gh.UserByID(ctx, id)
	if err != nil {
		return u, fmt.Errorf("account %d: %w", id, err)
	}
	s.accounts[id] = u
	return u, nil
}

// listed tells whether somebody is among named users or in a named team. A named user must still have access.
func listed(ctx context.Context, have rights, who forge.User, teams, users []string) (*refusal, error) {
	for _, u := range users {
		if !strings.EqualFold(u, who.Login) {
			continue
		}
		role, err := have.Role(ctx, who.Login)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, fmt.Errorf("role of %s: %w", who.Login, err)
		}
		if role.AtLeast(forge.RoleRead) {
			return nil, nil
		}
	}
	for _, t := range teams {
		in, err := have.TeamMember(ctx, t, who.Login)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, fmt.Errorf("team %s: %w", t, err)
		}
		if in {
			return nil, nil
		}
	}
	return &refusal{
		Why: "You are not among those whom the configuration names for this.",
		Who: "They are " + keeperNames(teams, users) + ".",
	}, nil
}

// keeperNames lists teams and users for people, without mentioning them.
func keeperNames(teams, users []string) string {
	var out []string
	for _, t := range teams {
		out = append(out, "team "+code(t))
	}
	for _, u := range users {
		out = append(out, code(u))
	}
	return strings.Join(out, ", ")
}

// candidates are the accounts that an environment's approve setting admits, before anybody is excluded.
func (s *session) candidates(ctx context.Context, environment string) ([]forge.User, error) {
	teams, users := keepers(s.cfg, doors[DoorApprove], environment)
	if len(teams)+len(users) == 0 {
		return s.gh.Collaborators(ctx, doors[DoorApprove].role)
	}
	var out []forge.User
	for _, t := range teams {
		members, err := s.gh.TeamMembers(ctx, t)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, fmt.Errorf("team %s: %w", t, err)
		}
		out = append(out, members...)
	}
	for _, login := range users {
		u, err := s.gh.UserByLogin(ctx, login)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, fmt.Errorf("user %s: %w", login, err)
		}
		if err == nil {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b forge.User) int { return int(a.ID - b.ID) })
	return slices.CompactFunc(out, func(a, b forge.User) bool { return a.ID == b.ID }), nil
}
