package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// How long is waited for what may never come, and how often is asked.
const (
	quiet    = 2 * time.Minute  // until nobody seems to report
	giveUp   = 10 * time.Minute // until a check of the previous head seems to be gone
	poll     = 20 * time.Second // events of checks come earlier and wake the caller
	pollSoon = 5 * time.Second  // while nothing has been reported
)

// Check takes no parameters.
func (e *Executor) Check(with map[string]any) error { return executor.Read(with).Err() }

// Start starts nothing. The handle is the time from which waiting counts.
func (e *Executor) Start(_ context.Context, r executor.Request) (string, error) {
	at := r.RequestedAt
	if at.IsZero() {
		at = e.Now()
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

// Status asks GitHub for the rules, and for what was reported on the revision.
func (e *Executor) Status(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	if e.stopped.has(r.ID) {
		return executor.Report{Status: pipeline.Stopped, Summary: "nobody waits for the checks any more"}, nil
	}
	return e.look(ctx, r, handle)
}

// Stop ends the waiting. What has passed or failed already stays so.
func (e *Executor) Stop(ctx context.Context, r executor.Request, handle string) error {
	report, err := e.look(ctx, r, handle)
	if err == nil && report.Status.Final() || executor.IsPermanent(err) {
		return nil
	}
	e.stopped.add(r.ID, e.Now())
	return nil
}

func (e *Executor) look(ctx context.Context, r executor.Request, handle string) (executor.Report, error) {
	since, err := time.Parse(time.RFC3339Nano, handle)
	if err != nil {
		return executor.Report{}, executor.Permanentf("handle %q of %s is not a time", handle, r.ID)
	}
	w := waiting{appID: e.AppID, waited: e.Now().Sub(since)}
	gh := e.Repo(r)
	rules, err := gh.Rules(ctx, r.Branch)
	if err != nil {
		return executor.Report{}, classify(fmt.Errorf("rules of branch %s: %w", r.Branch, err))
	}
	if err := w.require(rules); err != nil {
		return executor.Report{}, err
	}
	if w.here, err = e.reported(ctx, gh, r.SHA); err != nil {
		return executor.Report{}, err
	}
	if len(w.required) == 0 && r.PreviousSHA != "" {
		before, err := e.reported(ctx, gh, r.PreviousSHA)
		if err != nil && !errors.Is(err, forge.ErrNotFound) { // gone after a forced push: as if there were none
			return executor.Report{}, err
		}
		w.before = before
	}
	return w.report(), nil
}

// reported gathers what others have reported on a commit.
func (e *Executor) reported(ctx context.Context, gh GitHub, sha string) ([]result, error) {
	runs, err := gh.CheckRuns(ctx, sha)
	if err != nil {
		return nil, classify(fmt.Errorf("checks of %s: %w", sha, err))
	}
	statuses, err := gh.Statuses(ctx, sha)
	if err != nil {
		return nil, classify(fmt.Errorf("statuses of %s: %w", sha, err))
	}
	var all []result
	for _, run := range runs {
		if !e.ours(run.Name, run.AppID) {
			all = append(all, result{name: run.Name, appID: run.AppID, state: stateOfRun(run), url: run.DetailsURL})
		}
	}
	for _, s := range statuses {
		if !e.ours(s.Context, 0) {
			all = append(all, result{name: s.Context, state: stateOfStatus(s.State)})
		}
	}
	return all, nil
}

func (e *Executor) ours(name string, appID int64) bool {
	return strings.HasPrefix(name, "sluice/") || e.AppID != 0 && appID == e.AppID
}

// classify marks what no retry mends.
func classify(err error) error {
	var refused *forge.RefusedError
	if errors.As(err, &refused) {
		return executor.Permanent(err)
	}
	return err
}
