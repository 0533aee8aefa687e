package bot

import (
	"fmt"
	"time"

	"github.com/sluicehq/sluice/store"
)

// unseen refuses an approval of what began to wait only after it was said: a comment that came late, behind others or after an
// outage, means what its author could see, and neither the next environment nor another component. A rejection is never too
// early. *userError.
func (s *session) unseen(q *request, x *store.Execution, v store.Verdict) error {
	if !tooEarly(q, x, v) {
		return nil
	}
	_, state, _ := x.State.OpenApproval()
	return &userError{fmt.Sprintf("%s began to wait for an approval at %s, after this was said. Look at %s%s, then say it again.",
		code(s.in(x.Component).env(s.judged(x))), state.Approval.OpenedAt.UTC().Format("2006-01-02 15:04:05 UTC"), short(state.Approval.SHA), withDigest(state.Approval.Digest))}
}

// tooEarly tells whether something was said before that began to wait which it would approve.
func tooEarly(q *request, x *store.Execution, v store.Verdict) bool {
	_, state, open := x.State.OpenApproval()
	return open && !q.known.IsZero() && v != store.VerdictRejected && state.Approval.OpenedAt.Truncate(time.Microsecond).After(q.known)
}

// heard is the end of the second in which something happened by GitHub's clock, by our own. GitHub tells whole seconds, so
// what happened within the same one counts as seen. Zero stays zero.
func (b *Bot) heard(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	if b.Ahead != nil {
		at = at.Add(-b.Ahead())
	}
	return at.Add(time.Second - time.Microsecond)
}
