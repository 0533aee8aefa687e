package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// cmdPlan tells what a command would do, as its own --dry-run does. Whoever may not give the command may still ask what
// it would do, and is told who can.
func (s *session) cmdPlan(ctx context.Context, q *request) (string, error) {
	text := strings.TrimPrefix(q.Arg(0), "/")
	switch strings.ToLower(text) {
	case "":
		return s.planAhead(ctx, q)
	case "finish":
		return s.planFinish(ctx, q)
	case "start":
		text = "release start"
	case "hotfix", "hotfix start":
		text += " " + exampleHotfix
	}
	c, wrong, ours := parseLine("/"+text, "", true)
	switch {
	case wrong != nil:
		return "", &userError{fmt.Sprintf("%s: %s. Usage: %s.", code("/"+text), prose(wrong.Problem), code(wrong.Usage))}
	case !ours:
		return "", &userError{fmt.Sprintf("There is no command %s; `/help` lists what there is.", code("/"+text))}
	}
	spec := c.spec()
	if spec == nil || !spec.changes {
		return "", &userError{fmt.Sprintf("%s changes nothing: just say it.", code(c.String()))}
	}
	asked := *q
	asked.Command = c
	asked.DryRun, asked.Line = true, q.Line
	asked.done = nothingElse // this command's own record ends it
	var reply string
	var err error
	if err := s.locateFor(ctx, &asked); err != nil {
		return "", err
	}
	view, err := s.asComponent(&asked, spec.component)
	if err == nil {
		reply, err = view.handlers()[spec.name](ctx, &asked)
	}
	var refused *userError
	var denied *deniedError
	switch {
	case errors.As(err, &denied):
		return s.finishWith(ctx, q, "You may not give this command. "+denied.text)
	case errors.As(err, &refused):
		reply = fmt.Sprintf("%s would be refused: %s", code(c.String()), refused.text)
	case err != nil:
		return "", err
	}
	no, err := s.mayRun(ctx, &asked, spec)
	if err != nil {
		return "", err
	}
	if no != nil {
		reply += "\n\nYou may not give this command. " + no.String()
	}
	return s.finishWith(ctx, q, reply)
}

// exampleHotfix is the identifier that a hotfix is planned with where none is given.
const exampleHotfix = "example"

// planAhead shows what comes next on the pull request of a release or hotfix: the promotion, and what follows it.
func (s *session) planAhead(ctx context.Context, q *request) (string, error) {
	if q.release == nil {
		return "", &userError{"`/plan` alone shows what comes next on the pull request of a release or hotfix; anywhere else name a command: `/plan release start`."}
	}
	if q.release.Status == store.ReleaseAbandoned {
		return "", givenUp(q.release)
	}
	w, err := s.look(ctx, q.release, phasePromote)
	if err != nil {
		return "", err
	}
	return s.showPlan(ctx, q, gitflow.PlanPromote(w.State))
}

// planFinish shows what follows the deployment of a release: tag, merges, back-merges, the end of the branch.
func (s *session) planFinish(ctx context.Context, q *request) (string, error) {
	r, err := needRelease(q)
	if err != nil {
		return "", err
	}
	if r.Status == store.ReleaseAbandoned {
		return "", givenUp(r)
	}
	w, err := s.look(ctx, r, phaseFinish)
	if err != nil {
		return "", err
	}
	return s.showPlan(ctx, q, gitflow.PlanFinish(w.State))
}

// givenUp is the refusal of what would go on with a release that was abandoned.
func givenUp(r *store.Release) error {
	return &userError{fmt.Sprintf("%s is abandoned (%s); nothing of it ships.", code(r.Version), code(r.Reason))}
}

func (s *session) showPlan(ctx context.Context, q *request, plan gitflow.Plan) (string, error) {
	return s.dry(ctx, q, "The plan:\n\n"+codeBlock("", plan.String())+"\n`[x]` done, `[>]` next, `[!]` blocked, `[~]` waiting, `[ ]` later.")
}
