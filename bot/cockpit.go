package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// cockpitMark names the one status comment of a pull request, which is edited in place.
const cockpitMark = "status"

// joinCockpit gives a pull request its status comment once somebody gave a command there.
func (s *session) joinCockpit(ctx context.Context, e event.Comment) error {
	if !e.IsPullRequest {
		return nil
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		p, err := tx.Pull(ctx, s.repo.ID, e.Number)
		if err != nil {
			return ignoreMissing(err)
		}
		s.pullCockpits[e.Number] = true
		if p.Cockpit {
			return nil
		}
		p.Cockpit = true
		return tx.SavePull(ctx, p)
	})
}

// reportCockpits brings the status comments of this handling's releases and pull requests up to date.
func (s *session) reportCockpits(ctx context.Context) error {
	if err := s.releaseCockpits(ctx); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.cockpits)) {
		r, err := s.release(ctx, id)
		if err != nil {
			return err
		}
		if r == nil || r.Pull == 0 {
			continue
		}
		delete(s.pullCockpits, r.Pull)
		text, err := s.releaseText(ctx, r)
		if err != nil {
			return err
		}
		if err := s.status(ctx, r.Pull, text); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.pullCockpits)) {
		if err := s.pullStatus(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// releaseCockpits finds the pull requests that are a release's: those have the release's status comment.
func (s *session) releaseCockpits(ctx context.Context) error {
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		for n := range s.pullCockpits {
			r, err := tx.ReleaseByPull(ctx, s.repo.ID, n)
			if ignoreMissing(err) != nil {
				return err
			}
			if err == nil {
				s.cockpits[r.ID] = true
			}
		}
		return nil
	})
}

// status writes or edits the status comment.
func (s *session) status(ctx context.Context, issue int, text string) error {
	var known store.Comment
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Comment(ctx, s.repo.ID, issue, cockpitMark)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:12])
	if known.Hash == hash {
		return nil
	}
	id, err := s.writeStatus(ctx, issue, known.CommentID, text+"\n\n"+hiddenMark(cockpitMark), hash)
	if err != nil {
		return ignoreNotFound(err)
	}
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.SaveComment(ctx, store.Comment{
			RepoID: s.repo.ID, Issue: issue, Marker: cockpitMark, CommentID: id, Hash: hash, UpdatedAt: s.b.Now(),
		})
	})
}

// writeStatus edits the status comment that is known, or makes one where there is none: there never was, or somebody
// deleted it.
func (s *session) writeStatus(ctx context.Context, issue int, known int64, body, hash string) (int64, error) {
	key := fmt.Sprintf("%d:%s", issue, cockpitMark)
	if known != 0 {
		err := s.b.repeat(ctx, harmless{
			kind: effectEditComment, key: key, why: "it sets one comment of ours to a text that is computed anew, and is done while another text is recorded",
			act: func(ctx context.Context) error { return s.gh.EditComment(ctx, known, body) },
		})
		if !errors.Is(err, forge.ErrNotFound) {
			return known, err
		}
		key += fmt.Sprintf("#%d", known)
	}
	return do(ctx, s, effect[int64]{
		kind: effectComment, key: key, intent: hash,
		probe: func(ctx context.Context) (int64, bool, error) {
			all, err := s.gh.Comments(ctx, issue)
			for _, c := range all {
				if c.Author.ID == s.us.UserID && strings.Contains(c.Body, hiddenMark(cockpitMark)) {
					return c.ID, true, nil
				}
			}
			return 0, false, err
		},
		act: func(ctx context.Context) (int64, error) {
			c, err := s.gh.CreateComment(ctx, issue, body)
			return c.ID, err
		},
	})
}

