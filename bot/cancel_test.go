package bot

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// boss is who cancels.
func boss() pipeline.Actor { return pipeline.Actor{ID: 1, Login: "boss"} }

// approves has two people approve a story's candidate, which begins its promotion.
func (s *story) approves() {
	s.t.Helper()
	for i, login := range []string{"quinn", "uma"} {
		who, id := s.gh.Users[login], int64(i+1)
		s.gh.Everywhere = append(slices.Clone(s.gh.Everywhere), forge.Comment{ID: id, Issue: 5, Pull: true, Author: who, Body: "/approve", CreatedAt: s.now, UpdatedAt: s.now})
		must(s.t, newSession(s.lab).commented(s.t.Context(), event.Comment{
			Origin: event.Origin{Sender: who}, Activity: event.Created, ID: id, Number: 5, IsPullRequest: true, Open: true, Body: "/approve", Author: who, CreatedAt: s.now,
		}))
	}
	s.walks()
	if s.r.Status != store.ReleasePromoting {
		s.t.Fatalf("approved, the release is %s: %s", s.r.Status, s.r.Problem)
	}
}

// walks takes the release as far as it goes.
func (s *story) walks() {
	s.t.Helper()
	must(s.t, newSession(s.lab).walk(s.t.Context(), s.r.ID))
	s.reread()
}

// A copy that was abandoned, or lost, may come to its end all the same: production is deployed only by a promotion that succeeded.
func TestALateCopyDeploysNothing(t *testing.T) {
	for name, ends := range map[string]func(s *story, x *store.Execution, copying string){
		"abandoned": func(s *story, x *store.Execution, _ string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss(), Halt: pipeline.HaltAbandon}))
		},
		"lost": func(s *story, x *store.Execution, _ string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss()}))
			s.now = s.now.Add(pipeline.StopGrace)
			must(t, newSession(s.lab).tick(t.Context(), x.ID))
		},
		"failed": func(s *story, x *store.Execution, copying string) {
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.ActionSettled{At: s.now, ID: copying, Status: pipeline.Failed}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, 5)
			s.approves()
			x := s.candidateOf(s.r)
			copying := func(attempt int) string {
				t.Helper()
				for i, stage := range x.State.Stages {
					for j := range stage.Actions {
						if x.State.Definition.Stages[i].Actions[j].Uses == pipeline.UsesPromote {
							return pipeline.ActionID(x.ID, i+1, j+1, attempt)
						}
					}
				}
				t.Fatal("nothing copies")
				return ""
			}
			ends(s, x, copying(1))
			s.walks()
			s.images[s.productionImage(s.r)] = digest // the copy has ended
			s.walks()
			if s.r.Status != store.ReleaseFailed || s.r.ProductionExecutionID != "" {
				t.Fatalf("the copy ended late: the release is %s, and production is deployed by %q", s.r.Status, s.r.ProductionExecutionID)
			}

			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.RetryRequested{At: s.now}))
			s.walks()
			if s.r.ProductionExecutionID != "" {
				t.Fatalf("while it is tried again, production is deployed by %q", s.r.ProductionExecutionID)
			}
			must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.ActionSettled{At: s.now, ID: copying(2), Status: pipeline.Succeeded}))
			s.walks()
			if s.r.Status != store.ReleasePromoting || s.r.ProductionExecutionID == "" {
				t.Errorf("tried again, it succeeded: the release is %s, and production is deployed by %q", s.r.Status, s.r.ProductionExecutionID)
			}
		})
	}
}

