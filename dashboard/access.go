package dashboard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

const (
	// accessFor is how long GitHub's answer about somebody's rights is believed.
	accessFor = time.Minute
	// accessPeople is how many people's rights are remembered at most.
	accessPeople = 2000
	// accessTimeout is how long GitHub may take to answer.
	accessTimeout = 15 * time.Second
)

// access remembers for a short time what people may read.
type access struct {
	viewer Viewer
	now    func() time.Time
	flight singleflight.Group

	mu     sync.Mutex
	people map[tokenKey]*known
}

// tokenKey stands for a token without being one.
type tokenKey [sha256.Size]byte

// known is what GitHub said about one token.
type known struct {
	until    time.Time
	readable map[int64]bool
	asked    map[int64]bool // what MayRead said
}

// readable returns the repositories that are listed for a person.
func (a *access) readable(ctx context.Context, token string) (map[int64]bool, error) {
	key := tokenKey(sha256.Sum256([]byte(token)))
	a.mu.Lock()
	k := a.people[key]
	a.mu.Unlock()
	if k != nil && a.now().Before(k.until) {
		return k.readable, nil
	}
	got, err, _ := a.flight.Do(fmt.Sprintf("%x", key), func() (any, error) {
		// others wait for this answer too: it does not end with the request that asked first
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), accessTimeout)
		defer cancel()
		ids, err := a.viewer.Readable(ctx, token)
		if err != nil {
			return nil, err
		}
		k := &known{until: a.now().Add(accessFor), readable: make(map[int64]bool, len(ids)), asked: map[int64]bool{}}
		for _, id := range ids {
			k.readable[id] = true
		}
		a.remember(key, k)
		return k, nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask GitHub what may be read: %w", err)
	}
	return got.(*known).readable, nil
}

// remember makes room by forgetting what is too old, and everything if that is not enough.
func (a *access) remember(key tokenKey, k *known) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.people) >= accessPeople {
		for other, o := range a.people {
			if !a.now().Before(o.until) {
				delete(a.people, other)
			}
		}
		if len(a.people) >= accessPeople {
			clear(a.people)
		}
	}
	a.people[key] = k
}

// mayRead tells whether a person may read one repository: one that is listed for them, or, such as a public one, that
// their token may read all the same.
func (a *access) mayRead(ctx context.Context, token string, r store.Repo) (bool, error) {
	readable, err := a.readable(ctx, token)
	if err != nil || readable[r.ID] {
		return err == nil, err
	}
	key := tokenKey(sha256.Sum256([]byte(token)))
	a.mu.Lock()
	k := a.people[key]
	may, asked := false, false
	if k != nil {
		may, asked = k.asked[r.ID]
	}
	a.mu.Unlock()
	if asked {
		return may, nil
	}
	ctx, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	may, err = a.viewer.MayRead(ctx, token, forge.Repo{ID: r.ID, Owner: r.Owner, Name: r.Name})
	if err != nil {
		return false, fmt.Errorf("ask GitHub whether %s/%s may be read: %w", r.Owner, r.Name, err)
	}
	if k != nil {
		a.mu.Lock()
		k.asked[r.ID] = may
		a.mu.Unlock()
	}
	return may, nil
}

// forget drops what is known of a token, for a person who signs out.
func (a *access) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.people, sha256.Sum256([]byte(token)))
}
