package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// organizationUsers are the other repositories of the owner, and what is said where there are more than are looked at.
func (s *session) organizationUsers(ctx context.Context) (users []store.Repo, cut string, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		users, err = tx.Repos(ctx)
		return err
	})
	users = slices.DeleteFunc(users, func(r store.Repo) bool {
		return r.ID == s.repo.ID || r.Gone != "" || r.BaselineAt.IsZero() || !strings.EqualFold(r.Owner, s.repo.Owner)
	})
	if n := len(users) - impactRepos; n > 0 {
		cut = fmt.Sprintf("%d more repositories were not looked at.", n)
		users = users[:impactRepos]
	}
	return users, cut, err
}

// organizationImpact says for each repository what proposed defaults and models would change in it: settings and branches, and
// what would become of its open pull requests and of its releases under way. Of private repositories nothing is said where everybody
// can read it, and whoever has a fork can ask.
func (s *session) organizationImpact(ctx context.Context, users []store.Repo, org *config.Organization) (impact, error) {
	var out impact
	left := impactLeft{pulls: impactPulls, releases: impactReleases}
	here, err := s.gh.Info(ctx)
	if err != nil {
		return out, err
	}
	hidden := 0
	for _, r := range users {
		there := s.b.sessionOf(r, s.us)
		if !here.Private {
			public, err := there.public(ctx)
			if err != nil {
				return out, err
			}
			if !public {
				hidden++
				continue
			}
		}
		names, err := there.branchNames(ctx)
		if err != nil {
			return out, err
		}
		name := code(r.Owner + "/" + r.Name)
		now, wrong, err := there.inForce(names)
		if err != nil {
			return out, err
		}
		context, err := there.loadContext(names)
		if err != nil {
			return out, err
		}
		context.Organization = org
		then, problems := config.Load(there.storedConfig(), context)
		switch {
		case len(problems) > 0 && len(wrong) == 0:
			out.add(name, "works", "the last good configuration stays in force: "+prose(problems[0].Error()))
		case len(problems) > 0 || len(wrong) > 0:
		case now.Active != then.Active:
			out.add(name, activity(now), activity(then))
		case then.Active:
			there.cfg, there.whole = now, now
			one, err := there.impactWithin(ctx, then, names, &left)
			if err != nil {
				return out, err
			}
			out.take(r.Owner+"/"+r.Name, one)
		}
	}
	if hidden > 0 {
		out.cut(fmt.Sprintf("%d private repositories were not looked at, since everybody can read this.", hidden))
	}
	return out, nil
}

// public tells whether everybody can read the repository, as far as GitHub says.
func (s *session) public(ctx context.Context) (bool, error) {
	info, err := s.gh.Info(ctx)
	var refused *forge.RefusedError
	if errors.As(err, &refused) || errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return err == nil && !info.Private, err
}

// impactRows is how many changed settings of one repository are told.
const impactRows = 5

// take adds what would change in a repository of the organization.
func (i *impact) take(repo string, one impact) {
	for _, g := range one.Told {
		for _, name := range g.Names {
			if !strings.HasPrefix(name, "#") {
				name = " " + name
			}
			i.tell(g, repo+name) // told as code, since a link would be noise over there
		}
	}
	for n, row := range one.Rows {
		if n == impactRows {
			i.add(code(repo), "", fmt.Sprintf("%d more changes", len(one.Rows)-n))
			break
		}
		i.add(code(repo)+": "+row.What, row.Before, row.After)
	}
	if one.Cut != "" {
		i.cut(code(repo) + ": " + one.Cut)
	}
}

func activity(r *config.Repo) string {
	if r.Active {
		return "Sluice is active"
	}
	return "Sluice is not active"
}
