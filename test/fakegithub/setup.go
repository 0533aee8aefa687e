package fakegithub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v4"
)

// token is what a secret stands for: a user, or an installation with narrowed rights.
type token struct {
	login       string // of a user
	installID   int64
	repos       []int64 // nil: all of the installation
	permissions map[string]string
	expires     int64 // Unix seconds; 0 never
}

// AddUser creates a user with a token, or returns the one that exists.
func (s *Server) AddUser(login string) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.addUser(login)
}

func (s *Server) addUser(login string) *Account {
	if a := s.accounts[strings.ToLower(login)]; a != nil {
		return a
	}
	a := s.addAccount(login, "User")
	a.Email = strings.ToLower(login) + "@example.com"
	a.Token = s.secret("ghp_", login)
	s.tokens[a.Token] = token{login: a.Login}
	return a
}

func (s *Server) addAccount(login, kind string) *Account {
	a := &Account{ID: s.id(), Login: login, Name: login, Type: kind, CreatedAt: s.now()}
	s.accounts[strings.ToLower(login)] = a
	return a
}

// secret makes up a token that is the same in every run, so that recordings can be compared.
func (s *Server) secret(prefix, of string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", prefix, of, s.id()))
	return prefix + hex.EncodeToString(sum[:])[:36]
}

func (s *Server) account(login string) *Account { return s.accounts[strings.ToLower(login)] }

func (s *Server) tokenOf(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.account(login); a != nil {
		return a.Token
	}
	return "unknown"
}

// AddOrg creates an organization with the users as its members, created when they are new.
func (s *Server) AddOrg(login string, members ...string) Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(login)
	if a == nil {
		a = s.addAccount(login, "Organization")
	}
	for _, m := range members {
		s.joinOrg(login, m)
	}
	return *a
}

func (s *Server) joinOrg(org, login string) {
	s.addUser(login)
	org, login = strings.ToLower(org), strings.ToLower(login)
	if !slices.Contains(s.members[org], login) {
		s.members[org] = append(s.members[org], login)
	}
}

func teamKey(org, slug string) string { return strings.ToLower(org + "/" + slug) }

// AddTeam creates a team; members are created when they are new and join the organization.
func (s *Server) AddTeam(org, slug string, members ...string) Team {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.teams[teamKey(org, slug)]
	if t == nil {
		t = &Team{ID: s.id(), Org: org, Slug: slug, Name: slug}
		s.teams[teamKey(org, slug)] = t
	}
	for _, m := range members {
		s.joinOrg(org, m)
		if !slices.Contains(t.Members, m) {
			t.Members = append(t.Members, m)
		}
	}
	return *t
}

// SetTeamMember lets somebody join a team, or leave it. It sends membership.
func (s *Server) SetTeamMember(org, slug, login string, member bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.teams[teamKey(org, slug)]
	if t == nil {
		return fmt.Errorf("organization %s has no team %s", org, slug)
	}
	is := func(m string) bool { return strings.EqualFold(m, login) }
	if slices.ContainsFunc(t.Members, is) == member {
		return nil
	}
	action := "removed"
	if member {
		s.joinOrg(org, login)
		t.Members = append(t.Members, login)
		action = "added"
	} else {
		t.Members = slices.DeleteFunc(t.Members, is)
	}
	s.emitOrg(org, "membership", action, s.account(login), obj{"scope": "team", "member": s.user(s.account(login)), "team": s.teamShape(t)})
	return nil
}

