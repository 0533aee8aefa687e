package fakegithub

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// appManifest is the part of a manifest that counts here.
type appManifest struct {
	Name string
	URL  string
	Hook struct {
		URL string
	} `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	Callbacks   []string          `json:"callback_urls"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

var newAppPath = lazyregexp.New(`^/(?:organizations/([^/]+)/)?settings/apps/new$`)

var agreeTemplate = template.Must(template.New("agree").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Create GitHub App</title><style>` + pageStyle + `</style><main><h1>Create a GitHub App for {{.Owner}}</h1><p>This is a stand-in for GitHub.</p>
<ul class="list">{{range $name, $access := .Permissions}}<li>{{$name}}: {{$access}}</li>{{end}}</ul>
<form method="post"><input type="hidden" name="manifest" value="{{.Manifest}}"><input type="hidden" name="agreed" value="yes">
<p><label>Name <input name="name" value="{{.Name}}"></label></p><button>Create GitHub App for {{.Owner}}</button></form></main></html>`))

// serveManifest is the page that a manifest is sent to. Whoever presses its button agrees, for the organization in the
// path or else the first user. The App is made then; a code to fetch its key with goes back with the browser.
func (s *Server) serveManifest(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		http.Error(w, "send a manifest", http.StatusBadRequest)
		return
	}
	owner := s.manifestOwner(newAppPath.FindStringSubmatch(r.URL.Path)[1])
	var m appManifest
	back := &url.URL{}
	if json.Unmarshal([]byte(r.PostForm.Get("manifest")), &m) == nil {
		if u, err := url.Parse(m.RedirectURL); err == nil {
			back = u
		}
	}
	switch {
	case owner == "":
		http.NotFound(w, r)
		return
	case m.Name == "" || len(m.Name) > 34 || m.URL == "" || m.Hook.URL == "" || back.Host == "":
		http.Error(w, "Invalid GitHub App configuration: name, url, hook_attributes.url and redirect_url are needed", http.StatusUnprocessableEntity)
		return
	case r.PostForm.Get("agreed") == "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = agreeTemplate.Execute(w, map[string]any{ // the browser went away
			"Owner": owner, "Permissions": m.Permissions, "Manifest": r.PostForm.Get("manifest"), "Name": m.Name,
		})
		return
	}
	code, err := s.adoptManifest(m, owner)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	q := back.Query()
	q.Set("code", code)
	if r.URL.Query().Has("state") {
		q.Set("state", r.URL.Query().Get("state"))
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (s *Server) manifestOwner(org string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.sortedAccounts() {
		if org == "" && a.Type == "User" || org != "" && a.Type == "Organization" && strings.EqualFold(a.Login, org) {
			return a.Login
		}
	}
	return ""
}

// adoptManifest makes the App and a code for it.
func (s *Server) adoptManifest(m appManifest, owner string) (code string, err error) {
	app, err := s.AddApp(AppConfig{
		Slug: strings.ToLower(strings.ReplaceAll(m.Name, " ", "-")), WebhookURL: m.Hook.URL, WebhookSecret: guid(),
		CallbackURLs: m.Callbacks, Permissions: m.Permissions, Events: m.Events,
	})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[app.ID].Owner = owner
	code = strings.ReplaceAll(guid(), "-", "")
	s.pending[code] = app.ID
	return code, nil
}

// convertManifest trades a code for the App's key and secrets, once.
func (s *Server) convertManifest(c *call) (*answer, error) {
	app := s.apps[s.pending[c.params["code"]]]
	if app == nil {
		return nil, &notFound
	}
	delete(s.pending, c.params["code"])
	o := s.integration(app)
	o["client_secret"], o["webhook_secret"], o["pem"] = app.ClientSecret, app.Secret, string(app.PrivateKey)
	return created(o)
}
