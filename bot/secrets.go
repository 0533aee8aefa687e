package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// scanOfPush is how what a new head brings is looked through for credentials: a branch on its way is compared with where it
// goes, a long-lived one with where it was. The zero SecretScan: there is nothing to look through.
func (s *session) scanOfPush(ctx context.Context, branch gitflow.Branch, was, now string) (store.SecretScan, error) {
	switch branch.Kind {
	case gitflow.KindBackmerge, gitflow.KindFinish, gitflow.KindIgnored:
		return store.SecretScan{}, nil // made of commits that were looked through
	case gitflow.KindRelease, gitflow.KindHotfix, gitflow.KindSupport:
		return s.scanOf(ctx, now, s.names().Production)
	case gitflow.KindDevelopment, gitflow.KindProduction:
		if was == "" {
			return store.SecretScan{}, nil
		}
		return store.SecretScan{RepoID: s.repo.ID, SHA: now, Base: branch.Name, BaseSHA: was}, nil
	}
	return s.scanOf(ctx, now, s.names().Development)
}

// scanPull has what a pull request brings looked through.
func (s *session) scanPull(ctx context.Context, pr forge.PullRequest) error {
	switch s.classify(pr.Head.Branch).Kind {
	case gitflow.KindBackmerge, gitflow.KindFinish:
		if !pr.Fork() {
			return nil
		}
	}
	return s.scanAgainst(ctx, pr.Head.SHA, pr.Base.Branch)
}

// scanAgainst has what a commit would bring to a branch looked through, once.
func (s *session) scanAgainst(ctx context.Context, sha, base string) error {
	c, err := s.scanOf(ctx, sha, base)
	if err != nil || c.SHA == "" {
		return err
	}
	return s.b.Store.WriteDelayed(ctx, func(tx *store.Tx) error { return s.beginScan(ctx, tx, c) })
}

// scanOf is how what a commit would bring to a branch is looked through. The zero SecretScan: it is, or there is nothing
// to compare with.
func (s *session) scanOf(ctx context.Context, sha, base string) (none store.SecretScan, err error) {
	if s.b.Secrets == nil || s.cfg.Secrets.Mode == config.SecretsOff || sha == "" {
		return none, nil
	}
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.SecretScan(ctx, s.repo.ID, sha, base)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return none, err
	}
	at, err := s.head(ctx, base)
	if err != nil || at == "" {
		return none, err
	}
	return store.SecretScan{RepoID: s.repo.ID, SHA: sha, Base: base, BaseSHA: at}, nil
}

// beginScan begins a search, unless there is one, or nothing to search.
func (s *session) beginScan(ctx context.Context, tx *store.Tx, c store.SecretScan) error {
	if s.b.Secrets == nil || s.cfg.Secrets.Mode == config.SecretsOff || c.SHA == "" {
		return nil
	}
	_, err := tx.SecretScan(ctx, c.RepoID, c.SHA, c.Base)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	c.UpdatedAt = s.b.Now()
	if err := tx.SaveSecretScan(ctx, c); err != nil {
		return err
	}
	return s.b.Queue.Enqueue(ctx, tx, secretsJob(c))
}

// rescan repeats the searches at a commit that left something unread.
func (s *session) rescan(ctx context.Context, sha string) error {
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		all, err := tx.SecretScans(ctx, s.repo.ID, sha)
		if err != nil {
			return err
		}
		for _, c := range all {
			report, err := secretReportOf(c)
			if err != nil {
				return err
			}
			if c.Done && len(report.Unread) == 0 {
				continue
			}
			c.Done, c.UpdatedAt = false, s.b.Now()
			if err := tx.SaveSecretScan(ctx, c); err != nil {
				return err
			}
			if err := s.b.Queue.Enqueue(ctx, tx, secretsJob(c)); err != nil {
				return err
			}
		}
		return nil
	})
}

