package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// The emergency path takes a tested candidate to production without waiting for the approvals still missing, a freeze, a
// window or soak time. Two people have to ask for it: one who may (environments.production.emergency, else admins), and
// another one who may too, or who may approve; at least one of them took no part in the change. What is deployed is bound
// by digest as ever, tests and everything else are not passed over, and a review is owed until somebody gives it.

// itemReview is the lane item that calls for an owed review: payload reviewFact.
const itemReview = "review"

// reviewFact names a promotion by the emergency path.
type reviewFact struct {
	EmergencyID string `json:"emergency"`
}

// emergency is who asked for the emergency path on a candidate.
type emergency struct {
	asked  []store.Approval // still with the right to, oldest first
	people []forge.User     // the two, once there are two
}

// emergencyOf counts who asked for the emergency path on the candidate that waits, with the rights they have now.
func (s *session) emergencyOf(ctx context.Context, r *store.Release, x *store.Execution) (emergency, error) {
	var e emergency
	if x == nil {
		return e, nil
	}
	said, err := s.said(ctx, r, x)
	if err != nil {
		return e, err
	}
	const environment = pipeline.EnvironmentProduction
	asked := approvalOf(x.State, environment)
	var seconds []forge.User
	for _, a := range said {
		if !a.VoidedAt.IsZero() || !binds(a, asked, x, environment) {
			continue
		}
		door := DoorApprove
		switch a.Verdict {
		case store.VerdictEmergency:
			door = DoorEmergency
		case store.VerdictApproved:
		default:
			continue
		}
		no, err := s.authorize(ctx, ask{door: door, who: a.By, environment: environment, release: true, recorded: true})
		if err != nil {
			return e, err
		}
		if no != nil {
			continue
		}
		if a.Verdict == store.VerdictEmergency {
			e.asked = append(e.asked, a)
		}
		seconds = append(seconds, a.By)
	}
	if len(e.asked) == 0 {
		return e, nil
	}
	var excluded parts
	if approve := s.cfg.Environment(environment).Approve; approve == nil || !approve.AllowAuthor {
		if excluded, err = s.takenPart(ctx, r, x); err != nil {
			return e, err
		}
	}
	for _, a := range e.asked {
		for _, u := range seconds {
			if u.ID != a.By.ID && (excluded.why(u.ID) == "" || excluded.why(a.By.ID) == "") {
				e.people = []forge.User{a.By, u}
				return e, nil
			}
		}
	}
	return e, nil
}

// lookEmergency tells whether a release goes by the emergency path: two people ask for it, or its promotion began so.
func (s *session) lookEmergency(ctx context.Context, r *store.Release, w *world) error {
	if r.Status != store.ReleaseOpen {
		return s.b.Store.Read(ctx, func(tx *store.Tx) error {
			e, err := tx.EmergencyByRelease(ctx, r.ID)
			w.Emergency = err == nil && e.SHA == r.SHA && e.Digest == r.CandidateDigest
			return ignoreMissing(err)
		})
	}
	e, err := s.emergencyOf(ctx, r, w.execution)
	w.emergency, w.Emergency = e, len(e.people) > 0
	return err
}

