package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// branchIntent is the record of a branch that the bot makes. For a back-merge it says which production tip goes where.
type branchIntent struct {
	Branch string `json:"branch"`
	SHA    string `json:"sha"`
	Target string `json:"target,omitempty"`
	Tip    string `json:"tip,omitempty"`
	Repair bool   `json:"repair,omitempty"`
}

// perform does one step of a plan. again tells whether to look at the world once more right away; false: the step is
// under way elsewhere, and a fact will come.
func (s *session) perform(ctx context.Context, r *store.Release, w *world, step gitflow.Step) (again bool, err error) {
	if w.Publishing && r.Status.Live() && r.Pull != 0 {
		// Whatever the plan goes on with, where nothing is built or the registry has the image already: the pipeline is told of the
		// approval first, which fixes the release to what was approved. One that was called off, or failed, is not gone on without.
		return s.promote(ctx, r, w)
	}
	s.log.InfoContext(ctx, "step", "step", step.ID, "does", string(step.Kind), "release", r.Version)
	switch step.Kind {
	case gitflow.StepCutBranch:
		if r.Kind == pipeline.KindRelease && step.Branch == r.Branch {
			why, err := s.whyOwnCommit(ctx, r, step.SHA)
			if err != nil {
				return true, err
			}
			if why != "" {
				return true, s.beginRelease(ctx, r, step, why)
			}
		}
		return true, s.createBranch(ctx, r, branchIntent{Branch: step.Branch, SHA: step.SHA, Target: step.Target, Tip: step.SHA})
	case gitflow.StepRepair:
		return true, s.repairBranch(ctx, r, step)
	case gitflow.StepOpenPull:
		return true, s.openPull(ctx, r, w, step)
	case gitflow.StepRetargetPull:
		return true, s.setBase(ctx, step.Pull, step.Target)
	case gitflow.StepClosePull:
		return true, s.closePull(ctx, step.Pull)
	case gitflow.StepCopyImage:
		return s.promote(ctx, r, w)
	case gitflow.StepDeploy:
		return s.deployProduction(ctx, r, w)
	case gitflow.StepTag:
		return true, s.createTag(ctx, step.Tag, step.SHA)
	case gitflow.StepMergePull:
		return s.answered(step.Target, step.SHA, s.mergePull(ctx, step))
	case gitflow.StepEnqueue:
		return true, s.enqueue(ctx, step)
	case gitflow.StepMergeSHA, gitflow.StepUpdatePull:
		return s.answered(step.Into(), step.SHA, s.mergeSHA(ctx, step))
	case gitflow.StepReleasePage:
		return true, s.releasePage(ctx, r, step)
	case gitflow.StepDeleteBranch:
		return true, s.deleteBranch(ctx, r, step)
	case gitflow.StepStopExecutions:
		return s.stopExecutions(ctx, r)
	case gitflow.StepHold, gitflow.StepMarkBad, gitflow.StepGate:
		// Rollbacks write these with the command (rollback.go); a gate is never ready.
	}
	return false, fmt.Errorf("a step of kind %q is not one of this plan", step.Kind)
}

// answered turns GitHub's no to a merge into a fact for the next plan.
func (s *session) answered(target, sha string, err error) (bool, error) {
	var refused *forge.RefusedError
	switch {
	case err == nil, errors.Is(err, forge.ErrMoved):
		return true, nil
	case errors.Is(err, forge.ErrBaseMoved):
		s.moving[target] = true
		return true, nil
	case errors.Is(err, forge.ErrConflict):
		s.tried[target] = gitflow.Line{Answer: gitflow.MergeConflict, TriedSHA: sha}
		return true, nil
	case errors.As(err, &refused):
		// Classic protection does not tell that it has a queue before it refuses.
		queue := strings.Contains(strings.ToLower(refused.Message), "merge queue") && target != s.names().Production
		if t := s.tried[target]; t.Answer == gitflow.MergeRefused && t.Queue == queue {
			return false, err // the plan had its other way, and that was refused too
		}
		s.tried[target] = gitflow.Line{Answer: gitflow.MergeRefused, TriedSHA: sha, Reason: refused.Message, Queue: queue}
		return true, nil
	}
	return false, err
}

// ownKey is the key of an effect on a branch. A release's own branch may be made and deleted again for another release of
// the same version, later.
func ownKey(r *store.Release, branch, rest string) string {
	if branch == r.Branch {
		return r.ID + ":" + branch + rest
	}
	return branch + rest
}

// createBranch makes a branch of a release.
func (s *session) createBranch(ctx context.Context, r *store.Release, b branchIntent) error {
	if err := s.expectWordOf(ctx, b.Branch); err != nil {
		return err
	}
	return s.makeBranch(ctx, ownKey(r, b.Branch, "@"+b.SHA), b)
}

