package dashboard

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// examined is an Examiner with fixed findings.
type examined []Finding

func (e examined) Examine(context.Context) ([]Finding, error) { return e, nil }

// owning is Rights by which some people administer what is acme's.
type owning map[string]forge.Role

func (o owning) Role(_ context.Context, r store.Repo, who forge.User) (forge.Role, error) {
	if r.Owner != "acme" {
		return forge.RoleRead, nil
	}
	return o[who.Login], nil
}

// How the App stands is for admins, and of installations each sees their own.
func TestHealthIsForAdmins(t *testing.T) {
	found := examined{
		{Status: "ok", What: "GitHub", Says: "reached as the App"},
		{Account: "acme", Status: "problem", What: `installation 9 on "acme"`, Says: "missing: checks: write", Remedy: "an owner accepts them"},
		{Account: "rival", Status: "ok", What: `installation 10 on "rival"`, Says: "all that are needed are granted"},
	}
	all := []string{"reached as the App", "missing: checks: write", "an owner accepts them"}
	for name, c := range map[string]struct {
		who    string
		role   forge.Role
		change func(*Options)
		status int
		shows  []string
		hides  []string
	}{
		"an admin":                  {who: "qa", role: forge.RoleAdmin, status: http.StatusOK, shows: all, hides: []string{"rival"}},
		"a maintainer":              {who: "qa", role: forge.RoleMaintain, status: http.StatusForbidden, shows: []string{"This is for admins"}, hides: all},
		"an admin of nothing here":  {who: "mallory", role: forge.RoleAdmin, status: http.StatusForbidden, hides: append(all, "acme")},
		"nobody":                    {status: http.StatusUnauthorized, hides: append(all, "acme", "rival")},
		"a server without examiner": {who: "qa", role: forge.RoleAdmin, change: func(o *Options) { o.Examiner = nil }, status: http.StatusNotFound, hides: all},
		"on this machine, without sign-in": {change: func(o *Options) { o.Viewer, o.OpenToLocal = nil, true }, status: http.StatusOK,
			shows: append(all, "rival")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) {
				o.Examiner, o.Rights = found, owning{c.who: c.role}
				if c.change != nil {
					c.change(o)
				}
			})
			browser := w.browser()
			if c.who != "" {
				browser = w.signedIn(c.who)
			}
			r := w.get(browser, "/setup")
			shown := text(t, r.body)
			if r.status != c.status {
				t.Errorf("status %d, want %d", r.status, c.status)
			}
			for _, s := range c.shows {
				if !strings.Contains(shown, s) {
					t.Errorf("it does not say %q:\n%s", s, shown)
				}
			}
			for _, s := range c.hides {
				if strings.Contains(shown, s) {
					t.Errorf("it says %q:\n%s", s, shown)
				}
			}
		})
	}
}
