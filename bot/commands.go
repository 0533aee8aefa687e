package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// finishWith marks a command as carried out that looked only, or whose decision has been written down already.
func (s *session) finishWith(ctx context.Context, q *request, reply string) (string, error) {
	q.said = reply
	return reply, s.b.Store.Write(ctx, q.done)
}

// unchanged ends a command that finds everything as it wants it, and so leaves no entry in the audit log.
func (s *session) unchanged(ctx context.Context, q *request, reply string) (string, error) {
	q.idle = true
	return s.finishWith(ctx, q, reply)
}

// finishSaid ends a command with its entry in the audit log.
func (s *session) finishSaid(ctx context.Context, q *request, action, subject string, evidence map[string]any) (string, error) {
	return q.said, s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := s.auditIn(ctx, tx, q.by, action, subject, "", evidence); err != nil {
			return err
		}
		return q.done(tx)
	})
}

// dry is the reply of a command that was only asked about.
func (s *session) dry(ctx context.Context, q *request, would string) (string, error) {
	return s.finishWith(ctx, q, "Dry run, nothing was changed. "+would)
}

// needRelease refuses a command that belongs on a release or hotfix pull request.
func needRelease(q *request) (*store.Release, error) {
	switch {
	case q.release != nil:
		return q.release, nil
	case len(q.open) > 0:
		return nil, &userError{fmt.Sprintf("%s is about one release or hotfix, and these are open: %s. Name it with `--release`.", code(q.String()), codes(q.open))}
	case q.open != nil:
		return nil, &userError{fmt.Sprintf("%s is about a release or hotfix, and none is open.", code(q.String()))}
	}
	return nil, &userError{fmt.Sprintf("%s belongs on the pull request of a release or hotfix.", code(q.String()))}
}

func (s *session) cmdStatus(ctx context.Context, q *request) (string, error) {
	text, err := s.statusText(ctx, q.Arg(0))
	if err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, text)
}

func (s *session) cmdPromote(ctx context.Context, q *request) (string, error) {
	if q.release == nil {
		return s.promoteElsewhere(ctx, q)
	}
	if q.Flag("emergency") != "" && q.Flag("at") != "" {
		return "", &userError{"What can wait for a time is no emergency: say `--at` or `--emergency`."}
	}
	if q.Flag("emergency") != "" {
		return s.promoteInEmergency(ctx, q)
	}
	if q.Flag("reason") != "" {
		return "", &userError{"`--reason` belongs to `--emergency`; an ordinary promotion rests on its approvals."}
	}
	r := q.release
	if env := q.Arg(0); env != "" && env != pipeline.EnvironmentProduction {
		return "", &userError{fmt.Sprintf("%s is entered by the pipeline itself; `/promote` takes the candidate to %s.", code(env), code(pipeline.EnvironmentProduction))}
	}
	switch r.Status {
	case store.ReleasePromoting:
		return s.unchanged(ctx, q, underWay(q, r))
	case store.ReleaseReleased:
		return s.unchanged(ctx, q, fmt.Sprintf("%s is in production.", code(r.Version)))
	case store.ReleaseAbandoned:
		return "", givenUp(r)
	case store.ReleaseOpen:
	default:
		return "", &userError{fmt.Sprintf("%s is %s. `/retry` goes on where it stopped; a new head needs a new version: `/version bump patch`.", code(r.Version), r.Status)}
	}
	if q.execution != nil {
		if err := s.sameHead(ctx, q.execution); err != nil {
			return "", err
		}
	}
	at, err := s.promoteAt(q)
	if err != nil {
		return "", err
	}
	if q.execution != nil && !q.DryRun {
		if _, err := s.stillSaidOf(ctx, r, q.execution); err != nil {
			return "", err
		}
	}
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		return "", err
	}
	known := w.Scheduled
	w.Scheduled = s.scheduledBy(q, at)
	if q.DryRun {
		return s.dry(ctx, q, "The plan:\n\n"+codeBlock("", gitflow.PlanPromote(w.State).String()))
	}
	counts, err := s.countsAsApproval(ctx, q, w)
	if err != nil {
		return "", err
	}
	noted := "Noted; the promotion starts by itself once nothing is missing. "
	if r.PromoteBy.ID != 0 && w.Approvals.Wanted && known == w.Scheduled {
		noted = askedBefore(q, r)
		if !counts { // twice is once
			return s.unchanged(ctx, q, noted+s.missing(gitflow.PlanPromote(w.State)))
		}
	}
	if counts {
		if err := s.sayVerdict(ctx, r, q.execution, q.verdict(store.VerdictApproved, ""), nothingElse); err != nil {
			return "", err
		}
	}
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.PromoteBy, now.UpdatedAt = q.by, s.b.Now()
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		if err := s.scheduleIn(ctx, tx, q, &now, at); err != nil {
			return err
		}
		evidence := map[string]any{"sha": now.SHA, "digest": w.Candidate.Digest, "via": q.via, "comment": q.comment}
		if !at.IsZero() {
			evidence["at"] = at.UTC()
		}
		if err := s.auditIn(ctx, tx, q.by, "promote", r.Key(), "", evidence); err != nil {
			return err
		}
		return q.done(tx)
	})
	if err != nil {
		return "", err
	}
	s.touch(r.ID)
	w.Approvals.Wanted = true
	if counts {
		w.Approvals.Given++
	}
	plan := gitflow.PlanPromote(w.State)
	if _, ready := plan.Next(); !ready {
		return noted + s.missing(plan) + s.atThatTime(w, at), nil
	}
	return "", nil
}

