package fakegithub

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// actor is who makes a call.
type actor struct {
	account *Account // the user, or the App's bot; nil for an App that signs with its JWT
	app     *App
	install *Installation
	token   token
}

// name is what the call log shows.
func (a *actor) name() string {
	switch {
	case a == nil:
		return ""
	case a.account != nil:
		return a.account.Login
	}
	return a.app.Slug
}

// isApp tells whether an App acts, by JWT or installation token.
func (a *actor) isApp() bool { return a != nil && a.app != nil }

func unauthorized(message string) error {
	return &refusal{status: http.StatusUnauthorized, message: message}
}

// authenticate finds out who sends a request; nil without credentials.
func (s *Server) authenticate(r *http.Request) (*actor, error) {
	h := r.Header.Get("Authorization")
	if h == "" {
		return nil, nil
	}
	scheme, cred, _ := strings.Cut(h, " ")
	cred = strings.TrimSpace(cred)
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(cred)
		if err != nil {
			return nil, unauthorized("Bad credentials")
		}
		user, pass, _ := strings.Cut(string(raw), ":")
		if pass == "" || pass == "x-oauth-basic" {
			pass = user
		}
		cred = pass
	case "bearer", "token":
	default:
		return nil, unauthorized("Bad credentials")
	}
	if t, ok := s.tokens[cred]; ok {
		return s.holder(t)
	}
	if strings.Count(cred, ".") == 2 {
		return s.verifyJWT(cred)
	}
	return nil, unauthorized("Bad credentials")
}

func (s *Server) holder(t token) (*actor, error) {
	if t.expires != 0 && s.opts.Now().Unix() >= t.expires {
		return nil, unauthorized("Bad credentials")
	}
	if t.installID == 0 {
		return &actor{account: s.account(t.login), token: t}, nil
	}
	i := s.installs[t.installID]
	if i == nil || s.apps[i.AppID] == nil {
		return nil, unauthorized("Bad credentials")
	}
	if i.Suspended {
		return nil, &refusal{status: http.StatusForbidden, message: "This installation has been suspended"}
	}
	a := s.apps[i.AppID]
	return &actor{account: s.account(a.Bot.Login), app: a, install: i, token: t}, nil
}

func (s *Server) verifyJWT(cred string) (*actor, error) {
	claims := jwt.MapClaims{}
	var app *App
	p := jwt.NewParser(jwt.WithoutClaimsValidation(), jwt.WithValidMethods([]string{"RS256"}), jwt.WithJSONNumber())
	_, err := p.ParseWithClaims(cred, claims, func(*jwt.Token) (any, error) {
		issuer := claimText(claims["iss"])
		for _, a := range s.apps {
			if a.key != nil && (issuer == strconv.FormatInt(a.ID, 10) || issuer == a.ClientID) {
				app = a
				return a.key, nil
			}
		}
		return nil, unauthorized("Integration not found")
	})
	if err != nil {
		return nil, unauthorized("A JSON web token could not be decoded")
	}
	now := s.opts.Now()
	iat, exp := claimTime(claims["iat"]), claimTime(claims["exp"])
	switch {
	case exp.IsZero() || !exp.After(now):
		return nil, unauthorized("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case exp.After(now.Add(10*time.Minute + 5*time.Second)):
		return nil, unauthorized("'Expiration time' claim ('exp') is too far in the future")
	case iat.IsZero() || iat.After(now.Add(5*time.Second)):
		return nil, unauthorized("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return &actor{app: app}, nil
}

func claimText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case interface{ String() string }: // json.Number
		return v.String()
	}
	return ""
}

func claimTime(v any) time.Time {
	n, err := strconv.ParseFloat(claimText(v), 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

var roleRank = map[Role]int{RoleNone: 0, RoleRead: 1, RoleTriage: 2, RoleWrite: 3, RoleMaintain: 4, RoleAdmin: 5}

func (r Role) atLeast(want Role) bool { return roleRank[r] >= roleRank[want] }

// roleOf is the highest role an account has in a repository, by itself, a team, the organization, or because it is
// public.
func (s *Server) roleOf(a *Account, r *repository) Role {
	best := RoleNone
	if !r.private {
		best = RoleRead
	}
	if a == nil {
		return best
	}
	login := strings.ToLower(a.Login)
	raise := func(role Role) {
		if role.atLeast(best) {
			best = role
		}
	}
	if strings.EqualFold(a.Login, r.owner) {
		raise(RoleAdmin)
	}
	if slices.Contains(s.members[strings.ToLower(r.owner)], login) {
		raise(RoleRead)
	}
	raise(r.roles[login])
	for slug, role := range r.teams {
		if t := s.teams[teamKey(r.owner, slug)]; t != nil && slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, login) }) {
			raise(role)
		}
	}
	return best
}

// permits tells whether an installation token has a permission at a level.
func (a *actor) permits(permission, level string) bool {
	have := a.install.Permissions[permission]
	if a.token.permissions != nil {
		narrowed := a.token.permissions[permission]
		if narrowed == "" || narrowed == "read" {
			have = minLevel(have, narrowed)
		}
	}
	return levelRank[have] >= levelRank[level]
}

var levelRank = map[string]int{"": 0, "read": 1, "write": 2, "admin": 3}

func minLevel(a, b string) string {
	if levelRank[a] < levelRank[b] {
		return a
	}
	return b
}

func (s *Server) tokenCovers(a *actor, r *repository) bool {
	return s.covers(a.install, r) && (a.token.repos == nil || slices.Contains(a.token.repos, r.id))
}

var notFound = refusal{status: http.StatusNotFound, message: "Not Found"}

// admit decides whether the actor may make a call; the refusal is worded as GitHub words it.
func (s *Server) admit(a *actor, n need, r *repository) error {
	switch n.who {
	case anyone:
		return nil
	case byJWT:
		if !a.isApp() || a.account != nil {
			return unauthorized("A JSON web token could not be decoded")
		}
		return nil
	}
	if a.isApp() && a.account == nil {
		return unauthorized("A JSON web token is only for the App's own endpoints: use an installation token")
	}
	if n.who == signed {
		if a == nil {
			return unauthorized("Requires authentication")
		}
		return nil
	}
	if a.isApp() {
		return s.admitApp(a, n, r)
	}
	role := s.roleOf(accountOf(a), r)
	if a == nil && n.role != RoleRead {
		return unauthorized("Requires authentication")
	}
	if !role.atLeast(RoleRead) {
		return &notFound
	}
	if !role.atLeast(n.role) {
		if n.role.atLeast(RoleMaintain) {
			return &notFound
		}
		return &refusal{status: http.StatusForbidden, message: "Must have " + string(n.role) + " access to Repository."}
	}
	return nil
}

func accountOf(a *actor) *Account {
	if a == nil {
		return nil
	}
	return a.account
}

func (s *Server) admitApp(a *actor, n need, r *repository) error {
	inside := s.tokenCovers(a, r)
	switch {
	case !inside && r.private:
		return &notFound
	case !inside && n.level == "read":
		return nil
	}
	ok := len(n.permissions) == 0
	for _, p := range n.permissions {
		ok = ok || a.permits(p, n.level)
	}
	if !inside || !ok {
		if n.level == "read" && !r.private && inside && n.role == RoleRead {
			return nil // public data
		}
		return &refusal{status: http.StatusForbidden, message: "Resource not accessible by integration"}
	}
	return nil
}
