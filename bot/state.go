package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// phase is how far a release is, and so how much has to be known about the world.
type phase int

const (
	phaseStart   phase = iota // branch and pull request are being made
	phasePromote              // candidate, approval, copy, deployment
	phaseFinish               // tag, merges, back-merges, GitHub release, deletion
)

// world is what a release's plan is made of, and what the steps need of it beyond gitflow's words.
type world struct {
	gitflow.State
	phase     phase
	execution *store.Execution // the candidate's
	deploying *store.Execution // production's newest
	approvers []forge.User
	emergency emergency
	// signed is a signature that was found to hold and is not written down yet; nil: there is none.
	signed *store.Signature
	// wake is when something that the release waits for ends or opens by itself; zero: nothing does.
	wake time.Time
}

// look gathers the facts about a release, and writes down those that are kept: what was said in reviews, and a signature that
// holds.
func (s *session) look(ctx context.Context, r *store.Release, ph phase) (*world, error) {
	if ph != phaseStart && r.Status == store.ReleaseOpen {
		if err := s.takeReviewsOf(ctx, r); err != nil {
			return nil, err
		}
	}
	w, err := s.facts(ctx, r, ph)
	if err != nil || w.signed == nil {
		return w, err
	}
	return w, s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SaveSignature(ctx, *w.signed) })
}

// facts are those about a release: read from GitHub and the store now, all at about the same time. Nothing is written.
func (s *session) facts(ctx context.Context, r *store.Release, ph phase) (*world, error) {
	w := &world{phase: ph}
	w.State = gitflow.State{
		Names: s.namesOf(r), Kind: gitflow.Kind(r.Kind), Version: r.Version, Branch: r.Branch, Tag: r.Tag,
		Order: gitflow.Order(s.cfg.Finish.Order), KeepBranch: !s.cfg.Finish.DeleteBranch, Bad: r.Bad,
	}
	gather := []func(context.Context, *store.Release, *world) error{s.lookBranches, s.lookPull, s.lookCandidate}
	if ph != phaseStart {
		gather = append(gather, s.lookPermits, s.lookSiblings, s.lookRules, s.lookProduction, s.lookSecrets, s.lookSignature, s.lookObstacles, s.lookTimes)
	}
	if ph == phaseFinish {
		gather = append(gather, s.lookFinish)
	}
	for _, g := range gather {
		if err := g(ctx, r, w); err != nil {
			return nil, fmt.Errorf("facts about %s %s: %w", r.Kind, r.Version, err)
		}
	}
	if r.Line != "" {
		w.Support = w.Production
	}
	return w, nil
}

// lookBranches reads the heads of the branches around the release.
func (s *session) lookBranches(ctx context.Context, r *store.Release, w *world) error {
	var err error
	n := s.namesOf(r)
	w.Production.Branch, w.Development.Branch = n.Production, n.Development
	if w.Production.SHA, err = s.head(ctx, n.Production); err != nil {
		return err
	}
	if w.Development.SHA, err = s.head(ctx, n.Development); err != nil {
		return err
	}
	if w.Head, err = s.head(ctx, r.Branch); err != nil {
		return err
	}
	if w.Head != "" {
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Production.SHA, Head: w.Head})
		if err != nil {
			return err
		}
		w.HeadAhead = c.AheadBy
	}
	w.Start = gitflow.StartFacts{From: r.CutSHA, Green: gitflow.Yes, OnLine: gitflow.Yes, Changes: 1, By: r.StartedBy.Login}
	return nil
}

