package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// cmdReleaseStart decides on a new release and records it; the branch and the pull request are the walk's first steps.
func (s *session) cmdReleaseStart(ctx context.Context, q *request) (string, error) {
	origin := fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line)
	if r, err := s.startedBefore(ctx, origin); err != nil {
		return "", err
	} else if r != nil {
		return s.begin(ctx, q, r)
	}
	w := &world{phase: phaseStart}
	w.State = gitflow.State{Kind: gitflow.KindRelease}
	r := store.Release{
		ID: store.NewID(), RepoID: s.repo.ID, Kind: pipeline.KindRelease, Component: s.component(), Status: store.ReleaseOpen,
		StartedBy: q.by, Origin: origin, StartedAt: s.b.Now(), UpdatedAt: s.b.Now(),
	}
	line, known, err := s.namedLine(ctx, q.Flag("from"))
	if err != nil {
		return "", err
	}
	if known {
		r.Line = line
	}
	if err := s.lookBranches(ctx, &store.Release{Branch: s.names().Development, Line: r.Line}, w); err != nil {
		return "", err
	}
	w.Names = s.namesOf(&r)
	from := w.Development.SHA
	if r.Line != "" {
		if from, _, err = s.lineStart(ctx, r.Line); err != nil {
			return "", err
		}
	} else if given := q.Flag("from"); given != "" {
		c, err := s.gh.Commit(ctx, given)
		if err != nil {
			return "", notThere(err, fmt.Sprintf("There is no commit %s here.", code(given)))
		}
		from = c.SHA
	}
	v, explanation, err := s.versionFor(ctx, r.Line, from, wished(q, q.Arg(0)))
	if err != nil {
		return "", err
	}
	r.CutSHA, r.HeadSHA, r.SHA = from, from, from
	if err := s.giveVersion(&r, v, explanation); err != nil {
		return "", err
	}
	r.Branch = releaseBranch(s.names(), v)
	if err := s.startFacts(ctx, &r, w, q); err != nil {
		return "", err
	}
	plan := gitflow.PlanStart(w.State)
	if plan.Refused != "" {
		return "", &userError{s.refusedPlan(plan, w)}
	}
	if no := s.firstBlock(plan); no != "" {
		return "", &userError{no}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("Version %s:\n\n%s\n\nThe plan:\n\n%s", code(r.Version), explanation.Markdown(), codeBlock("", plan.String())))
	}
	q.said = fmt.Sprintf("%s is started at %s; its branch is %s, and its pull request follows.%s",
		code(r.Version), short(from), code(r.Branch), warningsText(explanation))
	if err := s.recordStart(ctx, q, &r); err != nil {
		return "", err
	}
	return s.begin(ctx, q, &r)
}

// refusedPlan tells why a plan is refused, with every obstacle that is fatal.
func (s *session) refusedPlan(plan gitflow.Plan, w *world) string {
	var b strings.Builder
	b.WriteString(plan.Refused.Markdown(code))
	for _, o := range w.Obstacles {
		if o.Fatal {
			fmt.Fprintf(&b, "\n- %s %s", o.Problem.Markdown(code), o.Remedy.Markdown(code))
		}
	}
	return b.String()
}

// firstBlock is what a person must do before the first step that is not done.
func (s *session) firstBlock(plan gitflow.Plan) string {
	if _, ok := plan.Next(); ok {
		return ""
	}
	return s.missing(plan)
}