// releaseText is the status comment of a release or hotfix.
func (s *session) releaseText(ctx context.Context, r *store.Release) (string, error) {
	s = s.in(r.Component)
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s: %s\n\n", title(r.Kind), code(r.Version), r.Status)
	next, ship, given := "", "", ""
	if notice := s.configNotice(); notice != "" {
		b.WriteString(notice + "\n")
	}
	if ph, any := phaseOf(r); any && r.Status.Live() && r.Status != store.ReleaseFailed {
		w, err := s.look(ctx, r, ph)
		if err != nil {
			return "", err
		}
		next, given = gitflow.NextStep(w.State), givenText(w.execution)
		if ph == phasePromote {
			b.WriteString(s.planText(w) + "\n")
			if ship, err = s.shipText(ctx, r, w); err != nil {
				return "", err
			}
		}
	}
	switch {
	case r.Problem != "":
		fmt.Fprintf(&b, "**%s**\n\n", prose(r.Problem))
	case next != "":
		fmt.Fprintf(&b, "**Next:** %s\n\n", prose(next))
	}
	if r.Status == store.ReleaseFailed {
		b.WriteString(remedyOfFailure + "\n\n")
	}
	returns, err := s.strandedText(ctx, r.ID)
	if err != nil {
		return "", err
	}
	b.WriteString(returns)
	if r.Reason != "" {
		fmt.Fprintf(&b, "Reason: %s\n\n", code(r.Reason))
	}
	b.WriteString("| | |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, value)
		}
	}
	row("Branch", code(r.Branch))
	row("Commit", shortOr(r.SHA))
	if r.CandidateImage != "" {
		row("Candidate", code(r.CandidateImage))
	}
	if r.CandidateDigest != "" {
		row("Digest", code(r.CandidateDigest))
	}
	row("Variables", strings.ReplaceAll(given, "|", "\\|"))
	if r.ProductionImage != "" {
		row("Production image", code(r.ProductionImage))
	}
	if r.Status == store.ReleasePromoting || r.Status == store.ReleaseReleased || r.Status == store.ReleaseFailed {
		if r.HeadSHA != r.SHA {
			row("Not in this release", "the commits of the branch after "+short(r.SHA))
		}
	}
	notes, err := s.versionNotes(ctx, r)
	if err != nil {
		return "", err
	}
	row("Version", versionRow(r, notes))
	places, err := s.placeText(ctx, r)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		row(title(name), places[name])
	}
	var e store.Emergency
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		e, err = tx.EmergencyByRelease(ctx, r.ID)
		return ignoreMissing(err)
	})
	if err != nil {
		return "", err
	}
	row("Emergency", emergencyText(e))
	row("Page", s.releaseURL(r))
	if len(notes) > 0 {
		b.WriteString("\n" + notes.Markdown())
	}
	b.WriteString("\n" + ship + "`/help` lists what you may do here.")
	return b.String(), nil
}

// remedyOfFailure is what people can do about a promotion that failed.
const remedyOfFailure = "`/retry` tries the same digest again; `/rollback` takes production back."

func shortOr(sha string) string {
	if sha == "" {
		return ""
	}
	return short(sha)
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// pullStatus is the status comment of any other pull request: once a rule is broken or a command was given.
func (s *session) pullStatus(ctx context.Context, number int) error {
	var p store.Pull
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.Pull(ctx, s.repo.ID, number)
		return ignoreMissing(err)
	})
	if err != nil || !p.Cockpit {
		return err
	}
	at, err := s.gather(ctx, p.HeadSHA)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, q := range at.pulls {
		if q.Number != number {
			continue
		}
		v := at.findings[i].Verdict
		fmt.Fprintf(&b, "### %s\n\n", v.Title.Markdown(code))
		for _, why := range s.stopped(at.stops, q, q.BaseBranch) {
			fmt.Fprintf(&b, "**%s**\n\n", prose(why))
		}
		for _, x := range v.Violations {
			fmt.Fprintf(&b, "- %s %s\n", x.Problem.Markdown(code), x.Remedy.Markdown(code))
			if len(x.Commands) > 0 {
				b.WriteString("\n" + codeBlock("sh", strings.Join(x.Commands, "\n")) + "\n")
			}
		}
	}
	for _, x := range at.executions {
		fmt.Fprintf(&b, "\n%s pipeline at %s: %s\n", title(x.Kind), short(x.SHA), prose(pipeline.Why(x.State, s.b.Now())))
	}
	if b.Len() == 0 {
		return nil
	}
	if notice := s.configNotice(); notice != "" {
		b.WriteString("\n" + notice)
	}
	b.WriteString("\n`/help` lists what you may do here.")
	return s.status(ctx, number, b.String())
}

