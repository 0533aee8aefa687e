package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/executor/buildspec"
	"github.com/sluicehq/sluice/executor/checks"
	"github.com/sluicehq/sluice/executor/githubactions"
	"github.com/sluicehq/sluice/executor/image"
	"github.com/sluicehq/sluice/executor/promote"
	"github.com/sluicehq/sluice/githubapp"
	"github.com/sluicehq/sluice/gitrepo"
	"github.com/sluicehq/sluice/registry"
	"github.com/sluicehq/sluice/signature"
)

// The adapters below let packages that must not know each other meet: the bot and the executors say what they need, the
// adapters hand it to them.

// gitHub is the App as the bot sees it.
type gitHub struct{ *githubapp.App }

var (
	_ bot.App              = gitHub{}
	_ bot.GitHub           = (*githubapp.Repo)(nil)
	_ checks.GitHub        = (*githubapp.Repo)(nil)
	_ githubactions.GitHub = (*githubapp.Repo)(nil)
)

// Identity implements bot.App.
func (g gitHub) Identity(ctx context.Context) (bot.Identity, error) {
	id, slug, login, user, err := g.App.Identity(ctx)
	return bot.Identity{AppID: id, Slug: slug, Login: login, UserID: user}, err
}

// Repo implements bot.App.
func (g gitHub) Repo(installation, id int64, owner, name string) bot.GitHub {
	// Production work and replies come first in the write budget; checks of features can wait, promotion's cannot.
	return &githubapp.Prioritized{Repo: g.App.Repo(installation, id, owner, name), Checks: []string{bot.CheckPromotion}}
}

// repoOf is the client for the repository of a request.
func (g gitHub) repoOf(r executor.Request) *githubapp.Repo {
	return g.App.Repo(r.InstallationID, r.RepoID, r.Owner, r.Repo)
}

// cloner makes working trees with the installation's token.
type cloner struct {
	app    *githubapp.App
	cloner gitrepo.Cloner
}

// Clone implements buildspec.Cloner.
func (c cloner) Clone(ctx context.Context, q buildspec.Clone) error {
	token, err := c.app.Token(ctx, q.InstallationID)
	if err != nil {
		return fmt.Errorf("token to clone %s/%s: %w", q.Owner, q.Repo, err)
	}
	_, err = c.cloner.Clone(ctx, gitrepo.Source{URL: q.URL, SHA: q.SHA, Token: gitrepo.Token(token)}, q.Dir)
	return err
}

// images is the registries as the bot and the promotion see them.
type images struct{ client *registry.Client }

// forImages is the client of an action that assembles an image.
func (i images) forImages(tell func(line string)) image.Registry { return i.client.Telling(tell) }

// forPromotion is the client of a promotion.
func (i images) forPromotion(tell func(line string)) promote.Registry {
	return images{i.client.Telling(tell)}
}

// Find implements bot.Images: "" when there is no such image.
func (i images) Find(ctx context.Context, reference string) (string, error) {
	digest, err := i.client.Resolve(ctx, reference)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return "", nil
	case err != nil && !registry.IsTemporary(err):
		return "", executor.Permanent(err)
	}
	return digest, err
}

// Signed implements bot.Images and promote.Registry.
func (i images) Signed(ctx context.Context, image string, keys []string) (key, problem string, err error) {
	var public []signature.PublicKey
	for _, text := range keys {
		k, err := signature.ParsePublicKey(text)
		if err != nil {
			return "", "", executor.Permanentf("key to check signatures by: %w", err)
		}
		public = append(public, k)
	}
	by, err := signedBy(ctx, i.client, image, public)
	var unsigned *signature.UnverifiedError
	switch {
	case errors.As(err, &unsigned):
		return "", unsigned.Error(), nil
	case err != nil && !registry.IsTemporary(err):
		return "", "", executor.Permanent(err)
	}
	return by.ID(), "", err
}

// Promote implements promote.Registry.
func (i images) Promote(ctx context.Context, source, destination string) error {
	_, err := i.client.Promote(ctx, source, destination)
	return err
}

// Resolve implements promote.Registry.
func (i images) Resolve(ctx context.Context, reference string) (string, error) {
	return i.client.Resolve(ctx, reference)
}
