package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/sluicehq/sluice/forge"
)

// GitHubOptions are the settings of NewGitHub.
type GitHubOptions struct {
	// ClientID and ClientSecret are the App's. Required.
	ClientID, ClientSecret string
	// URL is GitHub's web address, where people agree. Default https://github.com.
	URL string
	// APIURL is the address of the REST API. Default https://api.github.com.
	APIURL string
	// Client makes the requests. Default: one with a timeout of 15 s.
	Client *http.Client
}

// GitHub is the Viewer that asks GitHub, with the web flow of the App and with people's own tokens.
type GitHub struct {
	config oauth2.Config
	api    string
	client *http.Client
}

// NewGitHub returns the Viewer. The error names every wrong option.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	if o.URL == "" {
		o.URL = "https://github.com"
	}
	if o.APIURL == "" {
		o.APIURL = "https://api.github.com"
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: accessTimeout}
	}
	var errs []error
	if o.ClientID == "" || o.ClientSecret == "" {
		errs = append(errs, errors.New("dashboard: sign-in needs the App's client id and client secret"))
	}
	for _, address := range []string{o.URL, o.APIURL} {
		if !webURL(address) {
			errs = append(errs, fmt.Errorf("dashboard: GitHub's address %q: want http or https and a host", address))
		}
	}
	web := strings.TrimSuffix(o.URL, "/")
	return &GitHub{
		config: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret,
			Endpoint: oauth2.Endpoint{
				AuthURL: web + "/login/oauth/authorize", TokenURL: web + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
			},
		},
		api: strings.TrimSuffix(o.APIURL, "/"), client: o.Client,
	}, errors.Join(errs...)
}

// SignInURL implements Viewer.
func (g *GitHub) SignInURL(state, verifier, redirect string) string {
	return g.config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("redirect_uri", redirect))
}

// Login implements Viewer.
func (g *GitHub) Login(ctx context.Context, code, verifier, redirect string) (forge.User, Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, g.client)
	t, err := g.config.Exchange(ctx, code, oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam("redirect_uri", redirect))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) { // its text has GitHub's whole answer
			return forge.User{}, Token{}, fmt.Errorf("GitHub refused the code: %q (%d)", refused.ErrorCode, refused.Response.StatusCode)
		}
		return forge.User{}, Token{}, fmt.Errorf("trade the code at GitHub: %w", err)
	}
	user, err := g.User(ctx, t.AccessToken)
	return user, Token{Value: t.AccessToken, Expires: t.Expiry}, err
}

// User implements Viewer.
func (g *GitHub) User(ctx context.Context, token string) (forge.User, error) {
	var u struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Type  string `json:"type"`
	}
	found, err := g.get(ctx, token, "/user", &u)
	if err == nil && (!found || u.ID == 0 || u.Login == "") {
		err = errors.New("GitHub did not say whose token it is")
	}
	return forge.User{ID: u.ID, Login: u.Login, Bot: u.Type == "Bot"}, err
}

// pageSize is how many records GitHub gives at most; maxPages bounds a listing.
const (
	pageSize = 100
	maxPages = 100
)

// Readable implements Viewer.
func (g *GitHub) Readable(ctx context.Context, token string) ([]int64, error) {
	var out []int64
	for page := 1; page <= maxPages; page++ {
		var list struct {
			Installations []struct {
				ID          int64   `json:"id"`
				SuspendedAt *string `json:"suspended_at"`
			} `json:"installations"`
		}
		if _, err := g.get(ctx, token, fmt.Sprintf("/user/installations?per_page=%d&page=%d", pageSize, page), &list); err != nil {
			return nil, err
		}
		for _, i := range list.Installations {
			if i.SuspendedAt != nil {
				continue
			}
			ids, err := g.readableOf(ctx, token, i.ID)
			if err != nil {
				return nil, err
			}
			out = append(out, ids...)
		}
		if len(list.Installations) < pageSize {
			break
		}
	}
	return out, nil
}

// readableOf lists one installation. One the person may not see any more, or only after single sign-on, has none.
func (g *GitHub) readableOf(ctx context.Context, token string, installation int64) ([]int64, error) {
	var out []int64
	for page := 1; page <= maxPages; page++ {
		var list struct {
			Repositories []struct {
				ID int64 `json:"id"`
			} `json:"repositories"`
		}
		path := fmt.Sprintf("/user/installations/%d/repositories?per_page=%d&page=%d", installation, pageSize, page)
		if _, err := g.get(ctx, token, path, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Repositories {
			out = append(out, r.ID)
		}
		if len(list.Repositories) < pageSize {
			break
		}
	}
	return out, nil
}

// MayRead implements Viewer.
func (g *GitHub) MayRead(ctx context.Context, token string, repo forge.Repo) (bool, error) {
	var r struct {
		ID int64 `json:"id"`
	}
	found, err := g.get(ctx, token, "/repos/"+url.PathEscape(repo.Owner)+"/"+url.PathEscape(repo.Name), &r)
	return found && r.ID == repo.ID, err // a name may have passed to somebody else's repository
}

// maxAnswer is how much of an answer is read, in bytes: a page of 100 repositories is below 1 MiB.
const maxAnswer = 8 << 20

// get reads one resource as the person. found is false when GitHub does not show it to them: not there, not theirs, or
// behind a single sign-on they have not passed.
func (g *GitHub) get(ctx context.Context, token, path string, out any) (found bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.api+path, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	req.Header.Set("User-Agent", "sluice")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := g.client.Do(req)
	if err != nil {
		return false, &forge.TemporaryError{Err: fmt.Errorf("GET %s: %w", path, err)}
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusOK:
		if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
			return false, &forge.TemporaryError{Err: fmt.Errorf("GET %s: %w", path, err)}
		}
		return true, nil
	case res.StatusCode == http.StatusUnauthorized:
		return false, fmt.Errorf("GET %s: %w", path, ErrSignedOut)
	case res.StatusCode == http.StatusTooManyRequests, res.Header.Get("Retry-After") != "",
		res.StatusCode == http.StatusForbidden && res.Header.Get("X-Ratelimit-Remaining") == "0":
		return false, &forge.RateLimitError{Until: limitEnds(res)}
	case res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusUnavailableForLegalReasons:
		return false, nil
	}
	return false, &forge.TemporaryError{Err: fmt.Errorf("GET %s: status %d", path, res.StatusCode)}
}

// limitEnds is when GitHub wants to be asked again.
func limitEnds(res *http.Response) time.Time {
	var seconds int64
	if _, err := fmt.Sscan(res.Header.Get("X-Ratelimit-Reset"), &seconds); err == nil {
		return time.Unix(seconds, 0)
	}
	at, _ := http.ParseTime(res.Header.Get("Date")) // zero when there is none
	if _, err := fmt.Sscan(res.Header.Get("Retry-After"), &seconds); err == nil {
		at = at.Add(time.Duration(seconds) * time.Second)
	}
	return at
}