// lookPull reads the release pull request and the pull requests into the release branch.
func (s *session) lookPull(ctx context.Context, r *store.Release, w *world) error {
	switch {
	case r.Pull != 0:
		p, err := s.gh.Pull(ctx, r.Pull)
		if err != nil {
			return err
		}
		w.Pull = flowPull(p)
	case w.Head != "":
		found, err := s.gh.PullsFrom(ctx, r.Branch, s.namesOf(r).Production)
		if err != nil {
			return err
		}
		for _, p := range found {
			others, err := s.othersPull(ctx, r, p.Number)
			if err != nil {
				return err
			}
			if !others {
				w.Pull = flowPull(p)
				break
			}
		}
	}
	var open []store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenPulls(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range open {
		if p.BaseBranch != r.Branch || p.Number == r.Pull {
			continue
		}
		now, err := s.gh.Pull(ctx, p.Number) // the record is as old as the last event
		if err != nil {
			return err
		}
		if now.Open && now.Base.Branch == r.Branch {
			w.Children = append(w.Children, flowPull(now))
		}
	}
	return nil
}

// othersPull tells whether a pull request was an earlier release's, one of the same version that was abandoned.
func (s *session) othersPull(ctx context.Context, r *store.Release, number int) (bool, error) {
	var owner store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		owner, err = tx.ReleaseByPull(ctx, s.repo.ID, number)
		return err
	})
	return err == nil && owner.ID != r.ID, ignoreMissing(err)
}

// lookCandidate reads the release's execution, and production's.
func (s *session) lookCandidate(ctx context.Context, r *store.Release, w *world) error {
	var active []store.Execution
	var env store.Environment
	var history []store.Deployment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if w.execution, err = oneExecution(ctx, tx, r.ExecutionID); err != nil {
			return err
		}
		if w.deploying, err = oneExecution(ctx, tx, r.ProductionExecutionID); err != nil {
			return err
		}
		if active, err = tx.ActiveExecutions(ctx, s.repo.ID); err != nil {
			return err
		}
		if env, err = tx.Environment(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction)); err != nil {
			return err
		}
		history, err = tx.Deployments(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction), 20)
		return err
	})
	if err != nil {
		return err
	}
	w.Candidate = gitflow.Candidate{SHA: r.SHA, Digest: r.CandidateDigest, OfPromoted: r.Status != store.ReleaseOpen}
	if w.Candidate.SHA == "" {
		w.Candidate.SHA = w.Head
	}
	if x := w.execution; x != nil {
		w.Publishing = x.Status != pipeline.Succeeded
		before := x.State.BeforeApproval()
		w.Candidate.Digest = x.State.Digest()
		w.Candidate.Tested = before == pipeline.Succeeded
		w.Candidate.Failed = before == pipeline.Failed || before == pipeline.Stopped
		w.Candidate.Status = strings.TrimSuffix(lowerFirst(pipeline.Why(x.State, s.b.Now())), ".")
		switch {
		case r.Status != store.ReleaseOpen:
		case w.Head != "" && w.Head != w.Candidate.SHA:
			w.Candidate.Tested, w.Candidate.Failed = false, false
			w.Candidate.Status = "the branch has moved to " + short(w.Head)
		case x.Status == pipeline.Stopped:
			w.Candidate.Tested, w.Candidate.Failed = false, true
		case awaitsEntry(x):
			w.Candidate.Tested = false
		}
	}
	for _, x := range active {
		if x.ReleaseID == r.ID {
			w.Running++
		}
	}
	w.Undeployed = undeployed(r, env.Version)
	w.Environment = s.environmentFacts(env, history, r, w.deploying)
	return nil
}

