package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// reconcileAll asks GitHub which repositories there are and puts a look at each into its lane: at start and by timer, so
// that a lost event only delays.
func (b *Bot) reconcileAll(ctx context.Context) error {
	installations, err := b.App.Installations(ctx)
	if err != nil {
		return fmt.Errorf("installations: %w", err)
	}
	var problems []error
	seen := map[int64]bool{}
	for _, id := range installations {
		repos, err := b.App.Repos(ctx, id)
		if err != nil {
			problems = append(problems, fmt.Errorf("repositories of installation %d: %w", id, err))
			continue
		}
		for _, r := range repos {
			r.InstallationID, seen[r.ID] = id, true
			if err := b.meet(ctx, r); err != nil {
				problems = append(problems, err)
			}
		}
	}
	if len(problems) == 0 {
		problems = append(problems, b.reconcileLost(ctx, seen))
	}
	return errors.Join(problems...)
}

// reconcileLost asks for the repositories that no installation lists any more: nobody told that they were taken away.
func (b *Bot) reconcileLost(ctx context.Context, seen map[int64]bool) error {
	var all []store.Repo
	err := b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Repos(ctx)
		return err
	})
	for _, r := range all {
		if r.Gone == "" && r.InstallationID != 0 && !seen[r.ID] {
			err = errors.Join(err, b.seek(ctx, r.ID, r.Owner, r.Name, unseen))
		}
	}
	return err
}

// Reconcile is reconcileAll for the start of the server and for tests.
func (b *Bot) Reconcile(ctx context.Context) error { return b.reconcileAll(ctx) }

// meet records a repository, if it is new, and has its lane look at it.
func (b *Bot) meet(ctx context.Context, r forge.Repo) error {
	return b.Store.Write(ctx, func(tx *store.Tx) error {
		known, err := tx.Repo(ctx, r.ID)
		if errors.Is(err, store.ErrNotFound) {
			known, err = store.Repo{ID: r.ID}, nil
		}
		if err != nil {
			return err
		}
		adopt(&known, event.Origin{Repo: r, Installation: r.InstallationID})
		known.Gone = ""
		if r.Archived {
			known.Gone = store.GoneArchived
		}
		if err := b.keep(ctx, tx, known); err != nil {
			return err
		}
		return b.Queue.Post(ctx, tx, laneOf(r.ID), itemReconcile, struct{}{}, itemReconcile)
	})
}

// reconcile compares a repository with what Sluice last saw and handles the difference as if it had just been told:
// heads that moved, pull requests that changed, releases that wait, actions that nobody drives.
func (s *session) reconcile(ctx context.Context) error {
	if err := s.refreshInfo(ctx); err != nil {
		return err
	}
	if s.repo.Gone != "" {
		return s.retire(ctx)
	}
	if err := s.refreshConfig(ctx); err != nil {
		return err
	}
	if err := s.reconcileTags(ctx); err != nil {
		return err
	}
	if s.b.behind.Load() {
		if err := s.adoptShipped(ctx); err != nil {
			return err
		}
	}
	if err := s.reconcileBranches(ctx); err != nil {
		return err
	}
	if err := s.reconcilePulls(ctx); err != nil {
		return err
	}
	if err := s.reconcileRemarks(ctx); err != nil {
		return err
	}
	if err := s.reconcileWords(ctx); err != nil {
		return err
	}
	if err := s.driveOpen(ctx); err != nil {
		return err
	}
	s.touchAll, s.turned = true, true
	if err := s.endStops(ctx); err != nil {
		return err
	}
	return s.reconcileExecutions(ctx)
}

// driveOpen has the jobs of what is under way begun, where nobody drives it any more: actions, and searches for secrets.
func (s *session) driveOpen(ctx context.Context) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		open, err := tx.OpenActionRuns(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, run := range open {
			if !run.Intended {
				continue
			}
			if err := s.b.Queue.Enqueue(ctx, tx, actionJob(run.ID)); err != nil {
				return err
			}
		}
		scans, err := tx.OpenSecretScans(ctx, s.repo.ID)
		for _, c := range scans {
			err = errors.Join(err, s.b.Queue.Enqueue(ctx, tx, secretsJob(c)))
		}
		return err
	})
}

