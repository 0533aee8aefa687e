package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// cmdWhy shows everything that was looked at about a pull request: each check with every rule and gate, who approved and
// why somebody does not count, what was overridden, and which configuration it was judged by. What it shows of the checks
// are the checks themselves.
func (s *session) cmdWhy(ctx context.Context, q *request) (string, error) {
	if q.pr == nil || q.pr.Number == 0 {
		return s.whyElsewhere(ctx, q)
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	if err != nil {
		return "", notThere(err, "GitHub does not know this pull request any more.")
	}
	if err := s.judge(ctx, pr); err != nil { // it is told about what is there now
		return "", err
	}
	base := s.classify(pr.Base.Branch)
	head := s.headOf(pr.Head.Branch, !pr.Fork())
	return s.explainHead(ctx, q, pr.Head.SHA, fmt.Sprintf("%s (%s) at %s into %s (%s) at %s.\n\n",
		code(pr.Head.Branch), head.Kind, short(pr.Head.SHA), code(pr.Base.Branch), base.Kind, short(pr.Base.SHA)))
}

// whyElsewhere answers /why where there is no pull request: about the head of the release or hotfix it is said of, or of the
// branch whose page it is said on.
func (s *session) whyElsewhere(ctx context.Context, q *request) (string, error) {
	var branch, sha string
	switch {
	case q.release != nil:
		branch, sha = q.release.Branch, cmp.Or(q.release.HeadSHA, q.release.SHA)
	case q.pr != nil:
		branch, sha = q.pr.HeadBranch, q.pr.HeadSHA
	default:
		return "", &userError{"`/why` explains the checks of one head: say it on a pull request, or from the shell with `--pull number` or `--release version`."}
	}
	return s.explainHead(ctx, q, sha, fmt.Sprintf("%s (%s) at %s, which has no pull request.\n\n", code(branch), s.classify(branch).Kind, short(sha)))
}

// explainHead shows every check of a commit, who said what about it, and by which configuration it was judged.
func (s *session) explainHead(ctx context.Context, q *request, sha, heading string) (string, error) {
	runs, err := s.checksOf(ctx, sha)
	if err != nil {
		return "", err
	}
	only := strings.TrimPrefix(strings.ToLower(q.Arg(0)), "sluice/")
	var b strings.Builder
	b.WriteString(heading)
	fold := foldingFor(q)
	var names []string
	for _, run := range runs {
		name := strings.TrimPrefix(run.Name, "sluice/")
		names = append(names, name)
		if only == "" || only == name {
			if only == "" {
				run.Text = "" // the log is long
			}
			writeRun(&b, run, fold)
		}
	}
	if len(names) == 0 {
		b.WriteString("Nothing is reported there yet.\n\n")
	} else if only != "" && !slices.Contains(names, only) {
		return "", &userError{fmt.Sprintf("There is no check %s here; there are %s.", code(q.Arg(0)), codes(names))}
	}
	if q.execution != nil && (only == "" || "sluice/"+only == CheckPromotion) {
		if err := s.writeVoices(ctx, &b, q, fold); err != nil {
			return "", err
		}
	}
	if q.pr != nil && q.pr.Number != 0 {
		if err := s.writePermits(ctx, &b, q.pr.Number); err != nil {
			return "", err
		}
	}
	b.WriteString(s.configSource(q))
	return s.finishWith(ctx, q, b.String())
}

// folding is what stands around the heading of a section, and at its end.
type folding struct{ before, after, end string }

// foldingFor folds sections away in comments, where a check that alone was asked for is open; a terminal folds nothing.
func foldingFor(q *request) folding {
	switch {
	case q.comment == 0:
		return folding{before: "### ", after: "\n\n"}
	case q.Arg(0) != "":
		return folding{before: "<details open><summary>", after: "</summary>\n\n", end: "</details>\n\n"}
	}
	return folding{before: "<details><summary>", after: "</summary>\n\n", end: "</details>\n\n"}
}

// writeRun writes a check: its verdict in the heading, the rest below.
func writeRun(b *strings.Builder, run forge.CheckRun, fold folding) {
	result := string(run.Conclusion)
	if result == "" {
		result = run.Status
	}
	fmt.Fprintf(b, "%s%s: %s%s%s\n\n", fold.before, run.Name, strings.ReplaceAll(result, "_", " "), fold.after, prose(run.Title))
	for _, text := range []string{run.Summary, run.Text} {
		if text = strings.TrimSpace(text); text != "" {
			b.WriteString(text + "\n\n")
		}
	}
	b.WriteString(fold.end)
}

// writeVoices writes who said what about the candidate, and for each whether it counts, or why not.
func (s *session) writeVoices(ctx context.Context, b *strings.Builder, q *request, fold folding) error {
	r, x := q.release, q.execution
	said, err := s.said(ctx, r, x)
	if err != nil || len(said) == 0 {
		return err
	}
	excluded, err := s.takenPart(ctx, r, x)
	if err != nil {
		return err
	}
	b.WriteString(fold.before + "approvals" + fold.after + "| Who | Said | For | Counts |\n|---|---|---|---|\n")
	for _, a := range said {
		why, err := s.silenced(ctx, r, x, a, excluded)
		if err != nil {
			return err
		}
		counts := "yes"
		if why != "" {
			counts = "no: " + strings.ReplaceAll(prose(why), "|", "\\|")
		}
		fmt.Fprintf(b, "| %s | %s | %s, %s%s | %s |\n", code(a.By.Login), a.Verdict, code(a.Environment), short(a.SHA), withDigest(a.Digest), counts)
	}
	b.WriteString("\n" + fold.end)
	return nil
}

// silenced says why something that was said does not count; empty: it does.
func (s *session) silenced(ctx context.Context, r *store.Release, x *store.Execution, a store.Approval, excluded parts) (string, error) {
	env := s.cfg.Environment(a.Environment)
	switch {
	case !a.VoidedAt.IsZero():
		return a.VoidReason, nil
	case a.SHA != x.SHA:
		return fmt.Sprintf("it was about %s, and the candidate is %s", short(a.SHA), short(x.SHA)), nil
	case a.ConfigHash != x.ConfigHash:
		return "the configuration of pipeline or environment has changed since", nil
	case !binds(a, approvalOf(x.State, a.Environment), x, a.Environment):
		return "it was about another run or another image", nil
	case a.Verdict == store.VerdictRejected:
		return "", nil
	case env.Approve != nil && env.Approve.AllowAuthor:
		excluded = parts{}
	}
	return s.notCounted(ctx, r, a.By, a.Environment, excluded)
}

// writePermits lists what was overridden or allowed on a pull request, with what became of it.
func (s *session) writePermits(ctx context.Context, b *strings.Builder, number int) error {
	var all []store.Permit
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Permits(ctx, s.repo.ID, number)
		return err
	})
	for _, p := range all {
		state := "it holds"
		if !p.EndedAt.IsZero() {
			state = "it ended: " + prose(p.EndReason)
		}
		fmt.Fprintf(b, "- %s for %s by %s", code(p.Name), short(p.HeadSHA), code(p.By.Login))
		if p.Reason != "" {
			fmt.Fprintf(b, " (%s)", code(p.Reason))
		}
		fmt.Fprintf(b, "; %s\n", state)
	}
	if len(all) > 0 {
		b.WriteString("\n")
	}
	return err
}

// configSource says which configuration is in force, and by which of its parts the approvals of a release or hotfix are bound.
func (s *session) configSource(q *request) string {
	text := fmt.Sprintf("Configuration: none on %s, so the defaults.", code(s.repo.DefaultBranch))
	if len(s.repo.Config) > 0 {
		text = fmt.Sprintf("Configuration: %s on %s at %s.", code(config.FileName), code(s.repo.DefaultBranch), short(s.repo.ConfigSHA))
	}
	if r := q.release; r != nil {
		text += fmt.Sprintf(" Approvals bind the hash %s of what concerns a %s.", code(s.in(r.Component).hashOf(r)), r.Kind)
	}
	if s.repo.ConfigProblem != "" {
		text += " A newer one cannot be used: " + code(s.repo.ConfigProblem)
	}
	return text
}
