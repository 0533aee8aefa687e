package githubapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sluicehq/sluice/forge"
)

// elsewhere reads what GitHub keeps at another host: it answers with an address there, which is asked without our token, since it is
// good by itself for a minute. forge.ErrNotFound where there is nothing, or nothing any more. The caller closes what it reads, and
// bounds it.
func (r *Repo) elsewhere(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := r.gh.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	asked := *r.gh.Client()
	asked.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := asked.Do(req.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("GET /%s: %w", path, mapError(nil, err, r.app.o.Now()))
	}
	res.Body.Close()
	at, err := res.Location()
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return nil, fmt.Errorf("GET /%s: %w", path, forge.ErrNotFound)
	case err != nil:
		return nil, &forge.TemporaryError{Err: fmt.Errorf("GET /%s: %s", path, res.Status)}
	case at.Scheme != r.app.base.Scheme && at.Scheme != "https":
		return nil, fmt.Errorf("GET /%s: it is at an address that is not https", path)
	}
	plain := http.Client{Transport: r.app.o.HTTP, CheckRedirect: asked.CheckRedirect}
	if req, err = http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody); err != nil {
		return nil, errors.New("the address that GitHub names cannot be read")
	}
	if res, err = plain.Do(req); err != nil { // the rest of the address opens it
		return nil, &forge.TemporaryError{Err: fmt.Errorf("what is at %s cannot be read", at.Host)}
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, &forge.TemporaryError{Err: fmt.Errorf("%s: %s", at.Host, res.Status)}
	}
	return res.Body, nil
}
