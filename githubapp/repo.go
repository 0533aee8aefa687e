package githubapp

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Bounds of what is read in pages.
const (
	perPage  = 100
	maxPages = 250
)

// Repo is a repository on GitHub, as the installation may see and change it. It is safe for concurrent use.
type Repo struct {
	app          *App
	gh           *github.Client
	installation int64
	id           int64
	owner, name  string
}

// Info is what GitHub says of the repository itself. forge.ErrNotFound also when the name belongs to another repository
// than the one this client was made for.
func (r *Repo) Info(ctx context.Context) (forge.Repo, error) {
	var repo github.Repository
	if _, err := r.call(ctx, "GET", r.path(), nil, &repo); err != nil {
		return forge.Repo{}, err
	}
	if r.id != 0 && repo.GetID() != r.id {
		return forge.Repo{}, fmt.Errorf("%s/%s is the name of another repository now: %w", r.owner, r.name, forge.ErrNotFound)
	}
	out := repoOf(&repo)
	out.InstallationID = r.installation
	return out, nil
}

// Permissions is what the installation was granted.
func (r *Repo) Permissions(ctx context.Context) (map[string]string, error) {
	return r.app.permissions(ctx, r.installation)
}

// path is the API path of something in the repository; each element is escaped, slashes too.
func (r *Repo) path(elements ...string) string {
	all := append([]string{"repos", r.owner, r.name}, elements...)
	for i, e := range all {
		all[i] = url.PathEscape(e)
	}
	return strings.Join(all, "/")
}

// escapeRef escapes each part of a ref or file name and leaves its slashes.
func escapeRef(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// call makes a request in the repository's name.
func (r *Repo) call(ctx context.Context, method, path string, body, into any) (*github.Response, error) {
	return r.app.do(ctx, r.gh, method, path, body, into)
}

// pages calls next with page numbers until there are no more.
func pages(next func(n int) (*github.Response, error)) error {
	for n, left := 1, maxPages; n != 0; left-- {
		if left == 0 { // half a list would be taken for the whole
			return &forge.RefusedError{Status: 422, Message: fmt.Sprintf("a list has more than %d entries", maxPages*perPage)}
		}
		resp, err := next(n)
		if err != nil {
			return err
		}
		n = resp.NextPage
	}
	return nil
}

// page adds paging to a path.
func page(path string, n int) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "per_page=" + strconv.Itoa(perPage) + "&page=" + strconv.Itoa(n)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func ptr[T any](v T) *T { return &v }
