package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/calendar"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// itemStops is the lane item that says that a stop ends, or a window opens, about now: it has no payload.
const itemStops = "stops"

// stopList are the stops of a repository that are in force.
type stopList []store.Stop

// stops reads what is in force.
func (s *session) stops(ctx context.Context, tx *store.Tx) (stopList, error) {
	all, err := tx.Stops(ctx, s.repo.ID)
	return slices.DeleteFunc(all, func(x store.Stop) bool { return x.Ended(s.b.Now()) }), err
}

// stopsNow is stops in a transaction of its own.
func (s *session) stopsNow(ctx context.Context) (list stopList, err error) {
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		list, err = s.stops(ctx, tx)
		return err
	})
	return list, err
}

// find is the stop of a kind on a target; nil: there is none.
func (l stopList) find(kind store.StopKind, target store.StopTarget) *store.Stop {
	i := slices.IndexFunc(l, func(x store.Stop) bool { return x.Kind == kind && x.Target == target })
	if i < 0 {
		return nil
	}
	return &l[i]
}

// findOn is find for an environment. What stops an environment of the repository stops it for every component.
func (l stopList) findOn(kind store.StopKind, environment string) *store.Stop {
	if own := l.find(kind, store.StopEnvironment(environment)); own != nil {
		return own
	}
	return l.find(kind, store.StopEnvironment(ownEnv(environment)))
}

// lockOn is the lock of somebody else on an environment; nil: there is none. A lock of the repository's environment locks every
// component's, whoever has one of those besides.
func (l stopList) lockOn(environment string, asker int64) *store.Stop {
	for _, name := range []string{environment, ownEnv(environment)} {
		if x := l.find(store.StopLock, store.StopEnvironment(name)); x != nil && x.By.ID != asker {
			return x
		}
	}
	return nil
}

// alarmsIn are the alarms that stand in an environment. One of the repository's environment stands in every component's.
func (l stopList) alarmsIn(environment string) []store.Stop {
	var out []store.Stop
	for _, x := range l {
		if in, _, is := x.Target.Alarm(); is && (in == environment || in == ownEnv(environment)) {
			out = append(out, x)
		}
	}
	return out
}

// hold is a stop in gitflow's words; the zero Hold for none.
func (s *session) hold(x *store.Stop) gitflow.Hold {
	if x == nil {
		return gitflow.Hold{}
	}
	h := gitflow.Hold{By: x.By.Login, Reason: x.Reason}
	if !x.Until.IsZero() {
		h.Until = s.when(x)
	}
	return h
}

// when says when a stop ends, in the time zone of the environment it is about.
func (s *session) when(x *store.Stop) string {
	name, _ := strings.CutPrefix(string(x.Target), string(store.StopEnvironment("")))
	return calendar.Format(x.Until, s.zone(name))
}

// zone is the time zone of an environment's windows. Of anything else, production's.
func (s *session) zone(environment string) *time.Location {
	environment = ownEnv(environment)
	if _, known := s.cfg.Environments[environment]; !known {
		environment = pipeline.EnvironmentProduction
	}
	return s.cfg.Environment(environment).Windows.Zone
}

// byWhom says who set a stop, until when, and why, in plain text.
func (s *session) byWhom(x *store.Stop) string {
	text := "by " + x.By.Login
	if !x.Until.IsZero() {
		text += " until " + s.when(x)
	}
	if x.Reason != "" {
		text += ": " + x.Reason
	}
	return text
}

// earlierOf is the earlier of two times; a zero time is none.
func earlierOf(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// wakeAt has the lane look at everything that waits when a stop ends or a window opens. The zero time: nothing does.
func (s *session) wakeAt(ctx context.Context, tx *store.Tx, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	return s.b.Queue.PostAt(ctx, tx, s.lane(), itemStops, struct{}{}, itemStops, at)
}

// setStops carries out a command that sets stops: one transaction writes them, the record of them and the answer. What they
// concern is looked at, now and when they end.
func (s *session) setStops(ctx context.Context, q *request, reply string, list ...store.Stop) (string, error) {
	return s.changeStops(ctx, q, reply, list, func(tx *store.Tx, x store.Stop) error {
		x.RepoID, x.By, x.At = s.repo.ID, q.by, s.b.Now()
		if err := tx.SaveStop(ctx, x); err != nil {
			return err
		}
		if err := s.wakeAt(ctx, tx, x.Until); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, q.by, setting(x.Kind), string(x.Target), x.Reason, stopEvidence(q, x))
	})
}

// setting and lifting are what the record calls it when a stop is set and lifted.
func setting(k store.StopKind) string {
	if k == store.StopTransition {
		return "transition.disabled"
	}
	return string(k)
}

func lifting(k store.StopKind) string {
	if k == store.StopTransition {
		return "transition.enabled"
	}
	return "un" + string(k)
}

func stopEvidence(q *request, x store.Stop) map[string]any {
	e := map[string]any{"via": q.via, "comment": q.comment}
	if len(q.alarmed) > 0 {
		e["actions"] = q.alarmed
	}
	if !x.Until.IsZero() {
		e["until"] = x.Until.UTC()
	}
	return e
}

// liftReason is why a stop is lifted, where the command says so.
func (q *request) liftReason() string {
	if q.Name == "unhold" {
		return q.Arg(0)
	}
	return q.Flag("reason")
}