// reconcileExecutions tells the executions that have not ended what they may have missed while the App was suspended or
// the repository gone: the time, and what became of their actions.
func (s *session) reconcileExecutions(ctx context.Context) error {
	var active []store.Execution
	ended := map[string][]string{}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if active, err = tx.ActiveExecutions(ctx, s.repo.ID); err != nil {
			return err
		}
		for _, x := range active {
			runs, err := tx.ActionRuns(ctx, x.ID)
			if err != nil {
				return err
			}
			for _, run := range runs {
				if _, a, ok := x.State.Action(run.ID); ok && run.Final && len(run.Report) > 0 && a.ID == run.ID && a.Status == pipeline.InProgress {
					ended[x.ID] = append(ended[x.ID], run.ID)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range active {
		for _, id := range ended[x.ID] {
			if err := s.actionMoved(ctx, id); err != nil {
				return err
			}
		}
		if err := s.tick(ctx, x.ID); err != nil {
			return err
		}
		if err := s.schedule(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// reconcileTags adopts release tags that nobody told us of.
func (s *session) reconcileTags(ctx context.Context) error {
	tags, err := s.gh.Tags(ctx)
	if err != nil {
		return fmt.Errorf("tags: %w", err)
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, t := range inReleaseOrder(tags, tagPatterns(s.cfg)) {
			_, err := tx.Tag(ctx, s.repo.ID, t.Name)
			if errors.Is(err, store.ErrNotFound) {
				_, err = tx.SaveTag(ctx, store.Tag{RepoID: s.repo.ID, Name: t.Name, SHA: t.SHA, SeenAt: s.b.Now()})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *session) reconcileBranches(ctx context.Context) error {
	now, err := s.gh.Branches(ctx)
	if err != nil {
		return fmt.Errorf("branches: %w", err)
	}
	var was []store.Branch
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		was, err = tx.Branches(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	known := map[string]string{}
	for _, b := range was {
		known[b.Name] = b.SHA
	}
	for _, b := range now {
		if known[b.Name] != b.SHA {
			err = s.branchMoved(ctx, b.Name, nil)
		} else {
			err = s.groupThere(ctx, b.Name, b.SHA, forge.User{})
		}
		if err != nil {
			return err
		}
		delete(known, b.Name)
	}
	for name := range known {
		if err := s.branchMoved(ctx, name, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) reconcilePulls(ctx context.Context) error {
	now, err := s.gh.OpenPulls(ctx)
	if err != nil {
		return fmt.Errorf("pull requests: %w", err)
	}
	var was []store.Pull
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		was, err = tx.OpenPulls(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	known := map[int]store.Pull{}
	for _, p := range was {
		known[p.Number] = p
	}
	for _, p := range now {
		k := known[p.Number]
		delete(known, p.Number)
		if err := s.pullListed(ctx, k, p); err != nil {
			return err
		}
	}
	for n := range known { // closed meanwhile
		p, err := s.gh.Pull(ctx, n)
		if err != nil {
			return err
		}
		if err := s.judge(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// pullListed judges a pull request that GitHub lists as open, unless it was judged as it is. known is the record of it, if any.
func (s *session) pullListed(ctx context.Context, known store.Pull, p forge.PullRequest) error {
	if known.Open && known.HeadSHA == p.Head.SHA && known.BaseBranch == p.Base.Branch && !unknownVerdict(known) {
		s.mark(p.Head.SHA)
		return nil
	}
	return s.judge(ctx, p)
}

// unknownVerdict tells whether the rules could not be judged when a pull request was looked at last.
func unknownVerdict(p store.Pull) bool {
	var f finding
	return json.Unmarshal(p.Verdict, &f) == nil && f.Unknown != ""
}

// redeliver finds deliveries that never arrived in the App's delivery log and asks GitHub for them again. GitHub does not
// do that by itself, and keeps them three days.
func (b *Bot) redeliver(ctx context.Context) error {
	all, err := b.App.HookDeliveries(ctx, b.Now().Add(-72*time.Hour))
	if err != nil {
		return fmt.Errorf("delivery log: %w", err)
	}
	arrived := map[string]bool{}
	latest := map[string]forge.HookDelivery{}
	tries := map[string]int{}
	for _, d := range all {
		arrived[d.GUID] = arrived[d.GUID] || d.StatusCode >= 200 && d.StatusCode < 300
		tries[d.GUID]++
		if l, ok := latest[d.GUID]; !ok || d.DeliveredAt.After(l.DeliveredAt) {
			latest[d.GUID] = d
		}
	}
	var problems []error
	for guid, d := range latest {
		if arrived[guid] || tries[guid] > maxRedeliveries || b.Now().Sub(d.DeliveredAt) < redeliverAfter {
			continue
		}
		b.Log.InfoContext(ctx, "delivery is asked for again", "delivery", guid, "event", d.Event)
		err := b.repeat(ctx, harmless{
			kind: effectRedeliver, key: d.Event + ":" + guid, why: "a delivery that comes twice is handled once, and how often it is asked for is bounded by GitHub's own log",
			act: func(ctx context.Context) error { return b.App.Redeliver(ctx, d.ID) },
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("redeliver %s: %w", guid, err))
		}
	}
	return errors.Join(problems...)
}

// Bounds of asking again.
const (
	maxRedeliveries = 5
	redeliverAfter  = 30 * time.Second
)

// Redeliver is redeliver for tests and the command line.
func (b *Bot) Redeliver(ctx context.Context) error { return b.redeliver(ctx) }
