package dashboard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/store"
)

const (
	sessionShelves  = 256 // settings that sessions are spread over
	sessionsOnShelf = 64  // sessions in one of them; above that the one that ends first goes
)

// sessionStore keeps sessions in the settings of the database, so that every replica knows them and a restart ends none.
// A session is stored under a hash of its token and encrypted with a key made of the token: whoever reads the database
// can neither take over a session nor read the GitHub token in it. It is an scs.CtxStore.
type sessionStore struct {
	store *store.Store
	now   func() time.Time
}

// parcel is one stored session.
type parcel struct {
	ID    string `json:"id"`
	Until int64  `json:"until"` // Unix seconds
	Data  []byte `json:"data"`  // nonce and ciphertext
}

func sessionPlace(token string) (shelf, id string) {
	sum := sha256.Sum256([]byte("id " + token))
	return fmt.Sprintf("dashboard.sessions.%d", int(sum[0])%sessionShelves), hex.EncodeToString(sum[1:])
}

func sessionCipher(token string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "sluice dashboard session", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func readShelf(ctx context.Context, tx *store.Tx, shelf string) ([]parcel, error) {
	text, err := tx.Setting(ctx, shelf)
	if err != nil || text == "" {
		return nil, err
	}
	var parcels []parcel
	if json.Unmarshal([]byte(text), &parcels) != nil {
		return nil, nil //nolint:nilerr // whatever it was, it is nobody's session
	}
	return parcels, nil
}

// FindCtx implements scs.CtxStore.
func (s *sessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	shelf, id := sessionPlace(token)
	var parcels []parcel
	err = s.store.Read(ctx, func(tx *store.Tx) (err error) {
		parcels, err = readShelf(ctx, tx, shelf)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	i := slices.IndexFunc(parcels, func(p parcel) bool { return p.ID == id })
	if i < 0 || parcels[i].Until <= s.now().Unix() {
		return nil, false, nil
	}
	aead, err := sessionCipher(token)
	if err != nil {
		return nil, false, err
	}
	sealed := parcels[i].Data
	if len(sealed) < aead.NonceSize() {
		return nil, false, nil
	}
	data, err = aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(id))
	if err != nil {
		return nil, false, nil //nolint:nilerr // tampered with: no session
	}
	return data, true, nil
}

// CommitCtx implements scs.CtxStore.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	shelf, id := sessionPlace(token)
	aead, err := sessionCipher(token)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	p := parcel{ID: id, Until: expiry.Unix(), Data: aead.Seal(nonce, nonce, data, []byte(id))}
	return s.change(ctx, shelf, id, func(rest []parcel) []parcel { return append(rest, p) })
}

// DeleteCtx implements scs.CtxStore.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	shelf, id := sessionPlace(token)
	return s.change(ctx, shelf, id, func(rest []parcel) []parcel { return rest })
}

// change rewrites a shelf: without what has ended and without the session id, as f leaves it.
func (s *sessionStore) change(ctx context.Context, shelf, id string, f func(rest []parcel) []parcel) error {
	return s.store.Write(ctx, func(tx *store.Tx) error {
		parcels, err := readShelf(ctx, tx, shelf)
		if err != nil {
			return err
		}
		now := s.now().Unix()
		parcels = f(slices.DeleteFunc(parcels, func(p parcel) bool { return p.ID == id || p.Until <= now }))
		slices.SortStableFunc(parcels, func(a, b parcel) int { return int(a.Until - b.Until) })
		if extra := len(parcels) - sessionsOnShelf; extra > 0 {
			parcels = parcels[extra:]
		}
		text, err := json.Marshal(parcels)
		if err != nil {
			return err
		}
		return tx.SetSetting(ctx, shelf, string(text))
	})
}

// Find implements scs.Store; scs calls FindCtx instead.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store; scs calls CommitCtx instead.
func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store; scs calls DeleteCtx instead.
func (s *sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
