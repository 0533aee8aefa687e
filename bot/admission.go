package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// mayRun says whether somebody may run a command where they give it; nil: they may. It is asked before every command, and by
// /help about every command.
func (s *session) mayRun(ctx context.Context, q *request, spec *commandSpec) (*refusal, error) {
	if no, err := s.mayPass(ctx, q, q.doorOf(spec)); no != nil || err != nil {
		return no, err
	}
	switch {
	case spec.door == DoorApprove:
		return s.mayJudge(ctx, q)
	case spec.begins != "" && s.beginsRelease(q):
		return s.mayPass(ctx, q, spec.begins)
	}
	return nil, nil
}

// mayPass says whether somebody may pass a door for what their command is about; nil: they may.
func (s *session) mayPass(ctx context.Context, q *request, door Door) (*refusal, error) {
	closes := door
	if q.returning != nil {
		closes = DoorCancel // whoever it is that may stop a rollback, it can be stopped whenever a pipeline can
	}
	if why := s.shut(closes); why != "" {
		return &refusal{Why: why, shut: true}, nil
	}
	if door != DoorApprove || len(q.judged) == 0 {
		return s.authorize(ctx, s.asking(q, door))
	}
	return s.mayOne(q, func(x *store.Execution) (*refusal, error) { return s.mayEnter(ctx, q, x) })
}

// mayOne asks about everything that a verdict may be about; nil: it may be about one of them.
func (s *session) mayOne(q *request, may func(*store.Execution) (*refusal, error)) (*refusal, error) {
	var all []string
	for i := range q.judged {
		no, err := may(&q.judged[i])
		if no == nil || err != nil || len(q.judged) == 1 {
			return no, err
		}
		all = append(all, fmt.Sprintf("- %s: %s", code(q.judged[i].Component), no))
	}
	if len(all) == 0 {
		return nil, nil
	}
	return &refusal{Why: "None of what may wait here is yours to judge:\n\n" + strings.Join(all, "\n")}, nil
}

// shut says why nobody may pass a door now; empty: it is open.
func (s *session) shut(door Door) string {
	switch {
	case door.looks():
		return ""
	case s.repo.Observe:
		return "The configuration says `mode: observe`: Sluice reports and changes nothing here."
	case s.repo.ConfigMisfit != "" && door != DoorCancel && door != DoorTest && door != DoorRecheck:
		return "The configuration does not fit the repository: " + code(s.repo.ConfigMisfit) + ". Mend it, or make the branch, and ask again."
	}
	return ""
}

// turnAway is the answer to somebody who may not. What is refused for want of a right goes into the audit log.
func (s *session) turnAway(ctx context.Context, q *request, no *refusal) error {
	if no.shut {
		return &userError{no.Why}
	}
	if err := s.audit(ctx, q.by, "refused", q.String(), no.Why, nil); err != nil {
		return err
	}
	return &deniedError{userError{no.String()}}
}

// asking is a request as a question to authorize.
func (s *session) asking(q *request, door Door) ask {
	a := ask{door: door, who: q.by, environment: pipeline.EnvironmentProduction, release: s.concernsRelease(q)}
	switch {
	case door == DoorAlarm:
		a.environment = ownEnv(q.Arg(0))
	case door == DoorUnlock:
		a.starter = q.lockedBy
	case door == DoorRollback && q.back != nil:
		a.environment = ownEnv(q.back.Environment.Name)
	case door == DoorRollback && q.returning != nil:
		a.environment = ownEnv(q.returning.environment)
	case door == DoorRollback && q.Name == "rollback":
		if environment, _, err := rollbackTarget(q.Args); err == nil { // one that is written wrongly goes nowhere
			a.environment = ownEnv(environment)
		}
	}
	a.production = door == DoorCondition && slices.ContainsFunc(q.unmet, leadsToProduction)
	if q.release != nil && door != DoorUnlock {
		a.starter = q.release.StartedBy
	}
	if q.returning != nil { // wherever it is said
		a.starter = q.returning.starter
	}
	if q.pr != nil {
		a.author = q.pr.Author
	}
	return a
}

// concernsRelease tells whether what is asked for may touch a release, a hotfix or production. That it does not is only known of
// a pull request whose branch does not ship, whatever it is to be merged into.
func (s *session) concernsRelease(q *request) bool {
	if q.release != nil || q.back != nil || q.returning != nil || q.pr == nil {
		return true
	}
	kind := s.classify(q.pr.HeadBranch).Kind
	return s.ownHead(q.pr) && (kind.Ships() || kind == gitflow.KindProduction)
}