// liftStops carries out a command that ends stops, in the same way.
func (s *session) liftStops(ctx context.Context, q *request, reply string, list ...store.Stop) (string, error) {
	return s.changeStops(ctx, q, reply, list, func(tx *store.Tx, x store.Stop) error {
		if err := tx.LiftStop(ctx, s.repo.ID, x.Kind, x.Target); err != nil {
			return err
		}
		evidence := stopEvidence(q, x)
		evidence["by"], evidence["was"] = x.By.Login, x.Reason
		return s.auditIn(ctx, tx, q.by, lifting(x.Kind), string(x.Target), q.liftReason(), evidence)
	})
}

// changeStops changes stops, each as change does, in the transaction that holds the answer.
func (s *session) changeStops(ctx context.Context, q *request, reply string, list []store.Stop, change func(*store.Tx, store.Stop) error) (string, error) {
	for _, x := range list {
		if err := s.concerned(ctx, x.Target); err != nil {
			return "", err
		}
	}
	q.said = reply
	return reply, s.b.Store.Write(ctx, func(tx *store.Tx) error {
		for _, x := range list {
			if err := change(tx, x); err != nil {
				return err
			}
		}
		return q.done(tx)
	})
}

// endStops takes away what has ended by itself and has everything looked at that waited for it. It may come early, late or
// twice.
func (s *session) endStops(ctx context.Context) error {
	var all []store.Stop
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Stops(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	next := time.Time{}
	for _, x := range all {
		if !x.Ended(s.b.Now()) {
			next = earlierOf(next, x.Until)
			continue
		}
		if err := s.concerned(ctx, x.Target); err != nil {
			return err
		}
		err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.LiftStop(ctx, s.repo.ID, x.Kind, x.Target); err != nil {
				return err
			}
			return s.auditIn(ctx, tx, forge.User{}, string(x.Kind)+".ended", string(x.Target), x.Reason, map[string]any{"by": x.By.Login, "until": x.Until.UTC()})
		})
		if err != nil {
			return err
		}
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return s.wakeAt(ctx, tx, next) })
}

// concerned marks what a stop is about, to be looked at again at the end of the handling.
func (s *session) concerned(ctx context.Context, target store.StopTarget) error {
	what, name, _ := strings.Cut(string(target), ":")
	switch what {
	case "environment", "alarm":
		s.touchAll = true
		return nil
	case "stage":
		s.turned = true
		return nil
	case "release":
		s.touch(name)
		r, err := s.release(ctx, name)
		if r != nil {
			s.mark(r.SHA)
			s.mark(r.HeadSHA)
		}
		return err
	}
	if name == s.names().Production {
		s.touchAll = true
	}
	number, _ := strconv.Atoi(name)
	var open []store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenPulls(ctx, s.repo.ID)
		return err
	})
	for _, p := range open {
		if what == "pull" && p.Number == number || what == "branch" && p.BaseBranch == name {
			s.mark(p.HeadSHA)
			s.pullCockpits[p.Number] = true
		}
	}
	return err
}

// remarks says what is special about an environment now, for a table.
func (s *session) remarks(list stopList, e store.Environment) string {
	var out []string
	if e.Hold != "" {
		out = append(out, "held: "+prose(e.Hold))
	}
	if x := list.findOn(store.StopFreeze, e.Name); x != nil {
		out = append(out, "frozen "+prose(s.byWhom(x)))
	}
	if x := list.findOn(store.StopLock, e.Name); x != nil {
		out = append(out, "locked "+prose(s.byWhom(x)))
	}
	for _, x := range list.alarmsIn(e.Name) {
		_, name, _ := x.Target.Alarm()
		out = append(out, "alarm "+prose(name+" "+s.byWhom(&x)))
	}
	if !s.cfg.Environment(e.Name).Windows.Open(s.b.Now()) {
		why, _ := s.closed(e.Name)
		out = append(out, prose(why))
	}
	if e.LockedBy != "" {
		out = append(out, "a deployment is under way")
	}
	return strings.Join(out, "; ")
}

// withStopped adds the environments that nothing is recorded of but a freeze, a lock or closed windows.
func (s *session) withStopped(envs []store.Environment, list stopList) []store.Environment {
	add := func(name string) {
		if !slices.ContainsFunc(envs, func(e store.Environment) bool { return e.Name == name }) {
			envs = append(envs, store.Environment{RepoID: s.repo.ID, Name: name})
		}
	}
	for _, x := range list {
		if name, is := strings.CutPrefix(string(x.Target), string(store.StopEnvironment(""))); is {
			add(name)
		}
		if name, _, is := x.Target.Alarm(); is {
			add(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Environments)) {
		if !s.cfg.Environment(name).Windows.Open(s.b.Now()) {
			add(name)
		}
	}
	return envs
}

// stopped says what keeps an open pull request from being merged: somebody's hold, a freeze of its base. What brings back
// what was shipped is never frozen.
func (s *session) stopped(list stopList, p store.Pull, base string) []string {
	var out []string
	if x := list.find(store.StopHold, store.StopPull(p.Number)); x != nil {
		out = append(out, fmt.Sprintf("It is on hold %s; /unhold lifts it.", strings.TrimSuffix(s.byWhom(x), ".")))
	}
	kind := gitflow.KindFeature
	if s.ownHead(&p) {
		kind = s.classify(p.HeadBranch).Kind
	}
	x := list.find(store.StopFreeze, store.StopBranch(base))
	passes := kind == gitflow.KindBackmerge || kind == gitflow.KindFinish ||
		kind == gitflow.KindHotfix && s.cfg.Environment(pipeline.EnvironmentProduction).Freeze.Hotfix
	if x != nil && !passes {
		out = append(out, fmt.Sprintf("%s is frozen %s; /unfreeze %s lifts it.", base, strings.TrimSuffix(s.byWhom(x), "."), base))
	}
	return out
}