// promoteInEmergency is /promote --emergency.
func (s *session) promoteInEmergency(ctx context.Context, q *request) (string, error) {
	r, err := needRelease(q)
	if err != nil {
		return "", err
	}
	if env := q.Arg(0); env != "" && env != pipeline.EnvironmentProduction {
		return "", &userError{fmt.Sprintf("%s has no emergency path; %s has.", code(env), code(pipeline.EnvironmentProduction))}
	}
	reason := q.Flag("reason")
	switch {
	case reason == "":
		return "", &userError{"An emergency needs `--reason` and what happened: it goes into the record, and to those who review it afterwards."}
	case r.Status != store.ReleaseOpen:
		return "", &userError{fmt.Sprintf("%s is %s; the emergency path is for a candidate that waits.", code(r.Version), r.Status)}
	case q.execution == nil:
		return "", &userError{"There is no candidate yet; its tests are not passed over, not even in an emergency."}
	}
	if action, _, open := q.execution.State.OpenApproval(); !open || action.Environment != pipeline.EnvironmentProduction {
		return "", &userError{fmt.Sprintf("The candidate does not wait for production: %s Tests are not passed over, not even in an emergency.",
			prose(pipeline.Why(q.execution.State, s.b.Now())))}
	}
	if err := s.unseen(q, q.execution, store.VerdictEmergency); err != nil {
		return "", err
	}
	if err := s.sameHead(ctx, q.execution); err != nil {
		return "", err
	}
	w, err := s.look(ctx, r, phasePromote)
	if err != nil {
		return "", err
	}
	if q.DryRun {
		w.Emergency = true
		return s.dry(ctx, q, "With a second person the promotion would not wait for this: "+passedOver(w.State)+"\n\nThe plan:\n\n"+codeBlock("", gitflow.PlanPromote(w.State).String()))
	}
	if _, err := s.stillSaidOf(ctx, r, q.execution); err != nil {
		return "", err
	}
	if err := s.sayVerdict(ctx, r, q.execution, q.verdict(store.VerdictEmergency, reason), q.done); err != nil {
		return "", err
	}
	s.touch(r.ID)
	e, err := s.emergencyOf(ctx, r, q.execution)
	if err != nil || len(e.people) > 0 {
		return "", err
	}
	return fmt.Sprintf("Noted. A second person has to confirm it, by `/promote --emergency --reason …` or `/approve`: %s At least one of the two must have taken no part in the change.",
		s.whoConfirms()), nil
}

// whoConfirms says in a sentence who may be the second person.
func (s *session) whoConfirms() string {
	var who []string
	for _, d := range []Door{DoorEmergency, DoorApprove} {
		teams, users := keepers(s.cfg, doors[d], pipeline.EnvironmentProduction)
		if len(teams)+len(users) > 0 {
			who = append(who, keeperNames(teams, users))
		} else {
			who = append(who, "anyone with the role "+string(doors[d].role))
		}
	}
	return strings.Join(who, ", or ") + "."
}

// unlessSecond lets somebody who took part confirm an emergency that somebody else asked for who did not; else it gives
// why their word does not count.
func (s *session) unlessSecond(ctx context.Context, q *request, why string) (string, error) {
	if q.release == nil || q.release.Status != store.ReleaseOpen {
		return why, nil
	}
	e, err := s.emergencyOf(ctx, q.release, q.execution)
	if err != nil || len(e.asked) == 0 {
		return why, err
	}
	excluded, err := s.takenPart(ctx, q.release, q.execution)
	if err != nil {
		return why, err
	}
	for _, a := range e.asked {
		if a.By.ID != q.by.ID && excluded.why(a.By.ID) == "" {
			return "", nil
		}
	}
	return why, nil
}

// passedOver says what a promotion by the emergency path does not wait for; empty: nothing keeps it waiting.
func passedOver(w gitflow.State) string {
	w.Emergency = false
	open := map[string]bool{}
	for _, b := range gitflow.PlanPromote(w).Blocked() {
		open[b.ID] = true
	}
	w.Emergency = true
	for _, b := range gitflow.PlanPromote(w).Blocked() {
		delete(open, b.ID)
	}
	w.Emergency = false
	var out []string
	for _, b := range gitflow.PlanPromote(w).Blocked() {
		if open[b.ID] {
			out = append(out, (b.Blocked + b.Waiting).String())
		}
	}
	return strings.Join(out, " ")
}