// secretsSearched takes in what a search came to.
func (s *session) secretsSearched(ctx context.Context, p secretsPayload) error {
	var scan store.SecretScan
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		scan, err = tx.SecretScan(ctx, p.RepoID, p.SHA, p.Base)
		return err
	})
	if err != nil {
		return ignoreMissing(err)
	}
	view, err := s.secretsOf(&scan)
	if err != nil {
		return err
	}
	s.mark(p.SHA)
	err = s.b.Store.Read(ctx, func(tx *store.Tx) error {
		releases, err := tx.LiveReleases(ctx, s.repo.ID)
		for _, r := range releases {
			if r.HeadSHA == p.SHA || r.SHA == p.SHA {
				s.touch(r.ID)
			}
		}
		return err
	})
	if err != nil || len(view.leaks) == 0 {
		return err
	}
	for _, l := range view.leaks {
		s.log.WarnContext(ctx, "a secret was committed", "sha", short(p.SHA), "path", l.Path, "line", l.Line, "rule", l.Rule)
	}
	bot := forge.User{ID: s.us.UserID, Login: s.us.Login, Bot: true}
	return s.audit(ctx, bot, "secret.found", p.SHA, fmt.Sprintf("%d in what %s brings to %s", len(view.leaks), short(p.SHA), p.Base), view.leaks)
}

// secretsView is a search as the configuration of now sees it.
type secretsView struct {
	sha     string
	pending bool
	leaks   []Leak
	unread  []unread
	allowed int // findings that the configuration knows as harmless
	warn    bool
}

func secretReportOf(c store.SecretScan) (r secretReport, err error) {
	if len(c.Report) > 0 {
		err = json.Unmarshal(c.Report, &r)
	}
	return r, err
}

// secretsOf leaves out what the configuration allows. nil is a search that was never begun: nothing is known of it.
func (s *session) secretsOf(c *store.SecretScan) (secretsView, error) {
	v := secretsView{warn: s.cfg.Secrets.Mode == config.SecretsWarn}
	if s.b.Secrets == nil || s.cfg.Secrets.Mode == config.SecretsOff || c == nil {
		return v, nil
	}
	v.sha = c.SHA
	if !c.Done {
		v.pending = true
		return v, nil
	}
	report, err := secretReportOf(*c)
	if err != nil {
		return v, fmt.Errorf("search for secrets at %s: %w", short(c.SHA), err)
	}
	allow := func(print string) bool { return slices.Contains(s.cfg.Secrets.Allow, print) }
	for _, l := range report.Leaks {
		if allow(l.Fingerprint) {
			v.allowed++
			continue
		}
		v.leaks = append(v.leaks, l)
	}
	for _, u := range report.Unread {
		if !allow(u.Fingerprint) {
			v.unread = append(v.unread, u)
		}
	}
	return v, nil
}

// blocks tells whether the search keeps a pull request from being merged.
func (v secretsView) blocks() bool { return !v.warn && len(v.leaks) > 0 }

// title is the first finding, for the title of a check.
func (v secretsView) title() string {
	l := v.leaks[0]
	out := fmt.Sprintf("A secret was committed: %s in %s, line %d", l.Rule, l.Path, l.Line)
	if n := len(v.leaks) - 1; n > 0 {
		out += fmt.Sprintf(", and %d more", n)
	}
	return out
}

// text says what was found and what to do.
func (v secretsView) text() string {
	var b strings.Builder
	switch {
	case v.pending:
		return "Looking for secrets in what this brings.\n\n"
	case len(v.leaks) > 0:
		b.WriteString("### A secret was committed\n\nWhoever can read the repository knows it now. Revoke it where it was issued and make a new one; " +
			"taking it out of the file is not enough, because the commit stays. Then, or when it is harmless, allow its fingerprint in " +
			code(config.FileName) + " on the default branch:\n\n")
		prints := make([]string, 0, len(v.leaks))
		for _, l := range v.leaks {
			if quoted := `"` + l.Fingerprint + `"`; !slices.Contains(prints, quoted) { // digits alone would be a number
				prints = append(prints, quoted)
			}
		}
		b.WriteString(codeBlock("yaml", "secrets:\n  allow: ["+strings.Join(prints, ", ")+"]"))
		b.WriteString("\n| File | Line | Rule | Fingerprint | |\n|---|---|---|---|---|\n")
		for _, l := range v.leaks {
			note := ""
			if l.Commit != "" {
				note = "in commit " + short(l.Commit)
			}
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", code(l.Path), l.Line, code(l.Rule), code(l.Fingerprint), note)
		}
		b.WriteString("\n")
	}
	if len(v.unread) > 0 {
		b.WriteString("### Not looked through for secrets\n\nNothing that holds these is promoted until a person has read them and allowed the fingerprint under " +
			code("secrets.allow") + " in " + code(config.FileName) + "; re-run this check to try again.\n\n")
		for _, u := range v.unread {
			what := "everything"
			if u.Path != "" {
				what = code(u.Path)
			}
			fmt.Fprintf(&b, "- %s: %s (%s)\n", what, prose(u.Why), code(u.Fingerprint))
		}
		b.WriteString("\n")
	}
	if v.allowed > 0 {
		fmt.Fprintf(&b, "%d finding(s) are allowed by %s.\n\n", v.allowed, code("secrets.allow"))
	}
	return b.String()
}

