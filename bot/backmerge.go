package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// cmdBackmerge brings production's tip to the branches that lack it, and to the hotfix on whose pull request it is said; or
// to one branch alone.
func (s *session) cmdBackmerge(ctx context.Context, q *request) (string, error) {
	s = s.in(s.classify(q.Arg(0)).Component)
	to, err := s.owedTo(ctx, q)
	if err != nil {
		return "", err
	}
	plan, w, err := s.backmergePlan(ctx, to)
	if err != nil {
		return "", err
	}
	if q.DryRun || plan.Done() {
		if plan.Done() {
			whom := "development and every open release contain"
			if to.only != "" {
				whom = code(to.only) + " contains"
			}
			return s.unchanged(ctx, q, fmt.Sprintf("Nothing is owed: %s %s of %s.", whom, short(w.Production.SHA), code(s.names().Production)))
		}
		return s.dry(ctx, q, "The plan:\n\n"+codeBlock("", plan.String()))
	}
	busy, err := s.finishing(ctx)
	if err != nil {
		return "", err
	}
	if busy {
		return s.unchanged(ctx, q, "A release is on its way through production; its end brings production back to every branch.")
	}
	if err := s.auditOnce(ctx, q, "backmerge", w.Production.SHA, map[string]any{"only": to.only, "also": to.also}); err != nil {
		return "", err
	}
	if err := s.backmerge(ctx, to); err != nil {
		return "", err
	}
	now, _, err := s.backmergePlan(ctx, to)
	if err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, fmt.Sprintf("%s of %s is brought back:\n\n%s", short(w.Production.SHA), code(s.names().Production), backmerged(plan, now)))
}

// backmerged says of each step of a plan what has become of it, by the plan as it is now.
func backmerged(plan, now gitflow.Plan) string {
	var b strings.Builder
	for _, step := range plan.Steps {
		if step.Done {
			continue
		}
		left := slices.IndexFunc(now.Steps, func(x gitflow.Step) bool { return x.Target == step.Target && !x.Done })
		switch {
		case left < 0 || step.Target == "":
			fmt.Fprintf(&b, "- [x] %s\n", step.Title.Markdown(code))
		case now.Steps[left].Blocked != "":
			fmt.Fprintf(&b, "- [ ] %s: %s\n", step.Title.Markdown(code), now.Steps[left].Blocked.Markdown(code))
		case now.Steps[left].Waiting != "":
			fmt.Fprintf(&b, "- [ ] %s: %s\n", step.Title.Markdown(code), now.Steps[left].Waiting.Markdown(code))
		default:
			fmt.Fprintf(&b, "- [ ] %s\n", now.Steps[left].Title.Markdown(code))
		}
	}
	return b.String()
}

// owedTo reads which branches a /backmerge is about.
func (s *session) owedTo(ctx context.Context, q *request) (owed, error) {
	var to owed
	if s.ownHead(q.pr) && s.classify(q.pr.HeadBranch).Kind == gitflow.KindHotfix {
		to.also = q.pr.HeadBranch
	}
	name := q.Arg(0)
	if name == "" || name == "all" {
		return to, nil
	}
	switch s.classify(name).Kind {
	case gitflow.KindDevelopment, gitflow.KindRelease:
	case gitflow.KindHotfix:
		to.also = name
	default:
		return to, &userError{fmt.Sprintf("Production is merged back into %s, open releases and hotfixes; %s is none of them.", code(s.names().Development), code(name))}
	}
	head, err := s.head(ctx, name)
	if err != nil {
		return to, err
	}
	if head == "" {
		return to, &userError{fmt.Sprintf("There is no branch %s.", code(name))}
	}
	to.only = name
	return to, nil
}

// owed says whom production's tip is brought to. The zero owed: development and every open release branch.
type owed struct {
	also string // a hotfix branch besides
	only string // no other branch than this one
}

// backmergePlan is what production's tip owes to the other branches.
func (s *session) backmergePlan(ctx context.Context, to owed) (gitflow.Plan, *world, error) {
	w := &world{phase: phaseFinish}
	w.State = gitflow.State{Names: s.names(), Kind: gitflow.KindRelease, Order: gitflow.Order(s.cfg.Finish.Order)}
	none := &store.Release{}
	var err error
	w.Production.Branch, w.Development.Branch = s.names().Production, s.names().Development
	if w.Production.SHA, err = s.head(ctx, s.names().Production); err != nil {
		return gitflow.Plan{}, nil, err
	}
	if w.Development.SHA, err = s.head(ctx, s.names().Development); err != nil {
		return gitflow.Plan{}, nil, err
	}
	if err := s.lookFinish(ctx, none, w); err != nil {
		return gitflow.Plan{}, nil, err
	}
	if to.also != "" {
		line := gitflow.Line{Branch: to.also}
		if line.SHA, err = s.head(ctx, to.also); err != nil {
			return gitflow.Plan{}, nil, err
		}
		if err := s.lookLine(ctx, &line, "", w.Production.SHA); err != nil {
			return gitflow.Plan{}, nil, err
		}
		w.Releases = append(w.Releases, line)
	}
	plan := gitflow.PlanBackmerge(w.State)
	if to.only != "" {
		plan.Steps = slices.DeleteFunc(plan.Steps, func(step gitflow.Step) bool { return step.Target != to.only })
	}
	return plan, w, nil
}

// backmerge brings production's tip to development and every open release branch, when nothing else is about to do it:
// after a push to production by hand, or when a back-merge waited for somebody.
func (s *session) backmerge(ctx context.Context, to owed) error {
	var p pace
	for {
		busy, err := s.finishing(ctx)
		if err != nil || busy {
			return err // that release's own plan ends with the back-merge
		}
		plan, w, err := s.backmergePlan(ctx, to)
		if err != nil {
			return ignoreNotFound(err)
		}
		step, ok := plan.Next()
		if !ok {
			return s.backmergeLater(ctx, plan)
		}
		if p.enough(step) {
			return s.walkLater(ctx, backmergeWait)
		}
		again, err := s.perform(ctx, &store.Release{}, w, step)
		if err != nil || !again {
			return err
		}
	}
}

// walkLater has everything that is open looked at again after a pause.
func (s *session) walkLater(ctx context.Context, pause time.Duration) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return s.b.Queue.PostAt(ctx, tx, s.lane(), itemWalk, walkFact{}, "walk:backmerge", s.b.Now().Add(pause))
	})
}

// backmergeWait is the pause before a back-merge is looked at again that waits for GitHub: its merge queue, its checks.
const backmergeWait = 10 * time.Second

// backmergeLater has the back-merges looked at again, where one waits for what no event may tell.
func (s *session) backmergeLater(ctx context.Context, plan gitflow.Plan) error {
	if err := s.sayBlocked(ctx, plan); err != nil {
		return err
	}
	wait := time.Duration(0)
	for _, b := range plan.Blocked() {
		if b.Waiting == "" {
			continue
		}
		one, err := backmergeWait, error(nil)
		if b.Kind == gitflow.StepEnqueue {
			one, err = s.queueWait(ctx, b)
		}
		if err != nil {
			return err
		}
		if wait == 0 || one < wait {
			wait = one
		}
	}
	if wait == 0 {
		return nil
	}
	return s.walkLater(ctx, wait)
}

// finishing tells whether a release is between its deployment and its end.
func (s *session) finishing(ctx context.Context) (bool, error) {
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for _, r := range all {
		if !r.Finished && (r.Status == store.ReleaseReleased || r.Status == store.ReleasePromoting) {
			return true, err
		}
	}
	return false, err
}