// Where nothing is built there is no copy to wait for: a promotion that was called off is not gone on without either.
func TestWhatWasCalledOffIsNotGoneOnWithout(t *testing.T) {
	s := newStory(t, 5)
	s.approves()
	x := s.candidateOf(s.r)
	must(t, newSession(s.lab).advance(t.Context(), x.ID, pipeline.CancelRequested{At: s.now, By: boss(), Halt: pipeline.HaltAbandon}))
	s.walks()
	one := newSession(s.lab)
	w, err := one.look(t.Context(), s.r, phasePromote)
	must(t, err)
	for _, kind := range []gitflow.StepKind{gitflow.StepDeploy, gitflow.StepTag} {
		again, err := one.perform(t.Context(), s.r, w, gitflow.Step{Kind: kind, Tag: s.r.Tag, SHA: s.r.SHA})
		must(t, err)
		s.reread()
		if again || s.r.ProductionExecutionID != "" || len(s.hub.tags) > 0 {
			t.Errorf("%s was done: production is deployed by %q, tags are %v", kind, s.r.ProductionExecutionID, s.hub.tags)
		}
	}
}

// deploys is an execution on a feature's branch that deploys to staging, and has entered it.
func (l *lab) deploys(id string) store.Execution {
	l.t.Helper()
	def := pipeline.Definition{Kind: pipeline.KindFeature, Mode: pipeline.ModeSuperseded, Stages: []pipeline.Stage{
		{Name: "Deploy", Actions: []pipeline.Action{{Name: "staging", Uses: "deploy", Environment: "staging", Deploys: true}}},
	}}
	x := store.Execution{ID: id, RepoID: 42, Kind: pipeline.KindFeature, Branch: "feature/x", SHA: head, CreatedAt: noon}
	x.State = pipeline.New(pipeline.Input{ID: x.ID, Definition: def, SHA: head}, noon)
	x.Status = x.State.Status
	l.write(func(tx *store.Tx) error { return tx.CreateExecution(l.t.Context(), &x) })
	l.facts(id, pipeline.Started{At: noon})
	return x
}

// facts tells an execution facts, and carries out what follows.
func (l *lab) facts(id string, facts ...pipeline.Fact) {
	l.t.Helper()
	must(l.t, newSession(l).advance(l.t.Context(), id, facts...))
}

// cancels gives a /cancel on the pull request of feature/x.
func (l *lab) cancels(line string, named *store.Execution) (string, error) {
	l.t.Helper()
	c, wrong, ours := parseLine(line, "", false)
	if wrong != nil || !ours {
		l.t.Fatalf("%s: %v", line, wrong)
	}
	return newSession(l).cmdCancel(l.t.Context(), &request{Command: c, by: person(1, "boss"), pr: pullOf("feature/x", 42), named: named, via: "comment", done: nothingElse})
}

// changes changes the record of an action.
func (l *lab) changes(id string, change func(*store.ActionRun)) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		run, err := tx.ActionRun(l.t.Context(), id)
		if err != nil {
			return err
		}
		change(&run)
		return tx.SaveActionRun(l.t.Context(), run)
	})
}

// staging is who has staging to itself, and which commit it runs.
func (l *lab) staging() (lockedBy, sha string) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		env, err := tx.Environment(l.t.Context(), 42, "staging")
		lockedBy, sha = env.LockedBy, env.SHA
		return err
	})
	return lockedBy, sha
}

// What was told to start, and has not answered, may begin after all: nobody enters beside it before it is known.
func TestAnAbandonedDeploymentThatMayStillBegin(t *testing.T) {
	l := newLab(t, "")
	x := l.deploys("x1")
	id := pipeline.ActionID(x.ID, 1, 1, 1)
	l.changes(id, func(run *store.ActionRun) { run.TriedAt = noon })
	reply, err := l.cancels("/cancel --abandon", nil)
	must(t, err)
	if want := "`staging` stays locked until the executor says what became of it"; !strings.Contains(reply, want) {
		t.Errorf("said %q, want %q in it", reply, want)
	}
	if by, _ := l.staging(); by != x.ID {
		t.Fatalf("staging is locked by %q, and the deployment may begin", by)
	}
	l.changes(id, func(run *store.ActionRun) { run.Final, run.Report = true, []byte(`{"status":"Stopped"}`) })
	must(t, newSession(l).actionMoved(t.Context(), id))
	if by, _ := l.staging(); by != "" {
		t.Errorf("it has ended, and staging is locked by %q", by)
	}
}

