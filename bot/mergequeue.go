package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// queueSettles is how long GitHub may take to show that a pull request is in a merge queue. Before that its absence means
// nothing.
const queueSettles = 3 * time.Second

// enqueue puts a pull request into its base's merge queue. One that fell out is put in again, which is said on it;
// gitflow.MaxEnqueued bounds that.
func (s *session) enqueue(ctx context.Context, step gitflow.Step) error {
	before, err := s.enqueued(ctx, step.Pull, step.SHA)
	if err != nil {
		return err
	}
	if n := len(before); n > 0 {
		text := fmt.Sprintf("This pull request fell out of the merge queue of %s, and is put in again.", code(step.Target))
		if err := s.say(ctx, step.Pull, fmt.Sprintf("queue-%s-%d", short(step.SHA), n), text); err != nil {
			return err
		}
	}
	_, err = do(ctx, s, effect[nothing]{
		kind: effectEnqueue, key: fmt.Sprintf("%s#%d", queueKey(step.Pull, step.SHA), len(before)), intent: queueIntent{step.Pull, step.SHA},
		probe: func(ctx context.Context) (nothing, bool, error) {
			p, err := s.gh.Pull(ctx, step.Pull)
			if err != nil || p.Merged {
				return nothing{}, p.Merged, err
			}
			in, err := s.gh.Queued(ctx, step.Pull)
			return nothing{}, in, err
		},
		act: func(ctx context.Context) (nothing, error) { return nothing{}, s.gh.Enqueue(ctx, step.Pull, step.SHA) },
	})
	return err
}

// queueIntent is the record of a pull request that was put into a merge queue.
type queueIntent struct {
	Pull int    `json:"pull"`
	SHA  string `json:"sha"`
}

func queueKey(pull int, sha string) string { return fmt.Sprintf("%d@%s", pull, sha) }

// enqueued are the times a pull request was put into a merge queue with a head, oldest first.
func (s *session) enqueued(ctx context.Context, pull int, sha string) ([]store.Effect, error) {
	var all, out []store.Effect
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Effects(ctx, s.repo.ID, string(effectEnqueue))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		var q queueIntent
		if err := json.Unmarshal(e.Intent, &q); err != nil {
			return nil, fmt.Errorf("effect %s: %w", e.Key, err)
		}
		if e.Done && q.Pull == pull && q.SHA == sha {
			out = append(out, e)
		}
	}
	return out, nil
}

// lookQueue tells whether a pull request is in a merge queue, and how often it fell out of it since somebody last said
// /retry.
func (s *session) lookQueue(ctx context.Context, p *gitflow.Pull) error {
	times, err := s.enqueued(ctx, p.Number, p.HeadSHA)
	if err != nil || len(times) == 0 {
		return err
	}
	if s.b.since(times[len(times)-1].UpdatedAt) < queueSettles {
		p.Queued = true
		return nil
	}
	if p.Queued, err = s.gh.Queued(ctx, p.Number); err != nil || p.Queued {
		return err
	}
	since, err := s.pardoned(ctx)
	for _, e := range times {
		if e.UpdatedAt.After(since) {
			p.Fallen++
		}
	}
	return err
}

// queueWait is the pause before a pull request in a merge queue is looked at again: the longer it has been there, the
// longer. Its end is told by an event as well.
func (s *session) queueWait(ctx context.Context, step gitflow.Step) (time.Duration, error) {
	times, err := s.enqueued(ctx, step.Pull, step.SHA)
	if err != nil || len(times) == 0 {
		return backmergeWait, err
	}
	return min(max(s.b.since(times[len(times)-1].UpdatedAt)/4, queueSettles), 5*time.Minute), nil
}

// sayFallen says on a pull request that fell out of its merge queue too often that somebody must look.
func (s *session) sayFallen(ctx context.Context, step gitflow.Step) error {
	times, err := s.enqueued(ctx, step.Pull, step.SHA)
	if err != nil {
		return err
	}
	return s.say(ctx, step.Pull, fmt.Sprintf("queue-%s-blocked-%d", short(step.SHA), len(times)), step.Blocked.Markdown(code))
}

// ours tells whether branches of a kind are made by the bot, and their pull requests merged by it.
func ours(k gitflow.Kind) bool { return k == gitflow.KindBackmerge || k == gitflow.KindFinish }

func (s *session) pardonKey() string { return fmt.Sprintf("queue-pardon/%d", s.repo.ID) }

// pardoned is when somebody last asked for another try.
func (s *session) pardoned(ctx context.Context) (time.Time, error) {
	var raw string
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		raw, err = tx.Setting(ctx, s.pardonKey())
		return ignoreMissing(err)
	})
	if err != nil || raw == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, raw)
	if err != nil {
		return at, fmt.Errorf("when the merge queue was last retried: %w", err)
	}
	return at, nil
}

// pardon gives pull requests that fell out of a merge queue their tries back. record is written in the same transaction.
func (s *session) pardon(ctx context.Context, record func(*store.Tx) error) error {
	s.touchAll = true
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetSetting(ctx, s.pardonKey(), s.b.Now().UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
		return record(tx)
	})
}
