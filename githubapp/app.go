// Package githubapp is GitHub through an App: installation clients with go-github, and everything the bot asks of a
// repository, in the words of package forge.
//
// One concern is one http.RoundTripper in a file of its own. From the outside in: etag.go remembers answers and asks
// conditionally, outside of the authentication, so that a new token every hour does not empty it; retry.go repeats reads
// that failed on the way; ghinstallation signs; pace.go keeps GitHub's limits for writers. Writes are never repeated
// here: who writes looks first.
package githubapp

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// requestTimeout bounds one request, its retries not counted.
const requestTimeout = 30 * time.Second

// Options are what New needs.
type Options struct {
	AppID int64
	Key   *rsa.PrivateKey
	// APIURL is https://api.github.com/, or a GitHub Enterprise Server's https://HOST/api/v3/, with the slash at the end.
	APIURL string
	// WriteRate paces the writes of each installation.
	WriteRate WriteRate
	// HTTP is the transport to GitHub. Default: http.DefaultTransport.
	HTTP http.RoundTripper
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// App is the App's access to GitHub. New makes one; it is safe for concurrent use.
type App struct {
	o    Options
	base *url.URL
	// self is signed as the App, without an installation.
	self *github.Client

	mu            sync.Mutex
	installations map[int64]access
}

// access is one installation: its client, and what signs for it.
type access struct {
	client *github.Client
	signed *ghinstallation.Transport
}

// New checks the options and makes the App's clients. It makes no call.
func New(o Options) (*App, error) {
	base, err := url.Parse(o.APIURL)
	if err != nil || !strings.HasSuffix(o.APIURL, "/") {
		return nil, fmt.Errorf("API address %q: want a URL that ends in a slash", o.APIURL)
	}
	if o.AppID <= 0 || o.Key == nil {
		return nil, errors.New("the App's ID and private key are required")
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultTransport
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &App{o: o, base: base, installations: map[int64]access{}}
	signed := a.appTransport()
	a.self = a.client(retry{next: signed})
	return a, nil
}

func (a *App) appTransport() *ghinstallation.AppsTransport {
	t := ghinstallation.NewAppsTransportFromPrivateKey(a.o.HTTP, a.o.AppID, a.o.Key)
	t.BaseURL = strings.TrimSuffix(a.o.APIURL, "/")
	return t
}

// client is go-github's client over a transport.
func (a *App) client(t http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: t, Timeout: 2 * requestTimeout})
	c.BaseURL, c.UploadURL = a.base, a.base
	c.UserAgent = "sluice"
	return c
}

// installation is the client of an installation.
func (a *App) installation(id int64) *github.Client { return a.access(id).client }

func (a *App) access(id int64) access {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.installations[id]; ok {
		return known
	}
	signed := ghinstallation.NewFromAppsTransport(a.appTransport(), id)
	signed.BaseURL = strings.TrimSuffix(a.o.APIURL, "/")
	paced := newPace(signed, a.o.WriteRate, a.o.Now)
	made := access{client: a.client(newETags(retry{next: paced})), signed: signed}
	a.installations[id] = made
	return made
}

// Token is an installation's access token, for git over HTTP. It is good for at least a minute.
func (a *App) Token(ctx context.Context, installation int64) (string, error) {
	token, err := a.access(installation).signed.Token(ctx)
	return token, mapError(nil, err, a.o.Now())
}

// Identity is who the App is: its ID, slug, and the login and ID of its bot account.
func (a *App) Identity(ctx context.Context) (appID int64, slug, login string, userID int64, err error) {
	app, resp, err := a.self.Apps.Get(ctx, "")
	if err != nil {
		return 0, "", "", 0, mapError(resp, err, a.o.Now())
	}
	slug = app.GetSlug()
	login = slug + "[bot]"
	ids, err := a.Installations(ctx)
	if err != nil || len(ids) == 0 {
		return app.GetID(), slug, login, 0, err
	}
	u, resp, err := a.installation(ids[0]).Users.Get(ctx, login)
	if err != nil {
		return 0, "", "", 0, mapError(resp, err, a.o.Now())
	}
	return app.GetID(), slug, login, u.GetID(), nil
}

