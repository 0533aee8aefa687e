// Package githubapp is GitHub through an App: installation clients with go-github, and everything the bot asks of a
// repository, in the words of package forge.
//
// One concern is one http.RoundTripper in a file of its own. From the outside in:
//
//   - etag.go remembers answers and asks conditionally. It is outside of the authentication, so that a new token every
//     hour does not empty it, and each installation has its own, since what one may see another may not.
//   - retry.go repeats reads that failed on the way. Writes are never repeated here: who writes looks first.
//   - pace.go keeps GitHub's limits for callers, budget.go those for writers. Whoever would have to wait long gets a
//     *forge.RateLimitError and comes back, instead of holding a worker. Urgent says which writes go first.
//   - sign.go signs with the installation's token (ghinstallation), and once more when GitHub has revoked it.
//   - attempt.go bounds one attempt in time and size.
//
// errors.go is the one place that knows GitHub's statuses and words: everything comes back as an error of package forge,
// with what was attempted and without credentials.
package githubapp

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Options are what New needs.
type Options struct {
	AppID int64
	Key   *rsa.PrivateKey
	// APIURL is https://api.github.com/, or a GitHub Enterprise Server's https://HOST/api/v3/, with the slash at the end.
	// GraphQL is at https://api.github.com/graphql then, or at https://HOST/api/graphql.
	APIURL string
	// WriteRate paces the writes of each installation. The zero value does not pace them.
	WriteRate WriteRate
	// HTTP is the transport to GitHub. Default: one of the App's own, whose idle connections Close closes.
	HTTP http.RoundTripper
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// App is the App's access to GitHub. New makes one; it is safe for concurrent use.
type App struct {
	o    Options
	base *url.URL
	// graphURL is the address of GraphQL.
	graphURL string
	clock    *clock
	once     attempt
	// app carries what is signed with the App's own key: its calls, and the requests for tokens.
	app   http.RoundTripper
	cache *room
	// self is signed as the App, without an installation.
	self *github.Client

	mu            sync.Mutex
	installations map[int64]access
}

// access is one installation: its client, and what signs for it.
type access struct {
	client *github.Client
	signer *signer
}

// New checks the options and makes the App's clients. It makes no call.
func New(o Options) (*App, error) {
	base, err := url.Parse(o.APIURL)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("the API address is no URL: want https://api.github.com/ or https://HOST/api/v3/")
	case !strings.HasSuffix(o.APIURL, "/") || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("API address %q: want a URL that ends in a slash, without user, query and fragment", base.Redacted())
	case o.AppID <= 0 || o.Key == nil:
		return nil, errors.New("the App's ID and private key are required")
	}
	if o.HTTP == nil {
		o.HTTP = transport()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	clock := &clock{now: o.Now, key: o.Key}
	a := &App{
		o: o, base: base, graphURL: graphQL(base), once: attempt{next: listening{o.HTTP, clock}, timeout: attemptTimeout}, cache: &room{limit: etagTotal},
		clock: clock, installations: map[int64]access{},
	}
	a.app = retry{next: newPace(a.once, WriteRate{}, o.Now)}
	a.self = a.client(newETags(a.cache, asApp{apps: a.appTransport(), clock: a.clock}))
	return a, nil
}

// graphQL is where GraphQL is asked: in the REST API's folder, on a GitHub Enterprise Server beside it (/api/v3/, /api/graphql).
func graphQL(base *url.URL) string {
	folder, _ := strings.CutSuffix(base.String(), "/v3/")
	return strings.TrimSuffix(folder, "/") + "/graphql"
}

// transport is made for one host that is asked a lot.
func transport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = maxConcurrent
	return t
}

// Close closes idle connections. The App can be used again after it.
func (a *App) Close() {
	if c, ok := a.o.HTTP.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// client is go-github's client over a transport.
func (a *App) client(t http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: t, CheckRedirect: a.redirect})
	c.BaseURL, c.UploadURL = a.base, a.base
	c.UserAgent = "sluice"
	return c
}

// redirect follows GitHub to where a renamed repository is now, and never to another host, which would be sent the
// token.
func (a *App) redirect(req *http.Request, via []*http.Request) error {
	if req.URL.Scheme != a.base.Scheme || req.URL.Host != a.base.Host {
		return fmt.Errorf("redirected to another host, %s", req.URL.Host)
	}
	if len(via) > 5 {
		return errors.New("redirected too often")
	}
	return nil
}

// installation is the client of an installation.
func (a *App) installation(id int64) *github.Client { return a.access(id).client }

func (a *App) access(id int64) access {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.installations[id]; ok {
		return known
	}
	s := a.newSigner(id)
	made := access{client: a.client(newETags(a.cache, retry{next: newPace(s, a.o.WriteRate, a.o.Now)})), signer: s}
	a.installations[id] = made
	return made
}

// Token is an installation's access token, for git over HTTP. It is good for at least a minute.
func (a *App) Token(ctx context.Context, installation int64) (string, error) {
	token, _, err := a.access(installation).signer.token(ctx)
	if err != nil {
		return "", fmt.Errorf("access token of installation %d: %w", installation, mapError(nil, err, a.o.Now()))
	}
	return token, nil
}

// Repo is the client for one repository. It makes no call.
func (a *App) Repo(installation, id int64, owner, name string) *Repo {
	return &Repo{app: a, gh: a.installation(installation), installation: installation, id: id, owner: owner, name: name}
}

// do makes a request and reads its answer. GitHub's 202 (the work goes on behind the scenes) is a success where no answer
// is wanted.
func (a *App) do(ctx context.Context, gh *github.Client, method, path string, body, into any) (*github.Response, error) {
	what, _, _ := strings.Cut(path, "?")
	for _, element := range strings.Split(what, "/") {
		if element == "" || element == "." || element == ".." { // would lead to another route
			return nil, fmt.Errorf("%s /%s: %w", method, what, forge.ErrNotFound)
		}
	}
	return a.send(ctx, gh, method+" /"+what, method, path, body, into)
}

// send is do for any address; what is its name in errors.
func (a *App) send(ctx context.Context, gh *github.Client, what, method, address string, body, into any) (*github.Response, error) {
	req, err := gh.NewRequest(method, address, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	resp, err := gh.Do(ctx, req, into)
	var accepted *github.AcceptedError
	if errors.As(err, &accepted) && into == nil {
		return resp, nil
	}
	if err != nil {
		return resp, fmt.Errorf("%s: %w", what, mapError(resp, err, a.o.Now()))
	}
	return resp, nil
}