// mayEnter says whether somebody is among those who let an execution into the environment that it asks for; nil: they are.
func (s *session) mayEnter(ctx context.Context, q *request, x *store.Execution) (*refusal, error) {
	a := s.asking(q, DoorApprove)
	a.environment = s.judged(x)
	return s.authorize(ctx, a)
}

// mayJudge says whether what somebody says about a candidate would count; nil: it would, of one of those that they could mean.
// That they are among those whom the environment lets say it has been asked before.
func (s *session) mayJudge(ctx context.Context, q *request) (*refusal, error) {
	if s.takesBack(q) {
		return nil, nil
	}
	e, owed, err := s.reviewOf(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case owed:
		return s.mayReview(ctx, q, e)
	case q.Name == "reject":
		return nil, nil
	}
	return s.mayOne(q, func(x *store.Execution) (*refusal, error) { return s.mayApprove(ctx, q, x) })
}

// mayApprove says whether somebody's approval of an execution would count; nil: it would.
func (s *session) mayApprove(ctx context.Context, q *request, x *store.Execution) (*refusal, error) {
	if no, err := s.mayEnter(ctx, q, x); no != nil || err != nil {
		return no, err
	}
	why, err := s.in(x.Component).mayCount(ctx, q.release, x, q.by, s.judged(x))
	if err == nil && why != "" {
		why, err = s.unlessSecond(ctx, q, why)
	}
	if err != nil || why == "" {
		return nil, err
	}
	return &refusal{Why: why}, nil
}

// takesBack tells whether a verdict is taken back. A reason of a rejection may begin with any word; an approval that names the
// environment is taken back as one that does not.
func (s *session) takesBack(q *request) bool {
	_, environment, note := s.approveArgs(q)
	return strings.EqualFold(note, "cancel") && (environment == "" || q.Name == "approve")
}

// ways are the ways to give a command that may be somebody's who may not give it plainly, the plain one first.
func (s *session) ways(ctx context.Context, spec *commandSpec) ([]Command, error) {
	out := []Command{{Name: spec.name, Flags: map[string]string{}}}
	var places []string
	switch spec.door {
	case DoorAlarm, DoorRollback:
		for name := range s.cfg.Environments {
			places = append(places, name)
		}
	case DoorUnlock:
		list, err := s.stopsNow(ctx)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			if what, name, _ := strings.Cut(string(x.Target), ":"); x.Kind == store.StopLock && what == "environment" {
				places = append(places, name)
			}
		}
	case DoorRetry:
		all, err := s.strandedNow(ctx)
		if err != nil {
			return nil, err
		}
		for _, x := range all {
			places = append(places, x.Environment.Name)
		}
	case DoorCancel:
		err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
			all, _, err := s.returningNow(ctx, tx, &request{})
			for _, x := range all {
				places = append(places, x.environment)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(places)
	for _, name := range slices.Compact(places) {
		out = append(out, Command{Name: spec.name, Args: []string{name}, Flags: map[string]string{}})
	}
	for name := range spec.doors {
		out = append(out, Command{Name: spec.name, Flags: map[string]string{name: "true"}})
	}
	return out, nil
}

// open says in which ways somebody may give a command where they ask. no is why they may not give it plainly; nil: they may, and
// there is nothing else to say.
func (s *session) open(ctx context.Context, q *request, spec *commandSpec) (ways []string, no *refusal, err error) {
	all, err := s.ways(ctx, spec)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range all {
		as := *q
		as.Command, as.back, as.returning, as.judged, as.unmet, as.lockedBy = c, nil, nil, nil, nil, forge.User{}
		if err := s.locateFor(ctx, &as); err != nil {
			return nil, nil, err
		}
		not, err := s.mayRun(ctx, &as, spec)
		switch {
		case err != nil:
			return nil, nil, err
		case not == nil && i == 0:
			return []string{spec.usage}, nil, nil
		case i == 0:
			no = not
		case not == nil:
			way := c.String()
			if spec.reason || len(c.Flags) > 0 && slices.Contains(spec.flags, "reason") {
				way += " --reason text"
			}
			ways = append(ways, way)
		}
	}
	return ways, no, nil
}
