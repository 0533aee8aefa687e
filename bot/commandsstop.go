package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// longestLock is how long /lock may be --for.
const longestLock = 30 * 24 * time.Hour

// heldTarget is what /hold and /unhold are about: the release, or the open pull request.
func (s *session) heldTarget(q *request) (target store.StopTarget, what string, err error) {
	switch {
	case q.release != nil && !q.release.Status.Live():
		return "", "", &userError{fmt.Sprintf("%s is %s; there is nothing to hold any more.", code(q.release.Version), q.release.Status)}
	case q.release != nil:
		return store.StopRelease(q.release.ID), code(q.release.Version), nil
	case q.pr != nil && q.pr.Open:
		return store.StopPull(q.pr.Number), fmt.Sprintf("#%d", q.pr.Number), nil
	}
	return "", "", &userError{fmt.Sprintf("%s belongs on an open pull request.", code(q.String()))}
}

func (s *session) cmdHold(ctx context.Context, q *request) (string, error) {
	target, what, err := s.heldTarget(q)
	if err != nil {
		return "", err
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	if x := list.find(store.StopHold, target); x != nil {
		return s.unchanged(ctx, q, fmt.Sprintf("%s is on hold already, %s.", what, prose(s.byWhom(x))))
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be on hold until `/unhold`.", what))
	}
	return s.setStops(ctx, q, fmt.Sprintf("%s is on hold until `/unhold`.", what),
		store.Stop{Kind: store.StopHold, Target: target, Reason: q.Arg(0)})
}

func (s *session) cmdUnhold(ctx context.Context, q *request) (string, error) {
	target, what, err := s.heldTarget(q)
	if err != nil {
		return "", err
	}
	return s.lift(ctx, q, what, store.Stop{Kind: store.StopHold, Target: target})
}

// lift ends the stops that are there and says so, or says that there are none.
func (s *session) lift(ctx context.Context, q *request, what string, wanted ...store.Stop) (string, error) {
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	var found []store.Stop
	var was []string
	for _, w := range wanted {
		if x := list.find(w.Kind, w.Target); x != nil {
			found = append(found, *x)
			was = append(was, fmt.Sprintf("%s of %s", x.Kind, s.stopName(x.Target, what))+" "+prose(s.byWhom(x)))
		}
	}
	if len(found) == 0 {
		return "", &userError{fmt.Sprintf("There is no %s of %s.", wanted[0].Kind, what)}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("This would be lifted: the %s.", strings.Join(was, "; the ")))
	}
	return s.liftStops(ctx, q, fmt.Sprintf("Lifted: the %s.", strings.Join(was, "; the ")), found...)
}

// stopName is a target for people; otherwise for those whose name is an ID.
func (s *session) stopName(target store.StopTarget, otherwise string) string {
	if what, name, _ := strings.Cut(string(target), ":"); what == "environment" || what == "branch" {
		return "the " + what + " " + code(name)
	}
	return otherwise
}

// places finds what a name in /freeze means: an environment, a branch, or both where both have it. With environment: or
// branch: before it, only that is meant.
func (s *session) places(ctx context.Context, name string) (targets []store.StopTarget, zone *time.Location, err error) {
	only, bare, cut := strings.Cut(name, ":")
	if !cut || only != "environment" && only != "branch" {
		only, bare = "", name
	}
	zone = s.zone(bare)
	if only != "branch" && s.knownEnvironment(bare) {
		targets = append(targets, store.StopEnvironment(bare))
	}
	if only != "environment" {
		head, err := s.head(ctx, bare)
		if err != nil {
			return nil, nil, err
		}
		if head != "" {
			targets = append(targets, store.StopBranch(bare))
		}
	}
	if len(targets) == 0 {
		return nil, nil, &userError{fmt.Sprintf("There is no environment and no branch %s. Environments are %s.", code(bare), s.environmentNames())}
	}
	return targets, zone, nil
}

func (s *session) knownEnvironment(name string) bool {
	_, known := s.cfg.Environments[ownEnv(name)]
	c := componentOf(name)
	return known && (c == "" || slices.Contains(s.names().Components, c))
}