// annotations mark the lines. They name the rule, never the text.
func (v secretsView) annotations() []forge.Annotation {
	level := "failure"
	if v.warn {
		level = "warning"
	}
	out := make([]forge.Annotation, 0, len(v.leaks))
	for _, l := range v.leaks {
		message := l.Description
		if l.Commit != "" {
			message += "\nIt was in commit " + short(l.Commit) + " and has been taken out since; it is known all the same."
		}
		message += "\nRevoke it and make a new one. Fingerprint for secrets.allow in " + config.FileName + ": " + l.Fingerprint
		out = append(out, forge.Annotation{
			Path: l.Path, StartLine: l.Line, EndLine: max(l.Line, l.EndLine), Level: level, Title: "Secret: " + l.Rule, Message: message,
		})
	}
	return out
}

// secretsCheck adds what was found at a commit to sluice/branch.
func (s *session) secretsCheck(run forge.CheckRun, at *atSHA) forge.CheckRun {
	for _, v := range at.secrets {
		run.Summary += v.text()
		run.Annotations = append(run.Annotations, v.annotations()...)
		switch {
		case v.blocks() && run.Conclusion != forge.Failure:
			run.Title = v.title()
			run = completed(run, forge.Failure)
		case v.pending && !v.warn && run.Conclusion == forge.Success:
			run.Title, run.Status, run.Conclusion = "Looking for secrets", "in_progress", ""
		case len(v.leaks) > 0 && run.Conclusion == forge.Success:
			run.Title = v.title()
		}
	}
	return run
}

// gatherSecrets picks the searches that speak for a commit: those against the bases of its pull requests, else all.
func (s *session) gatherSecrets(at *atSHA, all []store.SecretScan) error {
	for _, c := range all {
		of := func(p store.Pull) bool { return p.BaseBranch == c.Base }
		if len(at.pulls) > 0 && !slices.ContainsFunc(at.pulls, of) {
			continue
		}
		v, err := s.secretsOf(&c)
		if err != nil {
			return err
		}
		at.secrets = append(at.secrets, v)
	}
	return nil
}

// lookSecrets tells gitflow what was found in what a candidate brings to production.
func (s *session) lookSecrets(ctx context.Context, r *store.Release, w *world) error {
	if s.b.Secrets == nil || s.cfg.Secrets.Mode != config.SecretsBlock || w.Candidate.SHA == "" || r.Status == store.ReleaseReleased {
		return nil
	}
	scan := &store.SecretScan{}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		*scan, err = tx.SecretScan(ctx, s.repo.ID, w.Candidate.SHA, s.names().Production)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		w.Secrets.Pending = true
		return nil
	}
	if err != nil {
		return err
	}
	v, err := s.secretsOf(scan)
	if err != nil {
		return err
	}
	w.Secrets = gitflow.Secrets{Pending: v.pending, Found: len(v.leaks), Unread: len(v.unread)}
	if len(v.leaks) > 0 {
		w.Secrets.Path, w.Secrets.Line = v.leaks[0].Path, v.leaks[0].Line
	} else if len(v.unread) > 0 {
		w.Secrets.Path = v.unread[0].Path
	}
	return nil
}

// secretsReconsidered looks again at what depends on the configuration of secrets, after it changed.
func (s *session) secretsReconsidered(ctx context.Context) error {
	return s.b.Store.Read(ctx, func(tx *store.Tx) error {
		pulls, err := tx.OpenPulls(ctx, s.repo.ID)
		if err != nil {
			return err
		}
		for _, p := range pulls {
			all, err := tx.SecretScans(ctx, s.repo.ID, p.HeadSHA)
			if err != nil {
				return err
			}
			for _, c := range all {
				report, err := secretReportOf(c)
				if err != nil {
					return err
				}
				if len(report.Leaks)+len(report.Unread) == 0 {
					continue
				}
				s.mark(p.HeadSHA)
				r, err := tx.ReleaseByPull(ctx, s.repo.ID, p.Number)
				if ignoreMissing(err) != nil {
					return err
				}
				s.touch(r.ID)
			}
		}
		return nil
	})
}

// hashText is 20 hex digits that stand for some texts.
func hashText(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:10])
}
