package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

func (s *session) cmdApprove(ctx context.Context, q *request) (string, error) {
	_, asked, note := s.approveArgs(q)
	if s.takesBack(q) {
		return s.withdraw(ctx, q, takenBack(q))
	}
	if reply, done, err := s.reviewOwed(ctx, q, true, note); done || err != nil {
		return reply, err
	}
	if err := s.needJudged(q); err != nil {
		return "", err
	}
	if meant, word := s.misspelt(note); asked == "" && meant != "" {
		return "", &userError{fmt.Sprintf("There is no environment %s; did you mean %s? A note does not begin with a word like an environment's name.",
			code(word), code("/approve "+meant))}
	}
	return s.speak(ctx, q, q.verdict(store.VerdictApproved, note), asked)
}

func (s *session) cmdReject(ctx context.Context, q *request) (string, error) {
	if s.takesBack(q) {
		return s.withdraw(ctx, q, vetoLifted(q))
	}
	if reply, done, err := s.reviewOwed(ctx, q, false, q.Arg(0)); done || err != nil {
		return reply, err
	}
	if err := s.needJudged(q); err != nil {
		return "", err
	}
	return s.speak(ctx, q, q.verdict(store.VerdictRejected, q.Arg(0)), "")
}

// approveArgs takes an environment, the component that it belongs to, and a note apart: /approve [environment] [note].
func (s *session) approveArgs(q *request) (component, environment, note string) {
	first, rest, _ := strings.Cut(q.Arg(0), " ")
	component = q.Flag("component")
	if !s.knownEnvironment(first) {
		return component, "", q.Arg(0)
	}
	return cmp.Or(component, componentOf(first)), ownEnv(first), strings.TrimSpace(rest)
}

// misspelt is the environment that the first word of a note was meant to name, and that word; empty: it is an ordinary note. Words
// of the language are a letter away from short names ("love it" from live, "it" from int), so a slip in one of those counts only
// in a word of three letters or more with nothing behind it; and a form of a name is no slip ("tests pass").
func (s *session) misspelt(note string) (meant, word string) {
	word, rest, _ := strings.Cut(note, " ")
	word = strings.TrimRight(word, ".,:;!?")
	known := slices.Sorted(maps.Keys(s.cfg.Environments))
	for _, e := range slices.Clone(known) {
		for _, c := range s.names().Components {
			known = append(known, c+"/"+e)
		}
	}
	meant, ok := config.Slip(word, known)
	switch {
	case !ok, word == meant+"s", word == meant+"d":
		return "", ""
	case !strings.EqualFold(word, meant) && (len(word) < 3 || rest != "" && len(meant) < longName):
		return "", ""
	}
	return meant, word
}

// longName is the length in letters from which on hardly a word of the language is one letter away from a name.
const longName = 6

// needJudged refuses a verdict where nothing can be judged.
func (s *session) needJudged(q *request) error {
	component, _, _ := s.approveArgs(q)
	switch {
	case len(q.judged) > 0:
		return nil
	case q.release != nil:
		return &userError{"Nothing waits for an approval here: the candidate has not been built yet."}
	case component != "" && s.elsewhere(q):
		return &userError{fmt.Sprintf("No pipeline of %s that asks for an approval ran for this head.", code(component))}
	}
	if _, err := needRelease(q); err != nil && !s.elsewhere(q) {
		return err
	}
	return &userError{fmt.Sprintf("%s belongs on the pull request whose pipeline waits for an approval, of %s on the newest one merged into it; nothing waits here.",
		code(q.String()), code(s.names().Development))}
}

// elsewhere tells whether pipelines without a release ask for approvals here, so that /approve has more than one place.
func (s *session) elsewhere(q *request) bool {
	return q.pr != nil && (s.asksApproval(pipeline.KindFeature) || s.asksApproval(pipeline.KindDevelopment))
}

// deniedError is a no for want of a right, and not because of how things stand.
type deniedError struct{ userError }