func (s *session) cmdReleaseAbandon(ctx context.Context, q *request) (string, error) {
	r, err := s.abandonable(ctx, q)
	if err != nil {
		return "", err
	}
	if r.Status != store.ReleaseOpen && !(r.Status == store.ReleaseFailed && r.ProductionDigest == "") {
		return "", &userError{fmt.Sprintf("%s is %s and cannot be abandoned; `/rollback` takes production back.", code(r.Version), r.Status)}
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("The pipelines of %s would be stopped, its pull request closed, and the branch deleted.", code(r.Branch)))
	}
	if q.release == nil {
		q.said = fmt.Sprintf("%s is given up.", code(r.Version))
	}
	return q.said, s.b.Store.Write(ctx, func(tx *store.Tx) error {
		now, err := tx.Release(ctx, r.ID)
		if err != nil {
			return err
		}
		now.Status, now.Reason, now.UpdatedAt = store.ReleaseAbandoned, q.Flag("reason"), s.b.Now()
		if err := tx.SaveRelease(ctx, now); err != nil {
			return err
		}
		s.touch(r.ID)
		s.mark(r.HeadSHA)
		if err := s.auditIn(ctx, tx, q.by, r.Kind+".abandon", r.Key(), q.Flag("reason"), nil); err != nil {
			return err
		}
		return q.done(tx)
	})
}

// abandonable is the release of this pull request; anywhere else the one that has no pull request yet, such as a hotfix
// without a commit, if there is just one.
func (s *session) abandonable(ctx context.Context, q *request) (*store.Release, error) {
	if q.release != nil {
		return q.release, nil
	}
	var live []store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		live, err = tx.LiveReleases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	live = slices.DeleteFunc(live, func(r store.Release) bool { return r.Pull != 0 })
	if len(live) != 1 {
		return needRelease(q)
	}
	return &live[0], nil
}

// cmdHotfixStart decides on a hotfix of what production runs, or of a named version.
func (s *session) cmdHotfixStart(ctx context.Context, q *request) (string, error) {
	id, origin := q.Arg(0), fmt.Sprintf("%s %d:%d", q.via, q.comment, q.Line)
	if r, err := s.startedBefore(ctx, origin); err != nil {
		return "", err
	} else if r != nil {
		return s.begin(ctx, q, r)
	}
	if err := tagging.CheckHotfixID(id); err != nil {
		return "", &userError{prose(err.Error()) + "."}
	}
	if n := utf8.RuneCountInString(q.Arg(1)); n > maxTitle {
		return "", &userError{fmt.Sprintf("The title has %d characters, and a title has %d at most.", n, maxTitle)}
	}
	branch, err := s.names().HotfixBranch(id)
	if err != nil {
		return "", &userError{prose(err.Error()) + "."}
	}
	from, version, line, err := s.mended(ctx, q.Flag("from"))
	if err != nil {
		return "", err
	}
	w := &world{phase: phaseStart}
	w.State = gitflow.State{Kind: gitflow.KindHotfix}
	r := store.Release{
		ID: store.NewID(), RepoID: s.repo.ID, Kind: pipeline.KindHotfix, Component: s.component(), HotfixID: id, Line: line, Status: store.ReleaseOpen,
		Branch: branch, CutSHA: from, HeadSHA: from,
		StartedBy: q.by, Origin: origin, StartedAt: s.b.Now(), UpdatedAt: s.b.Now(),
	}
	v, explanation, err := s.hotfixVersion(ctx, version, id, "")
	if err != nil {
		return "", err
	}
	if err := s.giveVersion(&r, v, explanation); err != nil {
		return "", err
	}
	if err := s.lookBranches(ctx, &r, w); err != nil {
		return "", err
	}
	w.Names = s.namesOf(&r)
	head := w.Head
	if err := s.startFacts(ctx, &r, w, q); err != nil {
		return "", err
	}
	w.Head, w.Start.Green = head, gitflow.Yes
	if line == "" {
		on, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: w.Production.SHA, Head: from})
		if err != nil {
			return "", err
		}
		w.Start.OnLine = gitflow.No
		if on.Contains() {
			w.Start.OnLine = gitflow.Yes
		}
	}
	plan := gitflow.PlanStart(w.State)
	switch {
	case plan.Refused != "":
		return "", &userError{s.refusedPlan(plan, w)}
	case head != "" && head != from:
		return "", &userError{fmt.Sprintf("The branch %s exists already, at %s.", code(r.Branch), short(head))}
	case q.DryRun:
		return s.dry(ctx, q, fmt.Sprintf("Version %s:\n\n%s\n\nThe plan:\n\n%s", code(r.Version), explanation.Markdown(), codeBlock("", plan.String())))
	}
	what := "what production runs"
	if r.Line != "" {
		what = "the head of " + code(s.supportBranch(r.Line))
	}
	q.said = fmt.Sprintf("%s is cut from %s, %s, and will be %s. Push the fix there; the pull request opens with the first commit:\n\n%s",
		code(r.Branch), short(from), what, code(r.Version), codeBlock("sh", "git fetch origin && git switch "+gitflow.Quote(r.Branch)))
	if err := s.recordStart(ctx, q, &r); err != nil {
		return "", err
	}
	return s.begin(ctx, q, &r)
}

