package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// A support line is an old minor version that is still mended, on a branch such as support/1.4. To a release or hotfix of
// the line that branch is what production is to others: it is cut from there and merged into it, and nowhere else. Its image
// is promoted and tagged; it is deployed to production only while production runs that line.

// supportBranch is the branch of a line; "" for no line.
func (s *session) supportBranch(line string) string {
	if line == "" {
		return ""
	}
	name, err := s.names().SupportBranch(line)
	if err != nil {
		return ""
	}
	return name
}

// namesOf are the branch names as a release sees them: what it is merged into stands for production.
func (s *session) namesOf(r *store.Release) gitflow.Names {
	n := s.names()
	if branch := s.supportBranch(r.Line); branch != "" {
		n.Production = branch
	}
	return n
}

// lineOf is the support line a version is on, "1.4".
func lineOf(v tagging.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// versionLine is a line in the words of package tagging.
func versionLine(line string) (tagging.Line, error) {
	if line == "" {
		return tagging.Trunk(), nil
	}
	return tagging.ParseLine(line)
}

// undeployed tells whether production runs another line than the release's, so that the release is not deployed there.
func undeployed(r *store.Release, runs string) bool {
	if r.Line == "" || r.ProductionExecutionID != "" {
		return false
	}
	v, err := tagging.ParseVersion(runs)
	return err != nil || lineOf(v) != r.Line
}

// inProduction says what became of a released version.
func inProduction(r *store.Release) string {
	if r.Line != "" && r.ProductionExecutionID == "" {
		return fmt.Sprintf("is published for the support line %s; production runs another line and was not touched", r.Line)
	}
	return "is in production"
}

// pipelineKind is the kind of the pipeline that a release's executions run: lines may have one of their own.
func pipelineKind(cfg *config.Repo, kind, line string) string {
	if line != "" && (kind == pipeline.KindRelease || kind == pipeline.KindHotfix) && cfg.Configures(pipeline.KindSupport) {
		return pipeline.KindSupport
	}
	return hashKind(kind)
}

// namedLine is the support line that --from names: by its branch, or by a version of an older line than production runs.
// known is false when it names neither.
func (s *session) namedLine(ctx context.Context, from string) (line string, known bool, err error) {
	if from == "" {
		return "", false, nil
	}
	if b := s.classify(from); b.Kind == gitflow.KindSupport {
		if b.Line == "" {
			return "", false, &userError{fmt.Sprintf("%s names no support line; it is written like %s.", code(from), code(s.names().Support))}
		}
		return b.Line, true, nil
	}
	v, err := tagging.ParseVersion(strings.TrimPrefix(from, "v"))
	if err != nil {
		return "", false, nil //nolint:nilerr // a commit, or nothing: whoever asks says what it wants
	}
	var env store.Environment
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		env, err = tx.Environment(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction))
		return err
	})
	if err != nil {
		return "", false, err
	}
	runs, err := tagging.ParseVersion(env.Version)
	if err != nil { // Sluice deployed nothing yet: the highest release is what runs
		log, _, err := s.history(ctx, "")
		if err != nil {
			return "", false, err
		}
		high, any := log.Highest(tagging.Trunk())
		if !any {
			return "", false, nil
		}
		runs = high.Version
	}
	return lineOf(v), lineOf(v) != lineOf(runs), nil
}

// lineStart is where a release or hotfix of a line begins: the head of its branch, or where there is none yet, the commit of
// the line's highest release. The version is that release's.
func (s *session) lineStart(ctx context.Context, line string) (sha string, high tagging.ReleaseRecord, err error) {
	on, err := versionLine(line)
	if err != nil {
		return "", high, &userError{prose(err.Error()) + "."}
	}
	log, _, err := s.history(ctx, "")
	if err != nil {
		return "", high, err
	}
	high, released := log.Highest(on)
	if !released {
		return "", high, &userError{fmt.Sprintf("Nothing was released on the line %s, so there is nothing to support.", code(line))}
	}
	sha, err = s.head(ctx, s.supportBranch(line))
	if err != nil || sha != "" {
		return sha, high, err
	}
	return high.SHA, high, nil
}

// nearestLine is the support line that a branch made by hand was cut from; "" when it comes from production.
func (s *session) nearestLine(ctx context.Context, branch gitflow.Branch, head string) (string, error) {
	var heads []store.Branch
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		heads, err = tx.Branches(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	line, best := "", -1
	for _, h := range heads {
		b := s.classify(h.Name)
		if b.Kind != gitflow.KindSupport || b.Line == "" || branch.Version != "" && !strings.HasPrefix(branch.Version, b.Line+".") {
			continue
		}
		if best < 0 {
			c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: s.names().Production, Head: head})
			if err != nil {
				return "", err
			}
			best = c.AheadBy
		}
		c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: h.SHA, Head: head})
		if err != nil {
			return "", err
		}
		if !c.Missing && c.AheadBy < best {
			line, best = b.Line, c.AheadBy
		}
	}
	return line, nil
}

// supportPushed handles a new head of a support line. The branch gathers what the line's next release ships, as development
// does for the others: it is tested and built, and its releases deploy. A line that begins at a release has nothing new.
func (s *session) supportPushed(ctx context.Context, q startRequest) error {
	s.touchAll = true
	var tags []store.Tag
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		tags, err = tx.Tags(ctx, s.repo.ID)
		return err
	})
	if err != nil || len(q.branch.Flaws) > 0 {
		return err
	}
	for _, t := range tags {
		if t.SHA == q.sha {
			return nil
		}
	}
	q.branch.Deploys = false
	_, err = s.start(ctx, q)
	return err
}

// carryForward offers to bring a release of a line to newer ones. It is offered and not done: an old line's fix may not fit.
func (s *session) carryForward(ctx context.Context, r *store.Release) error {
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: r.CutSHA, Head: r.SHA})
	if err != nil || c.AheadBy == 0 {
		return err
	}
	branch := "carry-" + r.Version
	text := fmt.Sprintf("is tagged %s and merged into %s, and brought nowhere else. To carry its %d commit(s) forward to %s or a newer line:\n\n%s",
		code(r.Tag), code(s.supportBranch(r.Line)), c.AheadBy, code(s.names().Development), codeBlock("sh", strings.Join([]string{
			"git fetch origin", "git switch -c " + gitflow.Quote(branch) + " " + gitflow.Quote("origin/"+s.names().Development),
			"git cherry-pick -x " + r.CutSHA + ".." + r.SHA, "git push -u origin " + gitflow.Quote(branch),
		}, "\n")))
	return s.tell(ctx, r, "carry", text)
}

// leftOut tells whether a branch is a release branch of a support line, or left over from a release that ended: production is
// not merged back into either.
func (s *session) leftOut(ctx context.Context, branch string) (bool, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByBranch(ctx, s.repo.ID, branch)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && (r.Line != "" || !r.Status.Live()), err
}

// ofSupportLine tells whether a release branch is one of a support line: it concerns nobody else.
func ofSupportLine(ctx context.Context, tx *store.Tx, repo int64, branch string) (bool, error) {
	r, err := tx.ReleaseByBranch(ctx, repo, branch)
	return err == nil && r.Line != "", ignoreMissing(err)
}