// beginEmergency records a promotion that goes by the emergency path, with everything about it, and that a review is owed.
// It belongs to the transaction in which the promotion begins. Where nothing was passed over it is an ordinary promotion.
func (s *session) beginEmergency(ctx context.Context, tx *store.Tx, r *store.Release, w *world, approval string) error {
	skipped := passedOver(w.State)
	if !w.Emergency || skipped == "" {
		return nil
	}
	e := store.Emergency{
		ID: approval, RepoID: s.repo.ID, ReleaseID: r.ID, ExecutionID: w.execution.ID, Environment: pipeline.EnvironmentProduction,
		Version: r.Version, SHA: r.SHA, Digest: r.CandidateDigest, Skipped: skipped,
		Asked: w.emergency.people[0], Second: w.emergency.people[1], At: s.b.Now(), RemindAt: s.b.Now(),
	}
	for _, a := range w.emergency.asked {
		if a.By.ID == e.Asked.ID {
			e.Reason = a.Reason
		}
	}
	if err := tx.SaveEmergency(ctx, e); err != nil {
		return err
	}
	evidence := map[string]any{
		"execution": e.ExecutionID, "sha": e.SHA, "digest": e.Digest, "skipped": e.Skipped, "approvals": w.Approvals.Given, "needed": w.Approvals.Needed,
		"asked": e.Asked.Login, "asked_id": e.Asked.ID, "second": e.Second.Login, "second_id": e.Second.ID,
	}
	if err := s.auditIn(ctx, tx, e.Asked, "promote.emergency", r.Key(), e.Reason, evidence); err != nil {
		return err
	}
	return s.b.Queue.Post(ctx, tx, s.lane(), itemReview, reviewFact{EmergencyID: e.ID}, "review:"+e.ID)
}

// callReview asks for an owed review, and asks again until somebody gives it. The first call says what was done.
func (s *session) callReview(ctx context.Context, id string) error {
	var e store.Emergency
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.Emergency(ctx, id)
		return err
	})
	if err != nil || !e.ReviewedAt.IsZero() {
		return ignoreMissing(err)
	}
	if s.b.Now().Before(e.RemindAt) {
		return s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.postReview(ctx, tx, e) })
	}
	r, err := s.release(ctx, e.ReleaseID)
	if err != nil || r == nil {
		return err
	}
	if r.Pull != 0 {
		people, err := s.reviewers(ctx, r, e)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s A review is still owed for %s, which %s and %s took to production in an emergency on %s.",
			people, code(e.Version), code(e.Asked.Login), code(e.Second.Login), e.At.UTC().Format("2006-01-02 15:04 UTC"))
		if e.Reminders == 0 {
			text = fmt.Sprintf("%s %s goes to production in an emergency: %s asked for it, %s confirmed it. Reason: %s\n\nIt did not wait for this: %s\n\nDigest %s, commit %s.",
				people, code(e.Version), code(e.Asked.Login), code(e.Second.Login), code(e.Reason), prose(e.Skipped), code(e.Digest), short(e.SHA))
		}
		text += "\n\nPlease look at it now: `/approve` here says that it was right, `/reject` with a reason that it was not. You are asked again until somebody has."
		if err := s.say(ctx, r.Pull, fmt.Sprintf("emergency-%s-%d", e.ID, e.Reminders), text); err != nil {
			return err
		}
	}
	s.touch(r.ID)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		e.Reminders, e.RemindAt = e.Reminders+1, s.b.Now().Add(s.reviewEvery())
		if err := tx.SaveEmergency(ctx, e); err != nil {
			return err
		}
		return s.postReview(ctx, tx, e)
	})
}

func (s *session) postReview(ctx context.Context, tx *store.Tx, e store.Emergency) error {
	return s.b.Queue.PostAt(ctx, tx, s.lane(), itemReview, reviewFact{EmergencyID: e.ID}, "review:"+e.ID, e.RemindAt)
}

// reviewEvery is how often an owed review is called for: as often as an approval is called to mind.
func (s *session) reviewEvery() time.Duration {
	if approve := s.cfg.Environment(pipeline.EnvironmentProduction).Approve; approve != nil && approve.Remind > 0 {
		return approve.Remind
	}
	return pipeline.ApprovalRemind
}

// maxCalled is how many people are mentioned where no team or person is named.
const maxCalled = 10