// statusText answers /status.
func (s *session) statusText(ctx context.Context, only string) (string, error) {
	var envs []store.Environment
	var live []store.Release
	var active []store.Execution
	var owed []store.Emergency
	var list stopList
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if owed, err = tx.OwedReviews(ctx, s.repo.ID); err != nil {
			return err
		}
		if envs, err = tx.Environments(ctx, s.repo.ID); err != nil {
			return err
		}
		if list, err = s.stops(ctx, tx); err != nil {
			return err
		}
		if live, err = tx.LiveReleases(ctx, s.repo.ID); err != nil {
			return err
		}
		active, err = tx.ActiveExecutions(ctx, s.repo.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	back, err := s.strandedNow(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if notice := s.configNotice(); notice != "" {
		b.WriteString(notice + "\n")
	}
	found := false
	for _, e := range s.withStopped(envs, list) {
		if only != "" && e.Name != only {
			continue
		}
		if !found {
			b.WriteString("| Environment | Runs | Digest | |\n|---|---|---|---|\n")
		}
		found = true
		version := e.Version
		if version == "" {
			version = short(e.SHA)
		}
		cell := func(s string) string {
			if s == "" {
				return ""
			}
			return code(s)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(e.Name), cell(version), cell(shortDigest(e.Digest)), s.remarks(list, e))
	}
	if !found && only != "" && !s.knownEnvironment(only) {
		return "", s.noEnvironment(only)
	}
	if !found && only != "" {
		return "", &userError{fmt.Sprintf("Nothing was deployed to %s yet.", code(only))}
	}
	if !found {
		b.WriteString("Nothing was deployed yet.\n")
	}
	for _, x := range back {
		if only == "" || only == x.Environment.Name {
			b.WriteString("\n- " + x.text(s))
		}
	}
	for _, r := range live {
		fmt.Fprintf(&b, "\n- %s %s is %s", r.Kind, code(r.Name()), r.Status)
		if r.Pull != 0 {
			fmt.Fprintf(&b, " in #%d", r.Pull)
		}
		if x := list.find(store.StopHold, store.StopRelease(r.ID)); x != nil {
			b.WriteString(", on hold " + prose(s.byWhom(x)))
		}
		if x := list.find(store.StopSchedule, store.StopRelease(r.ID)); x != nil && !x.Until.IsZero() {
			fmt.Fprintf(&b, ", to be promoted %s as %s asked", s.when(x), code(x.By.Login))
		}
	}
	for _, x := range list {
		if name, is := strings.CutPrefix(string(x.Target), string(store.StopBranch(""))); is {
			fmt.Fprintf(&b, "\n- the branch %s is frozen %s", code(name), prose(s.byWhom(&x)))
		}
		if x.Kind == store.StopTransition {
			_, stage, _ := strings.Cut(string(x.Target), ":")
			fmt.Fprintf(&b, "\n- the transition into %s is disabled %s", code(stage), prose(s.byWhom(&x)))
		}
	}
	for _, e := range owed {
		fmt.Fprintf(&b, "\n- %s went to production in an emergency, %s", code(e.Version), emergencyText(e))
	}
	for _, x := range active {
		fmt.Fprintf(&b, "\n- the %s pipeline of %s at %s: %s", x.Kind, code(x.Branch), short(x.SHA), prose(lowerFirst(pipeline.Why(x.State, s.b.Now()))))
	}
	return b.String(), nil
}
