package main

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
)

// gitHubTimeout bounds each question to GitHub.
const gitHubTimeout = 15 * time.Second

// asApp is GitHub as the App itself sees it, without an installation. ask bounds each question.
func asApp(id int64, key *rsa.PrivateKey, apiURL string) *github.Client {
	signed := ghinstallation.NewAppsTransportFromPrivateKey(http.DefaultTransport, id, key)
	signed.BaseURL = strings.TrimSuffix(apiURL, "/")
	return github.NewClient(&http.Client{Transport: signed})
}

// appInfo is what GET /app says.
type appInfo struct {
	ID    int64  `json:"id"`
	Slug  string `json:"slug"`
	Owner struct {
		Login string `json:"login"`
	} `json:"owner"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// hookInfo is what GET /app/hook/config says.
type hookInfo struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	InsecureSSL any    `json:"insecure_ssl"` // "0" or 0
	Secret      string `json:"secret"`
}

// installationInfo is one of GET /app/installations.
type installationInfo struct {
	ID      int64 `json:"id"`
	Account struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"account"`
	Permissions map[string]string `json:"permissions"`
	SuspendedAt *time.Time        `json:"suspended_at"`
}

// gitHub asks GitHub who the App is and what it may do.
func (d *diagnosis) gitHub(ctx context.Context, cfg *config.Server) {
	gh := asApp(cfg.GitHub.AppID, cfg.GitHub.PrivateKey.Reveal(), cfg.GitHub.APIURL.String())
	gh.BaseURL = cfg.GitHub.APIURL
	var app appInfo
	at := time.Now()
	res, err := ask(ctx, gh, "app", &app)
	if err != nil {
		d.add(sick, "GitHub", err.Error(), remedyFor(res, cfg))
		return
	}
	d.add(healthy, "GitHub", fmt.Sprintf("reached as the App %q (ID %d) of %q", app.Slug, app.ID, app.Owner.Login), "")
	d.clock(res, at)
	d.permissions("App permissions", app.Permissions, true, "grant them on the App's settings page, then each organization accepts them")
	d.events(app.Events)
	d.hook(ctx, gh, cfg)
	d.installations(ctx, gh, cfg)
}

// ask reads an answer of the API into a value. The response is nil when none came.
func ask(ctx context.Context, gh *github.Client, path string, into any) (*github.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, gitHubTimeout)
	defer cancel()
	req, err := gh.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return gh.Do(ctx, req, into)
}

// remedyFor says what to do about an answer that is no success.
func remedyFor(res *github.Response, cfg *config.Server) string {
	switch {
	case res == nil:
		return fmt.Sprintf("can %s be reached from here? See --github-api-url and the proxy settings of the host", cfg.GitHub.APIURL.Host)
	case res.StatusCode == http.StatusUnauthorized:
		return "the private key is not one of this App ID's, or the clock of this host is wrong"
	case res.StatusCode == http.StatusNotFound:
		return "there is no App with this ID, or --github-api-url is not an API's address (a GitHub Enterprise Server's ends in /api/v3/)"
	}
	return ""
}

// clock compares this host's clock with GitHub's: a token signed in the future is refused.
func (d *diagnosis) clock(res *github.Response, at time.Time) {
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	if off := at.Sub(theirs).Round(time.Second); off.Abs() > 30*time.Second {
		d.add(doubtful, "clock", fmt.Sprintf("this host's clock is %s from GitHub's", off), "let it follow a time server; GitHub refuses tokens more than a minute off")
		return
	}
	d.add(healthy, "clock", "this host's clock agrees with GitHub's", "")
}

