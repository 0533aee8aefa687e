package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// startFacts completes the facts for the start of a release: is the commit green, on the line, does it change anything,
// and what would refuse the end of it.
func (s *session) startFacts(ctx context.Context, r *store.Release, w *world, q *request) error {
	w.Version, w.Branch, w.Tag = r.Version, r.Branch, r.Tag
	w.Order, w.KeepBranch = gitflow.Order(s.cfg.Finish.Order), !s.cfg.Finish.DeleteBranch
	w.Head, w.HeadAhead, w.Pull = "", 0, gitflow.Pull{}
	since := w.Production.SHA
	if r.Line != "" { // a line's branch is where its releases come from as well
		_, high, err := s.lineStart(ctx, r.Line)
		if err != nil {
			return err
		}
		since, w.Support = high.SHA, w.Production
	}
	if s.component() != "" && r.Line == "" { // production has what other components shipped, and this one's commits with it
		log, _, err := s.history(ctx, "")
		if err != nil {
			return err
		}
		if high, any := log.Highest(tagging.Trunk()); any {
			since = high.SHA
		}
	}
	ahead, raw, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: since, Head: r.CutSHA})
	if err != nil {
		return err
	}
	changes := ahead.AheadBy
	if s.component() != "" {
		if raw.Commits, _, err = s.own(ctx, r.CutSHA, raw.Commits); err != nil {
			return err
		}
		if !ahead.Truncated {
			changes = len(raw.Commits)
		}
	}
	on, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Development.SHA, Head: r.CutSHA})
	if err != nil {
		return err
	}
	w.Start = gitflow.StartFacts{
		From: r.CutSHA, OnLine: gitflow.No, Changes: changes, AllowEmpty: q.Flag("allow-empty") != "", By: q.by.Login,
	}
	if on.Contains() || r.Line != "" {
		w.Start.OnLine = gitflow.Yes
	}
	if r.Kind == pipeline.KindRelease {
		if err := s.sourceFacts(ctx, r, w, ahead, raw); err != nil {
			return err
		}
	}
	var heads []store.Branch
	var live []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if heads, err = tx.Branches(ctx, s.repo.ID); err != nil {
			return err
		}
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return err
	}
	for _, h := range heads {
		w.Start.OtherBranches = append(w.Start.OtherBranches, h.Name)
	}
	for _, l := range s.ofComponent(live) {
		if l.Kind == pipeline.KindRelease && l.Line == r.Line {
			w.Releases = append(w.Releases, gitflow.Line{Branch: l.Branch, SHA: l.HeadSHA})
		}
	}
	// A version is not given twice, though somebody else made its tag or image and nobody told us.
	tag, err := s.gh.Tag(ctx, r.Tag)
	if ignoreNotFound(err) != nil {
		return err
	}
	w.TagSHA = tag.SHA
	if image := s.productionImage(r); image != "" && s.allowed(image) == "" {
		if w.Published, err = s.b.Images.Find(ctx, image); err != nil {
			return fmt.Errorf("production registry: %w", err)
		}
	}
	f, err := s.preflight(ctx, r, r.CutSHA, w.Production.SHA)
	if err != nil {
		return err
	}
	w.Obstacles = gitflow.Preflight(f)
	return nil
}

// sourceFacts tells whether the commit that a release is cut from is worth one: it passed, it changes something, and it
// has all of production.
func (s *session) sourceFacts(ctx context.Context, r *store.Release, w *world, ahead gitflow.Comparison, raw forge.Comparison) error {
	var err error
	if w.Start.Green, err = s.green(ctx, r.CutSHA); err != nil {
		return err
	}
	if w.Start.Green != gitflow.Yes {
		if w.Start.LastGreen, err = s.lastGreen(ctx, r.Line); err != nil {
			return err
		}
	}
	if !ahead.Truncated && !ahead.Missing {
		w.Start.Empty, _ = tagging.NothingToRelease(versionCommits(raw.Commits))
	}
	if w.Production.SHA == "" || s.component() != "" {
		return nil // the line begins with this release; what other components shipped is nothing to this one
	}
	behind, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: r.CutSHA, Head: w.Production.SHA})
	if err != nil {
		return err
	}
	bad, err := s.badReleases(ctx)
	if err != nil {
		return err
	}
	w.Lacks = gitflow.LacksProduction(behind, gitflow.Comparison{}, bad)
	return nil
}

// lastGreen is the newest commit of development, or of a support line, that passed its pipeline; empty: none that is known.
func (s *session) lastGreen(ctx context.Context, line string) (string, error) {
	kind, branch := pipeline.KindDevelopment, s.names().Development
	if line != "" {
		kind, branch = pipeline.KindSupport, s.supportBranch(line)
	}
	var newest []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		newest, err = tx.ExecutionsFor(ctx, s.repo.ID, kind, branch, 50)
		return err
	})
	for _, x := range newest {
		if x.Status == pipeline.Succeeded && x.Component == s.component() {
			return x.SHA, err
		}
	}
	return "", err
}

// green tells whether a commit passed: by our own pipeline for development or a support line, else by what other checks report.
func (s *session) green(ctx context.Context, sha string) (gitflow.Answer, error) {
	var at []store.Execution
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		at, err = tx.ExecutionsAt(ctx, s.repo.ID, sha)
		return err
	})
	if err != nil {
		return gitflow.Unknown, err
	}
	if s.component() != "" {
		if at, err = s.lastBuilt(ctx, sha); err != nil {
			return gitflow.Unknown, err
		}
	}
	ran, underWay := false, false
	for _, x := range at {
		if x.Component != s.component() {
			continue
		}
		if x.Kind != pipeline.KindDevelopment && x.Kind != pipeline.KindSupport {
			continue
		}
		ran = true
		if x.Status == pipeline.Succeeded {
			return gitflow.Yes, nil
		}
		underWay = underWay || !x.Status.Final()
	}
	switch {
	case underWay:
		return gitflow.Unknown, nil
	case ran:
		return gitflow.No, nil
	}
	runs, err := s.gh.CheckRuns(ctx, sha)
	if err != nil {
		return gitflow.Unknown, err
	}
	statuses, err := s.gh.Statuses(ctx, sha)
	if err != nil {
		return gitflow.Unknown, err
	}
	answer := gitflow.Yes
	for _, c := range checkFacts(runs, statuses, s.us.AppID) {
		switch {
		case c.Failed:
			return gitflow.No, nil
		case !c.Passed:
			answer = gitflow.Unknown
		}
	}
	return answer, nil
}
