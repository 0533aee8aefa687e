package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// speak records somebody's verdict on what waits: on the candidate, or, where pipelines of several components wait at a head, on
// all that are theirs to judge. environment, where it is named, is the one that must ask.
func (s *session) speak(ctx context.Context, q *request, v verdict, environment string) (string, error) {
	waiting, err := s.waitingFor(q, environment)
	if err != nil {
		return "", err
	}
	may := s.mayEnter
	if v.Verdict == store.VerdictApproved {
		may = s.mayApprove
	}
	var mine []*store.Execution
	var lines []string
	var last *refusal
	var early error
	for _, x := range waiting {
		if err := s.unseen(q, x, v.Verdict); err != nil {
			early, lines = err, append(lines, fmt.Sprintf("- %s: %s", code(x.Component), err))
			continue
		}
		no, err := may(ctx, q, x)
		switch {
		case err != nil:
			return "", err
		case no != nil:
			last, lines = no, append(lines, fmt.Sprintf("- %s: not by you. %s", code(x.Component), no))
		default:
			mine, lines = append(mine, x), append(lines, fmt.Sprintf("- %s: %s", code(x.Component), s.about(x, v.Verdict)))
		}
	}
	switch {
	case len(mine) > 0:
	case last == nil && len(waiting) == 1:
		return "", early
	case last == nil:
		return "", &userError{"None of what waits here was waiting yet:\n\n" + strings.Join(lines, "\n")}
	case len(waiting) > 1:
		return "", s.turnAway(ctx, q, &refusal{Why: "None of what waits here is yours to judge:\n\n" + strings.Join(lines, "\n")})
	default:
		return "", s.turnAway(ctx, q, last)
	}
	if v.Verdict == store.VerdictApproved {
		if err := s.mayGoOn(ctx, q, mine[0]); err != nil {
			return "", err
		}
	}
	if q.DryRun {
		return s.dry(ctx, q, s.would(mine, lines, v))
	}
	for _, x := range mine { // what was taken back unheard does not make of this the second time
		if _, err := s.stillSaidOf(ctx, q.release, x); err != nil {
			return "", err
		}
	}
	if mine[0].Component != "" && q.release == nil { // several may wait: say which were meant
		q.said = strings.Join(lines, "\n")
	}
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, x := range mine {
			if err := s.sayIn(ctx, tx, q.release, x, v); err != nil {
				return err
			}
		}
		return q.done(tx)
	})
	for _, x := range mine {
		s.markJudged(q.release, x)
	}
	return q.said, err
}

// waitingFor picks what asks for an approval now, to enter an environment where one is named.
func (s *session) waitingFor(q *request, environment string) ([]*store.Execution, error) {
	var waiting []*store.Execution
	var others, idle []string
	for i := range q.judged {
		x := &q.judged[i]
		_, _, open := x.State.OpenApproval()
		switch {
		case environment != "" && environment != s.judged(x):
			others = append(others, s.judged(x))
		case open:
			waiting = append(waiting, x)
		default:
			idle = append(idle, fmt.Sprintf("- %s: %s", code(x.Component), prose(pipeline.Why(x.State, s.b.Now()))))
		}
	}
	switch {
	case len(waiting) > 0:
		return waiting, nil
	case len(idle) == 0:
		return nil, &userError{fmt.Sprintf("%s asks for no approval now; %s does.", code(environment), codes(others))}
	case len(q.judged) == 1:
		return nil, s.nothingWaits(&q.judged[0])
	}
	return nil, &userError{"Nothing waits for an approval here:\n\n" + strings.Join(idle, "\n")}
}

// mayGoOn refuses an approval that would lead nowhere.
func (s *session) mayGoOn(ctx context.Context, q *request, x *store.Execution) error {
	if err := s.sameHead(ctx, x); err != nil || q.release == nil {
		return err
	}
	return s.noObstacles(ctx, q.release)
}

// about says what a verdict is about.
func (s *session) about(x *store.Execution, v store.Verdict) string {
	action, state, _ := x.State.OpenApproval()
	return fmt.Sprintf("%s for %s, %s%s", v, code(s.in(x.Component).env(action.Environment)), short(state.Approval.SHA), withDigest(state.Approval.Digest))
}

// would says what a verdict would do.
func (s *session) would(mine []*store.Execution, lines []string, v verdict) string {
	if len(mine) > 1 || len(lines) > 1 {
		return "It would then be so:\n\n" + strings.Join(lines, "\n")
	}
	if v.Verdict == store.VerdictRejected {
		return "You would reject this candidate."
	}
	_, state, _ := mine[0].State.OpenApproval()
	return fmt.Sprintf("You would approve %s%s, for %s.", short(state.Approval.SHA), withDigest(state.Approval.Digest), code(s.judged(mine[0])))
}

// withdrawal is what is taken back.
type withdrawal struct {
	mine            func(store.Approval) bool
	nothing, reason string
}

