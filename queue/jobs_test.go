package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

func TestJobs(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		q := start(t, s, queue.Options{Now: c.Now}, func(q *queue.Queue) {
			polls := 0
			q.Work("poll", 0, func(ctx context.Context, j queue.Job) queue.Outcome {
				var payload string
				if err := j.Decode(&payload); err != nil {
					return queue.Dead(err)
				}
				polls++
				d.add("poll %s %d", payload, polls)
				if polls < 4 {
					return queue.Snooze(time.Minute)
				}
				return queue.Done()
			})
		})
		enqueue := func(payload string) {
			write(t, s, func(tx *store.Tx) error {
				return q.Enqueue(t.Context(), tx, queue.Job{Kind: "poll", Key: "x", Payload: payload})
			})
		}
		enqueue("a")
		idle(t, q)
		c.advance(59 * time.Second)
		idle(t, q)
		d.add("a minute")
		c.advance(time.Second)
		idle(t, q)
		d.add("a notification")
		enqueue("b") // the same job, earlier
		idle(t, q)
		d.add("a minute")
		c.advance(time.Minute)
		idle(t, q)
		c.advance(time.Hour)
		idle(t, q)
		if diff := cmp.Diff(map[string]int{}, riverJobs(t, s)); diff != "" {
			t.Errorf("River's jobs after the last one is done (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"poll a 1", "a minute", "poll a 2", "a notification", "poll b 3", "a minute", "poll b 4"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestJobEnqueuedWhileItRunsRunsAgain(t *testing.T) {
	for _, answer := range []queue.Outcome{queue.Done(), queue.Snooze(time.Hour)} {
		t.Run(answer.String(), func(t *testing.T) {
			onEach(t, func(t *testing.T, url string) {
				s := open(t, url)
				var d diary
				q := start(t, s, queue.Options{}, func(q *queue.Queue) {
					q.Work("job", 0, func(ctx context.Context, j queue.Job) queue.Outcome {
						d.add("run")
						if len(d.read()) == 1 {
							if err := s.Write(ctx, func(tx *store.Tx) error { return q.Enqueue(ctx, tx, queue.Job{Kind: "job", Key: "k"}) }); err != nil {
								return queue.Dead(err)
							}
						}
						return answer
					})
				})
				write(t, s, func(tx *store.Tx) error { return q.Enqueue(t.Context(), tx, queue.Job{Kind: "job", Key: "k"}) })
				idle(t, q)
				if diff := cmp.Diff([]string{"run", "run"}, d.read()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEvery(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s, c := open(t, url), newClock()
		var d diary
		q := start(t, s, queue.Options{Now: c.Now}, func(q *queue.Queue) {
			q.Every("sweep", 5*time.Minute, func(context.Context) error {
				d.add("sweep")
				return errors.New("failures do not stop it")
			})
		})
		idle(t, q)
		for range 4 {
			d.add("+3m")
			c.advance(3 * time.Minute)
			idle(t, q)
		}
		if diff := cmp.Diff([]string{"sweep", "+3m", "+3m", "sweep", "+3m", "+3m", "sweep"}, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if stats, err := q.Stats(t.Context()); err != nil || stats.PeriodicFailed != 3 {
			t.Errorf("stats %+v, %v", stats, err)
		}
	})
}

// A worker with a limit of its own may take so long, others as long as handlers may; the last attempt knows that it is.
func TestJobsHaveLimits(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var d diary
		work := func(ctx context.Context, j queue.Job) queue.Outcome {
			ends, ok := ctx.Deadline()
			d.add("%s: %t, long %t, attempt %d, last %t", j.Kind, ok, time.Until(ends) > 30*time.Minute, j.Attempt, j.Last)
			return queue.Retry(errors.New("not yet"))
		}
		q := start(t, s, queue.Options{MaxAttempts: 2, Backoff: func(int) time.Duration { return 0 }}, func(q *queue.Queue) {
			q.Work("copy", time.Hour, work)
			q.Work("look", 0, work)
		})
		for _, kind := range []string{"copy", "look"} {
			write(t, s, func(tx *store.Tx) error { return q.Enqueue(t.Context(), tx, queue.Job{Kind: kind, Key: "x"}) })
			idle(t, q)
		}
		want := []string{
			"copy: true, long true, attempt 1, last false", "copy: true, long true, attempt 2, last true",
			"look: true, long false, attempt 1, last false", "look: true, long false, attempt 2, last true",
		}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