// makeBranch makes a branch. One that is there at the same commit is done, at another it stops.
func (s *session) makeBranch(ctx context.Context, key string, b branchIntent) error {
	_, err := do(ctx, s, effect[nothing]{
		kind: effectCreateBranch, key: key, intent: b,
		planned: strings.HasPrefix(b.Branch, gitflow.FinishPrefix), // somebody may have taken it away, for what was pushed to it
		blind:   "a branch that is there is refused, and then looked at",
		act: func(ctx context.Context) (nothing, error) {
			err := s.gh.CreateBranch(ctx, b.Branch, b.SHA)
			if !errors.Is(err, forge.ErrExists) {
				return nothing{}, err
			}
			head, err := s.head(ctx, b.Branch)
			if err != nil || head == b.SHA {
				return nothing{}, err
			}
			return nothing{}, &userError{fmt.Sprintf("the branch %s exists already, at %s and not at %s", code(b.Branch), short(head), short(b.SHA))}
		},
	})
	return err
}

// whyOwnCommit is why a release does not begin at the commit it is cut from, but with one of its own that changes no file; empty:
// it needs none. A release of a support line comes from the branch it goes into, so without one there would be nothing to open a
// pull request for, and no place to approve. And what begins where another candidate is has its own checks only at a commit of its
// own: checks belong to a commit, and the merge of one would take the other's pull request along.
func (s *session) whyOwnCommit(ctx context.Context, r *store.Release, sha string) (string, error) {
	if r.Line != "" {
		return fmt.Sprintf("The next release of the support line %s", r.Line), nil
	}
	if s.component() != "" {
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: s.names().Production, Head: sha})
		if err != nil || !c.Missing && c.AheadBy == 0 {
			return "Production has all of it by the release of another component", err
		}
	}
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	for _, o := range all {
		if o.ID != r.ID && o.Kind == pipeline.KindRelease && o.Status.Live() && (o.SHA == sha || o.HeadSHA == sha) {
			return fmt.Sprintf("%s begins at the same commit", o.Key()), err
		}
	}
	return "", err
}

// beginRelease cuts a release with a commit of its own that changes no file.
func (s *session) beginRelease(ctx context.Context, r *store.Release, step gitflow.Step, why string) error {
	commit, err := s.commitForBranch(ctx, r, step.Branch, newCommit{
		Message: fmt.Sprintf("Begin %s\n\n%s; this commit changes no file.", r.Key(), why),
		TreeOf:  step.SHA, Parents: []string{step.SHA},
	})
	if err != nil {
		return err
	}
	return s.createBranch(ctx, r, branchIntent{Branch: step.Branch, SHA: commit})
}

// repairBranch makes the commit without difference that gives a squashed merge its ancestry back, and a branch there.
func (s *session) repairBranch(ctx context.Context, r *store.Release, step gitflow.Step) error {
	tip, err := s.head(ctx, step.Target)
	if err != nil {
		return err
	}
	commit, err := s.commitForBranch(ctx, r, step.Branch, newCommit{
		Message: fmt.Sprintf("Record that %s contains %s\n\nThe merge was squashed or rebased; this commit changes no file.", step.Target, short(step.SHA)),
		TreeOf:  tip, Parents: []string{tip, step.SHA},
	})
	if err != nil {
		return err
	}
	return s.createBranch(ctx, r, branchIntent{Branch: step.Branch, SHA: commit, Target: step.Target, Tip: step.SHA, Repair: true})
}

func (s *session) openPull(ctx context.Context, r *store.Release, w *world, step gitflow.Step) error {
	if err := s.expectWordOf(ctx, step.Branch); err != nil {
		return err
	}
	title, body := s.pullText(r, step)
	title, err := s.titled(ctx, r, step.Branch, title)
	if err != nil {
		return err
	}
	if strings.HasPrefix(step.Branch, gitflow.BackmergePrefix) && !strings.HasSuffix(step.Branch, gitflow.RepairBranch("")) {
		line, _ := w.line(step.Target)
		body += revertsText(step, line.Reverts)
	}
	number, err := do(ctx, s, effect[int]{
		kind: effectOpenPull, key: ownKey(r, step.Branch, ":"+step.Target+"@"+step.SHA), intent: title,
		probe: func(ctx context.Context) (int, bool, error) {
			found, err := s.gh.PullsFrom(ctx, step.Branch, step.Target)
			if err != nil || len(found) == 0 || !found[0].Open {
				return 0, false, err
			}
			return found[0].Number, true, nil
		},
		always: true, planned: strings.HasPrefix(step.Branch, gitflow.FinishPrefix), // others are reopened by people
		act: func(ctx context.Context) (int, error) {
			p, err := s.gh.CreatePull(ctx, title, step.Branch, step.Target, body)
			return p.Number, err
		},
	})
	if err != nil {
		return err
	}
	if step.Branch == r.Branch && r.Pull == 0 {
		return s.cockpitAt(ctx, r, number)
	}
	return nil
}

func (s *session) closePull(ctx context.Context, number int) error {
	_, err := do(ctx, s, effect[nothing]{
		kind: effectClosePull, key: fmt.Sprint(number), intent: number,
		probe: func(ctx context.Context) (nothing, bool, error) {
			p, err := s.gh.Pull(ctx, number)
			return nothing{}, !p.Open, err
		},
		act: func(ctx context.Context) (nothing, error) { return nothing{}, s.gh.ClosePull(ctx, number) },
	})
	return err
}

