package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// releaseLog is the release log in the order in which releases happened.
func (s *session) releaseLog(tags []store.Tag, releases []store.Release) tagging.Log {
	hotfixes := map[string]string{} // with versioning.hotfix: patch the version does not hold the ID
	for _, r := range releases {
		if r.HotfixID != "" {
			hotfixes[r.Tag] = tagging.HotfixID(r.HotfixID)
		}
	}
	var records []tagging.ReleaseRecord
	for _, t := range tags { // a tag is one version, so no version stands in the log twice
		if v, err := s.cfg.Versioning.Tag.Parse(t.Name); err == nil {
			records = append(records, tagging.ReleaseRecord{Version: v, Tag: t.Name, SHA: t.SHA, HotfixID: cmp.Or(v.Hotfix, hotfixes[t.Name])})
		}
	}
	log, err := tagging.NewLog(records...)
	if err != nil {
		s.log.Error("release log", "err", err)
	}
	return log
}

// history is what versions are counted from: the release log, and the versions that are given away already.
func (s *session) history(ctx context.Context, except string) (log tagging.Log, held []tagging.Held, err error) {
	var tags []store.Tag
	var releases []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if tags, err = tx.Tags(ctx, s.repo.ID); err != nil {
			return err
		}
		releases, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return log, nil, err
	}
	releases = s.ofComponent(releases)
	log = s.releaseLog(tags, releases)
	for _, r := range releases {
		v, err := tagging.ParseVersion(r.Version)
		if err != nil || r.ID == except || r.Status == store.ReleaseAbandoned && r.ProductionDigest == "" {
			continue
		}
		if _, known := log.Find(v); !known {
			held = append(held, tagging.Held{Version: v, Where: "branch " + r.Branch})
		}
	}
	return log, held, nil
}

// nextVersion is the version the commits of a head ask for, or the one that was asked for by name, on a support line or
// (line "") on none.
func (s *session) nextVersion(ctx context.Context, line, head string, set *tagging.Override) (tagging.Result, error) {
	req, since, err := s.counting(ctx, line)
	if err != nil {
		return tagging.Result{}, err
	}
	req.Set = set
	if err := s.countCommits(ctx, &req, since, head); err != nil {
		return tagging.Result{}, err
	}
	return tagging.Next(req)
}

// snapshotVersion is the version that nextVersion gives a build, without the explanation: nobody reads it. Before the first
// release the commits matter for their Release-As trailers alone, and all of them are read only where there may be one.
func (s *session) snapshotVersion(ctx context.Context, line, head string) (tagging.Version, error) {
	req, since, err := s.counting(ctx, line)
	if err != nil {
		return tagging.Version{}, err
	}
	count := true
	if since == "" && len(req.Open) == 0 {
		if count, err = s.mayAsk(ctx, head); err != nil {
			return tagging.Version{}, err
		}
	}
	if count {
		if err := s.countCommits(ctx, &req, since, head); err != nil {
			return tagging.Version{}, err
		}
	}
	res, err := tagging.Next(req)
	return res.Version, err
}

// counting is what the next version of a line is counted from: a request without commits, and the commit since which they count;
// empty: all do.
func (s *session) counting(ctx context.Context, line string) (req tagging.Request, since string, err error) {
	req = tagging.Request{Floor: tagging.Bump(s.cfg.Versioning.Next)}
	if req.Log, req.Open, err = s.history(ctx, ""); err != nil {
		return req, "", err
	}
	if req.Line, err = versionLine(line); err != nil {
		return req, "", err
	}
	if high, ok := req.Log.Highest(req.Line); ok {
		since = high.SHA
	}
	highest := tagging.Version{}
	for _, o := range req.Open {
		var r store.Release
		err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
			r, err = tx.ReleaseByVersion(ctx, s.repo.ID, s.component(), o.Version.String())
			return err
		})
		if err == nil && r.Kind == pipeline.KindRelease && r.Line == line && r.CutSHA != "" && o.Version.CompareCore(highest) > 0 {
			since, highest = r.CutSHA, o.Version // what an open release holds raised its version already
		}
	}
	return req, since, nil
}

