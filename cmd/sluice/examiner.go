package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sluicehq/sluice/dashboard"
	"github.com/sluicehq/sluice/store"
)

// examineEvery is how often GitHub is asked at most how the App stands.
const examineEvery = time.Minute

// examiner is the doctor for the dashboard: what it finds about GitHub and the database, without fingerprints of secrets and what
// concerns the host, which are the operator's.
type examiner struct {
	server *server
	now    func() time.Time

	mu    sync.Mutex
	found []dashboard.Finding
	until time.Time
}

// Examine implements dashboard.Examiner.
func (x *examiner) Examine(ctx context.Context) ([]dashboard.Finding, error) {
	x.mu.Lock() // who asks meanwhile waits for the answer
	defer x.mu.Unlock()
	if x.now().Before(x.until) {
		return x.found, nil
	}
	d := &diagnosis{}
	d.gitHub(ctx, x.server.cfg)
	if err := x.database(ctx, d); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // the answers are those of somebody who went away
	}
	x.found, x.until = nil, x.now().Add(examineEvery)
	for _, f := range d.Findings {
		x.found = append(x.found, dashboard.Finding{Account: f.account, Status: f.Status, What: f.What, Says: f.Says, Remedy: f.Remedy})
	}
	return x.found, nil
}

func (x *examiner) database(ctx context.Context, d *diagnosis) error {
	dead := 0
	err := x.server.store.Read(ctx, func(tx *store.Tx) error {
		items, err := tx.DeadItems(ctx, 1000)
		dead = len(items)
		return err
	})
	switch ready := x.server.store.Ready(ctx); {
	case err != nil:
		return err
	case ready != nil:
		d.add(sick, "database", "it takes no writes", "the server's log says why")
	case dead > 0:
		d.add(doubtful, "database", fmt.Sprintf("%d deliveries or jobs were given up", dead), "the operator looks at them with sluice replay --dead")
	default:
		d.add(healthy, "database", "it takes writes, and nothing was given up", "")
	}
	return nil
}