// A job that read the action before somebody asked for its end does not begin it.
func TestWhatIsToStopDoesNotBegin(t *testing.T) {
	l := newLab(t, "")
	e := &counting{}
	l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"deploy": e})
	id := pipeline.ActionID(l.deploys("x1").ID, 1, 1, 1)
	var read store.ActionRun
	l.changes(id, func(run *store.ActionRun) { read = *run })
	_, err := l.cancels("/cancel --abandon", nil)
	must(t, err)
	report, err := l.b.drive(t.Context(), &read)
	must(t, err)
	if e.started != 0 || report.Status != pipeline.Stopped {
		t.Errorf("started %d times, and it is %s; want it stopped before it began", e.started, report.Status)
	}
}

// What has ended already stays as it ended, though somebody abandons it before the lane has heard of it.
func TestAKnownEndIsKept(t *testing.T) {
	l := newLab(t, "")
	id := pipeline.ActionID(l.deploys("x1").ID, 1, 1, 1)
	l.changes(id, func(run *store.ActionRun) {
		run.Handle, run.Final, run.Report = "handle", true, []byte(`{"status":"Succeeded"}`)
	})
	_, err := l.cancels("/cancel --abandon", nil)
	must(t, err)
	must(t, newSession(l).actionMoved(t.Context(), id))
	if by, sha := l.staging(); by != "" || sha != head {
		t.Errorf("staging is locked by %q and runs %q, want %s there", by, sha, short(head))
	}
}

// On an execution's page only that is cancelled, and not all that the branch has.
func TestCancelOnAPageIsAboutThatExecution(t *testing.T) {
	for _, line := range []string{"/cancel", "/cancel --abandon"} {
		l := newLab(t, "")
		x1 := l.deploys("x1")
		l.deploys("x2")
		_, err := l.cancels(line, &x1)
		must(t, err)
		l.write(func(tx *store.Tx) error {
			for id, want := range map[string]bool{"x1": true, "x2": false} {
				x, err := tx.Execution(t.Context(), id)
				if err != nil {
					return err
				}
				if (x.State.Stopping != nil || x.Status.Final()) != want {
					t.Errorf("%s: %s is %s, stopping %v; want it cancelled %t", line, id, x.Status, x.State.Stopping, want)
				}
			}
			return nil
		})
	}
}

// What did not stop in time goes on holding its environment after its execution has ended, until it is abandoned.
func TestWhatWasLostCanBeAbandoned(t *testing.T) {
	l := newLab(t, "")
	x := l.deploys("x1")
	id := pipeline.ActionID(x.ID, 1, 1, 1)
	l.changes(id, func(run *store.ActionRun) { run.TriedAt, run.Handle = noon, "handle" })
	l.facts(x.ID, pipeline.CancelRequested{At: noon, By: boss()})
	if _, err := l.cancels("/cancel --abandon", &store.Execution{ID: "another"}); err == nil {
		t.Error("another's page abandons it")
	}
	l.now = noon.Add(pipeline.StopGrace)
	l.facts(x.ID, pipeline.Ticked{At: l.now})
	l.deploys("x2")
	if why := l.why("x2"); !strings.Contains(why, "/cancel --abandon there gives it up") {
		t.Errorf("who waits behind it is told %q", why)
	}
	if _, err := l.cancels("/cancel", &x); err == nil {
		t.Error("what has ended is cancelled")
	}
	reply, err := l.cancels("/cancel --abandon", &x)
	must(t, err)
	by, _ := l.staging()
	if !strings.Contains(reply, "Abandoned is `Deploy/staging`") || by != "" {
		t.Errorf("said %q, and staging is locked by %q", reply, by)
	}
	if _, err := l.cancels("/cancel --abandon", &x); err == nil {
		t.Error("it is abandoned twice")
	}
}

