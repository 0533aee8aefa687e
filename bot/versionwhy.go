package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/tagging"
)

// giveVersion gives a release its version and the tag of it, and notes why it is that one.
func (s *session) giveVersion(r *store.Release, v tagging.Version, why tagging.Explanation) error {
	raw, err := json.Marshal(why)
	r.Version, r.Tag, r.VersionWhy = v.String(), s.cfg.Versioning.Tag.Print(v), string(raw)
	return err
}

// whyOf is what was noted when a release got its version.
func whyOf(r *store.Release) (tagging.Explanation, error) {
	var why tagging.Explanation
	if r.VersionWhy == "" {
		return nil, nil
	}
	return why, json.Unmarshal([]byte(r.VersionWhy), &why)
}

// warningsText is what somebody who starts a release should know about its version; empty where nothing is odd.
func warningsText(why tagging.Explanation) string {
	if w := why.Warnings(); len(w) > 0 {
		return "\n\n" + w.Markdown()
	}
	return ""
}

// sinceStart is what the commits that came onto the branch of a release or hotfix since it was cut mean for its version.
func (s *session) sinceStart(ctx context.Context, r *store.Release) (tagging.Explanation, error) {
	if r.CutSHA == "" || r.HeadSHA == "" {
		return nil, nil
	}
	v, err := tagging.ParseVersion(r.Version)
	if err != nil {
		return nil, err
	}
	_, raw, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: r.CutSHA, Head: r.HeadSHA})
	if err != nil {
		return nil, err
	}
	if r.Kind == pipeline.KindHotfix {
		return s.hotfixSinceStart(ctx, r, v, raw.Commits)
	}
	q := tagging.Request{}
	if q.Line, err = versionLine(r.Line); err != nil {
		return nil, err
	}
	if q.Log, q.Open, err = s.history(ctx, r.ID); err != nil {
		return nil, err
	}
	mine, complete, err := s.own(ctx, r.HeadSHA, raw.Commits)
	if err != nil {
		return nil, err
	}
	q.Commits, q.Elsewhere = versionCommits(mine), versionCommits(lacking(raw.Commits, mine))
	switch {
	case raw.Truncated:
		q.Incomplete = "There are more commits since the release was cut than GitHub lists, and not all of them were looked at."
	case !complete:
		q.Incomplete = othersCount
	}
	return tagging.CandidateOf(v, q).Explanation, nil
}

// hotfixSinceStart is sinceStart of a hotfix, whose version rests on what it mends, whatever its commits say. What came with
// production, or with the support line, counted there.
func (s *session) hotfixSinceStart(ctx context.Context, r *store.Release, v tagging.Version, commits []forge.Commit) (tagging.Explanation, error) {
	if len(tagging.HotfixTrailers(v, versionCommits(commits))) == 0 {
		return nil, nil
	}
	target := s.names().Production
	if r.Line != "" {
		target = s.supportBranch(r.Line)
	}
	base, err := s.head(ctx, target)
	if err != nil || base == "" {
		return nil, err
	}
	_, ahead, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: base, Head: r.HeadSHA})
	if err != nil {
		return nil, err
	}
	return tagging.HotfixTrailers(v, versionCommits(among(commits, ahead.Commits))), nil
}

// versionNotes are the warnings about the version of a release that is open: from when it was started, and from what came
// since.
func (s *session) versionNotes(ctx context.Context, r *store.Release) (tagging.Explanation, error) {
	if r.Status != store.ReleaseOpen {
		return nil, nil
	}
	why, err := whyOf(r)
	if err != nil {
		return nil, err
	}
	since, err := s.sinceStart(ctx, r)
	return append(why.Warnings(), since.Warnings()...), err
}

// cmdVersionExplain tells a version and why it is that one: of the release on whose pull request it is asked, else the next
// one of development.
func (s *session) cmdVersionExplain(ctx context.Context, q *request) (string, error) {
	if r := q.release; r != nil {
		why, err := whyOf(r)
		if err != nil {
			return "", err
		}
		since, err := s.sinceStart(ctx, r)
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("This is %s.", code(r.Version))
		if len(why) > 0 {
			text += "\n\nWhen it was started:\n\n" + why.Markdown()
		}
		if len(since) > 0 {
			text += "\n\nSince it was cut:\n\n" + since.Markdown()
		}
		return s.finishWith(ctx, q, text)
	}
	head, err := s.head(ctx, s.names().Development)
	if err != nil {
		return "", err
	}
	res, err := s.nextVersion(ctx, "", head, nil)
	var no *tagging.RefusedError
	if errors.As(err, &no) { // somebody asked for a version that cannot be: that is the answer
		return s.finishWith(ctx, q, fmt.Sprintf("There is no next version: %s.\n\n%s", prose(no.Error()), no.Explanation.Markdown()))
	}
	if err != nil {
		return "", err
	}
	return s.finishWith(ctx, q, fmt.Sprintf("The next version is %s.\n\n%s", code(res.Version.String()), res.Explanation.Markdown()))
}