// noEnvironment is the refusal of a command that names an environment which the configuration does not have.
func (s *session) noEnvironment(name string) error {
	return &userError{fmt.Sprintf("There is no environment %s. Environments are %s.", code(name), s.environmentNames())}
}

func (s *session) environmentNames() string {
	return codes(slices.Sorted(maps.Keys(s.cfg.Environments)))
}

func (s *session) cmdFreeze(ctx context.Context, q *request) (string, error) {
	var until time.Time
	targets, zone, err := s.places(ctx, q.Arg(0))
	if err != nil {
		return "", err
	}
	if len(q.Args) > 1 {
		if !strings.EqualFold(q.Args[1], "until") || len(q.Args) == 2 {
			return "", &userError{fmt.Sprintf("Write it as %s, with the time like %s.", code("/freeze "+q.Args[0]+" until time --reason text"), calendar.Moments)}
		}
		if until, err = calendar.ParseMoment(strings.Trim(strings.Join(q.Args[2:], " "), `"'`), s.b.Now(), zone); err != nil {
			return "", &userError{prose(title(err.Error())) + "."}
		}
	}
	end := "until `/unfreeze " + q.Args[0] + "`"
	if !until.IsZero() {
		end = "until " + calendar.Format(until, zone)
	}
	names := make([]string, len(targets))
	list := make([]store.Stop, len(targets))
	for i, t := range targets {
		names[i] = s.stopName(t, "")
		list[i] = store.Stop{Kind: store.StopFreeze, Target: t, Reason: q.Flag("reason"), Until: until}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("Frozen would be %s, %s.", strings.Join(names, " and "), end))
	}
	return s.setStops(ctx, q, fmt.Sprintf("Frozen: %s, %s.", strings.Join(names, " and "), end), list...)
}

func (s *session) cmdUnfreeze(ctx context.Context, q *request) (string, error) {
	only, bare, cut := strings.Cut(q.Arg(0), ":")
	both := []store.Stop{
		{Kind: store.StopFreeze, Target: store.StopEnvironment(q.Arg(0))}, {Kind: store.StopFreeze, Target: store.StopBranch(q.Arg(0))},
	}
	switch {
	case cut && only == "environment":
		both[0].Target, both = store.StopEnvironment(bare), both[:1]
	case cut && only == "branch":
		both[1].Target, both = store.StopBranch(bare), both[1:]
	}
	return s.lift(ctx, q, code(q.Arg(0)), both...)
}

func (s *session) cmdLock(ctx context.Context, q *request) (string, error) {
	name := q.Arg(0)
	if !s.knownEnvironment(name) {
		return "", s.noEnvironment(name)
	}
	var until time.Time
	if length := q.Flag("for"); length != "" {
		d, ok := config.ParseDuration(length)
		if !ok || d < time.Minute || d > longestLock {
			return "", &userError{fmt.Sprintf("%s is no time to lock for: write it like `30m`, `2h` or `1d`, at most `30d`.", code(length))}
		}
		until = s.b.Now().Add(d)
	}
	list, err := s.stopsNow(ctx)
	if err != nil {
		return "", err
	}
	if x := list.lockOn(name, q.by.ID); x != nil {
		return "", &userError{fmt.Sprintf("%s is locked %s. They and release managers can `/unlock %s`.", code(name), prose(s.byWhom(x)), name)}
	}
	end := "until `/unlock " + name + "`"
	if !until.IsZero() {
		end = "until " + calendar.Format(until, s.zone(name))
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be locked for everybody but you, %s.", code(name), end))
	}
	return s.setStops(ctx, q, fmt.Sprintf("%s is locked for everybody but you, %s. What others deploy there waits.", code(name), end),
		store.Stop{Kind: store.StopLock, Target: store.StopEnvironment(name), Reason: q.Flag("reason"), Until: until})
}

func (s *session) cmdUnlock(ctx context.Context, q *request) (string, error) {
	return s.lift(ctx, q, code(q.Arg(0)), store.Stop{Kind: store.StopLock, Target: store.StopEnvironment(q.Arg(0))})
}