// createTag makes a git tag. Tags never move: one that is there at the same commit is done, at another it stops.
func (s *session) createTag(ctx context.Context, tag, sha string) error {
	_, err := do(ctx, s, effect[nothing]{
		kind: effectCreateTag, key: tag, intent: sha, planned: true,
		blind: "a tag that is there is refused, and then looked at",
		act: func(ctx context.Context) (nothing, error) {
			err := s.gh.CreateTag(ctx, tag, sha)
			if !errors.Is(err, forge.ErrExists) {
				return nothing{}, err
			}
			there, err := s.gh.Tag(ctx, tag)
			if err != nil || there.SHA == sha {
				return nothing{}, err
			}
			return nothing{}, &userError{fmt.Sprintf("the tag %s exists already, at %s and not at %s; tags are never moved", code(tag), short(there.SHA), short(sha))}
		},
	})
	if err != nil {
		return err
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SaveTag(ctx, store.Tag{RepoID: s.repo.ID, Name: tag, SHA: sha, SeenAt: s.b.Now()})
		return err
	})
}

// mergePull merges a pull request with two parents, if its head is still the commit that was approved.
func (s *session) mergePull(ctx context.Context, step gitflow.Step) error {
	if err := s.expectWordOf(ctx, step.Target); err != nil {
		return err
	}
	title, message := mergeMessage(step)
	_, err := do(ctx, s, effect[string]{
		kind: effectMergePull, key: fmt.Sprintf("%d@%s", step.Pull, step.SHA), intent: title,
		probe: func(ctx context.Context) (string, bool, error) {
			p, err := s.gh.Pull(ctx, step.Pull)
			return p.MergeSHA, p.Merged, err
		},
		act: func(ctx context.Context) (string, error) {
			return s.gh.MergePull(ctx, step.Pull, step.SHA, title, message)
		},
	})
	return err
}

// mergeSHA merges the step's commit into a branch; the commit, not another branch, which may have moved or be gone.
func (s *session) mergeSHA(ctx context.Context, step gitflow.Step) error {
	title, message := mergeMessage(step)
	into := step.Into()
	if err := s.expectWordOf(ctx, into); err != nil {
		return err
	}
	key := into + "@" + step.SHA
	if step.Onto != "" {
		key += " on " + step.Onto
	}
	_, err := do(ctx, s, effect[string]{
		kind: effectMerge, key: key, intent: title, planned: true,
		probe: func(ctx context.Context) (string, bool, error) {
			c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: into, Head: step.SHA})
			return "", c.Contains(), err
		},
		act: func(ctx context.Context) (string, error) {
			sha, err := s.gh.Merge(ctx, into, step.SHA, title+"\n\n"+message)
			if errors.Is(err, forge.ErrUpToDate) {
				return "", nil
			}
			return sha, err
		},
	})
	return err
}

func mergeMessage(step gitflow.Step) (title, message string) {
	title = step.Message
	if title == "" {
		title = fmt.Sprintf("Merge %s into %s", short(step.SHA), step.Target)
	}
	return title, "Merged by Sluice as part of git-flow; see the pull request for approvals and checks."
}

func (s *session) deleteBranch(ctx context.Context, r *store.Release, step gitflow.Step) error {
	branch, sha := step.Branch, step.SHA
	_, err := do(ctx, s, effect[nothing]{
		kind: effectDeleteBranch, key: ownKey(r, branch, "@"+sha), intent: sha, always: true, planned: true,
		probe: func(ctx context.Context) (nothing, bool, error) {
			head, err := s.head(ctx, branch)
			return nothing{}, head != sha, err // gone, or somebody goes on with it: then it stays
		},
		act: func(ctx context.Context) (nothing, error) {
			return nothing{}, ignoreNotFound(s.gh.DeleteBranch(ctx, branch))
		},
	})
	return err
}

// stopExecutions ends what runs for a release that is given up, and its approvals. again: nothing runs any more; what
// takes longer to stop brings the release here once it has.
func (s *session) stopExecutions(ctx context.Context, r *store.Release) (again bool, err error) {
	if err := s.voidApprovals(ctx, r, "the release was abandoned"); err != nil {
		return false, err
	}
	active, err := s.activeOf(ctx, r)
	if err != nil {
		return false, err
	}
	for _, x := range active {
		if err := s.advance(ctx, x.ID, pipeline.CancelRequested{At: s.b.Now(), By: actor(r.StartedBy), Reason: "abandoned: " + r.Reason}); err != nil && !refused(err) {
			return false, err
		}
	}
	active, err = s.activeOf(ctx, r)
	return len(active) == 0, err
}

// activeOf are the executions of a release that have not ended.
func (s *session) activeOf(ctx context.Context, r *store.Release) ([]store.Execution, error) {
	var active []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	return slices.DeleteFunc(active, func(x store.Execution) bool { return x.ReleaseID != r.ID }), err
}