// What was lost of a rollback, or of what was put back, is abandoned on its execution's page: it has no pull request.
func TestWhatWasLostOfAReturnIsAbandonedOnItsPage(t *testing.T) {
	for name, turn := range map[string]func(*store.Execution){
		"put back": func(x *store.Execution) { x.Kind = kindRestore },
		"rollback": func(x *store.Execution) { x.Kind, x.Origin = pipeline.KindProduction, "rollback 1" },
	} {
		l := operationLab(t)
		x := l.deploys("x1")
		l.write(func(tx *store.Tx) error {
			now, err := tx.Execution(t.Context(), x.ID)
			if err != nil {
				return err
			}
			turn(&now)
			return tx.SaveExecution(t.Context(), &now)
		})
		l.changes(pipeline.ActionID(x.ID, 1, 1, 1), func(run *store.ActionRun) { run.TriedAt, run.Handle = noon, "handle" })
		l.loses(x.ID)
		o := store.Operation{ID: "o1", RepoID: 42, By: person(1, "rm"), Via: "dashboard", Command: "/cancel --abandon", ExecutionID: x.ID, Status: store.OperationWaiting, CreatedAt: l.now}
		l.write(func(tx *store.Tx) error {
			_, err := tx.CreateOperation(t.Context(), o)
			return err
		})
		reply, ok, err := newSession(l).operation(t.Context(), o)
		must(t, err)
		if by, _ := l.staging(); !ok || by != "" || !strings.Contains(reply, "Abandoned is `Deploy/staging`") {
			t.Errorf("%s: done %t, said %q, and staging is locked by %q", name, ok, reply, by)
		}
	}
}

// The reply to --wait names what is left to its end, and apart from it what was told to stop before.
func TestCancelAndWaitAfterCancel(t *testing.T) {
	l := newLab(t, "")
	x := l.deploys("x1")
	l.facts(x.ID, pipeline.ActionStarted{At: noon, ID: pipeline.ActionID(x.ID, 1, 1, 1)})
	reply, err := l.cancels("/cancel --wait --dry-run", nil)
	must(t, err)
	if !strings.Contains(reply, "Left to its end would be `Deploy/staging`.") {
		t.Errorf("before: %q", reply)
	}
	l.facts(x.ID, pipeline.CancelRequested{At: noon, By: boss()})
	reply, err = l.cancels("/cancel --wait", nil)
	must(t, err)
	if strings.Contains(reply, "Left to") || !strings.Contains(reply, "Told to stop is `Deploy/staging`.") {
		t.Errorf("after: %q", reply)
	}
}

// The late end of an attempt that was lost leaves the environment to the attempt after it.
func TestALostAttemptLeavesTheLockToTheNext(t *testing.T) {
	l := newLab(t, "")
	x := l.deploys("x1")
	l.facts(x.ID, pipeline.CancelRequested{At: noon, By: boss()})
	l.now = noon.Add(pipeline.StopGrace)
	l.facts(x.ID, pipeline.Ticked{At: l.now}, pipeline.RetryRequested{At: l.now})
	for i, want := range []string{x.ID, ""} {
		id := pipeline.ActionID(x.ID, 1, 1, i+1)
		must(t, newSession(l).leave(t.Context(), store.ActionRun{ID: id}, executor.Report{Status: pipeline.Stopped}))
		if by, _ := l.staging(); by != want {
			t.Errorf("attempt %d has ended: staging is locked by %q, want %q", i+1, by, want)
		}
	}
}

// Production is not taken back by itself beside a deployment that was abandoned and may go on.
func TestNothingGoesBackBesideWhatWasAbandoned(t *testing.T) {
	for halt, want := range map[pipeline.Halt]bool{pipeline.HaltAbandon: false, "": true} {
		l := newLab(t, "version: 1\nenvironments: { production: { rollback_on: [deploy-failure] } }\n")
		x := l.deploys("x1")
		x.Kind = pipeline.KindProduction
		l.write(func(tx *store.Tx) (err error) {
			now, err := tx.Execution(t.Context(), x.ID)
			x.State = now.State
			return err
		})
		x = l.told(x, pipeline.CancelRequested{At: noon, By: boss(), Halt: halt})
		if halt == "" {
			x = l.told(x, pipeline.ActionSettled{At: noon, ID: pipeline.ActionID(x.ID, 1, 1, 1), Status: pipeline.Stopped})
		}
		if back, err := newSession(l).goesBack(t.Context(), &x); err != nil || back != want {
			t.Errorf("cancelled with %q: it goes back %t (%v), want %t", halt, back, err, want)
		}
	}
}

