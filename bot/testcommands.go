package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cmdTest runs the pipeline of a pull request's head anew, from its first stage. What ran for that branch is superseded,
// and approvals of an earlier candidate do not count for the new one.
func (s *session) cmdTest(ctx context.Context, q *request) (string, error) {
	pr, err := s.openPullOf(ctx, q)
	if err != nil {
		return "", err
	}
	start, err := s.testRequest(ctx, q, pr)
	if err != nil {
		return "", err
	}
	def, ok, err := s.definition(ctx, start)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return "", &userError{fmt.Sprintf("A %s branch has no pipeline of its own.", start.kind)}
	case q.Arg(0) == "?":
		return s.unchanged(ctx, q, fmt.Sprintf("One pipeline belongs to %s at %s; `/test` runs it anew:\n\n%s", code(start.branch.Name), short(start.sha), outline(def)))
	case q.Arg(0) != "" && q.Arg(0) != start.kind:
		return "", &userError{fmt.Sprintf("The pipeline of this pull request is %s; %s is not one of it. `/test ?` shows its stages.", code(start.kind), code(q.Arg(0)))}
	}
	if err := s.takeVars(ctx, q, &start); err != nil {
		return "", err
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The pipeline would run anew for %s at %s:\n\n%s", code(start.branch.Name), short(start.sha), outline(def)))
	}
	evidence := map[string]any{"sha": pr.Head.SHA}
	if len(q.Vars) > 0 {
		evidence["variables"] = q.Vars
	}
	if err := s.auditOnce(ctx, q, "test", fmt.Sprintf("#%d", q.issue), evidence); err != nil {
		return "", err
	}
	if start.release != nil {
		if err := s.voidApprovals(ctx, start.release, "the candidate is tested anew"); err != nil {
			return "", err
		}
	}
	if err := s.startEach(ctx, start); err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, "")
}

// takeVars hands on the values that a command gives for variables, where a pipeline that it starts declares each of them.
func (s *session) takeVars(ctx context.Context, q *request, start *startRequest) error {
	if len(q.Vars) == 0 {
		return nil
	}
	if start.branch.Fork { // whoever opened it may give the command, and values reach workflows that have the repository's rights
		return &userError{"The pipeline of a fork runs with the defaults of its variables."}
	}
	components, err := s.builds(ctx, *start)
	if err != nil {
		return err
	}
	var declared []pipeline.Variable
	for _, c := range components {
		def, _, err := s.in(c).definition(ctx, *start)
		if err != nil {
			return err
		}
		declared = append(declared, def.Variables...)
	}
	if err := pipeline.CheckVariables(declared, q.Vars); err != nil {
		return &userError{title(prose(err.Error())) + ". `/test ?` shows its variables."}
	}
	start.vars = q.Vars
	return nil
}

// openPullOf is the pull request a command was given on, as it is now; refused where there is none or it is closed.
func (s *session) openPullOf(ctx context.Context, q *request) (forge.PullRequest, error) {
	if q.pr == nil || q.pr.Number == 0 {
		return forge.PullRequest{}, &userError{fmt.Sprintf("%s belongs on a pull request.", code("/"+q.Name))}
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	switch {
	case err != nil:
		return pr, notThere(err, "GitHub does not know this pull request any more.")
	case !pr.Open:
		return pr, &userError{"This pull request is closed; nothing is run for it."}
	}
	return pr, nil
}

// testRequest is the execution that /test asks for.
func (s *session) testRequest(ctx context.Context, q *request, pr forge.PullRequest) (startRequest, error) {
	if pr.Fork() {
		p, err := s.permitOf(ctx, permitFork, *q.pr)
		if err == nil && p == nil {
			err = &userError{fmt.Sprintf("Nothing runs for a fork until somebody with write access allows it for this commit: %s.", code("/ok-to-test "+pr.Head.SHA))}
		}
		return s.forkRequest(q, pr), err
	}
	branch := s.classify(pr.Head.Branch)
	out := startRequest{
		kind: string(branch.Kind), branch: branch, sha: pr.Head.SHA, pull: pr.Number, by: q.by,
		origin: fmt.Sprintf("test %s %d:%d", q.via, q.comment, q.Line),
	}
	switch branch.Kind {
	case gitflow.KindBackmerge, gitflow.KindFinish, gitflow.KindIgnored, gitflow.KindProduction:
		return out, &userError{fmt.Sprintf("A %s branch has no pipeline of its own.", branch.Kind)}
	case gitflow.KindRelease, gitflow.KindHotfix, gitflow.KindSupport:
		var r store.Release
		err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			r, err = tx.ReleaseByBranch(ctx, s.repo.ID, branch.Name)
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound):
			return out, &userError{fmt.Sprintf("%s is not the branch of a release or hotfix.", code(branch.Name))}
		case err != nil:
			return out, err
		case r.Status != store.ReleaseOpen:
			return out, &userError{fmt.Sprintf("%s is %s: what was approved is not tested anew.", code(r.Version), r.Status)}
		}
		out.release = &r
	}
	return out, nil
}

// outline lists the stages, actions and variables of a pipeline.
func outline(def pipeline.Definition) string {
	var b strings.Builder
	for _, stage := range def.Stages {
		var actions []string
		for _, a := range stage.Actions {
			actions = append(actions, fmt.Sprintf("%s (%s)", code(a.Name), code(a.Uses)))
		}
		fmt.Fprintf(&b, "- %s: %s\n", code(stage.Name), strings.Join(actions, ", "))
	}
	for _, v := range def.Variables {
		value := "empty"
		if v.Default != "" {
			value = code(v.Default)
		}
		fmt.Fprintf(&b, "- variable %s, by default %s", code(v.Name), value)
		if v.Description != "" {
			b.WriteString(": " + prose(v.Description))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// cmdRetest runs again what failed at the head, with the same inputs; what succeeded is kept. Production is not a test:
// /retry goes on with that.
func (s *session) cmdRetest(ctx context.Context, q *request) (string, error) {
	pr, err := s.openPullOf(ctx, q)
	if err != nil {
		return "", err
	}
	x, err := s.failedExecution(ctx, q)
	switch {
	case err != nil:
		return "", err
	case x != nil && x.Kind == pipeline.KindProduction:
		return "", &userError{"What failed is the deployment to production; `/retry` goes on with it."}
	case x == nil || x.SHA != pr.Head.SHA:
		return "", &userError{fmt.Sprintf("Nothing failed at %s. `/test` runs the whole pipeline anew.", short(pr.Head.SHA))}
	}
	return s.retry(ctx, q, x)
}