// missing says what a plan waits for.
func (s *session) missing(plan gitflow.Plan) string {
	return strings.Join(blockers(plan), " ")
}

// blockers are what keeps a plan from going on, in sentences.
func blockers(plan gitflow.Plan) []string {
	if plan.Refused != "" {
		return []string{plan.Refused.Markdown(code)}
	}
	var out []string
	for _, b := range plan.Blocked() {
		out = append(out, cmp.Or(b.Blocked, b.Waiting).Markdown(code))
	}
	return out
}

// countsAsApproval tells whether /promote is an approval too: from somebody who may approve and took no part.
func (s *session) countsAsApproval(ctx context.Context, q *request, w *world) (bool, error) {
	if w.execution == nil || w.Approvals.Given >= w.Approvals.Needed {
		return false, nil
	}
	if _, _, open := w.execution.State.OpenApproval(); !open || awaitsEntry(w.execution) || tooEarly(q, w.execution, store.VerdictApproved) {
		return false, nil
	}
	no, err := s.authorize(ctx, ask{door: DoorApprove, who: q.by, environment: pipeline.EnvironmentProduction, release: true})
	if err != nil || no != nil {
		return false, err
	}
	why, err := s.mayCount(ctx, q.release, q.execution, q.by, pipeline.EnvironmentProduction)
	return why == "", err
}

// promoteElsewhere answers /promote where there is no release: on a merged pull request into development it starts one.
func (s *session) promoteElsewhere(ctx context.Context, q *request) (string, error) {
	if s.beginsRelease(q) {
		start := *q
		start.done = func(tx *store.Tx) error {
			q.said, q.no = start.said, start.no
			return q.done(tx)
		}
		start.Command = Command{Name: "release start", Flags: map[string]string{}, DryRun: q.DryRun, Line: q.Line}
		return s.cmdReleaseStart(ctx, &start)
	}
	if q.open != nil {
		_, err := needRelease(q)
		return "", err
	}
	return "", &userError{"`/promote` belongs on the pull request of a release or hotfix, where it takes the approved candidate to production, " +
		"or on a pull request that was merged into development, where it starts a release. Here `/release start` is what you need first."}
}

// beginsRelease tells whether a /promote starts a release: on a pull request that was merged into development.
func (s *session) beginsRelease(q *request) bool {
	return q.release == nil && q.pr != nil && q.pr.Merged && q.pr.BaseBranch == s.names().Development
}

// ownHead tells whether a pull request is of a branch of this repository: a fork's branches only share names with ours.
func (s *session) ownHead(p *store.Pull) bool {
	return p != nil && (p.HeadRepoID == 0 || p.HeadRepoID == s.repo.ID)
}

// cmdRetry goes on with what failed: the release's candidate or production pipeline, else the newest of the branch.
func (s *session) cmdRetry(ctx context.Context, q *request) (string, error) {
	if q.back != nil {
		return s.retry(ctx, q, &q.back.Execution)
	}
	if !retryAll(q) || q.named != nil && isReturn(q.named) {
		return "", s.noReturn(ctx, q)
	}
	x, err := s.failedExecution(ctx, q)
	if err != nil {
		return "", err
	}
	if x == nil && q.named != nil {
		return "", &userError{fmt.Sprintf("The execution %s is not the one of its branch any more, or did not fail, so there is nothing to try again.", code(q.named.ID))}
	}
	if q.release != nil && q.release.Bad {
		return "", &userError{fmt.Sprintf("%s was rolled back and is not deployed again; `/version bump patch` cuts the next version from its branch.", code(q.release.Version))}
	}
	if x == nil {
		live := q.release != nil && (q.release.Status.Live() || !q.release.Finished)
		if live || s.ownHead(q.pr) && ours(s.classify(q.pr.HeadBranch).Kind) { // a step of the plan is tried again
			if q.DryRun {
				return s.dry(ctx, q, "The next step would be tried again.")
			}
			subject := q.pr.HeadBranch
			if live {
				s.touch(q.release.ID)
				subject = q.release.Key()
			}
			return "", s.pardon(ctx, func(tx *store.Tx) error {
				if err := s.auditIn(ctx, tx, q.by, "retry.step", subject, "", nil); err != nil {
					return err
				}
				return q.done(tx)
			})
		}
		if reply, started, err := s.startMissing(ctx, q); err != nil || started {
			return reply, err
		}
		return "", s.noReturn(ctx, q)
	}
	return s.retry(ctx, q, x)
}