// countCommits adds the commits that count to a request: those of head that since lacks, and all where nothing was released (since "").
// Without a head there are none.
func (s *session) countCommits(ctx context.Context, req *tagging.Request, since, head string) error {
	if head == "" {
		return nil
	}
	var commits []forge.Commit
	var missing string
	if since == "" {
		all, complete, err := s.led(ctx, head)
		if errors.Is(err, forge.ErrNotFound) {
			req.Incomplete = fmt.Sprintf("Commit %s is not in this repository any more, so what led to it could not be counted.", short(head))
			return nil
		}
		if err != nil {
			return err
		}
		if commits = all; !complete {
			missing = fmt.Sprintf("There is no release yet, and there are more commits than the newest %d, which were looked through.", len(all))
		}
	} else {
		c, err := s.compare(ctx, since, head)
		if errors.Is(err, forge.ErrNotFound) {
			req.Incomplete = fmt.Sprintf("Commit %s, since which commits count, is not in this repository any more, so they could not be counted.", short(since))
			return nil
		}
		if err != nil {
			return err
		}
		if commits = c.Commits; c.Truncated {
			missing = fmt.Sprintf("There are more commits since %s than GitHub lists, and not all of them were counted.", short(since))
		}
	}
	mine, complete, err := s.own(ctx, head, commits)
	if err != nil {
		return err
	}
	req.Commits, req.Elsewhere = versionCommits(mine), versionCommits(lacking(commits, mine))
	if req.Incomplete = missing; !complete && missing == "" {
		req.Incomplete = othersCount
	}
	return nil
}

// othersCount is said where own could not tell a component's commits from others.
const othersCount = "There are more commits than could be looked through for this component, so those of others count too."

func versionCommits(in []forge.Commit) []tagging.Commit {
	out := make([]tagging.Commit, len(in))
	for i, c := range in {
		out[i] = tagging.Commit{SHA: c.SHA, Message: c.Message, Merge: len(c.Parents) > 1, Author: c.Author.Login, AuthorName: c.AuthorName}
	}
	return out
}

// wish is a version that somebody asks for, and how; asked empty: nobody does.
type wish struct{ asked, by string }

// wished is what a command asks for, if anything.
func wished(q *request, version string) wish {
	return wish{asked: version, by: fmt.Sprintf("/%s %s by %s", q.Name, version, q.by.Login)}
}

// versionFor is the version of a release that is started: computed, or as asked for. A version that cannot be given is a
// *userError.
func (s *session) versionFor(ctx context.Context, line, head string, want wish) (tagging.Version, tagging.Explanation, error) {
	var set *tagging.Override
	if want.asked != "" {
		v, err := tagging.ParseReleaseVersion(want.asked)
		if err != nil {
			return tagging.Version{}, nil, &userError{prose(err.Error()) + "."}
		}
		set = &tagging.Override{Version: v, By: want.by}
	}
	res, err := s.nextVersion(ctx, line, head, set)
	return res.Version, res.Explanation, refusedVersion(err)
}

// hotfixVersion is the version of a hotfix of a release. except is the ID of the hotfix itself, where it is open already.
func (s *session) hotfixVersion(ctx context.Context, from tagging.Version, id, except string) (tagging.Version, tagging.Explanation, error) {
	log, open, err := s.history(ctx, except)
	if err != nil {
		return tagging.Version{}, nil, err
	}
	res, err := tagging.NextHotfix(tagging.HotfixRequest{
		Log: log, ID: id, From: from, Mode: tagging.HotfixMode(s.cfg.Versioning.Hotfix), Open: open,
	})
	return res.Version, res.Explanation, refusedVersion(err)
}

