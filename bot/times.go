package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// lookTimes finds what says "not now" to a promotion: holds, freezes, locks, windows, soak time, a time that was asked for.
func (s *session) lookTimes(ctx context.Context, r *store.Release, w *world) error {
	list, err := s.stopsNow(ctx)
	if err != nil {
		return err
	}
	env := s.cfg.Environment(pipeline.EnvironmentProduction)
	hotfix := r.Kind == string(gitflow.KindHotfix)
	note := func(x *store.Stop) gitflow.Hold {
		if x != nil {
			w.wake = earlierOf(w.wake, x.Until)
		}
		return s.hold(x)
	}
	w.Paused = note(list.find(store.StopHold, store.StopRelease(r.ID)))
	place := s.env(env.Name)
	if !hotfix || !env.Freeze.Hotfix {
		w.Environment.Frozen = note(list.findOn(store.StopFreeze, place))
		w.Production.Frozen = note(list.find(store.StopFreeze, store.StopBranch(w.Production.Branch)))
	}
	if l := list.lockOn(place, r.PromoteBy.ID); l != nil {
		w.Environment.Locked = note(l)
	}
	if w.Environment.Promoted, err = s.promotedNow(ctx, r, w); err != nil {
		return err
	}
	if !env.Windows.Open(s.b.Now()) && (!hotfix || !env.Windows.Hotfix) {
		_, opens := s.closed(env.Name)
		w.Environment.WindowOpens = "not within two years: change environments.production.windows in .github/sluice.yml"
		if !opens.IsZero() {
			w.Environment.WindowOpens = calendar.Format(opens, env.Windows.Zone)
			w.wake = earlierOf(w.wake, opens)
		}
	}
	if c := list.find(store.StopSchedule, store.StopRelease(r.ID)); c != nil {
		w.Scheduled = gitflow.Schedule{By: c.By.Login, Cancelled: gitflow.Text(c.Reason)}
		if !c.Until.IsZero() {
			note(c)
			w.Scheduled = gitflow.Schedule{By: c.By.Login, At: s.when(c)}
		}
	}
	w.Alarm = s.alarmFor(list, w)
	return s.lookSoak(ctx, hotfix, w)
}

// alarmFor is the first alarm that keeps a candidate back: of production, or of the environment in which it proves itself before.
func (s *session) alarmFor(list stopList, w *world) gitflow.Alarm {
	places := []string{pipeline.EnvironmentProduction}
	if w.execution != nil {
		places = append(places, placeBefore(w.execution.State.Definition))
	}
	for _, place := range places {
		if place == "" {
			continue
		}
		for _, x := range list.alarmsIn(s.env(place)) {
			environment, name, _ := x.Target.Alarm()
			return gitflow.Alarm{Environment: environment, Name: name, By: x.By.Login, Reason: x.Reason}
		}
	}
	return gitflow.Alarm{}
}

// lookSoak finds how long the candidate has run in the environment before production.
func (s *session) lookSoak(ctx context.Context, hotfix bool, w *world) error {
	soak := s.cfg.Environment(pipeline.EnvironmentProduction).Soak
	needed := soak.Release
	if hotfix {
		needed = soak.Hotfix
	}
	if needed == 0 || w.execution == nil {
		return nil
	}
	w.Soak = gitflow.Soak{Environment: placeBefore(w.execution.State.Definition), Needed: hours(needed)}
	if w.Soak.Environment == "" {
		return nil
	}
	var history []store.Deployment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		history, err = tx.Deployments(ctx, s.repo.ID, s.env(w.Soak.Environment), 200)
		return err
	})
	if err != nil {
		return err
	}
	ran, runs := soaked(history, w.execution.SHA, w.execution.State.Digest(), s.b.Now())
	switch {
	case ran >= needed:
		w.Soak = gitflow.Soak{}
	case runs:
		ends := s.b.Now().Add(needed - ran)
		w.Soak.Done, w.Soak.Ends = roughly(ran), calendar.Format(ends.Add(time.Minute-1).Truncate(time.Minute), s.zone(pipeline.EnvironmentProduction))
		w.wake = earlierOf(w.wake, ends)
	}
	return nil
}

// placeBefore is the last environment that a candidate's pipeline deploys to before production; empty: none.
func placeBefore(d pipeline.Definition) string {
	place := ""
	for _, stage := range d.Stages {
		for _, a := range stage.Actions {
			if a.Deploys && !a.IsApproval() && a.Environment != pipeline.EnvironmentProduction {
				place = a.Environment
			}
		}
	}
	return place
}