func oneExecution(ctx context.Context, tx *store.Tx, id string) (*store.Execution, error) {
	if id == "" {
		return nil, nil
	}
	x, err := tx.Execution(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &x, err
}

// environmentFacts is the production environment in gitflow's words.
func (s *session) environmentFacts(env store.Environment, history []store.Deployment, r *store.Release, d *store.Execution) gitflow.Environment {
	out := gitflow.Environment{
		Name: env.Name, Held: gitflow.Hold{By: env.HoldBy.Login, Reason: env.Hold},
		Runs: gitflow.Deployed{Version: env.Version, SHA: env.SHA, Digest: env.Digest, Succeeded: env.Digest != "" || env.Version != ""},
	}
	if env.Hold == "" {
		out.Held = gitflow.Hold{}
	}
	for _, h := range history { // newest first
		out.History = append(out.History, gitflow.Deployed{
			Version: h.Version, SHA: h.SHA, Digest: h.Digest, Succeeded: h.Status == pipeline.Succeeded,
		})
	}
	if d != nil {
		switch {
		case !d.Status.Final():
			out.Deploying = d.Version
		case d.Status != pipeline.Succeeded && d.Version == r.Version:
			out.DeployFailed = true
		}
	}
	return out
}

// lookSiblings lists the other releases that are on their way: a lower version ships before a higher one.
func (s *session) lookSiblings(ctx context.Context, r *store.Release, w *world) error {
	var live []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	for _, l := range s.ofComponent(live) {
		if l.Kind == pipeline.KindRelease && l.ID != r.ID && l.Line == r.Line {
			w.Releases = append(w.Releases, gitflow.Line{Branch: l.Branch, SHA: l.HeadSHA})
		}
	}
	return err
}

// lookRules tells which rule the release's pull request breaks.
func (s *session) lookRules(ctx context.Context, r *store.Release, w *world) error {
	if r.Pull == 0 || r.Status != store.ReleaseOpen {
		return nil
	}
	var record store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		record, err = tx.Pull(ctx, s.repo.ID, r.Pull)
		return ignoreMissing(err)
	})
	if err != nil || !w.Pull.Open {
		return err
	}
	var f finding
	if record.HeadSHA == w.Pull.HeadSHA && record.BaseBranch == w.Pull.Base && len(record.Verdict) > 0 {
		err = json.Unmarshal(record.Verdict, &f)
	} else { // nobody told us of this head yet
		var pr forge.PullRequest
		if pr, err = s.gh.Pull(ctx, r.Pull); err == nil {
			f.Verdict, _, _, err = s.verdict(ctx, pr)
		}
	}
	if err != nil {
		return err
	}
	over, err := s.permitOf(ctx, CheckBranch, store.Pull{Number: r.Pull, HeadSHA: w.Pull.HeadSHA, BaseBranch: w.Pull.Base})
	if problem, remedy := f.broken(); over == nil && problem != "" {
		w.Broken = gitflow.Text(strings.TrimSpace(string(problem + " " + remedy)))
	}
	return err
}

// lookProduction compares the candidate with what production has and runs, and counts the approvals.
func (s *session) lookProduction(ctx context.Context, r *store.Release, w *world) error {
	if w.Candidate.SHA != "" {
		answers := make([]gitflow.Comparison, 2)
		runs := w.Environment.Runs.SHA
		if w.Undeployed {
			runs = ""
		}
		for i, q := range gitflow.LacksNeeds(s.namesOf(r), w.Candidate.SHA, runs) {
			if q == (gitflow.CompareRequest{}) {
				continue
			}
			c, _, err := s.flowCompare(ctx, s.at(q, w))
			if err != nil {
				return err
			}
			c.CompareRequest = q
			answers[i] = c
		}
		bad, err := s.badReleases(ctx)
		if err != nil {
			return err
		}
		w.Lacks = gitflow.LacksProduction(answers[0], answers[1], bad)
	}
	tag, err := s.gh.Tag(ctx, r.Tag)
	if err := ignoreNotFound(err); err != nil {
		return err
	}
	w.TagSHA = tag.SHA
	if err := s.lookEmergency(ctx, r, w); err != nil {
		return err
	}
	if w.Approvals, w.approvers, err = s.approvals(ctx, r, w.execution); err != nil {
		return err
	}
	ahead, err := s.outrun(ctx, r, w.Environment.Runs.Version)
	if err != nil {
		return err
	}
	if !ahead.IsZero() {
		w.Outrun = ahead.String()
	}
	w.Published = r.ProductionDigest
	if w.Published == "" && w.Candidate.Tested && s.cfg.Registries.Production != "" && s.allowed(s.productionImage(r)) == "" {
		if w.Published, err = s.b.Images.Find(ctx, s.productionImage(r)); err != nil {
			return fmt.Errorf("production registry: %w", err)
		}
	}
	return nil
}

// at replaces the production branch by its head, so that the answer can be remembered.
func (s *session) at(q gitflow.CompareRequest, w *world) gitflow.CompareRequest {
	for _, end := range []*string{&q.Base, &q.Head} {
		if *end == w.Production.Branch && w.Production.SHA != "" {
			*end = w.Production.SHA
		}
	}
	return q
}