// permissions compares what was granted with what is needed.
func (d *diagnosis) permissions(what string, granted map[string]string, organization bool, remedy string) {
	var missing, without []string
	for _, p := range bot.Permissions() {
		if p.Organization && !organization || allows(granted[p.Name], p.Access) {
			continue
		}
		if p.Optional {
			without = append(without, p.Name+": "+p.Access)
		} else {
			missing = append(missing, p.Name+": "+p.Access)
		}
	}
	if len(missing) > 0 {
		d.add(sick, what, "missing: "+strings.Join(missing, ", "), remedy)
		return
	}
	says := "all that are needed are granted"
	if len(without) > 0 {
		says += "; without " + strings.Join(without, ", ") + ", which only some repositories need (docs/permissions.md)"
	}
	d.add(healthy, what, says, "")
}

func allows(granted, needed string) bool {
	rank := []string{"", "read", "write", "admin"}
	return slices.Index(rank, granted) >= slices.Index(rank, needed)
}

// events compares what the App subscribes to with what is needed.
func (d *diagnosis) events(have []string) {
	var missing []string
	for _, s := range bot.Subscriptions() {
		if s.Permission != "" && !slices.Contains(have, s.Event) {
			missing = append(missing, s.Event)
		}
	}
	if len(missing) > 0 {
		d.add(sick, "App events", "not subscribed to: "+strings.Join(missing, ", "), "tick them on the App's settings page, under Permissions & events")
		return
	}
	d.add(healthy, "App events", "all that are needed are subscribed to", "")
}

// hook looks at where GitHub sends deliveries.
func (d *diagnosis) hook(ctx context.Context, gh *github.Client, cfg *config.Server) {
	var hook hookInfo
	if _, err := ask(ctx, gh, "app/hook/config", &hook); err != nil {
		d.add(sick, "webhook", err.Error(), "is the webhook active on the App's settings page?")
		return
	}
	want := strings.TrimSuffix(cfg.PublicURL.String(), "/") + "/webhooks/github"
	wrong := false
	problem := func(status, says, remedy string) {
		wrong = true
		d.add(status, "webhook", says, remedy)
	}
	switch {
	case hook.URL == "":
		problem(sick, "it has no URL", "set it to "+want)
	case hook.URL != want:
		problem(doubtful, fmt.Sprintf("GitHub sends to %q, and the server expects %q", hook.URL, want),
			"right only if something forwards deliveries; else set the URL or --public-url")
	}
	if hook.ContentType != "json" {
		problem(sick, fmt.Sprintf("content type %q", hook.ContentType), "set it to application/json")
	}
	if hook.Secret == "" {
		problem(sick, "it has no secret, so every delivery is refused", "set it to the value of --github-webhook-secret")
	}
	if fmt.Sprint(hook.InsecureSSL) != "0" {
		problem(doubtful, "GitHub does not verify the server's certificate", "turn SSL verification on")
	}
	if !wrong {
		d.add(healthy, "webhook", hook.URL+", JSON, with a secret", "")
	}
}

// installations looks at where the App is installed, and what was accepted there.
func (d *diagnosis) installations(ctx context.Context, gh *github.Client, cfg *config.Server) {
	count := 0
	for page := 1; ; page++ {
		var list []installationInfo
		if _, err := ask(ctx, gh, fmt.Sprintf("app/installations?per_page=100&page=%d", page), &list); err != nil {
			d.add(sick, "installations", err.Error(), "")
			return
		}
		for _, i := range list {
			count++
			d.account = i.Account.Login
			what := fmt.Sprintf("installation %d on %q", i.ID, i.Account.Login)
			if i.SuspendedAt != nil {
				d.add(doubtful, what, "suspended since "+i.SuspendedAt.UTC().Format(time.RFC3339), "unsuspend it in the organization's settings")
				continue
			}
			d.permissions(what, i.Permissions, i.Account.Type == "Organization", "an owner accepts the App's new permissions in the organization's settings")
			if d.each {
				d.repositories(ctx, cfg, i.ID)
			}
		}
		d.account = ""
		if len(list) < 100 {
			break
		}
	}
	if count == 0 {
		d.add(doubtful, "installations", "the App is installed nowhere", "install it from the App's page")
	}
}
