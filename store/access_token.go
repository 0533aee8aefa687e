package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// AccessScope is what a token lets its owner do.
type AccessScope string

// Scopes of a token.
const (
	ScopeRead   AccessScope = "read"   // look
	ScopeAct    AccessScope = "act"    // look, and give commands
	ScopeAlarms AccessScope = "alarms" // raise and clear alarms, and nothing else: what monitoring needs
)

// AccessToken lets a person in without a browser, with the rights that the person has at GitHub when it is used.
type AccessToken struct {
	ID    string
	Name  string // what its owner calls it
	Owner forge.User
	Scope AccessScope
	// SecretHash is SHA-256 of the secret, which is 256 bits of chance and kept nowhere.
	SecretHash []byte
	CreatedAt  time.Time
	ExpiresAt  time.Time
	// UsedAt is when it was last used, to the minute; zero: never. RevokedAt is when it was taken back; zero: it was not.
	UsedAt, RevokedAt time.Time
}

// Valid tells whether a token lets anybody in at a time.
func (t AccessToken) Valid(now time.Time) bool {
	return t.RevokedAt.IsZero() && now.Before(t.ExpiresAt)
}

func accessTokens() table[AccessToken] {
	return table[AccessToken]{"access_tokens", []string{"id"}, func(t *AccessToken) []column {
		return columns([]column{
			{"id", &t.ID}, {"name", &t.Name}, {"scope", text[AccessScope]{&t.Scope}}, {"secret_hash", blob{&t.SecretHash}},
			{"created_at", micros{&t.CreatedAt}}, {"expires_at", micros{&t.ExpiresAt}}, {"used_at", micros{&t.UsedAt}},
			{"revoked_at", micros{&t.RevokedAt}},
		}, user("owner", &t.Owner))
	}}
}

// CreateAccessToken adds a token; ErrConflict when its ID is taken.
func (tx *Tx) CreateAccessToken(ctx context.Context, t AccessToken) error {
	added, err := accessTokens().insert(ctx, tx, &t)
	if err == nil && !added {
		err = fmt.Errorf("access token %s is there already: %w", t.ID, ErrConflict)
	}
	return err
}

// AccessToken returns the token with the ID, valid or not.
func (tx *Tx) AccessToken(ctx context.Context, id string) (AccessToken, error) {
	return accessTokens().one(ctx, tx, "id = ?", id)
}

// AccessTokens returns the tokens of an account, by its numeric ID, newest first, valid or not.
func (tx *Tx) AccessTokens(ctx context.Context, owner int64) ([]AccessToken, error) {
	return accessTokens().list(ctx, tx, "owner_id = ? ORDER BY created_at DESC, id DESC", owner)
}

// AccessTokenUsed notes when a token was used.
func (tx *Tx) AccessTokenUsed(ctx context.Context, id string, at time.Time) error {
	return tx.later(ctx, "access token "+id, "UPDATE access_tokens SET used_at = ? WHERE id = ? AND used_at < ?", toMicros(at), id, toMicros(at))
}

// RevokeAccessToken takes a token of an account back, and tells whether it did: false when there is none of this owner,
// or it was taken back before.
func (tx *Tx) RevokeAccessToken(ctx context.Context, owner int64, id string, at time.Time) (bool, error) {
	n, err := tx.exec(ctx, "UPDATE access_tokens SET revoked_at = ? WHERE id = ? AND owner_id = ? AND revoked_at = 0", toMicros(at), id, owner)
	if err != nil {
		return false, fmt.Errorf("access token %s: %w", id, err)
	}
	return n > 0, nil
}