// reviewers mentions who may review an emergency.
func (s *session) reviewers(ctx context.Context, r *store.Release, e store.Emergency) (string, error) {
	teams, users := keepers(s.cfg, doors[DoorApprove], pipeline.EnvironmentProduction)
	if len(teams)+len(users) > 0 {
		return s.call(teams, users), nil
	}
	people, err := s.candidates(ctx, pipeline.EnvironmentProduction)
	if err != nil {
		return "", err
	}
	x := &store.Execution{ID: e.ExecutionID, Branch: r.Branch, SHA: e.SHA}
	excluded, err := s.takenPart(ctx, r, x)
	if err != nil {
		return "", err
	}
	for _, u := range people {
		if !u.Bot && excluded.why(u.ID) == "" && u.ID != e.Asked.ID && u.ID != e.Second.ID && len(users) < maxCalled {
			users = append(users, u.Login)
		}
	}
	return s.call(nil, users), nil
}

// call mentions teams and people, so that they are told.
func (s *session) call(teams, users []string) string {
	var out []string
	for _, t := range teams {
		out = append(out, mention(s.repo.Owner+"/"+t))
	}
	for _, u := range users {
		out = append(out, mention(u))
	}
	return strings.Join(out, " ")
}

// reviewOf is the emergency for which /approve and /reject here are the review that is owed; false: none is owed.
func (s *session) reviewOf(ctx context.Context, q *request) (e store.Emergency, owed bool, err error) {
	if q.release == nil || q.release.Status == store.ReleaseOpen {
		return e, false, nil
	}
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.EmergencyByRelease(ctx, q.release.ID)
		return err
	})
	return e, err == nil && e.ReviewedAt.IsZero(), ignoreMissing(err)
}

// mayReview says whether somebody may review an emergency; nil: they may.
func (s *session) mayReview(ctx context.Context, q *request, e store.Emergency) (*refusal, error) {
	if q.by.ID == e.Asked.ID || q.by.ID == e.Second.ID {
		return &refusal{Why: "You are one of the two who took it to production; somebody else reviews it."}, nil
	}
	why, err := s.mayCount(ctx, q.release, &store.Execution{ID: e.ExecutionID, Branch: q.release.Branch, SHA: e.SHA}, q.by, e.Environment)
	if err != nil || why == "" {
		return nil, err
	}
	return &refusal{Why: why}, nil
}

// reviewOwed takes /approve and /reject on a release that went by the emergency path as the review that is owed for it.
func (s *session) reviewOwed(ctx context.Context, q *request, agreed bool, text string) (reply string, done bool, err error) {
	e, owed, err := s.reviewOf(ctx, q)
	if err != nil || !owed {
		return "", false, err
	}
	if q.DryRun {
		reply, err := s.dry(ctx, q, fmt.Sprintf("You would review the emergency of %s.", code(e.Version)))
		return reply, true, err
	}
	q.said = "The emergency is reviewed; thank you."
	if !agreed {
		q.said = "Noted: you say that it was not right. `/rollback production --reason …` puts the last good version back."
	}
	s.touch(q.release.ID)
	s.mark(e.SHA)
	s.cockpits[q.release.ID] = true
	return q.said, true, s.b.Store.Write(ctx, func(tx *store.Tx) error {
		e.Reviewer, e.ReviewedAt, e.Review, e.Agreed, e.RemindAt = q.by, s.b.Now(), text, agreed, time.Time{}
		if err := tx.SaveEmergency(ctx, e); err != nil {
			return err
		}
		evidence := map[string]any{"execution": e.ExecutionID, "sha": e.SHA, "digest": e.Digest, "agreed": agreed, "via": q.via, "comment": q.comment}
		if err := s.auditIn(ctx, tx, q.by, "emergency.reviewed", e.Version, text, evidence); err != nil {
			return err
		}
		return q.done(tx)
	})
}

// emergencyText says in a line how a release went by the emergency path, for status and cockpit; empty: it did not.
func emergencyText(e store.Emergency) string {
	if e.ID == "" {
		return ""
	}
	text := fmt.Sprintf("asked for by %s, confirmed by %s (%s); ", code(e.Asked.Login), code(e.Second.Login), code(e.Reason))
	switch {
	case e.ReviewedAt.IsZero():
		return text + "**a review is owed**, by `/approve` on the pull request"
	case e.Agreed:
		return text + "reviewed by " + code(e.Reviewer.Login)
	}
	return text + fmt.Sprintf("reviewed by %s, who disagrees: %s", code(e.Reviewer.Login), code(e.Review))
}
