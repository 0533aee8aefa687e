package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// Tokens is the page of a person's own tokens. It has no JSON: a token makes no tokens.
type Tokens struct {
	Tokens []TokenLine
	// Fresh is the text of a token that was made just now; it is shown this once.
	Fresh string
	// Server is the address to use it with.
	Server string
	// Room tells whether another one may be made.
	Room bool
}

// TokenLine is a token in the list.
type TokenLine struct {
	ID, Name, Scope                         string
	CreatedAt, ExpiresAt, UsedAt, RevokedAt time.Time
	Valid                                   bool
}

// tokensPage shows a person's tokens. It does not reload itself: it may show a secret.
func (s *Server) tokensPage(c echo.Context) error {
	ctx, err := s.loadSession(c.Request())
	if err != nil {
		return err
	}
	p, err := s.who(ctx, c.Request())
	if err != nil {
		return err
	}
	if !p.signedIn() {
		return notFound("Tokens belong to people, and nobody can sign in here.")
	}
	view := Tokens{Server: s.opts.PublicURL}
	var all []store.AccessToken
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.AccessTokens(ctx, p.user.ID)
		return err
	})
	if err != nil {
		return err
	}
	valid := 0
	for _, t := range all {
		line := TokenLine{
			ID: t.ID, Name: t.Name, Scope: string(t.Scope), CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, UsedAt: t.UsedAt, RevokedAt: t.RevokedAt,
			Valid: t.Valid(s.opts.Now()),
		}
		valid += truth(line.Valid)
		view.Tokens = append(view.Tokens, line)
	}
	view.Room = valid < maxTokens
	if view.Fresh = s.sessions.GetString(ctx, keyFresh); view.Fresh != "" {
		s.sessions.Remove(ctx, keyFresh)
		if err := s.saveSession(ctx, c.Response()); err != nil {
			return err
		}
	}
	out := page{Title: "Tokens", Section: "tokens", Person: p, View: view}
	if err := s.takeMessage(ctx, c, &out); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "tokens", out)
}

// changeTokens makes a token, or revokes one.
func (s *Server) changeTokens(ctx context.Context, c echo.Context, p *person) error {
	user, err := s.opts.Viewer.User(ctx, p.token) // the account as it is now
	if err != nil {
		return err
	}
	if user.ID != p.user.ID {
		return ErrSignedOut
	}
	if id := c.Request().PostForm.Get("revoke"); id != "" {
		return s.revokeToken(ctx, c, user, id)
	}
	return s.createToken(ctx, c, user)
}

func (s *Server) createToken(ctx context.Context, c echo.Context, user forge.User) error {
	form := c.Request().PostForm
	name, days := oneLine(form.Get("name")), 0
	if n, err := strconv.Atoi(form.Get("days")); err == nil {
		days = n
	}
	scope := store.AccessScope(form.Get("scope"))
	switch {
	case name == "" || len([]rune(name)) > maxTokenName:
		return s.tell(ctx, c, "/tokens", fmt.Sprintf("A token needs a name of at most %d characters.", maxTokenName), false)
	case scope != store.ScopeRead && scope != store.ScopeAct && scope != store.ScopeAlarms:
		return s.tell(ctx, c, "/tokens", "Say what the token may do: read, or act, or raise alarms.", false)
	case days < 1 || days > maxTokenDays:
		return s.tell(ctx, c, "/tokens", fmt.Sprintf("A token lasts from 1 to %d days.", maxTokenDays), false)
	}
	now := s.opts.Now()
	text, t := newToken(store.AccessToken{Name: name, Owner: user, Scope: scope, CreatedAt: now, ExpiresAt: now.AddDate(0, 0, days)})
	full := false
	err := s.opts.Store.Write(ctx, func(tx *store.Tx) error {
		all, err := tx.AccessTokens(ctx, user.ID)
		if err != nil {
			return err
		}
		valid := 0
		for _, other := range all {
			valid += truth(other.Valid(now))
		}
		if full = valid >= maxTokens; full {
			return nil
		}
		if err := tx.CreateAccessToken(ctx, t); err != nil {
			return err
		}
		return auditToken(ctx, tx, "token.create", user, t, now)
	})
	if err != nil {
		return err
	}
	if full {
		return s.tell(ctx, c, "/tokens", fmt.Sprintf("You have %d tokens. Revoke one first.", maxTokens), false)
	}
	s.opts.Log.InfoContext(ctx, "token made", "login", user.Login, "token", t.ID, "scope", string(scope))
	s.sessions.Put(ctx, keyFresh, text)
	return s.tell(ctx, c, "/tokens", fmt.Sprintf("The token %q is made.", name), true)
}

func (s *Server) revokeToken(ctx context.Context, c echo.Context, user forge.User, id string) error {
	now, name := s.opts.Now(), ""
	err := s.opts.Store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.AccessToken(ctx, id)
		if err != nil {
			return ignoreMissing(err)
		}
		done, err := tx.RevokeAccessToken(ctx, user.ID, id, now)
		if err != nil || !done {
			return err
		}
		name = t.Name
		return auditToken(ctx, tx, "token.revoke", user, t, now)
	})
	switch {
	case err != nil:
		return err
	case name == "":
		return s.tell(ctx, c, "/tokens", "You have no such token, or it was revoked before.", false)
	}
	return s.tell(ctx, c, "/tokens", fmt.Sprintf("The token %q is revoked.", name), true)
}

// auditToken records what happened to a token, in the log of the installation as a whole.
func auditToken(ctx context.Context, tx *store.Tx, action string, by forge.User, t store.AccessToken, at time.Time) error {
	evidence, err := json.Marshal(map[string]any{"name": t.Name, "scope": t.Scope, "expires": t.ExpiresAt.UTC(), "via": "dashboard"})
	if err != nil {
		return err
	}
	_, err = tx.Audit(ctx, store.AuditEntry{At: at, Actor: by, Action: action, Subject: t.ID, Evidence: evidence})
	return err
}
