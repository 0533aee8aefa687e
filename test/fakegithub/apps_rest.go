package fakegithub

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) getApp(c *call) (*answer, error) {
	o := s.integration(c.who.app)
	n := 0
	for _, i := range s.installs {
		if i.AppID == c.who.app.ID {
			n++
		}
	}
	o["installations_count"] = n
	return ok(o)
}

func (s *Server) appBySlug(c *call) (*answer, error) {
	for _, a := range s.apps {
		if a.Slug == c.params["app_slug"] {
			return ok(s.integration(a))
		}
	}
	return nil, &notFound
}

func (s *Server) listInstallations(c *call) (*answer, error) {
	var all []*Installation
	for _, i := range s.installations() {
		if i.AppID == c.who.app.ID {
			all = append(all, i)
		}
	}
	return ok(shapes(page(c, all), s.installation))
}

func (c *call) installationOfApp() (*Installation, error) {
	id, err := c.int64("installation_id")
	if err != nil {
		return nil, err
	}
	i := c.s.installs[id]
	if i == nil || i.AppID != c.who.app.ID {
		return nil, &notFound
	}
	return i, nil
}

func (s *Server) getInstallation(c *call) (*answer, error) {
	i, err := c.installationOfApp()
	if err != nil {
		return nil, err
	}
	return ok(s.installation(i))
}

// installationFor is GET …/installation of a repository, organization or user.
func (s *Server) installationFor(c *call) (*answer, error) {
	owner := c.params["org"] + c.params["username"]
	for _, i := range s.installations() {
		if i.AppID == c.who.app.ID && (c.repo != nil && s.covers(i, c.repo) || c.repo == nil && strings.EqualFold(i.Account, owner)) {
			return ok(s.installation(i))
		}
	}
	return nil, &notFound
}