func (e *deniedError) Unwrap() error { return &e.userError }

// markJudged has what follows from a verdict done at the end of the handling.
func (s *session) markJudged(r *store.Release, x *store.Execution) {
	s.mark(x.SHA)
	if r != nil {
		s.touch(r.ID)
	}
}

// noObstacles refuses an approval while something is set that would refuse the end of the release.
func (s *session) noObstacles(ctx context.Context, r *store.Release) error {
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, o := range w.Obstacles {
		if o.Fatal {
			fmt.Fprintf(&b, "\n- %s %s", o.Problem.Markdown(code), o.Remedy.Markdown(code))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return &userError{"An approval would lead nowhere yet: something would refuse the end of this release." + b.String()}
}

// sameHead refuses to judge a candidate that is not the branch's head any more: the pipeline of the new head comes first.
func (s *session) sameHead(ctx context.Context, x *store.Execution) error {
	if x.State.Promoting() {
		return nil
	}
	head, err := s.head(ctx, x.Branch)
	if err != nil || head == x.SHA {
		return err
	}
	return &userError{fmt.Sprintf("The candidate is %s, and the branch has moved to %s meanwhile. Wait for the pipeline of the new head, then say it again.", short(x.SHA), short(head))}
}

// locateJudged finds what a verdict is about: the candidate of the release; on a pull request without one the pipelines of its
// head that ask for approvals, or, on a merged one, those of the development branch, as long as this pull request brought its
// newest commit. In a monorepo that is one pipeline of each component, or of the one that is named.
func (s *session) locateJudged(ctx context.Context, q *request) error {
	if q.execution != nil {
		q.judged = []store.Execution{*q.execution}
		return nil
	}
	if q.release != nil || !s.ownHead(q.pr) {
		return nil
	}
	branch, sha := q.pr.HeadBranch, q.pr.HeadSHA
	if q.pr.Merged && q.pr.BaseBranch == s.names().Development {
		branch = s.names().Development
		err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
			b, err := tx.Branch(ctx, s.repo.ID, branch)
			sha = b.SHA
			return ignoreMissing(err)
		})
		if err != nil {
			return err
		}
		brought, err := s.gh.PullsWith(ctx, sha)
		if err != nil {
			return ignoreNotFound(err)
		}
		if !hasPull(brought, q.pr.Number) {
			return nil
		}
	}
	component, _, _ := s.approveArgs(q)
	if q.named != nil {
		component = q.named.Component
	}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		at, err := tx.ExecutionsAt(ctx, s.repo.ID, sha)
		at = slices.DeleteFunc(at, func(x store.Execution) bool {
			return x.Branch != branch || x.ReleaseID != "" || !x.State.Definition.HasApproval() || component != "" && x.Component != component
		})
		q.judged = current(at, nil)
		return err
	})
	if len(q.judged) == 1 {
		q.execution = &q.judged[0]
	}
	return err
}

func hasPull(list []forge.PullRequest, number int) bool {
	for _, p := range list {
		if p.Number == number {
			return true
		}
	}
	return false
}

