package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/store"
)

// Post puts a fact into a lane within the caller's transaction; it is handled after the commit. With a key, and an item of
// the lane with that key still waiting, nothing is added: that one takes the new payload. An item that is being handled
// does not wait any more, so what is posted meanwhile is not lost.
func (q *Queue) Post(ctx context.Context, tx *store.Tx, lane, kind string, payload any, key string) error {
	return post(ctx, tx, store.LaneItem{Lane: lane, Kind: kind, Key: key}, payload)
}

// PostAt is Post for later. Until then the item holds nobody up. One that waits under the same key becomes due at the
// earlier of the two times.
func (q *Queue) PostAt(ctx context.Context, tx *store.Tx, lane, kind string, payload any, key string, at time.Time) error {
	return post(ctx, tx, store.LaneItem{Lane: lane, Kind: kind, Key: key, DueAt: at}, payload)
}

func post(ctx context.Context, tx *store.Tx, item store.LaneItem, payload any) error {
	if item.Lane == "" || item.Kind == "" || item.Kind == KindDelivery {
		return fmt.Errorf("post %q to lane %q: name both, and leave %q to the store", item.Kind, item.Lane, KindDelivery)
	}
	var err error
	if item.Payload, err = json.Marshal(payload); err != nil {
		return fmt.Errorf("post %s to lane %s: %w", item.Kind, item.Lane, err)
	}
	return tx.PostItem(ctx, item)
}

// Job is work outside of lanes. Of jobs with one Kind and Key there is one at most; one without a Key is on its own.
type Job struct {
	Kind, Key string
	// Payload is anything encoding/json can write. A worker is given json.RawMessage and calls Decode.
	Payload any
	// At is when it is due. Zero: now.
	At time.Time
	// Attempt is 1 at first and counts failures in a row, not snoozes. Set for workers.
	Attempt int
	// Last tells that none follows if this attempt fails. Set for workers.
	Last bool
}

// Worker does jobs of one kind. Its context ends as a Handler's does, but after the limit that Work was given. A panic is a Retry.
type Worker func(ctx context.Context, job Job) Outcome

// worker is a Worker with its limit.
type worker struct {
	do    Worker
	limit time.Duration
}

// Decode reads the payload of a job that a worker was given into v.
func (j Job) Decode(v any) error {
	raw, ok := j.Payload.(json.RawMessage)
	if !ok {
		return fmt.Errorf("payload of job %s: it was not handed out by a queue", j.Kind)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("payload of job %s: %w", j.Kind, err)
	}
	return nil
}

// Enqueue adds a job within the caller's transaction. If one with its kind and key waits or is snoozed, that takes the new
// payload and becomes due at the earlier of the two times (one that failed keeps its pause); if it is running, it runs
// again afterwards, when it is done or snoozes.
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, job Job) error {
	if job.Kind == "" || strings.Contains(job.Kind, ":") {
		return fmt.Errorf("enqueue a job of kind %q: want a name without colon", job.Kind)
	}
	name := job.Key
	if name == "" {
		name = "-" + store.NewID()
	}
	return post(ctx, tx, store.LaneItem{Lane: jobLane + job.Kind + ":" + name, Kind: job.Kind, Key: job.Key, DueAt: job.At}, job.Payload)
}

// A job is the only item of a lane of its own, so that claims, pauses and dead letters are the same for both. These are
// the beginnings of such lanes' names.
const (
	jobLane   = store.JobLane
	everyLane = "every:"
)

func isJob(lane string) bool {
	return strings.HasPrefix(lane, jobLane) || strings.HasPrefix(lane, everyLane)
}
