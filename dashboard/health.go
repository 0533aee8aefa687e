package dashboard

import (
	"context"
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// Examiner looks whether the App and the server are as they should be.
type Examiner interface {
	// Examine looks, or says what was found a short while ago. It names no secret, nor anything made of one.
	Examine(ctx context.Context) ([]Finding, error)
}

// Finding is one thing that was looked at.
type Finding struct {
	// Account is whose installation it is about; empty: the App's or the server's.
	Account string
	Status  string // ok, warning or problem
	What    string
	Says    string
	Remedy  string // what to do about it; empty where nothing is to be done
}

// Health is the page /setup of a server that has its App.
type Health struct{ Findings []Finding }

// askedPerAccount is how many repositories of an account GitHub is asked about at most, to find one that somebody administers.
const askedPerAccount = 20

// health shows how the App stands to admins: of installations, those of the accounts in which they administer a repository.
func (s *Server) health(ctx context.Context, v *visit) (any, error) {
	if s.opts.Examiner == nil {
		return nil, notFound("There is no such page.")
	}
	accounts, err := s.administered(ctx, v.person)
	if err != nil {
		return nil, err
	}
	if len(accounts) == 0 && !v.person.local {
		return nil, &problem{status: http.StatusForbidden, title: "This is for admins", text: "How the App stands is shown to people who administer a repository that it is installed in."}
	}
	found, err := s.opts.Examiner.Examine(ctx)
	if err != nil {
		return nil, err
	}
	return Health{slices.DeleteFunc(slices.Clone(found), func(f Finding) bool {
		return f.Account != "" && !v.person.local && !slices.Contains(accounts, f.Account)
	})}, nil
}

// administered are the accounts with a repository that a person administers, by what GitHub says now.
func (s *Server) administered(ctx context.Context, p *person) (accounts []string, err error) {
	if p.local {
		return nil, nil
	}
	repos, err := s.visible(ctx, p, "")
	if err != nil {
		return nil, err
	}
	asked := map[string]int{}
	for _, r := range repos {
		if slices.Contains(accounts, r.Owner) || asked[r.Owner] == askedPerAccount || r.Gone == store.GoneArchived {
			continue
		}
		asked[r.Owner]++
		role, err := s.access.role(ctx, r, p.user)
		if err != nil {
			return nil, err
		}
		if role.AtLeast(forge.RoleAdmin) {
			accounts = append(accounts, r.Owner)
		}
	}
	return accounts, nil
}