// cockpitAt makes a pull request the release's: that which was opened for it, or is found to be.
func (s *session) cockpitAt(ctx context.Context, r *store.Release, number int) error {
	if err := s.orderNotice(ctx, r, number); err != nil {
		return err
	}
	return s.updateRelease(ctx, r, func(r *store.Release) { r.Pull = number })
}

// orderNotice says once in a repository that versions with a hotfix's ID are not in the order of their text: on the first pull
// request of such a hotfix.
func (s *session) orderNotice(ctx context.Context, r *store.Release, number int) error {
	v, err := tagging.ParseVersion(r.Version)
	if err != nil || v.Hotfix == "" {
		return err
	}
	key := fmt.Sprintf("semver-order/%d", s.repo.ID)
	said := ""
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		said, err = tx.Setting(ctx, key)
		return ignoreMissing(err)
	})
	if err != nil || said != "" && said != r.ID {
		return err
	}
	text := fmt.Sprintf("By the rules of SemVer %s sorts below %s, though it comes after it. Sluice goes by its release log and never by the text, "+
		"and calls the right release the latest; a tool of yours that sorts tags may be misled. With `versioning.hotfix: patch` hotfixes raise the patch number instead. "+
		"This is said once.", code(r.Version), code(v.Core().String()))
	if err := s.say(ctx, number, "semver-order", text); err != nil {
		return err
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error { return tx.SetSetting(ctx, key, r.ID) })
}

// outrun tells which later version a candidate would take back: what production runs, or what its support line has released,
// is ahead of it. The zero Version: none is.
func (s *session) outrun(ctx context.Context, r *store.Release, runs string) (tagging.Version, error) {
	v, err := tagging.ParseVersion(r.Version)
	if err != nil {
		return tagging.Version{}, err
	}
	ahead, err := tagging.ParseVersion(runs)
	if err != nil {
		ahead = tagging.Version{} // nothing of ours runs
	}
	if r.Line != "" {
		_, high, err := s.lineStart(ctx, r.Line)
		if err != nil {
			return tagging.Version{}, err
		}
		ahead = high.Version
	}
	if ahead.CompareCore(v) > 0 {
		return ahead, nil
	}
	return tagging.Version{}, nil
}

// renumber gives a hotfix that another version has overtaken a new one, once its branch has what production runs: its branch is
// named by its ID, so nothing else changes, and its image is built anew for the new head.
func (s *session) renumber(ctx context.Context, r *store.Release, head string) error {
	if r.Kind != pipeline.KindHotfix {
		return nil
	}
	var env store.Environment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		env, err = tx.Environment(ctx, s.repo.ID, s.env(pipeline.EnvironmentProduction))
		return err
	})
	if err != nil {
		return err
	}
	ahead, err := s.outrun(ctx, r, env.Version)
	if err != nil || ahead.IsZero() {
		return err
	}
	has := env.SHA
	if r.Line != "" {
		if has, err = s.head(ctx, s.supportBranch(r.Line)); err != nil {
			return err
		}
	}
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: head, Head: has})
	if err != nil || !c.Contains() {
		return err // it lacks a commit, and is told so
	}
	v, why, err := s.hotfixVersion(ctx, ahead, r.HotfixID, r.ID)
	if err != nil {
		return err
	}
	was, named := r.Version, *r
	if err := s.giveVersion(&named, v, why); err != nil {
		return err
	}
	give := func(r *store.Release) { r.Version, r.Tag, r.VersionWhy = named.Version, named.Tag, named.VersionWhy }
	err = s.updateRelease(ctx, r, give, func(tx *store.Tx) error {
		return s.auditIn(ctx, tx, r.StartedBy, "version.change", was, "now "+r.Version+", since production has "+ahead.String(), nil)
	})
	if err != nil {
		return err
	}
	if r.Pull == 0 {
		return nil
	}
	return s.say(ctx, r.Pull, "renumbered-"+r.Version, fmt.Sprintf("%s was released meanwhile, so this hotfix is %s and no longer %s. Its image is built anew.",
		code(ahead.String()), code(r.Version), code(was)))
}

// versionRow is a line of a status comment about a release's version.
func versionRow(r *store.Release, notes tagging.Explanation) string {
	text := code(r.Version) + "; `/version explain` tells why"
	if r.Line != "" {
		text += ", on the support line " + code(r.Line)
	}
	if len(notes) > 0 {
		text += "; see below"
	}
	return text
}