// decideWaiting settles the approvals that pipelines without a release wait for: those of features and of development.
func (s *session) decideWaiting(ctx context.Context) error {
	if s.repo.Observe {
		return nil
	}
	var active []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		active, err = tx.ApprovalsOpen(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for i := range active {
		x := &active[i]
		if _, _, open := x.State.OpenApproval(); !open || x.ReleaseID != "" {
			continue
		}
		if err := s.in(x.Component).decideOne(ctx, x); err != nil && !personal(err) {
			return fmt.Errorf("approval of %s: %w", x.Branch, err)
		} else if err != nil {
			s.log.WarnContext(ctx, "approval is blocked", "execution", x.ID, "err", err)
		}
	}
	return nil
}

func (s *session) decideOne(ctx context.Context, x *store.Execution) error {
	if x.ConfigHash != s.cfg.ApprovalHash(hashKind(x.Kind)) {
		return s.anew(ctx, x)
	}
	pull, err := s.pullOf(ctx, x)
	if err != nil {
		return err
	}
	if err := s.takeReviews(ctx, nil, x, pull); err != nil {
		return err
	}
	said, err := s.said(ctx, nil, x)
	if err != nil {
		return err
	}
	for _, a := range said {
		if a.VoidedAt.IsZero() {
			_, err := s.decideEntry(ctx, nil, x)
			return err
		}
	}
	return nil
}

// anew starts an execution that waits for an approval again under a changed configuration; what was said falls.
func (s *session) anew(ctx context.Context, x *store.Execution) error {
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.voidIn(ctx, tx, x, configChanged) })
	if err != nil {
		return err
	}
	_, err = s.start(ctx, startRequest{
		kind: x.Kind, branch: s.classify(x.Branch), sha: x.SHA, pull: x.Pull, by: x.StartedBy, origin: "config after " + x.ID, vars: x.State.Given,
	})
	return err
}

// pullOf is the number of the pull request that an execution without a release belongs to: the open one of its branch, for
// development the newest that brought its commit. 0: there is none.
func (s *session) pullOf(ctx context.Context, x *store.Execution) (number int, err error) {
	if x.Branch == s.names().Development {
		brought, err := s.gh.PullsWith(ctx, x.SHA)
		for _, p := range brought {
			if p.Merged && p.Base.Branch == x.Branch {
				number = max(number, p.Number)
			}
		}
		if errors.Is(err, forge.ErrNotFound) {
			return 0, nil
		}
		return number, err
	}
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		at, err := tx.PullsAt(ctx, s.repo.ID, x.SHA)
		for _, p := range at {
			if p.Open && p.HeadBranch == x.Branch && s.ownHead(&p) {
				number = max(number, p.Number)
			}
		}
		return err
	})
	return number, err
}

// showEntry adds to the pipelines' check what those without a release wait for, with the buttons to decide it. The check is one
// for all components, and so its buttons are for all that wait.
func (s *session) showEntry(ctx context.Context, at *atSHA, run *forge.CheckRun) error {
	var waits []string
	var last time.Time
	for i := range at.executions {
		x := &at.executions[i]
		action, state, open := x.State.OpenApproval()
		if !open || x.ReleaseID != "" {
			continue
		}
		view := s.in(x.Component)
		environment, way := view.env(action.Environment), "/approve "+action.Environment
		if x.Component != "" {
			way = "/approve --component " + x.Component
		}
		said, by, err := view.tally(ctx, nil, x, action.Environment)
		if err != nil {
			return err
		}
		wants := fmt.Sprintf("%s waits for %d approval(s), by %s", environment, said.Needed-said.Given, way)
		switch {
		case said.RejectedBy != "":
			wants = fmt.Sprintf("%s is not entered: %s requests changes", environment, said.RejectedBy)
		case said.Eligible == 0:
			wants = fmt.Sprintf("Nobody may approve entering %s; change %s in .github/sluice.yml", environment, said.Setting)
		}
		waits = append(waits, wants)
		if last.Before(state.Approval.OpenedAt) {
			last = state.Approval.OpenedAt
		}
		run.Summary += fmt.Sprintf("%s. The approval is for %s%s, until %s.\n", prose(wants), short(state.Approval.SHA),
			withDigest(state.Approval.Digest), state.Approval.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC"))
		for _, u := range by {
			run.Summary += fmt.Sprintf("- approved by %s\n", code(u.Login))
		}
	}
	if len(waits) == 0 {
		return nil
	}
	if run.Status == "completed" && run.Conclusion == forge.Success {
		run.Title = waits[0]
		if len(waits) > 1 {
			run.Title = fmt.Sprintf("%d components wait for approvals, by /approve", len(waits))
		}
	}
	run.Buttons = append(run.Buttons, judging(last)...)
	return nil
}
