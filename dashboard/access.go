package dashboard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

const (
	// accessFor is how long GitHub's answer about somebody's rights is believed.
	accessFor = time.Minute
	// accessPeople is how many people's rights are remembered at most.
	accessPeople = 2000
	// accessRoles is how many roles of owners of tokens are remembered at most, accessAtOnce how many questions about them
	// one request has under way.
	accessRoles  = 20000
	accessAtOnce = 8
	// accessTimeout is how long GitHub may take to answer.
	accessTimeout = 15 * time.Second
)

// access remembers for a short time what people may read.
type access struct {
	viewer Viewer
	rights Rights
	now    func() time.Time
	flight singleflight.Group

	mu     sync.Mutex
	people map[tokenKey]*known
	roles  map[roleKey]roleKnown
}

// roleKey is an account in a repository, by their numeric IDs.
type roleKey struct{ repo, who int64 }

// roleKnown is what GitHub said about one.
type roleKnown struct {
	until time.Time
	role  forge.Role
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

// role is what the owner of a token may do in a repository.
func (a *access) role(ctx context.Context, r store.Repo, who forge.User) (forge.Role, error) {
	if a.rights == nil || r.Gone != "" && r.Gone != store.GoneArchived {
		return forge.RoleNone, nil
	}
	key := roleKey{r.ID, who.ID}
	a.mu.Lock()
	k, ok := a.roles[key]
	a.mu.Unlock()
	if ok && a.now().Before(k.until) {
		return k.role, nil
	}
	ctx, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	role, err := a.rights.Role(ctx, r, who)
	if err != nil {
		return forge.RoleNone, fmt.Errorf("ask GitHub what %s may in %s/%s: %w", who.Login, r.Owner, r.Name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.roles) >= accessRoles {
		clear(a.roles)
	}
	a.roles[key] = roleKnown{until: a.now().Add(accessFor), role: role}
	return role, nil
}

// readableBy drops the repositories that the owner of a token may not read.
func (a *access) readableBy(ctx context.Context, all []store.Repo, who forge.User) ([]store.Repo, error) {
	may := make([]bool, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(accessAtOnce)
	for i, r := range all {
		group.Go(func() error {
			role, err := a.role(ctx, r, who)
			may[i] = role.AtLeast(forge.RoleRead)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make([]store.Repo, 0, len(all))
	for i, r := range all {
		if may[i] {
			out = append(out, r)
		}
	}
	return out, nil
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
