package setup

import (
	"encoding/json"
	"net/url"
)

// manifest is what GitHub is asked to make, in its words.
type manifest struct {
	Name         string            `json:"name"`
	URL          string            `json:"url"`
	Description  string            `json:"description"`
	Hook         hook              `json:"hook_attributes"`
	RedirectURL  string            `json:"redirect_url"`
	CallbackURLs []string          `json:"callback_urls"`
	Public       bool              `json:"public"`
	Permissions  map[string]string `json:"default_permissions"`
	Events       []string          `json:"default_events"`
}

type hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// maxName is how long GitHub lets the name of an App be.
const maxName = 34

// manifest makes the manifest; origin is where GitHub sends the browser back to.
func (s *Server) manifest(origin *url.URL, optional bool) manifest {
	m := manifest{
		Name: s.appName(), URL: s.opts.PublicURL, Description: "Runs git-flow releases: from a pull request to production.",
		Hook:         hook{URL: s.opts.PublicURL + "/webhooks/github", Active: true},
		RedirectURL:  origin.Scheme + "://" + origin.Host + "/setup/callback",
		CallbackURLs: []string{s.opts.PublicURL + "/login/callback"},
		Permissions:  map[string]string{}, Events: []string{},
	}
	for _, p := range s.opts.Permissions {
		if optional || !p.Optional {
			m.Permissions[p.Name] = p.Access
		}
	}
	for _, e := range s.opts.Events {
		m.Events = append(m.Events, e.Name)
	}
	return m
}

// appName is a suggestion: GitHub's page lets it be changed, since names are taken once for all of GitHub.
func (s *Server) appName() string {
	if s.opts.Organization == "" {
		return "Sluice"
	}
	name := "Sluice " + s.opts.Organization
	return name[:min(maxName, len(name))]
}

// form is the manifest as the page sends it to GitHub, and where.
func (s *Server) form(origin *url.URL, optional bool) (action, text string, m manifest, err error) {
	m = s.manifest(origin, optional)
	raw, err := json.Marshal(m)
	path := "settings/apps/new"
	if s.opts.Organization != "" {
		path = "organizations/" + s.opts.Organization + "/settings/apps/new"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.GitHubURL + path + "?" + url.Values{"state": {s.state}}.Encode(), string(raw), m, err
}
