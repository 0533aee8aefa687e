package queue

import (
	"context"
	"log/slog"
	"time"
)

// About is what an item or job is about, for the log. What is not known is zero, and left out.
type About struct {
	Repo         string // owner/name
	Installation int64  // of the App
	Execution    string // ID
}

// Describe sets who is asked what an item or job is about when the log has a line about it: that is when it failed or is parked. Call it
// before Start. What is asked for may have failed because the database did, so the context ends soon.
func (q *Queue) Describe(about func(context.Context, Item) About) { q.about = about }

// describeTimeout bounds what is asked for the sake of a line of the log.
const describeTimeout = 2 * time.Second

// logOf is the log for lines about an item.
func (q *Queue) logOf(item Item) *slog.Logger {
	log := q.opts.Log.With("lane", item.Lane, "seq", item.Seq, "kind", item.Kind, "attempt", item.Attempt)
	if item.Delivery != nil {
		log = log.With("delivery", item.Delivery.ID, "event", item.Delivery.Name)
	}
	if isJob(item.Lane) {
		log = log.With("job", item.Key)
	}
	if q.about == nil {
		return log
	}
	ctx, cancel := context.WithTimeout(context.Background(), describeTimeout)
	defer cancel()
	about := q.about(ctx, item)
	if about.Repo != "" {
		log = log.With("repo", about.Repo)
	}
	if about.Installation != 0 {
		log = log.With("installation", about.Installation)
	}
	if about.Execution != "" {
		log = log.With("execution", about.Execution)
	}
	return log
}
