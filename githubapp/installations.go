package githubapp

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Identity is who the App is: its ID, slug, and the login and ID of its bot account. The account's ID is 0 while there is
// no installation: the App's own key may not ask for accounts.
func (a *App) Identity(ctx context.Context) (appID int64, slug, login string, userID int64, err error) {
	var app github.App
	if _, err := a.do(ctx, a.self, "GET", "app", nil, &app); err != nil {
		return 0, "", "", 0, err
	}
	login = app.GetSlug() + "[bot]"
	ids, err := a.Installations(ctx)
	if err != nil {
		return 0, "", "", 0, err
	}
	for _, id := range ids {
		u, err := a.user(ctx, a.installation(id), login)
		var refused *forge.RefusedError
		if errors.As(err, &refused) { // suspended or removed in this moment: another one will do
			continue
		}
		if err != nil {
			return 0, "", "", 0, err
		}
		return app.GetID(), app.GetSlug(), login, u.ID, nil
	}
	return app.GetID(), app.GetSlug(), login, 0, nil
}

// user resolves a login.
func (a *App) user(ctx context.Context, gh *github.Client, login string) (forge.User, error) {
	var u github.User
	if _, err := a.do(ctx, gh, "GET", "users/"+url.PathEscape(login), nil, &u); err != nil {
		return forge.User{}, err
	}
	return userOf(&u), nil
}

// Installations lists the IDs of all installations that are not suspended.
func (a *App) Installations(ctx context.Context) ([]int64, error) {
	var out []int64
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.Installation
		resp, err := a.do(ctx, a.self, "GET", page("app/installations", n), nil, &list)
		for _, i := range list {
			if i.SuspendedAt == nil {
				out = append(out, i.GetID())
			}
		}
		return resp, err
	})
	return out, err
}

// InstallationOf is the installation that covers a repository, by a name that it has or had. forge.ErrNotFound: none does, or
// the one that did is suspended.
func (a *App) InstallationOf(ctx context.Context, owner, name string) (int64, error) {
	var i github.Installation
	if _, err := a.do(ctx, a.self, "GET", "repos/"+url.PathEscape(owner)+"/"+url.PathEscape(name)+"/installation", nil, &i); err != nil {
		return 0, err
	}
	if i.SuspendedAt != nil {
		return 0, forge.ErrNotFound
	}
	return i.GetID(), nil
}

// Repos lists the repositories of an installation.
func (a *App) Repos(ctx context.Context, installation int64) ([]forge.Repo, error) {
	var out []forge.Repo
	err := pages(func(n int) (*github.Response, error) {
		var list github.ListRepositories
		resp, err := a.do(ctx, a.installation(installation), "GET", page("installation/repositories", n), nil, &list)
		for _, r := range list.Repositories {
			repo := repoOf(r)
			repo.InstallationID = installation
			out = append(out, repo)
		}
		return resp, err
	})
	return out, err
}

// permissions is what an installation was granted: GitHub's name of the permission to read, write or admin.
func (a *App) permissions(ctx context.Context, installation int64) (map[string]string, error) {
	var answer struct {
		Permissions map[string]string `json:"permissions"`
	}
	_, err := a.do(ctx, a.self, "GET", "app/installations/"+strconv.FormatInt(installation, 10), nil, &answer)
	return answer.Permissions, err
}

// HookDeliveries lists the attempts in the App's delivery log since a time, newest first. GitHub keeps three days.
func (a *App) HookDeliveries(ctx context.Context, since time.Time) ([]forge.HookDelivery, error) {
	var out []forge.HookDelivery
	for cursor := ""; ; {
		query := url.Values{"per_page": {strconv.Itoa(perPage)}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var list []*github.HookDelivery
		resp, err := a.do(ctx, a.self, "GET", "app/hook/deliveries?"+query.Encode(), nil, &list)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			if d.GetDeliveredAt().Before(since) {
				return out, nil
			}
			out = append(out, forge.HookDelivery{
				ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), DeliveredAt: d.GetDeliveredAt().Time,
				StatusCode: d.GetStatusCode(), Redelivery: d.GetRedelivery(),
			})
		}
		if resp.Cursor == "" || resp.Cursor == cursor {
			return out, nil
		}
		cursor = resp.Cursor
	}
}

// Redeliver asks GitHub to send a delivery again; it comes with the same GUID.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, err := a.do(ctx, a.self, "POST", "app/hook/deliveries/"+strconv.FormatInt(id, 10)+"/attempts", nil, nil)
	return err
}
