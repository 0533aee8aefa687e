package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/pgtest"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// slowRepos are more repositories than the queue has workers.
const slowRepos = 20

// Repositories about which GitHub does not answer, more than the queue has workers, do not hold up the delivery of another.
func TestSlowRepositoriesHoldNobodyUp(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"SQLite": func(testing.TB) string { return "" }, "Postgres": pgtest.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNear(t, database(t))
			hanging := &hanging{release: make(chan struct{}), held: map[string]bool{}}
			for i := range slowRepos {
				full := fmt.Sprintf("%s/slow-%d", flowOrg, i)
				r, err := n.hub.AddRepo(full, fakegithub.RepoConfig{DefaultBranch: "master"})
				if err != nil {
					t.Fatal(err)
				}
				r.Grant("dev", fakegithub.RoleWrite)
				if _, err := r.Seed("master", "feat: begin", map[string]string{"README.md": "slow\n"}); err != nil {
					t.Fatal(err)
				}
				hanging.names = append(hanging.names, full)
			}
			n.idle()
			release := sync.OnceFunc(func() { close(hanging.release) })
			t.Cleanup(release)
			n.hub.OnCall(func(c fakegithub.Call) { n.called(c); hanging.called(c) })
			for _, full := range hanging.names {
				if _, err := n.hub.As("dev").Commit(t.Context(), full, "feature/slow", "feat: be slow", map[string]string{"slow.txt": "1\n"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := await(t.Context(), patience, "all slow repositories to be worked on", func() (string, bool) {
				of := hanging.of()
				return fmt.Sprintf("%d are", of), of == slowRepos
			}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, sha := n.push()
			n.check(sha)
			if took := time.Since(began); took > hangs {
				t.Errorf("another repository's first check came after %v", took)
			}
			release()
			n.idle()
		})
	}
}

// hangs is less than a call of GitHub may take until it is given up, which would let others have their turn.
const hangs = 25 * time.Second

// hanging holds calls about repositories until it is released.
type hanging struct {
	names   []string
	release chan struct{}

	mu   sync.Mutex
	held map[string]bool
}

func (h *hanging) called(c fakegithub.Call) {
	for _, name := range h.names {
		if strings.HasPrefix(c.Path+"/", "/repos/"+name+"/") {
			h.mu.Lock()
			h.held[name] = true
			h.mu.Unlock()
			<-h.release
		}
	}
}

// of is how many of the repositories wait.
func (h *hanging) of() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}