// unreachable is an executor that does not answer: its Start fails so.
type unreachable struct {
	counting
	err error
}

func (u *unreachable) Start(context.Context, executor.Request) (string, error) {
	u.started++
	return "", u.err
}

// Nobody waits for ever for an executor that does not answer: when it has been told to start and to stop, and was asked for the last time,
// its environment is free.
func TestWhatNeverAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		stop, last, started, free bool
		err                       error // Start's; nil: there is no route
		ours                      bool  // our own store fails
	}{
		"it is asked again":              {stop: true},
		"nobody asked for its end":       {last: true},
		"it answered to being started":   {stop: true, last: true, started: true},
		"it was asked for the last time": {stop: true, last: true, free: true},
		"GitHub's rate limit is reached": {stop: true, last: true, err: &forge.RateLimitError{Until: noon.Add(time.Hour)}},
		"GitHub does not find it yet":    {stop: true, last: true, err: &notYetError{what: "a commit", wait: time.Second}},
		"our own store does not answer":  {stop: true, last: true, ours: true},
		"GitHub refuses it by now":       {stop: true, err: &forge.RefusedError{Status: 422, Message: "no route to host"}},
		"GitHub refuses it to the last":  {stop: true, last: true, free: true, err: &forge.RefusedError{Status: 422, Message: "no route to host"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			e := &unreachable{err: cmp.Or(tc.err, errors.New("no route to host"))}
			var d executor.Executor = e
			if tc.started {
				d = &mute{}
			}
			l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"deploy": d})
			x := l.deploys("x1")
			id := pipeline.ActionID(x.ID, 1, 1, 1)
			l.changes(id, func(run *store.ActionRun) {
				run.TriedAt, run.Stop = noon, tc.stop
				if tc.started {
					run.Handle = "handle"
				}
			})
			raw, err := json.Marshal(actionFact{ActionID: id})
			must(t, err)
			if tc.ours {
				l.execs("ALTER TABLE repos RENAME TO away")
			}
			next := l.b.workAction(t.Context(), queue.Job{Kind: jobAction, Payload: json.RawMessage(raw), Last: tc.last})
			if tc.stop && !tc.last && !strings.HasPrefix(next.String(), "retry: ") {
				t.Errorf("whether it began is not asked again: %s", next)
			}
			if tc.ours {
				l.execs("ALTER TABLE away RENAME TO repos")
			}
			must(t, newSession(l).actionMoved(t.Context(), id))
			by, _ := l.staging()
			if free := by == ""; free != tc.free {
				t.Errorf("staging is locked by %q; want it free %t", by, tc.free)
			}
			l.write(func(tx *store.Tx) error {
				now, err := tx.Execution(t.Context(), x.ID)
				if err != nil {
					return err
				}
				_, a, _ := now.State.Action(id)
				if said := strings.Contains(a.Summary, "never answered") && strings.Contains(a.Summary, "no route to host"); said != tc.free {
					t.Errorf("it is %s: %q", a.Status, a.Summary)
				}
				return nil
			})
		})
	}
}

