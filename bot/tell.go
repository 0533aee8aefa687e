package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// passedIn is how long an execution took until the approval, or altogether.
func passedIn(x store.Execution) time.Duration {
	var last time.Time
	for i, stage := range x.State.Stages {
		for j, a := range stage.Actions {
			if x.State.Definition.Stages[i].Actions[j].IsApproval() {
				return last.Sub(x.State.StartedAt)
			}
			if a.EndedAt.After(last) {
				last = a.EndedAt
			}
		}
	}
	return last.Sub(x.State.StartedAt)
}

// tell says what became of a release on its pull request, once, and mentions who started and who approved it.
func (s *session) tell(ctx context.Context, r *store.Release, name, what string) error {
	if r.Pull == 0 {
		return nil
	}
	var said []store.Approval
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		said, err = tx.ApprovalsByRelease(ctx, r.ID)
		return err
	})
	if err != nil {
		return err
	}
	people := []forge.User{r.StartedBy}
	for _, a := range said {
		if a.VoidedAt.IsZero() && !has(people, a.By) {
			people = append(people, a.By)
		}
	}
	var names []string
	for _, u := range people {
		if u.Login != "" && !u.Bot {
			names = append(names, mention(u.Login))
		}
	}
	return s.say(ctx, r.Pull, name, fmt.Sprintf("%s: %s %s", strings.Join(names, " "), code(r.Version), what))
}

// remind calls an open approval to mind, once, to those whom the configuration names; or that what is approved waits for something else
// and that its approval ends.
func (s *session) remind(x *store.Execution, c pipeline.Remind) {
	execution := *x
	s.later = append(s.later, func(ctx context.Context) error {
		ends := c.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")
		given, err := s.fullyApproved(ctx, &execution)
		if err != nil {
			return err
		}
		if given {
			return s.callApproval(ctx, &execution, "remind-"+c.ID, fmt.Sprintf("%%s is approved and has not gone on; the approval holds until %s.", ends))
		}
		whom := ""
		action, _, open := execution.State.OpenApproval()
		if approve := s.cfg.Environment(action.Environment).Approve; open && approve != nil {
			whom = strings.TrimLeft(s.call(approve.Teams, approve.Users)+" ", " ")
		}
		return s.callApproval(ctx, &execution, "remind-"+c.ID, fmt.Sprintf("%s%%s waits for an approval until %s. `/approve` gives it.", whom, ends))
	})
}

// fullyApproved tells whether nothing is missing of the open approval of a release's candidate.
func (s *session) fullyApproved(ctx context.Context, x *store.Execution) (bool, error) {
	r, err := s.release(ctx, x.ReleaseID)
	if err != nil || r == nil {
		return false, err
	}
	a, _, err := s.approvals(ctx, r, x)
	return a.Given >= a.Needed && a.RejectedBy == "", err
}

// escalate takes an open approval to those whom the configuration names for it, once. It gives them no rights.
func (s *session) escalate(x *store.Execution, c pipeline.Escalate) {
	execution := *x
	s.later = append(s.later, func(ctx context.Context) error {
		approve := s.cfg.Environment(c.Environment).Approve
		if approve == nil {
			return nil
		}
		return s.callApproval(ctx, &execution, "escalate-"+c.ID, fmt.Sprintf("%s nobody has approved %%s for %s, and the time ends on %s.",
			s.call(approve.Escalate.Teams, approve.Escalate.Users), code(c.Environment), c.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")))
	})
}

// callApproval says on the pull request of an execution that its approval waits; text holds %s where the candidate is named.
func (s *session) callApproval(ctx context.Context, x *store.Execution, name, text string) error {
	r, err := s.release(ctx, x.ReleaseID)
	if err != nil {
		return err
	}
	var number int
	candidate := short(x.SHA)
	if r != nil {
		number, candidate = r.Pull, r.Version
	} else if number, err = s.pullOf(ctx, x); err != nil {
		return err
	}
	if number == 0 {
		return nil
	}
	return s.say(ctx, number, name, fmt.Sprintf(text, code(candidate)))
}