// mended is the commit that a hotfix is cut from, the version it mends, and the support line it belongs to, if any: the one
// that --from names, or the one that production was taken back to.
func (s *session) mended(ctx context.Context, from string) (sha string, v tagging.Version, line string, err error) {
	line, known, err := s.namedLine(ctx, from)
	if err != nil {
		return "", v, "", err
	}
	if !known {
		if sha, v, err = s.running(ctx, from); err != nil {
			return "", v, "", err
		}
		err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
			r, err := tx.ReleaseByVersion(ctx, s.repo.ID, s.component(), v.String())
			line = r.Line
			return ignoreMissing(err)
		})
		if err != nil || line == "" {
			return sha, v, "", err
		}
	}
	sha, high, err := s.lineStart(ctx, line)
	return sha, high.Version, line, err
}

// running is the commit to mend and the version that production runs, or those of a named version. The commit is the
// merge of that release into production, so that a hotfix contains it too; where Sluice deployed nothing yet, the
// production branch says what runs.
func (s *session) running(ctx context.Context, version string) (sha string, v tagging.Version, err error) {
	var env store.Environment
	var tags []store.Tag
	var releases []store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if env, err = tx.Environment(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction)); err != nil {
			return err
		}
		if tags, err = tx.Tags(ctx, s.repo.ID); err != nil {
			return err
		}
		releases, err = tx.Releases(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return "", v, err
	}
	if version == "" && env.SHA != "" && env.Version != "" {
		if v, err = tagging.ParseVersion(env.Version); err != nil {
			return "", v, err
		}
		sha, err = s.mergedAt(ctx, env.Version, env.SHA)
		return sha, v, err
	}
	log := s.releaseLog(tags, releases)
	if version != "" {
		if v, err = tagging.ParseVersion(version); err != nil {
			return "", v, &userError{prose(err.Error()) + "."}
		}
		rec, ok := log.Find(v)
		if !ok {
			return "", v, &userError{fmt.Sprintf("There is no release %s.", code(version))}
		}
		sha, err = s.mergedAt(ctx, version, rec.SHA)
		return sha, v, err
	}
	rec, ok := log.Highest(tagging.Trunk())
	if !ok {
		return "", v, &userError{"Nothing was released yet, so there is nothing to hotfix; `/release start` begins the first release."}
	}
	sha, err = s.head(ctx, s.names().Production)
	return sha, rec.Version, err
}

// mergedAt is the commit of production that brought a version, else the commit that was released.
func (s *session) mergedAt(ctx context.Context, version, released string) (string, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByVersion(ctx, s.repo.ID, s.component(), version)
		return ignoreMissing(err)
	})
	if err == nil && r.ProductionTip != "" && r.SHA == released {
		return r.ProductionTip, nil
	}
	return released, err
}

// notThere turns ErrNotFound into a sentence for who asked.
func notThere(err error, text string) error {
	if errors.Is(err, forge.ErrNotFound) {
		return &userError{text}
	}
	return err
}