// refusedVersion turns a refusal into a sentence for who asked.
func refusedVersion(err error) error {
	var no *tagging.RefusedError
	if errors.As(err, &no) {
		return &userError{prose(no.Error()) + "."}
	}
	return err
}

// mends is the version that a hotfix made by hand mends: what production runs, or the highest of its support line.
func (s *session) mends(ctx context.Context, line string) (tagging.Version, error) {
	if line == "" {
		_, v, err := s.running(ctx, "")
		return v, err
	}
	_, high, err := s.lineStart(ctx, line)
	return high.Version, err
}

// nameRelease gives a release that somebody made by pushing a branch its version and tag.
func (s *session) nameRelease(ctx context.Context, r *store.Release, branch gitflow.Branch) error {
	var v tagging.Version
	var why tagging.Explanation
	var err error
	if branch.Kind == gitflow.KindHotfix {
		if err := tagging.CheckHotfixID(branch.ID); err != nil {
			return &userError{err.Error()}
		}
		var from tagging.Version
		if from, err = s.mends(ctx, r.Line); err != nil {
			return err
		}
		v, why, err = s.hotfixVersion(ctx, from, branch.ID, "")
	} else {
		v, why, err = s.versionFor(ctx, r.Line, r.HeadSHA, wish{branch.Version, "branch " + branch.Name})
	}
	if err != nil {
		return err
	}
	return s.giveVersion(r, v, why)
}

// revision is a SHA as image tags have it.
func (s *session) revision(sha string) string {
	rev, err := tagging.Revision(sha, s.cfg.Versioning.RevisionLength)
	if err != nil {
		return short(sha)
	}
	return rev
}

// nameImage gives an execution the version it builds and the image reference it pushes.
func (s *session) nameImage(ctx context.Context, x *store.Execution, q startRequest) error {
	tag, version, err := s.imageTag(ctx, x, q)
	if err != nil {
		var no *tagging.RefusedError
		if !errors.As(err, &no) {
			return fmt.Errorf("image tag of %s at %s: %w", q.branch.Name, short(q.sha), err)
		}
		s.log.WarnContext(ctx, "no version", "branch", q.branch.Name, "err", err)
		return nil // reported by the release; the pipeline runs without a version
	}
	x.Version = version
	if s.cfg.Registries.Development != "" {
		x.Image = s.cfg.Registries.Development + ":" + tag.String()
	}
	return nil
}

func (s *session) imageTag(ctx context.Context, x *store.Execution, q startRequest) (tagging.ImageTag, string, error) {
	rev := s.revision(q.sha)
	switch {
	case q.release != nil:
		v, err := tagging.ParseVersion(q.release.Version)
		if err != nil {
			return tagging.ImageTag{}, "", err
		}
		if q.release.Kind == pipeline.KindHotfix {
			tag, err := tagging.HotfixTag(v, q.release.HotfixID, rev)
			return tag, v.String(), err
		}
		tag, err := tagging.CandidateTag(v, rev)
		return tag, v.String(), err
	case x.Kind == pipeline.KindDevelopment || x.Kind == pipeline.KindSupport:
		v, err := s.snapshotVersion(ctx, q.branch.Line, q.sha)
		if err != nil {
			return tagging.ImageTag{}, "", err
		}
		tag, err := tagging.SnapshotTag(v, rev)
		return tag, v.String(), err
	}
	tag, err := tagging.FeatureTag(q.branch.Name, rev)
	return tag, "", err
}

// promotedTagOf is the tag under which a candidate's image enters the production registry.
func (s *session) promotedTagOf(image string) string {
	tag, err := tagging.ParseImageTag(tagOf(image))
	if err != nil {
		return ""
	}
	promoted, err := tag.Promoted()
	if err != nil {
		return ""
	}
	return promoted.String()
}

// promotedTag is the same for a release.
func (s *session) promotedTag(r *store.Release) string {
	if r.CandidateImage != "" {
		return s.promotedTagOf(r.CandidateImage)
	}
	return r.Version
}

