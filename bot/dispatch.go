package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/queue"
	"github.com/sluicehq/sluice/store"
)

// startAction records an action that is to be started and, unless it has to wait for its environment, hands it to a job.
// An action that is not allowed here is settled at once.
func (s *session) startAction(ctx context.Context, tx *store.Tx, x *store.Execution, c pipeline.StartAction) (pipeline.Fact, error) {
	if problem := s.notAllowed(x, c); problem != "" {
		return pipeline.ActionSettled{At: s.b.Now(), ID: c.ID, Status: pipeline.Failed, Summary: problem}, nil
	}
	raw, err := json.Marshal(s.request(x, c))
	if err != nil {
		return nil, fmt.Errorf("action %s: %w", c.ID, err)
	}
	run := store.ActionRun{ID: c.ID, ExecutionID: x.ID, RepoID: x.RepoID, Request: raw, UpdatedAt: s.b.Now()}
	if !c.Deploys {
		return nil, s.hand(ctx, tx, &run)
	}
	return s.enter(ctx, tx, x, &run, c.Environment)
}

// hand gives an action to its job.
func (s *session) hand(ctx context.Context, tx *store.Tx, run *store.ActionRun) error {
	run.Intended, run.StartedAt, run.UpdatedAt = true, s.b.Now(), s.b.Now()
	if err := tx.SaveActionRun(ctx, *run); err != nil {
		return err
	}
	return s.b.Queue.Enqueue(ctx, tx, actionJob(run.ID))
}

func actionJob(id string) queue.Job {
	return queue.Job{Kind: jobAction, Key: id, Payload: actionFact{ActionID: id}}
}

// notAllowed says why the operator does not let this repository do that; empty: it may.
func (s *session) notAllowed(x *store.Execution, c pipeline.StartAction) string {
	owner, name := s.repo.Owner, s.repo.Name
	if ofFork(x) && (Embedded(c.Uses) || c.Deploys || c.Uses == pipeline.UsesPromote) {
		return fmt.Sprintf("uses: %s is never run for a fork's code; somebody with write access can take the change over into a branch of this repository", c.Uses)
	}
	if Embedded(c.Uses) && !s.b.Allow.LocalExecutors(owner, name) {
		return fmt.Sprintf("uses: %s runs on Sluice's own host, which the operator has not allowed for this repository; "+
			"start the server with --local-executors=%s/%s", c.Uses, owner, name)
	}
	for _, image := range []string{repositoryOf(x.Image), s.cfg.Registries.Production} {
		if no := s.allowed(image); no != "" && (c.Uses == "image" || c.Uses == pipeline.UsesPromote) {
			return no
		}
	}
	return ""
}

// allowed says why an image repository may not be asked about on this repository's behalf; empty: it may.
func (s *session) allowed(reference string) string {
	image := repositoryOf(reference)
	if image == "" || s.b.Allow.Registry(s.repo.Owner, s.repo.Name, image) {
		return ""
	}
	return fmt.Sprintf("the image repository %s is not allowed for this repository; start the server with --registry-allow=%s/%s=%s",
		image, s.repo.Owner, s.repo.Name, image)
}

// stopAction asks a running action to end. One that still waits for its environment has ended by that.
func (s *session) stopAction(ctx context.Context, tx *store.Tx, c pipeline.StopAction) (pipeline.Fact, error) {
	run, err := tx.ActionRun(ctx, c.ID)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	run.Stop, run.UpdatedAt = true, s.b.Now()
	if run.Intended {
		if err := tx.SaveActionRun(ctx, run); err != nil {
			return nil, err
		}
		return nil, s.b.Queue.Enqueue(ctx, tx, actionJob(run.ID))
	}
	run.Final = true
	if err := tx.SaveActionRun(ctx, run); err != nil {
		return nil, err
	}
	return pipeline.ActionSettled{At: s.b.Now(), ID: c.ID, Status: pipeline.Stopped, Summary: c.Reason}, nil
}

