package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// locateUnmet finds what /override condition may be about: of each pipeline here the newest execution, where a condition has
// failed it, of the stage and the component that are named.
func (s *session) locateUnmet(ctx context.Context, q *request) error {
	all, err := s.ownExecutions(ctx, q)
	newest := map[string]bool{}
	q.unmet = nil
	for _, x := range all {
		key := x.Component + "/" + x.Kind
		if newest[key] {
			continue
		}
		newest[key] = true
		stage, _, ok := x.State.Overridable()
		named := q.Arg(0) == "" || strings.EqualFold(stage, q.Arg(0)) || strings.EqualFold(x.Kind+"/"+stage, q.Arg(0))
		if c := q.Flag("component"); ok && named && q.asks(&x) && (c == "" || c == x.Component) {
			q.unmet = append(q.unmet, x)
		}
	}
	return err
}

// overridableText says how an execution that a condition has failed can go on; empty: no condition has.
func overridableText(x *store.Execution) string {
	stage, _, ok := x.State.Overridable()
	if !ok || isReturn(x) { // no release or pull request is at a return
		return ""
	}
	door := DoorCondition
	if leadsToProduction(*x) {
		door = DoorOverride
	}
	return fmt.Sprintf("%s lets it go on all the same; that is for %s.\n\n", code("/override condition "+stage+" --reason …"), door.who())
}

// leadsToProduction tells whether what passes the condition that has failed an execution comes to production without another
// approval.
func leadsToProduction(x store.Execution) bool {
	stage, _, ok := x.State.Overridable()
	return ok && x.State.Definition.LeadsToProduction(stage)
}

// meanings are what of /override condition means just one of several executions each.
func meanings(unmet []store.Execution) (all []string) {
	for _, x := range unmet {
		stage, _, _ := x.State.Overridable()
		one := x.Kind + "/" + stage
		if x.Component != "" {
			one += " --component " + x.Component
		}
		all = append(all, one)
	}
	return all
}

// unseenUnmet refuses an override of a condition that has failed its execution only after the override was asked for: the
// reason was given for something else, as for the condition before the same stage. *userError.
func (s *session) unseenUnmet(q *request, x *store.Execution) error {
	ended := x.State.EndedAt
	if q.known.IsZero() || !ended.Truncate(time.Microsecond).After(q.known) {
		return nil
	}
	return &userError{fmt.Sprintf("The condition has failed the %s pipeline of %s at %s, after this was said: %s. Look at it, then say it again.",
		x.Kind, short(x.SHA), ended.UTC().Format("2006-01-02 15:04:05 UTC"), x.State.Reason)}
}

// cmdOverrideCondition lets an execution go on from the condition of a stage that has failed it.
func (s *session) cmdOverrideCondition(ctx context.Context, q *request) (string, error) {
	switch {
	case len(q.unmet) == 0 && q.Arg(0) != "":
		return "", &userError{fmt.Sprintf("No condition of a stage %s is recorded to have failed what ran here; `/why pipeline` shows what did. `/retry` tries it again, and has the conditions on its way looked at again.", code(q.Arg(0)))}
	case len(q.unmet) == 0:
		return "", &userError{"No condition of a stage is recorded to have failed what ran here; `/why pipeline` shows what it waits for. `/retry` tries again what has failed, and has the conditions on its way looked at again."}
	case len(q.unmet) > 1:
		return "", &userError{"Conditions have failed several pipelines: say which one is meant: " + codes(meanings(q.unmet)) + "."}
	}
	x := &q.unmet[0]
	if r := q.release; r != nil && (r.Bad || !r.Status.Live() && r.Finished) {
		return "", &userError{fmt.Sprintf("%s is %s and goes no further.", code(r.Version), r.Status)}
	}
	if err := s.unseenUnmet(q, x); err != nil {
		return "", err
	}
	stage, at, _ := x.State.Overridable()
	what, then := fmt.Sprintf("The condition before %s", code(stage)), "the stage is entered"
	if at == pipeline.OnSuccess {
		what, then = fmt.Sprintf("The condition after %s", code(stage)), "the stage counts as succeeded"
	}
	about := fmt.Sprintf("the %s pipeline of %s", x.Kind, short(x.SHA))
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be overridden in %s: %s.", what, about, then))
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	if err := s.passTransitionsTo(ctx, x, list); err != nil { // since it ended nobody has told it
		return "", err
	}
	q.said = fmt.Sprintf("%s is overridden in %s: %s. That holds for this execution and for the values that the condition found, and is on record with your reason.",
		what, about, then)
	reason := q.Flag("reason")
	record := func(tx *store.Tx) error {
		evidence := map[string]any{"sha": x.SHA, "kind": x.Kind, "stage": stage, "condition": at, "found": x.State.Reason}
		if err := s.auditIn(ctx, tx, q.by, "override.condition", x.ID, reason, evidence); err != nil {
			return err
		}
		return q.done(tx)
	}
	err = s.advanceWith(ctx, x.ID, record, pipeline.ConditionOverridden{At: s.b.Now(), Stage: stage, By: actor(q.by), Reason: reason, Key: retryKey(q)})
	if err != nil {
		return "", err
	}
	return q.said, s.schedule(ctx, *x)
}