// soaked is how long a revision's build has run in an environment, all in all, and whether it runs there now. What another
// deployment interrupts goes on counting once the build is put back; a failure of its own deployment begins anew. The
// history is newest first.
func soaked(history []store.Deployment, sha, digest string, now time.Time) (ran time.Duration, runs bool) {
	var since time.Time
	for _, d := range slices.Backward(history) {
		own := d.SHA == sha && d.Digest == digest
		switch {
		case own && d.Status == pipeline.Succeeded:
			if since.IsZero() {
				since = d.EndedAt
			}
		case own && d.Status == pipeline.Failed:
			ran, since = 0, time.Time{}
		case !own && !since.IsZero() && (d.Status == pipeline.Succeeded || !d.Status.Final()):
			ran, since = ran+d.StartedAt.Sub(since), time.Time{}
		}
	}
	if since.IsZero() {
		return ran, false
	}
	return ran + now.Sub(since), true
}

// hours writes a duration in hours and minutes: "24h", "1h 30m", "0m".
func hours(d time.Duration) string {
	h, m := int(d.Hours()), int(d.Minutes())%60
	switch {
	case h == 0:
		return fmt.Sprintf("%dm", m)
	case m == 0:
		return fmt.Sprintf("%dh", h)
	}
	return fmt.Sprintf("%dh %dm", h, m)
}

// roughly is hours that do not change at every look.
func roughly(d time.Duration) string {
	if d >= time.Hour {
		return hours(d.Truncate(time.Hour))
	}
	return hours(d.Truncate(10 * time.Minute))
}

// timeGates are the gates of a promotion that time opens, or whoever has closed them.
func timeGates() []string {
	return []string{"hold", "schedule", "soak", "environment", "alarm", "freeze", "window", "lock"}
}

// parked tells once a day, on the pull request, that a promotion which has everything else waits, and for what; and sees
// to it that it goes on at the moment it can.
func (s *session) parked(ctx context.Context, r *store.Release, w *world, plan gitflow.Plan) error {
	if plan.Name != "promote" || w.execution == nil {
		return nil
	}
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.wakeAt(ctx, tx, w.wake) })
	if err != nil {
		return err
	}
	var why, gates []string
	for _, step := range plan.Blocked() {
		if !slices.Contains(timeGates(), step.ID) {
			return nil // it would wait anyway, and the check says for what
		}
		gates = append(gates, step.ID)
		why = append(why, step.Blocked.Markdown(code)+step.Waiting.Markdown(code))
	}
	if len(gates) == 0 || slices.Equal(gates, []string{"schedule"}) && w.Scheduled.Cancelled == "" {
		return nil // who scheduled it knows
	}
	since := w.execution.State.StartedAt
	_, state, open := w.execution.State.OpenApproval()
	if open {
		since = state.Approval.OpenedAt
	}
	text := "has everything else and waits. " + strings.Join(why, " ")
	if w.wake.IsZero() {
		text += " It goes on by itself then."
	} else {
		text += fmt.Sprintf(" It goes on by itself; the next look is %s.", calendar.Format(w.wake, s.zone(pipeline.EnvironmentProduction)))
	}
	if open {
		text += fmt.Sprintf(" The approval holds until %s.", calendar.Format(state.Approval.ExpiresAt, s.zone(pipeline.EnvironmentProduction)))
	}
	return s.tell(ctx, r, fmt.Sprintf("parked:%s:%s:%d", w.execution.ID, strings.Join(gates, "+"), int(s.b.since(since)/(24*time.Hour))), text)
}

// cancelSchedule ends the time that was asked for: the promotion has to be asked for anew, whatever is approved meanwhile.
// done is the record of the command, in the same transaction.
func (s *session) cancelSchedule(ctx context.Context, r *store.Release, by forge.User, why string, done func(*store.Tx) error) error {
	list, err := s.stopsNow(ctx)
	c := list.find(store.StopSchedule, store.StopRelease(r.ID))
	if err != nil || c == nil || c.Until.IsZero() {
		return err
	}
	at := s.when(c)
	c.Until, c.Reason = time.Time{}, why
	err = s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SaveStop(ctx, *c); err != nil {
			return err
		}
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.PromoteBy, now.UpdatedAt = forge.User{}, s.b.Now()
		*r = now
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		if err := s.auditIn(ctx, tx, by, "schedule.cancelled", r.Key(), why, map[string]any{"sha": c.SHA, "by": c.By.Login}); err != nil {
			return err
		}
		return done(tx)
	})
	if err != nil {
		return err
	}
	s.touch(r.ID)
	s.mark(r.SHA)
	return s.tell(ctx, r, fmt.Sprintf("unscheduled:%s:%d", c.SHA, c.At.UnixMicro()),
		fmt.Sprintf("is not promoted %s as %s had asked: %s. `/promote`, or `/promote --at` with another time, asks for it again.", at, mention(c.By.Login), prose(why)))
}
