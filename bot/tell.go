package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
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

// remind calls an open approval to mind, once.
func (s *session) remind(x *store.Execution, c pipeline.Remind) {
	execution := *x
	s.later = append(s.later, func(ctx context.Context) error {
		return s.callApproval(ctx, &execution, "remind-"+c.ID, fmt.Sprintf("%%s waits for an approval until %s. `/approve` gives it.",
			c.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC")))
	})
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
	number, candidate := 0, short(x.SHA)
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

// pullText is the title and description of a pull request the bot opens.
func (s *session) pullText(r *store.Release, step gitflow.Step) (title, body string) {
	title = step.Message
	if title == "" {
		title = fmt.Sprintf("Merge %s into %s", step.Branch, step.Target)
	}
	var b strings.Builder
	switch {
	case step.Branch == r.Branch:
		if r.Line == "" {
			fmt.Fprintf(&b, "This pull request takes %s to production. It is merged by Sluice once production runs it.\n\n", code(r.Version))
		} else {
			fmt.Fprintf(&b, "This pull request releases %s on the support line %s. It is merged by Sluice once the approved image is promoted; "+
				"production is deployed only if it runs that line.\n\n", code(r.Version), code(r.Line))
		}
		fmt.Fprintf(&b, "- Cut from %s by %s\n- `/approve` approves the candidate, `/promote` takes it to production, `/help` lists the rest\n", short(r.CutSHA), code(r.StartedBy.Login))
	case len(step.Files) > 0 || strings.HasPrefix(step.Branch, gitflow.BackmergePrefix):
		fmt.Fprintf(&b, "%s of %s has to go back into %s, and the merge needs a person.\n\n", short(step.SHA), code(s.names().Production), code(step.Target))
		b.WriteString("Merge the target into this branch and resolve the conflicts there:\n\n")
		b.WriteString(codeBlock("sh", strings.Join([]string{
			"git fetch origin", "git switch " + gitflow.Quote(step.Branch), "git merge " + gitflow.Quote("origin/"+step.Target), "git push",
		}, "\n")))
	default:
		fmt.Fprintf(&b, "%s is %s, which production runs. This merge goes through a pull request because the branch takes no direct one.\n", code(step.Branch), code(r.Version))
	}
	return title, b.String()
}

// causes tells whom a back-merge that needs a person concerns: the files that both sides changed since they parted, and
// the commits of both sides with their authors. Logins stand in code, so that nobody is called who only wrote a commit.
func (s *session) causes(ctx context.Context, step gitflow.Step) (string, error) {
	target, err := s.head(ctx, step.Target)
	if err != nil || target == "" {
		return "", err
	}
	_, theirs, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: step.SHA, Head: target})
	if err != nil {
		return "", err
	}
	_, ours, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: target, Head: step.SHA})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range ours.Files {
		if slices.Contains(theirs.Files, f) {
			if b.Len() == 0 {
				b.WriteString("\nBoth sides changed:\n\n")
			}
			fmt.Fprintf(&b, "- %s\n", code(f))
		}
	}
	for _, side := range []struct {
		name    string
		commits []forge.Commit
	}{{s.names().Production, ours.Commits}, {step.Target, theirs.Commits}} {
		fmt.Fprintf(&b, "\nOnly %s has:\n\n", code(side.name))
		for i, c := range flowCommits(side.commits) {
			if i == maxCauses {
				fmt.Fprintf(&b, "- and %d more\n", len(side.commits)-i)
				break
			}
			fmt.Fprintf(&b, "- %s %s (%s)\n", short(c.SHA), code(c.Subject), code(c.Author))
		}
	}
	return b.String(), nil
}

// maxCauses is how many commits of a side are named.
const maxCauses = 20
