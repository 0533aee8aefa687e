package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// pullText is the title and description of a pull request the bot opens.
func (s *session) pullText(r *store.Release, step gitflow.Step) (title, body string) {
	title = step.Message
	if title == "" {
		title = fmt.Sprintf("Merge %s into %s", step.Branch, step.Target)
	}
	var b strings.Builder
	switch {
	case step.Branch == r.Branch:
		if r.Line == "" {
			fmt.Fprintf(&b, "This pull request takes %s to production. It is merged by Sluice once production runs it.\n\n", code(r.Version))
		} else {
			fmt.Fprintf(&b, "This pull request releases %s on the support line %s. It is merged by Sluice once the approved image is promoted; "+
				"production is deployed only if it runs that line.\n\n", code(r.Version), code(r.Line))
		}
		fmt.Fprintf(&b, "- Cut from %s by %s\n- `/approve` approves the candidate, `/promote` takes it to production, `/help` lists the rest\n", short(r.CutSHA), code(r.StartedBy.Login))
	case strings.HasSuffix(step.Branch, gitflow.RepairBranch("")):
		fmt.Fprintf(&b, "This pull request changes no file. The changes of %s are in %s already, but its commits are not, because the merge was "+
			"squashed or rebased; without them every later merge conflicts. It must be merged by a merge commit, which Sluice does.\n",
			short(step.SHA), code(step.Target))
	case strings.HasPrefix(step.Branch, gitflow.BackmergePrefix):
		fmt.Fprintf(&b, "%s of %s has to go back into %s. Merge it by a merge commit, never by squash or rebase.\n", short(step.SHA), code(s.names().Production), code(step.Target))
	default:
		fmt.Fprintf(&b, "%s is %s, which production runs. This merge goes through a pull request because the branch takes no direct one.\n", code(step.Branch), code(r.Version))
	}
	return title, b.String()
}

// maxTitle is how long the title of a hotfix may be, in characters: GitHub takes 256 of a pull request's, and the version is before it.
const maxTitle = 180

// titleKey is where the title stands that a hotfix was started with.
func (s *session) titleKey(r *store.Release) string {
	return fmt.Sprintf("title/%d/%s", s.repo.ID, r.ID)
}

// titled adds to the title of a release's own pull request what the release was started with.
func (s *session) titled(ctx context.Context, r *store.Release, branch, title string) (string, error) {
	if branch != r.Branch {
		return title, nil
	}
	var given string
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		given, err = tx.Setting(ctx, s.titleKey(r))
		return err
	})
	if err != nil || given == "" {
		return title, err
	}
	return title + ": " + given, nil
}

// revertsText shows what a back-merge would take back or bring back, and asks for a decision; empty: nothing.
func revertsText(step gitflow.Step, reverts []gitflow.Revert) string {
	if len(reverts) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nBefore it is merged, somebody has to agree:\n\n")
	for _, r := range reverts {
		fmt.Fprintf(&b, "- %s\n", r.Text(step.Target).Markdown(code))
	}
	fmt.Fprintf(&b, "\nIf that is right, merge this pull request. If not, revert the commit on %s and push; Sluice merges it then.\n", code(step.Branch))
	return b.String()
}

