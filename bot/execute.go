package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// originPush begins the origin of executions that a branch's new head started.
const originPush = "push "

// kindRestore is the execution that puts a candidate back into an environment that a hotfix had borrowed.
const kindRestore = "restore"

// startRequest asks for an execution.
type startRequest struct {
	kind    string // of the pipeline
	branch  gitflow.Branch
	sha     string
	release *store.Release // nil for feature and development
	pull    int
	by      forge.User
	// origin tells requests apart: the same origin starts one execution for a revision, however often it is asked.
	origin string
	// previous is the head the branch had before; empty when it is new or not known.
	previous string
	// base is the branch that a fork's commit is to be merged into; empty for all others.
	base string
	// given is what was built before, for production, rollback and restore; zero for a pipeline that builds.
	given built
	// vars are values for the pipeline's variables.
	vars map[string]string
	// only replaces the configured pipeline by this one (restore).
	only *pipeline.Definition
}

// line is the support line of the request's release; empty: none.
func (q startRequest) line() string {
	if q.release == nil {
		return ""
	}
	return q.release.Line
}

// built is an artifact that exists already.
type built struct {
	version, image, digest string
	artifacts              map[string]pipeline.Artifact
}

// start makes an execution and lets it begin when its turn comes. It returns the one that the same origin made before,
// if there is one, and nil where the kind of branch has no pipeline or Sluice only observes.
func (s *session) start(ctx context.Context, q startRequest) (*store.Execution, error) {
	if s.repo.Observe {
		return nil, nil // a pipeline builds and deploys
	}
	if q.release != nil {
		s = s.in(q.release.Component)
	}
	before, err := s.beforeStart(ctx, q)
	if err != nil {
		return nil, err
	}
	if same := before.same; same != nil {
		s.mark(same.SHA)
		return same, s.schedule(ctx, *same)
	}
	def, ok, err := s.definition(ctx, q)
	if err != nil || !ok {
		return nil, err
	}
	x := store.Execution{
		ID: store.NewID(), RepoID: s.repo.ID, Kind: q.kind, Component: s.component(), Branch: q.branch.Name, SHA: q.sha, Pull: q.pull,
		ConfigSHA: s.repo.ConfigSHA, OrganizationSHA: s.organizationSHA(), StartedBy: q.by, Origin: q.origin, CreatedAt: s.b.Now(), UpdatedAt: s.b.Now(),
		Version: q.given.version, Image: q.given.image, Digest: q.given.digest,
	}
	if q.release != nil {
		x.ReleaseID, x.Pull = q.release.ID, q.release.Pull
	}
	if q.given.version == "" && q.given.digest == "" && !q.branch.Fork { // a fork's code pushes no image of ours
		if err := s.nameImage(ctx, &x, q); err != nil {
			return nil, err
		}
	}
	if x.CommitTime, err = s.gh.CommitTime(ctx, q.sha); err != nil {
		return nil, fmt.Errorf("commit %s: %w", q.sha, err)
	}
	x.ConfigHash = s.cfg.ApprovalHash(pipelineKind(s.cfg, q.kind, q.line()))
	in := pipeline.Input{
		ID: x.ID, Definition: def, SHA: q.sha, ConfigHash: x.ConfigHash,
		Image: pipeline.Image{Reference: x.Image}, Artifacts: q.given.artifacts, Given: q.vars,
		Variables: map[string]string{"sluice.version": x.Version, "sluice.sha": x.SHA, "sluice.branch": x.Branch, previousSHA: q.previous, forkBase: q.base},
	}
	if x.Image != "" {
		in.Image.Digest = q.given.digest
	} else {
		in.Bundle = q.given.digest
	}
	in.Disabled = before.stops.disabled(&x)
	x.State = pipeline.New(in, s.b.Now())
	begun, commands, err := s.firstTurn(&x, before.active)
	if err != nil {
		return nil, err
	}
	x.Status = x.State.Status
	var more []pipeline.Fact
	err = s.b.Store.WriteDelayed(ctx, func(tx *store.Tx) (err error) {
		if err := tx.CreateExecution(ctx, &x); err != nil {
			return err
		}
		if err := s.notesReturn(ctx, tx, &x); err != nil {
			return err
		}
		if q.release != nil && q.kind != kindRestore {
			if err := s.attach(ctx, tx, q.release, &x); err != nil {
				return err
			}
		}
		more, err = s.carryOut(ctx, tx, &x, commands)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start %s pipeline of %s: %w", q.kind, q.branch.Name, err)
	}
	s.log.InfoContext(ctx, "execution created", "execution", x.ID, "pipeline", x.Kind, "branch", x.Branch, "sha", x.SHA)
	s.mark(q.sha)
	if !begun {
		return &x, s.schedule(ctx, x)
	}
	s.touch(x.ReleaseID)
	if len(more) == 0 {
		return &x, nil
	}
	return &x, s.advance(ctx, x.ID, more...)
}

// attach makes an execution its release's current one.
func (s *session) attach(ctx context.Context, tx *store.Tx, r *store.Release, x *store.Execution) error {
	now, err := tx.Release(ctx, r.ID)
	if err != nil {
		return err
	}
	if x.Kind == pipeline.KindProduction {
		now.ProductionExecutionID = x.ID
	} else {
		now.ExecutionID, now.SHA, now.CandidateImage, now.CandidateDigest = x.ID, x.SHA, x.Image, ""
	}
	now.UpdatedAt = s.b.Now()
	*r = now
	s.touch(r.ID)
	return tx.SaveRelease(ctx, now)
}

// hashKind is the kind of pipeline whose approval a pipeline's parts belong to.
func hashKind(kind string) string {
	if kind == kindRestore {
		return pipeline.KindRelease
	}
	return kind
}

// definition is the pipeline that is run.
func (s *session) definition(ctx context.Context, q startRequest) (pipeline.Definition, bool, error) {
	if q.only != nil {
		return *q.only, true, nil
	}
	rev := config.Revision{SkipDeploy: !q.branch.Deploys && q.kind != pipeline.KindProduction}
	if q.given.digest == "" && !q.branch.Fork && s.b.Allow.LocalExecutors(s.repo.Owner, s.repo.Name) {
		var err error
		if rev.Buildspec, err = s.buildspec(ctx, q.sha); err != nil {
			return pipeline.Definition{}, false, err
		}
	}
	kind := q.kind
	if kind != kindRestore {
		kind = pipelineKind(s.cfg, kind, q.line())
	}
	def, ok := s.cfg.Pipeline(kind, rev)
	return def, ok, nil
}

// buildspec is the path of the build specification that the default pipeline runs at a commit; empty: there is none.
func (s *session) buildspec(ctx context.Context, sha string) (string, error) {
	for _, path := range s.cfg.Buildspecs() {
		_, err := s.gh.File(ctx, path, sha)
		var odd *forge.NotAFileError
		switch {
		case err == nil:
			return path, nil
		case errors.Is(err, forge.ErrNotFound) || errors.As(err, &odd):
		default:
			return "", fmt.Errorf("%s at %s: %w", path, sha, err)
		}
	}
	return "", nil
}

// schedule lets the executions of the pipeline that one is of, on its branch, take their turns, as the pipeline's mode says.
func (s *session) schedule(ctx context.Context, one store.Execution) error {
	var all []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	mode, tickets := ticketsOf(one, all)
	named, turns := map[string]string{}, map[string]pipeline.Turn{}
	for _, x := range all {
		named[x.ID] = naming(x)
		if x.State.Turn != nil {
			turns[x.ID] = *x.State.Turn
		}
	}
	begin, overtaken := pipeline.Schedule(mode, tickets)
	gone := map[string]bool{}
	for _, o := range overtaken {
		gone[o.ID] = true
		if err := s.advance(ctx, o.ID, pipeline.SupersededBy{At: s.b.Now(), ID: o.By, What: named[o.By]}); err != nil && !refused(err) {
			return err
		}
	}
	for _, id := range begin {
		if err := s.advance(ctx, id, pipeline.Started{At: s.b.Now()}); err != nil {
			return err
		}
	}
	number, behind := 0, ""
	for _, t := range tickets {
		if gone[t.ID] {
			continue
		}
		if t.Status == pipeline.Waiting && !slices.Contains(begin, t.ID) {
			number++
			if turn := (pipeline.Turn{Number: number, Behind: behind}); turn != turns[t.ID] {
				if err := s.advance(ctx, t.ID, pipeline.Queued{At: s.b.Now(), Number: number, Behind: behind}); err != nil {
					return err
				}
			}
		}
		behind = named[t.ID]
	}
	return nil
}

// naming is an execution for people: what it takes where, and its ID.
func naming(x store.Execution) string {
	if x.Version != "" {
		return fmt.Sprintf("%s at %s (%s)", x.Version, short(x.SHA), x.ID)
	}
	return fmt.Sprintf("%s (%s)", short(x.SHA), x.ID)
}

// refused tells whether the engine said no to what somebody wished for.
func refused(err error) bool {
	var r *pipeline.RefusedError
	return errors.As(err, &r)
}

// advance tells an execution a fact and carries out what follows. State, actions and wake-ups are one transaction.
func (s *session) advance(ctx context.Context, id string, facts ...pipeline.Fact) error {
	return s.advanceWith(ctx, id, nothingElse, facts...)
}

// advanceWith is advance for a decision that is recorded elsewhere too: also writes it, in the transaction of the first
// fact.
func (s *session) advanceWith(ctx context.Context, id string, also func(*store.Tx) error, facts ...pipeline.Fact) error {
	var x store.Execution
	ended, turned := false, false // whether it has come to its end; whether it has, or goes on after it
	for first := true; len(facts) > 0; first = false {
		var more []pipeline.Fact
		err := s.b.Store.WriteDelayed(ctx, func(tx *store.Tx) (err error) {
			more = nil
			if x, err = tx.Execution(ctx, id); err != nil {
				return err
			}
			was := x.Status
			state, commands, err := pipeline.Advance(x.State, facts[0])
			if err != nil {
				return err
			}
			x.State, x.Status, x.UpdatedAt = state, state.Status, s.b.Now()
			x.Digest, x.EndedAt = state.Digest(), state.EndedAt
			if more, err = s.in(x.Component).carryOut(ctx, tx, &x, commands); err != nil {
				return err
			}
			ended = ended || x.Status.Final() && !was.Final()
			if x.Status.Final() != was.Final() {
				turned = true
				if err := s.notesReturn(ctx, tx, &x); err != nil {
					return err
				}
			}
			if first {
				if err := also(tx); err != nil {
					return err
				}
			}
			return tx.SaveExecution(ctx, &x)
		})
		if err != nil {
			return fmt.Errorf("execution %s: %T: %w", id, facts[0], err)
		}
		facts = append(facts[1:], more...)
	}
	s.mark(x.SHA)
	s.touch(x.ReleaseID)
	if turned && isReturn(&x) {
		if err := s.returnMoved(ctx, &x); err != nil {
			return err
		}
	}
	if ended {
		s.log.InfoContext(ctx, "execution ended", "execution", x.ID, "pipeline", x.Kind, "branch", x.Branch, "status", x.Status)
	}
	if ended || x.State.AwaitsPeople() {
		return s.schedule(ctx, x) // the next one's turn may have come
	}
	return nil
}

// carryOut records what the engine's commands ask for, within the transaction that stores the state. Commands that are
// settled at once give facts to go on with.
func (s *session) carryOut(ctx context.Context, tx *store.Tx, x *store.Execution, commands []pipeline.Command) ([]pipeline.Fact, error) {
	var facts []pipeline.Fact
	for _, c := range commands {
		var err error
		var fact pipeline.Fact
		switch c := c.(type) {
		case pipeline.StartAction:
			fact, err = s.startAction(ctx, tx, x, c)
		case pipeline.StopAction:
			fact, err = s.stopAction(ctx, tx, c)
		case pipeline.AbandonAction:
			err = s.abandonAction(ctx, tx, c)
		case pipeline.ResolveImage:
			if no := s.allowed(c.Reference); no != "" {
				fact = pipeline.ImageUnresolved{At: s.b.Now(), Reference: c.Reference, Reason: no}
			} else {
				err = s.b.Queue.Enqueue(ctx, tx, resolveJob(x, c.Reference))
			}
		case pipeline.VoidApproval:
			err = s.voidIn(ctx, tx, x, c.Reason)
		case pipeline.WakeAt:
			err = s.b.Queue.PostAt(ctx, tx, s.lane(), itemTick, tickFact{ExecutionID: x.ID}, "tick:"+x.ID, c.At)
		case pipeline.Remind:
			s.remind(x, c)
		case pipeline.Escalate:
			s.escalate(x, c)
		case pipeline.OpenApproval, pipeline.AwaitRequest, pipeline.Settled:
			// The state says it; checks and comments show it.
		}
		if err != nil {
			return nil, err
		}
		if fact != nil {
			facts = append(facts, fact)
		}
	}
	return facts, nil
}

// tick tells an execution what time it is.
func (s *session) tick(ctx context.Context, id string) error {
	return s.advance(ctx, id, pipeline.Ticked{At: s.b.Now()})
}

// lane is the name of the repository's lane.
func (s *session) lane() string { return laneOf(s.repo.ID) }

func laneOf(repo int64) string { return fmt.Sprintf("repo:%d", repo) }

// actor names a person to the engine.
func actor(u forge.User) pipeline.Actor { return pipeline.Actor{ID: u.ID, Login: u.Login} }

// since is how long ago t was, for logs.
func (b *Bot) since(t time.Time) time.Duration { return b.Now().Sub(t) }