// Installations lists the IDs of all installations that are not suspended.
func (a *App) Installations(ctx context.Context) ([]int64, error) {
	var out []int64
	opts := &github.ListOptions{PerPage: 100}
	for {
		page, resp, err := a.self.Apps.ListInstallations(ctx, opts)
		if err != nil {
			return nil, mapError(resp, err, a.o.Now())
		}
		for _, i := range page {
			if i.SuspendedAt == nil {
				out = append(out, i.GetID())
			}
		}
		if resp.NextPage == 0 {
			return out, nil
		}
		opts.Page = resp.NextPage
	}
}

// Repos lists the repositories of an installation.
func (a *App) Repos(ctx context.Context, installation int64) ([]forge.Repo, error) {
	var out []forge.Repo
	opts := &github.ListOptions{PerPage: 100}
	for {
		page, resp, err := a.installation(installation).Apps.ListRepos(ctx, opts)
		if err != nil {
			return nil, mapError(resp, err, a.o.Now())
		}
		for _, r := range page.Repositories {
			repo := repoOf(r)
			repo.InstallationID = installation
			out = append(out, repo)
		}
		if resp.NextPage == 0 {
			return out, nil
		}
		opts.Page = resp.NextPage
	}
}

// HookDeliveries lists the attempts in the App's delivery log since a time, newest first.
func (a *App) HookDeliveries(ctx context.Context, since time.Time) ([]forge.HookDelivery, error) {
	var out []forge.HookDelivery
	opts := &github.ListCursorOptions{PerPage: 100}
	for {
		page, resp, err := a.self.Apps.ListHookDeliveries(ctx, opts)
		if err != nil {
			return nil, mapError(resp, err, a.o.Now())
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				return out, nil
			}
			out = append(out, forge.HookDelivery{
				ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), DeliveredAt: d.GetDeliveredAt().Time,
				StatusCode: d.GetStatusCode(), Redelivery: d.GetRedelivery(),
			})
		}
		if resp.Cursor == "" {
			return out, nil
		}
		opts.Cursor = resp.Cursor
	}
}

// Redeliver asks GitHub to send a delivery again.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, resp, err := a.self.Apps.RedeliverHookDelivery(ctx, id)
	var accepted *github.AcceptedError
	if errors.As(err, &accepted) {
		return nil
	}
	return mapError(resp, err, a.o.Now())
}

// Repo is the client for one repository. It makes no call.
func (a *App) Repo(installation, id int64, owner, name string) *Repo {
	return &Repo{app: a, gh: a.installation(installation), installation: installation, id: id, owner: owner, name: name}
}

// Repo is a repository on GitHub, as the installation may see and change it.
type Repo struct {
	app          *App
	gh           *github.Client
	installation int64
	id           int64
	owner, name  string
}

// fail turns an error of go-github into one of package forge.
func (r *Repo) fail(resp *github.Response, err error) error {
	return mapError(resp, err, r.app.o.Now())
}

// path is the API path of something in the repository; each element is escaped.
func (r *Repo) path(elements ...string) string {
	all := append([]string{"repos", r.owner, r.name}, elements...)
	for i, e := range all {
		all[i] = url.PathEscape(e)
	}
	return strings.Join(all, "/")
}

// call makes a request that go-github v62 has no method for, or reads into types that would fail.
func (r *Repo) call(ctx context.Context, method, path string, body, into any) (*github.Response, error) {
	req, err := r.gh.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := r.gh.Do(ctx, req, into)
	return resp, r.fail(resp, err)
}

// page adds paging to a path.
func page(path string, n int) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "per_page=100&page=" + strconv.Itoa(n)
}