// What is refused at once and for good has not begun: it ends as stopped when somebody asks for its end, before that or after it, and is not
// started for it once more. What an executor has done of it before, or may have, is another matter.
func TestWhatIsRefusedAtOnce(t *testing.T) {
	refused := &forge.RefusedError{Status: 422, Message: "not allowed here"}
	for name, tc := range map[string]struct {
		err     error
		more    bool   // Start does more than one call
		during  bool   // it is cancelled while Start is under way
		after   string // what is said then
		status  pipeline.Status
		summary string
		started int
		held    bool
	}{
		"nobody asks":                       {err: refused, status: pipeline.InProgress, started: 1, held: true},
		"cancelled before the answer":       {err: refused, during: true, status: pipeline.Stopped, summary: "stopped before it began, and its start was refused: GitHub refused (422): not allowed here", started: 1},
		"cancelled after it":                {err: refused, after: "/cancel", status: pipeline.Stopped, summary: "stopped before it began", started: 1},
		"abandoned after it":                {err: refused, after: "/cancel --abandon", status: pipeline.Stopped, summary: "it was abandoned", started: 1},
		"the executor says so itself":       {err: executor.Permanent(refused), during: true, status: pipeline.Stopped, summary: "not allowed here", started: 1},
		"it says so, and nobody asks":       {err: executor.Permanent(refused), status: pipeline.Failed, summary: "not allowed here", started: 1},
		"a part of it was done, for good":   {err: executor.Permanent(refused), more: true, during: true, status: pipeline.Failed, summary: "not allowed here", started: 1},
		"a part of it may be done, by then": {err: refused, more: true, after: "/cancel --abandon", status: pipeline.Stopped, summary: "it was abandoned", started: 1, held: true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "")
			x := l.deploys("x1")
			id := pipeline.ActionID(x.ID, 1, 1, 1)
			e := &refuses{unreachable: unreachable{err: tc.err}}
			if tc.during {
				e.meanwhile = func() {
					_, err := l.cancels("/cancel", nil)
					must(t, err)
				}
			}
			var d executor.Executor = refusesInOneCall{e}
			if tc.more {
				d = e
			}
			l.b.Executors = executor.NewRegistry(map[string]executor.Executor{"deploy": d})
			raw, err := json.Marshal(actionFact{ActionID: id})
			must(t, err)
			job := queue.Job{Kind: jobAction, Payload: json.RawMessage(raw)}
			if next := l.b.workAction(t.Context(), job); tc.after != "" && !strings.HasPrefix(next.String(), "dead: ") {
				t.Errorf("it is not kept for the operator: %s", next)
			}
			if tc.after != "" {
				reply, err := l.cancels(tc.after, nil)
				must(t, err)
				if locked := strings.Contains(reply, "stays locked"); locked != tc.held {
					t.Errorf("said %q; want it held %t", reply, tc.held)
				}
			}
			if tc.after == "/cancel" {
				l.b.workAction(t.Context(), job)
			}
			must(t, newSession(l).actionMoved(t.Context(), id))
			l.write(func(tx *store.Tx) error {
				now, err := tx.Execution(t.Context(), x.ID)
				if err != nil {
					return err
				}
				_, a, _ := now.State.Action(id)
				if a.Status != tc.status || !strings.Contains(a.Summary, tc.summary) {
					t.Errorf("it is %s: %q, want %s: %q", a.Status, a.Summary, tc.status, tc.summary)
				}
				return nil
			})
			if by, _ := l.staging(); (by != "") != tc.held || e.started != tc.started {
				t.Errorf("started %d times, and staging is locked by %q", e.started, by)
			}
		})
	}
}

// refuses is an executor that refuses to start anything, meanwhile something else may happen.
type refuses struct {
	unreachable
	meanwhile func()
}

func (r *refuses) Start(ctx context.Context, q executor.Request) (string, error) {
	if r.meanwhile != nil {
		r.meanwhile()
	}
	return r.unreachable.Start(ctx, q)
}

// refusesInOneCall has begun nothing by then.
type refusesInOneCall struct{ *refuses }

func (refusesInOneCall) OneCall() {}

// execs changes the lab's database behind the store's back.
func (l *lab) execs(statement string) {
	l.t.Helper()
	db, err := sql.Open("sqlite", "file:"+l.file)
	must(l.t, err)
	defer func() { must(l.t, db.Close()) }()
	_, err = db.ExecContext(l.t.Context(), statement)
	must(l.t, err)
}

// mute is an executor that does not say how what it started stands.
type mute struct{ counting }

func (*mute) Status(context.Context, executor.Request, string) (executor.Report, error) {
	return executor.Report{}, errors.New("no route to host")
}