// badReleases are those that were rolled back: nobody owes their commits.
func (s *session) badReleases(ctx context.Context) ([]gitflow.BadRelease, error) {
	var all []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	var out []gitflow.BadRelease
	for _, r := range s.ofComponent(all) {
		if r.Bad {
			out = append(out, gitflow.BadRelease{Version: r.Version, SHA: r.SHA, MergeSHA: r.ProductionTip})
		}
	}
	return out, err
}

// lookObstacles asks what would refuse a later step.
func (s *session) lookObstacles(ctx context.Context, r *store.Release, w *world) error {
	f, err := s.preflight(ctx, r, w.Candidate.SHA, w.Production.SHA)
	if err != nil {
		return err
	}
	f.Pull = w.Pull
	if err := s.lookReviews(ctx, &f); err != nil {
		return err
	}
	if w.Candidate.SHA != "" && w.phase != phaseFinish {
		runs, err := s.gh.CheckRuns(ctx, w.Candidate.SHA)
		if err != nil {
			return err
		}
		statuses, err := s.gh.Statuses(ctx, w.Candidate.SHA)
		if err != nil {
			return err
		}
		f.Checks = checkFacts(runs, statuses, s.us.AppID)
	}
	w.Obstacles = gitflow.Preflight(f)
	return nil
}

// preflight reads the settings and rules that the end of a release depends on.
func (s *session) preflight(ctx context.Context, r *store.Release, candidate, production string) (gitflow.PreflightFacts, error) {
	f := gitflow.PreflightFacts{
		Names: s.namesOf(r), Order: gitflow.Order(s.cfg.Finish.Order), AppID: s.us.AppID, Reviews: -1,
		Version: r.Version, Branch: r.Branch, Tag: r.Tag,
	}
	info, err := s.gh.Info(ctx)
	if err != nil {
		return f, err
	}
	f.MergeCommits, f.Archived = info.MergeCommits, info.Archived
	for _, q := range []struct {
		ref  string
		into *[]gitflow.RuleFact
	}{
		{heads + f.Names.Production, &f.Production}, {heads + s.names().Development, &f.Development},
		{heads + r.Branch, &f.Releases}, {tags + r.Tag, &f.Tags},
	} {
		if q.into == &f.Development && r.Line != "" {
			continue // not merged into
		}
		if *q.into, err = s.rules(ctx, q.ref); err != nil {
			return f, err
		}
	}
	onCreate := slices.ContainsFunc(f.Releases, func(r gitflow.RuleFact) bool { return r.OnCreate && !r.Bypass })
	if candidate != "" && onCreate && r.Pull == 0 {
		if f.Unchecked, err = s.missingChecks(ctx, candidate, r.Branch); err != nil {
			return f, err
		}
	}
	if candidate == "" || production == "" {
		return f, nil
	}
	release, c, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: production, Head: candidate})
	if err != nil {
		return f, err
	}
	for _, commit := range release.Commits {
		if !commit.Verified {
			f.Unsigned = append(f.Unsigned, commit)
		}
	}
	if err := s.ownRules(ctx, &f, production, r.Line == ""); err != nil {
		return f, err
	}
	for _, file := range c.Files {
		if strings.HasPrefix(file, ".github/workflows/") {
			f.WorkflowFiles = append(f.WorkflowFiles, file)
		}
	}
	f.FilesTruncated = c.FilesTruncated
	if len(f.WorkflowFiles) > 0 || f.FilesTruncated {
		granted, err := s.gh.Permissions(ctx)
		if err != nil {
			return f, err
		}
		f.MayWriteWorkflows = granted["workflows"] == "write"
	}
	return f, nil
}

// productionImage is where a release's image goes: the production repository and the version.
func (s *session) productionImage(r *store.Release) string {
	if s.cfg.Registries.Production == "" {
		return ""
	}
	return s.cfg.Registries.Production + ":" + s.promotedTag(r)
}
