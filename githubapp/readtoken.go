package githubapp

import (
	"context"
	"fmt"

	"github.com/google/go-github/v62/github"
)

// ReadToken is a new token that can read the contents of one repository and nothing else, for an hour.
func (a *App) ReadToken(ctx context.Context, installation, repo int64) (string, error) {
	read := "read"
	t, resp, err := a.self.Apps.CreateInstallationToken(ctx, installation, &github.InstallationTokenOptions{
		RepositoryIDs: []int64{repo}, Permissions: &github.InstallationPermissions{Contents: &read},
	})
	if err != nil {
		return "", fmt.Errorf("token to read repository %d: %w", repo, mapError(resp, err, a.o.Now()))
	}
	return t.GetToken(), nil
}