// abandonAction gives an action up: it is asked to end, if it has begun, and whatever comes of it finds its deployment over. Its
// environment is free from then on, unless the executor has not answered yet to being told to start it: then nobody knows whether
// it begins after all, and leave frees the environment. What has ended already stays as it ended.
func (s *session) abandonAction(ctx context.Context, tx *store.Tx, c pipeline.AbandonAction) error {
	run, err := tx.ActionRun(ctx, c.ID)
	if err != nil || run.Final {
		return ignoreMissing(err)
	}
	run.Stop, run.UpdatedAt = true, s.b.Now()
	if !run.Intended {
		run.Final = true
		return tx.SaveActionRun(ctx, run)
	}
	if err := tx.SaveActionRun(ctx, run); err != nil {
		return err
	}
	d, under, err := openDeployment(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	if under && !unanswered(run) {
		d.Status, d.EndedAt = pipeline.Stopped, s.b.Now()
		if err := tx.SaveDeployment(ctx, d); err != nil {
			return err
		}
		if err := unlock(ctx, tx, d); err != nil {
			return err
		}
	}
	return s.b.Queue.Enqueue(ctx, tx, actionJob(run.ID))
}

// unanswered tells whether an executor was told to start an action and has not said what it calls it.
func unanswered(run store.ActionRun) bool {
	return run.Handle == "" && !run.TriedAt.IsZero() && !run.Final
}

// request is everything an executor is told. It is stored, so that a restart repeats exactly it.
func (s *session) request(x *store.Execution, c pipeline.StartAction) executor.Request {
	subject := executor.Subject{
		App: s.cfg.App, Component: x.Component, Branch: x.Branch, BranchKind: x.Kind, SHA: x.SHA, Revision: s.revision(x.SHA), Version: x.Version,
		Image: x.Image, ImageTag: tagOf(x.Image), ExecutionID: x.ID,
	}
	configured := c.Env
	if ofFork(x) { // a fork's code is given nothing that the configuration holds
		configured = nil
	}
	env := subject.Variables(configured, c.Environment, c.Image.Digest)
	with := maps.Clone(c.With)
	if c.Uses == pipeline.UsesPromote {
		with = s.promotion(x, c)
	}
	branch := x.Branch
	if ofFork(x) { // rules and workflows are those of the branch that it is for, never the fork's
		branch = x.State.Variables[forkBase]
		if _, given := with["ref"]; !given && c.Uses == "github-actions" {
			with = maps.Clone(c.With)
			with["ref"] = branch
		}
	}
	return executor.Request{
		ID: c.ID, ExecutionID: x.ID, Uses: c.Uses, Stage: c.Stage, Name: c.Name, Environment: c.Environment,
		Owner: s.repo.Owner, Repo: s.repo.Name, RepoID: s.repo.ID, InstallationID: s.repo.InstallationID,
		CloneURL: s.htmlURL() + ".git", Branch: branch, BranchKind: x.Kind, SHA: x.SHA, CommitTime: x.CommitTime,
		With: with, Env: env, Inputs: c.Inputs, Outputs: c.Outputs, Digest: c.Digest, Timeout: c.Timeout, Attempt: c.Attempt,
		PreviousSHA: x.State.Variables[previousSHA], ActorID: x.StartedBy.ID, RequestedAt: s.b.Now(),
	}
}

// previousSHA is the variable of an execution that holds the branch's head before it.
const previousSHA = "sluice.previous_sha"

// actionMoved takes in what an executor reported about an action.
func (s *session) actionMoved(ctx context.Context, id string) error {
	var run store.ActionRun
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		run, err = tx.ActionRun(ctx, id)
		return err
	})
	if err != nil {
		return ignoreMissing(err)
	}
	var report executor.Report
	if len(run.Report) > 0 {
		if err := json.Unmarshal(run.Report, &report); err != nil {
			return fmt.Errorf("report of %s: %w", id, err)
		}
	}
	if !run.Final {
		return s.advance(ctx, run.ExecutionID, pipeline.ActionStarted{
			At: run.StartedAt, ID: id, ExternalID: report.ExternalID, URL: report.URL,
		})
	}
	if err := s.leave(ctx, run, report); err != nil {
		return err
	}
	return s.advance(ctx, run.ExecutionID, pipeline.ActionSettled{
		At: s.b.Now(), ID: id, Status: report.Status, Summary: report.Summary, ExternalID: report.ExternalID,
		URL: report.URL, Variables: report.Variables, Artifacts: report.Artifacts, Image: report.Image,
	})
}