// cmdVersionSet gives an open release another version: a new branch at the same head, the old one given up.
func (s *session) cmdVersionSet(ctx context.Context, q *request) (string, error) {
	r, err := needRelease(q)
	if err != nil {
		return "", err
	}
	if r.Kind != pipeline.KindRelease {
		return "", &userError{"A hotfix has the version its ID gives it; start another one with another ID."}
	}
	v, why, err := s.versionFor(ctx, r.Line, r.HeadSHA, wished(q, q.Arg(0)))
	if err != nil {
		return "", err
	}
	return s.recut(ctx, q, r, v, why)
}

// cmdVersionBump cuts the next release from this head: the way on once a version is spent.
func (s *session) cmdVersionBump(ctx context.Context, q *request) (string, error) {
	r, err := needRelease(q)
	if err != nil {
		return "", err
	}
	if r.Kind != pipeline.KindRelease {
		return "", &userError{"A hotfix whose version is spent goes on under another ID: `/hotfix start <id>`."}
	}
	part := tagging.Bump(q.Arg(0))
	if part != tagging.Major && part != tagging.Minor && part != tagging.Patch {
		return "", &userError{"Say which part rises: `/version bump major`, `minor` or `patch`."}
	}
	now, err := tagging.ParseVersion(r.Version)
	if err != nil {
		return "", err
	}
	v, err := now.Core().Bump(part)
	if err != nil {
		return "", refusedVersion(err)
	}
	v, why, err := s.versionFor(ctx, r.Line, r.HeadSHA, wish{v.String(), fmt.Sprintf("/version bump %s by %s", part, q.by.Login)})
	if err != nil {
		return "", err
	}
	return s.recut(ctx, q, r, v, why)
}

// recut replaces a release by one with another version at the same head.
func (s *session) recut(ctx context.Context, q *request, r *store.Release, v tagging.Version, why tagging.Explanation) (string, error) {
	if r.Status == store.ReleasePromoting || r.Status == store.ReleaseReleased {
		return "", &userError{fmt.Sprintf("%s is %s; its version stands.", code(r.Version), r.Status)}
	}
	next := store.Release{
		ID: store.NewID(), RepoID: s.repo.ID, Kind: r.Kind, Component: r.Component, Line: r.Line,
		Branch: releaseBranch(s.names(), v), CutSHA: r.HeadSHA, HeadSHA: r.HeadSHA, SHA: r.HeadSHA, Status: store.ReleaseOpen,
		StartedBy: q.by, Origin: fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line), StartedAt: s.b.Now(), UpdatedAt: s.b.Now(),
	}
	if err := s.giveVersion(&next, v, why); err != nil {
		return "", err
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("%s would be cut at %s, and this pull request closed.", code(next.Branch), short(next.CutSHA)))
	}
	q.said = fmt.Sprintf("The release goes on as %s.%s", code(next.Version), warningsText(why))
	err := s.b.Store.Write(ctx, func(tx *store.Tx) error {
		old, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		old.Status, old.Reason, old.UpdatedAt = store.ReleaseAbandoned, goesOnAs(next.Version), s.b.Now()
		if err := tx.SaveRelease(ctx, old); err != nil {
			return err
		}
		if err := tx.SaveRelease(ctx, next); err != nil {
			return err
		}
		s.touch(old.ID)
		s.touch(next.ID)
		if err := s.auditIn(ctx, tx, q.by, "version.change", r.Key(), "now "+next.Version, nil); err != nil {
			return err
		}
		return q.done(tx)
	})
	return q.said, err
}

// releaseBranch is the name of the branch of a version.
func releaseBranch(n gitflow.Names, v tagging.Version) string {
	name, err := n.ReleaseBranch(v.String())
	if err != nil { // no version of a release: nothing is cut for it
		return ""
	}
	return name
}
