package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// elsewhere reads what GitHub keeps at another host: it answers 302 with an address there, which is asked without our token, since it
// is good by itself for a minute. Other redirects lead to where a renamed repository is now. forge.ErrNotFound where there is nothing,
// or nothing any more, *forge.RefusedError. The caller closes what it reads, and bounds it.
func (r *Repo) elsewhere(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := r.gh.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	asked := *r.gh.Client()
	asked.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		if to.Response.StatusCode == http.StatusFound {
			return http.ErrUseLastResponse
		}
		return r.app.redirect(to, via)
	}
	res, err := asked.Do(req.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("GET /%s: %w", path, mapError(nil, err, r.app.o.Now()))
	}
	defer res.Body.Close()
	at, err := res.Location()
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return nil, fmt.Errorf("GET /%s: %w", path, forge.ErrNotFound)
	case res.StatusCode >= http.StatusBadRequest:
		return nil, fmt.Errorf("GET /%s: %w", path, mapError(nil, github.CheckResponse(res), r.app.o.Now()))
	case err != nil:
		return nil, &forge.TemporaryError{Err: fmt.Errorf("GET /%s: %s", path, res.Status)}
	case at.Scheme != r.app.base.Scheme && at.Scheme != "https":
		return nil, fmt.Errorf("GET /%s: it is at an address that is not https", path)
	}
	return r.plain(ctx, at)
}

// plain reads what is at an address that is itself all that is needed: it is told to nobody, also not by errors.
func (r *Repo) plain(ctx context.Context, at *url.URL) (io.ReadCloser, error) {
	client := http.Client{
		Transport: r.app.o.HTTP, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, errors.New("the address that GitHub names cannot be read")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, &forge.TemporaryError{Err: fmt.Errorf("what is at %s cannot be read", at.Host)}
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, &forge.TemporaryError{Err: fmt.Errorf("%s: %s", at.Host, res.Status)}
	}
	return res.Body, nil
}