// AddApp registers an App.
func (s *Server) AddApp(c AppConfig) (App, error) {
	if c.Slug == "" {
		c.Slug = "sluice"
	}
	if c.Permissions == nil {
		c.Permissions = SluicePermissions()
	}
	if c.Events == nil {
		c.Events = SluiceEvents()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account(c.Slug+"[bot]") != nil {
		return App{}, fmt.Errorf("an App %s exists", c.Slug)
	}
	if c.PrivateKey == nil {
		var err error
		if c.PrivateKey, err = s.appKey(); err != nil {
			return App{}, fmt.Errorf("making the App's key: %w", err)
		}
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(c.PrivateKey)
	if err != nil {
		return App{}, fmt.Errorf("the App's private key: %w", err)
	}
	if c.ID == 0 {
		c.ID = s.id()
	}
	if c.ClientID == "" {
		c.ClientID = s.secret("Iv23", c.Slug)[:20]
	}
	if c.ClientSecret == "" {
		c.ClientSecret = s.secret("", c.Slug)
	}
	if s.account("sluicehq") == nil {
		s.addAccount("sluicehq", "Organization")
	}
	a := &App{ID: c.ID, Slug: c.Slug, Owner: "sluicehq", PrivateKey: c.PrivateKey, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		WebhookURL: c.WebhookURL, Secret: c.WebhookSecret, Permissions: maps.Clone(c.Permissions), Events: slices.Clone(c.Events),
		Bot: *s.addAccount(c.Slug+"[bot]", "Bot"), CreatedAt: s.now(), key: &key.PublicKey, callbacks: slices.Clone(c.CallbackURLs)}
	s.apps[a.ID] = a
	return *a, nil
}

// SetWebhook changes where an App's deliveries go.
func (s *Server) SetWebhook(appID int64, url, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[appID]
	if a == nil {
		return fmt.Errorf("no App has the ID %d", appID)
	}
	a.WebhookURL, a.Secret = url, secret
	return nil
}

// Install puts an App on an account, for the repositories named (full names) or for all. It sends installation.created.
func (s *Server) Install(appID int64, account string, repos ...string) (Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, owner := s.apps[appID], s.account(account)
	if a == nil || owner == nil {
		return Installation{}, fmt.Errorf("cannot install App %d on %q: one of them does not exist", appID, account)
	}
	i := &Installation{ID: s.id(), AppID: appID, Account: owner.Login, Repos: slices.Clone(repos), Permissions: maps.Clone(a.Permissions), CreatedAt: s.now()}
	s.installs[i.ID] = i
	s.emitInstallation(i, "installation", "created", obj{"repositories": s.installedShapes(i), "requester": nil})
	return *i, nil
}

// SetInstallation changes an installation's permissions (nil: as they are) and repositories (nil: all).
func (s *Server) SetInstallation(id int64, permissions map[string]string, repos []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installs[id]
	if i == nil {
		return fmt.Errorf("no installation has the ID %d", id)
	}
	before := s.installedRepos(i)
	i.Repos = slices.Clone(repos)
	if permissions != nil {
		i.Permissions = maps.Clone(permissions)
		s.emitInstallation(i, "installation", "new_permissions_accepted", obj{"repositories": s.installedShapes(i), "requester": nil})
	}
	after := s.installedRepos(i)
	added, removed := []any{}, []any{}
	for _, r := range after {
		if !slices.Contains(before, r) {
			added = append(added, r.stub())
		}
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			removed = append(removed, r.stub())
		}
	}
	if len(added)+len(removed) > 0 {
		action := "added"
		if len(added) == 0 {
			action = "removed"
		}
		s.emitInstallation(i, "installation_repositories", action, obj{"repositories_added": added, "repositories_removed": removed,
			"repository_selection": i.selection(), "requester": nil})
	}
	return nil
}

// SetSuspended suspends an installation, or ends that. It sends the event.
func (s *Server) SetSuspended(id int64, suspended bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installs[id]
	if i == nil {
		return fmt.Errorf("no installation has the ID %d", id)
	}
	if i.Suspended == suspended {
		return nil
	}
	action, repos := "suspend", s.installedShapes(i)
	i.Suspended = suspended
	if !suspended {
		action, repos = "unsuspend", s.installedShapes(i)
	}
	s.emitInstallation(i, "installation", action, obj{"repositories": repos, "requester": nil})
	return nil
}

// Uninstall takes an App off an account. It sends installation.deleted; its tokens die.
func (s *Server) Uninstall(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.installs[id]; i != nil {
		s.emitInstallation(i, "installation", "deleted", obj{"repositories": s.installedShapes(i), "requester": nil})
		delete(s.installs, id)
	}
}

// installedRepos are the repositories an installation covers, oldest first.
func (s *Server) installedRepos(i *Installation) []*repository {
	var out []*repository
	for _, r := range s.sortedRepos() {
		if s.covers(i, r) {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) covers(i *Installation, r *repository) bool {
	if i.Suspended || !strings.EqualFold(r.owner, i.Account) {
		return false
	}
	return i.Repos == nil || slices.ContainsFunc(i.Repos, func(n string) bool { return s.names[strings.ToLower(n)] == r.id })
}

// InstallationToken hands out a token as POST /app/installations/{id}/access_tokens does, for tests.
func (s *Server) InstallationToken(id int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installs[id]
	if i == nil {
		return "", fmt.Errorf("no installation has the ID %d", id)
	}
	secret := s.secret(fmt.Sprintf("ghs_%d_", i.AppID), i.Account)
	s.tokens[secret] = token{installID: id, expires: s.opts.Now().Add(s.opts.TokenLifetime).Unix()}
	return secret, nil
}