// takenBack is /approve cancel: whoever said something about the candidate says it no longer.
func takenBack(q *request) withdrawal {
	return withdrawal{
		mine:    func(a store.Approval) bool { return a.By.ID == q.by.ID },
		nothing: "You have said nothing about this candidate that could be taken back.",
		reason:  fmt.Sprintf("%s took it back", q.by.Login),
	}
}

// vetoLifted is /reject cancel: an approver lifts the rejection of this candidate, their own or a colleague's.
func vetoLifted(q *request) withdrawal {
	return withdrawal{
		mine:    func(a store.Approval) bool { return a.Verdict == store.VerdictRejected },
		nothing: "Nobody has rejected this candidate.",
		reason:  fmt.Sprintf("%s lifted the rejection", q.by.Login),
	}
}

// words are what is taken back of what was said about an execution.
type words struct {
	*store.Execution
	taken  []store.Approval
	lifted bool // a rejection is among them
}

// withdraw takes back what was said about what may be judged here.
func (s *session) withdraw(ctx context.Context, q *request, w withdrawal) (string, error) {
	if err := s.needJudged(q); err != nil {
		return "", err
	}
	_, environment, _ := s.approveArgs(q)
	var all []words
	var lines []string
	n := 0
	var why error = &userError{w.nothing}
	for i := range q.judged {
		x := &q.judged[i]
		if environment != "" && environment != s.judged(x) {
			continue
		}
		said, err := s.wordsOn(ctx, q, x, w)
		var no *userError
		switch {
		case errors.As(err, &no):
			if why = no; len(q.judged) > 1 {
				lines = append(lines, fmt.Sprintf("- %s: %s", code(x.Component), no.text))
			}
		case err != nil:
			return "", err
		case len(said.taken) > 0:
			all, n = append(all, said), n+len(said.taken)
			lines = append(lines, fmt.Sprintf("- %s: %s", code(x.Component), said.text()))
		}
	}
	switch {
	case len(all) == 0:
		return "", why
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("%d word(s) on this candidate would be taken back.", n))
	}
	switch x := all[0]; {
	case x.Component != "" && q.release == nil:
		q.said = strings.Join(lines, "\n")
	case x.anew():
		q.said = title(x.text()) + "."
	}
	for i, x := range all {
		err := s.takeWords(ctx, q, x, w.reason, func(tx *store.Tx) error {
			if i < len(all)-1 {
				return nil
			}
			return q.done(tx)
		})
		if err != nil {
			return "", err
		}
	}
	return q.said, nil
}

// wordsOn finds what can be taken back of what was said about an execution. *userError: why nothing can be.
func (s *session) wordsOn(ctx context.Context, q *request, x *store.Execution, w withdrawal) (words, error) {
	out := words{Execution: x}
	if x.State.Promoting() {
		return out, &userError{"The promotion has begun; what was said before can no longer be taken back."}
	}
	said, err := s.said(ctx, q.release, x)
	if err != nil {
		return out, err
	}
	environment := s.judged(x)
	asked := approvalOf(x.State, environment)
	for _, a := range said {
		if !a.VoidedAt.IsZero() || !w.mine(a) || !binds(a, asked, x, environment) {
			continue
		}
		if byReview(a) {
			return out, &userError{fmt.Sprintf("%s said it in a review; there it is taken back: by another review, or by dismissing that one.", code(a.By.Login))}
		}
		out.taken, out.lifted = append(out.taken, a), out.lifted || a.Verdict == store.VerdictRejected
	}
	if len(out.taken) == 0 {
		return out, nil
	}
	no, err := s.mayEnter(ctx, q, x)
	if no != nil {
		err = &userError{no.String()}
	}
	return out, err
}

// anew tells whether the rejection had ended the pipeline, so that the approval is asked for again.
func (w words) anew() bool { return w.lifted && w.Status.Final() }

func (w words) text() string {
	if w.anew() {
		return "the approval is asked for anew; approvals given before the rejection have to be said again"
	}
	return fmt.Sprintf("%d word(s) taken back", len(w.taken))
}

// takeWords takes back what was said about an execution. Where that was the rejection which ended it, the approval is asked for
// anew.
func (s *session) takeWords(ctx context.Context, q *request, w words, reason string, done func(*store.Tx) error) error {
	record := func(tx *store.Tx) error {
		for _, a := range w.taken {
			if err := s.void(ctx, tx, a, q.by, reason); err != nil {
				return err
			}
		}
		return done(tx)
	}
	s.markJudged(q.release, w.Execution)
	if !w.anew() {
		return s.b.Store.Write(ctx, record)
	}
	key := fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line)
	err := s.advanceWith(ctx, w.ID, record, pipeline.RetryRequested{At: s.b.Now(), By: actor(q.by), Scope: pipeline.RetryFailed, Key: key})
	if err != nil {
		return err
	}
	return s.in(w.Component).schedule(ctx, *w.Execution)
}