// sayBlocked says on the pull requests of Sluice in a plan what they need a person for, once for each of their heads.
func (s *session) sayBlocked(ctx context.Context, plan gitflow.Plan) error {
	for _, b := range plan.Blocked() {
		var err error
		switch {
		case b.Blocked == "":
		case b.Kind == gitflow.StepEnqueue:
			err = s.sayFallen(ctx, b)
		case b.Conflict && s.classify(b.Branch).Kind == gitflow.KindBackmerge:
			err = s.sayText(ctx, b.Pull, "conflict-"+short(b.SHA), func(ctx context.Context) (string, error) { return s.conflictText(ctx, b) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conflictText tells how a back-merge's conflict is resolved and whom it concerns: the files that both sides changed since
// they parted, with the pull requests that did it.
func (s *session) conflictText(ctx context.Context, step gitflow.Step) (string, error) {
	_, theirs, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: step.SHA, Head: step.Target})
	if err != nil {
		return "", err
	}
	_, ours, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: step.Target, Head: step.SHA})
	if err != nil {
		return "", err
	}
	both := bothChange(ours, theirs)
	var b strings.Builder
	b.WriteString("The merge conflicts. Merge the target into this branch and resolve the conflict there; Sluice merges it then:\n\n")
	b.WriteString(codeBlock("sh", strings.Join([]string{
		"git fetch origin", "git switch " + gitflow.Quote(step.Branch), "git merge " + gitflow.Quote("origin/"+step.Target), "git push",
	}, "\n")))
	if len(both) > 0 {
		b.WriteString("\nBoth sides changed:\n\n")
		for _, f := range both {
			fmt.Fprintf(&b, "- %s\n", code(f))
		}
	}
	for _, side := range []struct {
		name    string
		commits []forge.Commit
	}{{s.names().Production, ours.Commits}, {step.Target, theirs.Commits}} {
		if err := s.side(ctx, &b, side.name, side.commits, both); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// Bounds of what a conflict is attributed to, on each side.
const (
	maxCauses     = 20 // commits that are looked up and named
	maxCausePulls = 10 // pull requests whose files are read
)

// side names what only one side has: the pull requests that changed the files in question, whose authors are called, and
// the commits that no pull request brought. Their authors stand in code, so that nobody is called who only wrote a commit.
func (s *session) side(ctx context.Context, b *strings.Builder, name string, commits []forge.Commit, both []string) error {
	fmt.Fprintf(b, "\nOnly %s has:\n\n", code(name))
	seen := map[int]bool{}
	for i, c := range commits {
		if i == maxCauses {
			fmt.Fprintf(b, "- and %d more commits\n", len(commits)-i)
			break
		}
		brought, err := s.broughtBy(ctx, c.SHA)
		if err != nil {
			return err
		}
		if len(brought) == 0 {
			if len(c.Parents) < 2 {
				f := flowCommit(c)
				fmt.Fprintf(b, "- %s %s (%s)\n", short(f.SHA), code(f.Subject), code(f.Author))
			}
			continue
		}
		for _, p := range brought {
			if seen[p.Number] {
				continue
			}
			seen[p.Number] = true
			touched, err := s.touches(ctx, p.Number, both, len(seen))
			if err != nil {
				return err
			}
			who := code(p.Author.Login)
			if len(touched) > 0 && !p.Author.Bot {
				who = mention(p.Author.Login)
			}
			fmt.Fprintf(b, "- #%d %s by %s", p.Number, code(p.Title), who)
			for i, f := range touched {
				fmt.Fprintf(b, "%s%s", map[bool]string{true: ", which changed ", false: ", "}[i == 0], code(f))
			}
			b.WriteString("\n")
		}
	}
	return nil
}

// broughtBy are the merged pull requests of people that brought a commit; those of releases and back-merges only carried it.
func (s *session) broughtBy(ctx context.Context, sha string) ([]forge.PullRequest, error) {
	pulls, err := s.gh.PullsWith(ctx, sha)
	if err != nil {
		return nil, fmt.Errorf("pull requests with %s: %w", short(sha), err)
	}
	return slices.DeleteFunc(pulls, func(p forge.PullRequest) bool {
		kind := s.classify(p.Head.Branch).Kind
		return !p.Merged || ours(kind) || kind.Ships()
	}), nil
}

// touches are the files among some that a pull request changed. Only of the first pull requests the files are read.
func (s *session) touches(ctx context.Context, pull int, files []string, nth int) ([]string, error) {
	if len(files) == 0 || nth > maxCausePulls {
		return nil, nil
	}
	changed, _, err := s.gh.PullFiles(ctx, pull)
	if err != nil {
		return nil, fmt.Errorf("files of #%d: %w", pull, err)
	}
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !slices.Contains(changed, f) }), nil
}
