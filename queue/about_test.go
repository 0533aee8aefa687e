package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// lockedBuffer is a buffer that several write to.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// lines are the lines with a message, by the kind of their item.
func (b *lockedBuffer) lines(t *testing.T, message string) map[string]map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]map[string]any{}
	for line := range bytes.Lines(b.buf.Bytes()) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] != message {
			continue
		}
		for _, key := range []string{"time", "level", "msg", "lane", "seq", "pause"} {
			delete(fields, key)
		}
		out[fields["kind"].(string)] = fields
	}
	return out
}

func TestFailuresSayWhatTheyAreAbout(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var log lockedBuffer
		fails := func(attempt int) queue.Outcome {
			if attempt == 1 {
				return queue.Retry(errors.New("no answer"))
			}
			return queue.Dead(errors.New("no use"))
		}
		q := start(t, s, queue.Options{Log: slog.New(slog.NewJSONHandler(&log, nil)), Backoff: func(int) time.Duration { return 0 }}, func(q *queue.Queue) {
			q.Handle(func(_ context.Context, i queue.Item) queue.Outcome { return fails(i.Attempt) })
			q.Work("build", 0, func(_ context.Context, j queue.Job) queue.Outcome { return fails(j.Attempt) })
			q.Describe(func(_ context.Context, i queue.Item) queue.About {
				if i.Delivery != nil {
					return queue.About{Repo: "acme/shop", Installation: i.Delivery.InstallationID}
				}
				return queue.About{Repo: "acme/shop", Installation: 7, Execution: string(i.Payload)}
			})
		})
		accept(t, s, event.Delivery{ID: "d1", RepoID: 1, InstallationID: 7, Name: "push"})
		write(t, s, func(tx *store.Tx) error {
			return q.Enqueue(t.Context(), tx, queue.Job{Kind: "build", Key: "a1", Payload: 5})
		})
		idle(t, q)
		for message, attempt := range map[string]float64{"attempt failed": 1, "given up": 2} {
			why := map[float64]string{1: "no answer", 2: "no use"}[attempt]
			want := map[string]map[string]any{
				"delivery": {"kind": "delivery", "attempt": attempt, "delivery": "d1", "event": "push", "repo": "acme/shop", "installation": 7.0, "err": why},
				"build":    {"kind": "build", "attempt": attempt, "job": "a1", "repo": "acme/shop", "installation": 7.0, "execution": "5", "err": why},
			}
			if diff := cmp.Diff(want, log.lines(t, message)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", message, diff)
			}
		}
	})
}