// promoteAt reads the time of /promote --at; the zero time: none was given.
func (s *session) promoteAt(q *request) (time.Time, error) {
	text := q.Flag("at")
	if text == "" {
		return time.Time{}, nil
	}
	at, err := calendar.ParseMoment(text, s.b.Now(), s.zone(pipeline.EnvironmentProduction))
	if err != nil {
		return at, &userError{prose(title(err.Error())) + "."}
	}
	return at, nil
}

// scheduledBy is the time that a command asks for, in gitflow's words.
func (s *session) scheduledBy(q *request, at time.Time) gitflow.Schedule {
	if at.IsZero() {
		return gitflow.Schedule{}
	}
	return gitflow.Schedule{By: q.by.Login, At: calendar.Format(at, s.zone(pipeline.EnvironmentProduction))}
}

// atThatTime says what is known already of the time for which a promotion is scheduled.
func (s *session) atThatTime(w *world, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	text := ""
	windows := s.cfg.Environment(pipeline.EnvironmentProduction).Windows
	if closed := windows.Closed(at); closed != "" && (w.Kind != gitflow.KindHotfix || !windows.Hotfix) {
		text += fmt.Sprintf(" At that time the windows are closed, %s.", prose(closed))
	}
	if w.execution != nil {
		if _, state, open := w.execution.State.OpenApproval(); open && !at.Before(state.Approval.ExpiresAt) {
			text += fmt.Sprintf(" The approval expires before that, %s.", calendar.Format(state.Approval.ExpiresAt, windows.Zone))
		}
	}
	return text
}

// underWay says of a promotion that has begun who had the same wish before.
func underWay(q *request, r *store.Release) string {
	if r.PromoteBy.ID == 0 || r.PromoteBy.ID == q.by.ID {
		return "The promotion is under way."
	}
	return fmt.Sprintf("The promotion is under way: %s asked for it.", code(r.PromoteBy.Login))
}

// askedBefore says the same of one that still waits.
func askedBefore(q *request, r *store.Release) string {
	if r.PromoteBy.ID == q.by.ID {
		return "You have asked for it already; the promotion starts by itself once nothing is missing. "
	}
	return fmt.Sprintf("%s has asked for it already; the promotion starts by itself once nothing is missing. ", code(r.PromoteBy.Login))
}

// scheduleIn keeps a release from being promoted before a time; the zero time lifts what was said before.
func (s *session) scheduleIn(ctx context.Context, tx *store.Tx, q *request, r *store.Release, at time.Time) error {
	target := store.StopRelease(r.ID)
	if at.IsZero() {
		return tx.LiftStop(ctx, s.repo.ID, store.StopSchedule, target)
	}
	err := tx.SaveStop(ctx, store.Stop{
		RepoID: s.repo.ID, Kind: store.StopSchedule, Target: target, By: q.by, At: s.b.Now(), Until: at, SHA: r.HeadSHA,
	})
	return errors.Join(err, s.wakeAt(ctx, tx, at))
}

// cancelsSchedule carries out /cancel where a promotion is scheduled; done is false where none is.
func (s *session) cancelsSchedule(ctx context.Context, q *request) (reply string, done bool, err error) {
	if q.release == nil || q.Arg(0) != "" && q.Arg(0) != "promotion" {
		return "", false, nil
	}
	list, err := s.stopsNow(ctx)
	x := list.find(store.StopSchedule, store.StopRelease(q.release.ID))
	if err != nil || x == nil || x.Until.IsZero() {
		return "", false, err
	}
	if q.DryRun {
		reply, err = s.dry(ctx, q, fmt.Sprintf("The promotion that is scheduled for %s would be cancelled.", s.when(x)))
		return reply, true, err
	}
	q.said = fmt.Sprintf("%s is not promoted %s. `/cancel pipeline` stops its pipeline.", code(q.release.Version), s.when(x))
	return q.said, true, s.cancelSchedule(ctx, q.release, q.by, "by "+q.by.Login, q.done)
}