// retry runs the failed actions of an execution again, or with all every action of the stage that failed.
func (s *session) retry(ctx context.Context, q *request, x *store.Execution) (string, error) {
	scope, what := pipeline.RetryFailed, "The failed actions"
	if strings.EqualFold(q.Arg(0), "all") {
		scope, what = pipeline.RetryStage, "All actions of the stage that failed"
	}
	if err := s.overtaken(ctx, q.release, x); err != nil {
		return "", err
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s of the %s pipeline of %s would run again, with the same inputs.", what, x.Kind, short(x.SHA)))
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	if err := s.passTransitionsTo(ctx, x, list); err != nil { // since it ended nobody has told it
		return "", err
	}
	record := func(tx *store.Tx) error {
		if err := s.auditIn(ctx, tx, q.by, "retry", x.ID, "", map[string]any{"sha": x.SHA, "kind": x.Kind, "scope": scope}); err != nil {
			return err
		}
		return q.done(tx)
	}
	err = s.advanceWith(ctx, x.ID, record, pipeline.RetryRequested{At: s.b.Now(), By: actor(q.by), Scope: scope, Key: retryKey(q)})
	if err != nil {
		return "", err
	}
	return "", s.schedule(ctx, *x)
}

// retryKey tells one request to run an execution again from another.
func retryKey(q *request) string { return fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line) }

// startMissing starts the pipeline of a pull request whose head has none: it was there before Sluice was.
func (s *session) startMissing(ctx context.Context, q *request) (reply string, started bool, err error) {
	if q.pr == nil || q.pr.Number == 0 || !q.pr.Open {
		return "", false, nil
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil || pr.Fork() {
		return "", false, ignoreNotFound(err)
	}
	missing, err := s.lacksExecution(ctx, pr)
	if err != nil {
		return "", false, err
	}
	subject := fmt.Sprintf("#%d", pr.Number)
	begun, err := s.begun(ctx, q, "start", subject)
	switch {
	case err != nil || !missing && !begun:
		return "", false, err
	case q.DryRun:
		reply, err = s.dry(ctx, q, fmt.Sprintf("The pipeline of %s at %s would be started; none ran yet.", code(pr.Head.Branch), short(pr.Head.SHA)))
		return reply, true, err
	}
	if err := s.auditOnce(ctx, q, "start", subject, map[string]any{"sha": pr.Head.SHA}); err != nil {
		return "", false, err
	}
	if _, err := s.ensureExecution(ctx, pr, q.by); err != nil {
		return "", false, err
	}
	reply, err = s.finishWith(ctx, q, fmt.Sprintf("The pipeline of %s at %s is started; none ran yet.", code(pr.Head.Branch), short(pr.Head.SHA)))
	return reply, true, err
}

// asks tells whether a request may be about an execution: about any, unless it was given on the page of another.
func (q *request) asks(x *store.Execution) bool { return q.named == nil || q.named.ID == x.ID }

// failedExecution is the execution that /retry means; nil: none failed.
func (s *session) failedExecution(ctx context.Context, q *request) (*store.Execution, error) {
	all, err := s.ownExecutions(ctx, q)
	i := slices.IndexFunc(all, func(x store.Execution) bool {
		return q.asks(&x) && (x.Status == pipeline.Failed || x.Status == pipeline.Stopped)
	})
	if i < 0 {
		return nil, err
	}
	return &all[i], err
}

// ownExecutions are those that a request to go on may be about, the first before the rest: production's and the candidate's of
// the release; without a release those of the pull request's head, newest first.
func (s *session) ownExecutions(ctx context.Context, q *request) (all []store.Execution, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		all = nil
		if q.release != nil {
			for _, id := range []string{q.release.ProductionExecutionID, q.release.ExecutionID} {
				x, err := oneExecution(ctx, tx, id)
				if err != nil {
					return err
				}
				if x != nil {
					all = append(all, *x)
				}
			}
			return nil
		}
		if q.pr == nil {
			return nil
		}
		if !s.ownHead(q.pr) {
			permits, err := tx.Permits(ctx, s.repo.ID, q.pr.Number)
			if err != nil || permit(permits, permitFork, *q.pr) == nil {
				return err // nothing runs again for a commit that is not allowed any more
			}
		}
		at, err := tx.ExecutionsAt(ctx, s.repo.ID, q.pr.HeadSHA)
		for _, x := range slices.Backward(at) {
			if x.Branch == s.line(q.pr) && x.Kind != pipeline.KindProduction && !isReturn(&x) {
				all = append(all, x)
			}
		}
		return err
	})
	return all, err
}