// createToken makes an installation token, on demand for fewer repositories and permissions.
func (s *Server) createToken(c *call) (*answer, error) {
	i, err := c.installationOfApp()
	if err != nil {
		return nil, err
	}
	if i.Suspended {
		return nil, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var in struct {
		Repositories []string
		IDs          []int64 `json:"repository_ids"`
		Permissions  map[string]string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t := token{installID: i.ID, permissions: in.Permissions, expires: s.opts.Now().Add(s.opts.TokenLifetime).Unix()}
	given := maps.Clone(i.Permissions)
	if in.Permissions != nil {
		for p, level := range in.Permissions {
			if levelRank[level] > levelRank[i.Permissions[p]] {
				return nil, refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			}
		}
		given = maps.Clone(in.Permissions)
		if given["metadata"] == "" {
			given["metadata"] = "read"
		}
		t.permissions = given
	}
	var named []*repository
	for _, r := range s.installedRepos(i) {
		if slices.ContainsFunc(in.Repositories, func(n string) bool { return strings.EqualFold(n, r.name) }) || slices.Contains(in.IDs, r.id) {
			named, t.repos = append(named, r), append(t.repos, r.id)
		}
	}
	if want := len(in.Repositories) + len(in.IDs); want > 0 && len(named) < want {
		return nil, refuse(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	secret := s.secret(fmt.Sprintf("ghs_%d_", i.AppID), i.Account)
	s.tokens[secret] = t
	selection := "all"
	if i.Repos != nil || named != nil {
		selection = "selected"
	}
	o := obj{"token": secret, "expires_at": ts(s.opts.Now().Add(s.opts.TokenLifetime)), "permissions": given, "repository_selection": selection}
	if named != nil {
		o["repositories"] = shapes(named, func(r *repository) obj { return r.shape() })
	}
	return created(o)
}

func (s *Server) revokeToken(c *call) (*answer, error) {
	if c.who.install == nil {
		return nil, refuse(http.StatusForbidden, "You must authenticate with an installation access token.")
	}
	for secret, t := range s.tokens {
		if strings.HasSuffix(c.r.Header.Get("Authorization"), secret) && t.installID != 0 {
			delete(s.tokens, secret)
		}
	}
	return noContent()
}

func (s *Server) tokenRepos(c *call) (*answer, error) {
	if c.who.install == nil {
		return nil, refuse(http.StatusForbidden, "You must authenticate with an installation access token in order to list repositories for an installation.")
	}
	var all []*repository
	for _, r := range s.sortedRepos() {
		if s.tokenCovers(c.who, r) {
			all = append(all, r)
		}
	}
	selection := "all"
	if c.who.install.Repos != nil || c.who.token.repos != nil {
		selection = "selected"
	}
	return ok(obj{"total_count": len(all), "repository_selection": selection, "repositories": shapes(page(c, all), func(r *repository) obj { return r.shape() })})
}

// userInstallations are those on accounts where the user can see something.
func (s *Server) userInstallations(c *call) (*answer, error) {
	var all []*Installation
	for _, i := range s.installations() {
		if !c.who.isApp() && s.seesAny(c.who.account, i) {
			all = append(all, i)
		}
	}
	return ok(obj{"total_count": len(all), "installations": shapes(page(c, all), s.installation)})
}

func (s *Server) seesAny(a *Account, i *Installation) bool {
	if strings.EqualFold(a.Login, i.Account) || slices.Contains(s.members[strings.ToLower(i.Account)], strings.ToLower(a.Login)) {
		return true
	}
	return slices.ContainsFunc(s.installedRepos(i), func(r *repository) bool { return r.roles[strings.ToLower(a.Login)].atLeast(RoleRead) })
}

func (s *Server) userInstallationRepos(c *call) (*answer, error) {
	i := s.installs[int64(atoi(c.params["installation_id"]))]
	if i == nil || c.who.isApp() || !s.seesAny(c.who.account, i) {
		return nil, &notFound
	}
	all := slices.DeleteFunc(s.installedRepos(i), func(r *repository) bool { return !s.roleOf(c.who.account, r).atLeast(RoleRead) })
	selection := map[bool]string{true: "all", false: "selected"}[i.Repos == nil]
	return ok(obj{"total_count": len(all), "repository_selection": selection, "repositories": shapes(page(c, all), func(r *repository) obj {
		o := r.shape()
		role := s.roleOf(c.who.account, r)
		o["permissions"] = obj{"admin": role.atLeast(RoleAdmin), "maintain": role.atLeast(RoleMaintain), "push": role.atLeast(RoleWrite), "triage": role.atLeast(RoleTriage), "pull": true}
		return o
	})})
}

func (s *Server) hookConfig(c *call) (*answer, error) {
	return ok(obj{"url": c.who.app.WebhookURL, "content_type": "json", "insecure_ssl": "0", "secret": "********"})
}

func (s *Server) updateHookConfig(c *call) (*answer, error) {
	var in struct{ URL, Secret *string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.URL != nil {
		c.who.app.WebhookURL = *in.URL
	}
	if in.Secret != nil {
		c.who.app.Secret = *in.Secret
	}
	return s.hookConfig(c)
}

func (d Delivery) status() string {
	switch {
	case d.StatusCode == 0:
		return "Failed to connect to host"
	case d.StatusCode < 300:
		return "OK"
	}
	return fmt.Sprintf("Invalid HTTP Response: %d", d.StatusCode)
}

func (s *Server) deliveryShape(d Delivery) obj {
	var repo any
	if r := s.repoNamed(d.Repo); r != nil {
		repo = r.id
	}
	return obj{"id": d.ID, "guid": d.GUID, "delivered_at": ts(d.DeliveredAt), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(), "status": d.status(), "status_code": d.StatusCode,
		"event": d.Event, "action": textOrNil(d.Action), "installation_id": d.Install, "repository_id": repo, "throttled_at": nil}
}

// listDeliveries is the App's log, newest first, with a cursor instead of pages.
func (s *Server) listDeliveries(c *call) (*answer, error) {
	size, cursor := c.pageSize(), int64(atoi(c.query.Get("cursor")))
	if raw := c.query.Get("cursor"); raw != "" && cursor == 0 {
		return nil, refuse(http.StatusUnprocessableEntity, "cursor is not valid")
	}
	status := c.query.Get("status")
	var out []Delivery
	next := int64(0)
	for _, d := range slices.Backward(s.Deliveries()) {
		good := d.StatusCode >= 200 && d.StatusCode < 300
		if d.AppID != c.who.app.ID || cursor != 0 && d.ID > cursor || status == "success" && !good || status == "failure" && good {
			continue
		}
		if len(out) == size {
			next = d.ID
			break
		}
		out = append(out, d)
	}
	if next != 0 {
		q := url.Values{}
		maps.Copy(q, c.query)
		q.Set("cursor", strconv.FormatInt(next, 10))
		c.link = fmt.Sprintf(`<%s%s?%s>; rel="next"`, s.baseURL, c.path, q.Encode())
	}
	return ok(shapes(out, s.deliveryShape))
}

func (c *call) delivery() (Delivery, error) {
	id, err := c.int64("delivery_id")
	if err != nil {
		return Delivery{}, err
	}
	for _, d := range c.s.Deliveries() {
		if d.ID == id && d.AppID == c.who.app.ID {
			return d, nil
		}
	}
	return Delivery{}, &notFound
}

func (s *Server) getDelivery(c *call) (*answer, error) {
	d, err := c.delivery()
	if err != nil {
		return nil, err
	}
	o := s.deliveryShape(d)
	p := parcel{Delivery: d, secret: c.who.app.Secret, hookID: d.AppID + 500_000}
	o["url"] = c.who.app.WebhookURL
	o["request"] = obj{"headers": p.headers(), "payload": json.RawMessage(d.Body)}
	o["response"] = obj{"headers": obj{}, "payload": ""}
	return ok(o)
}

// redeliverOne sends a delivery again, with its GUID and the present URL and secret.
func (s *Server) redeliverOne(c *call) (*answer, error) {
	d, err := c.delivery()
	if err != nil {
		return nil, err
	}
	d.Redelivery, d.StatusCode, d.Problem = true, 0, ""
	s.hooks.add(&parcel{Delivery: d, url: c.who.app.WebhookURL, secret: c.who.app.Secret, hookID: d.AppID + 500_000})
	return accepted(obj{})
}
