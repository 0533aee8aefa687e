package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// cmdCherrypick brings the commits of a merged pull request to a release, hotfix or support branch, by a pull request.
// GitHub has no call for that. For each commit a temporary branch is made at a commit with the target's files and the
// picked commit's parent; merging the picked commit into it applies exactly its change, and the files of that merge become
// a commit on top of the target, by the same author.
func (s *session) cmdCherrypick(ctx context.Context, q *request) (string, error) {
	pr, err := s.mergedPull(ctx, q)
	if err != nil {
		return "", err
	}
	target := q.Arg(0)
	onto, err := s.pickTarget(ctx, target)
	if err != nil {
		return "", err
	}
	has, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: onto, Head: pr.MergeSHA})
	if err != nil {
		return "", err
	}
	if has.Contains() {
		return "", &userError{fmt.Sprintf("%s contains this pull request already; there is nothing to pick.", code(target))}
	}
	before, err := s.gh.PullsFrom(ctx, gitflow.CherrypickBranch(pr.Number, target), target)
	if err != nil {
		return "", err
	}
	for _, p := range before {
		if p.Merged {
			return "", &userError{fmt.Sprintf("#%d brought this pull request to %s already; there is nothing to pick.", p.Number, code(target))}
		}
	}
	picks, err := s.picksOf(ctx, pr)
	if err != nil {
		return "", err
	}
	if q.DryRun {
		return s.dry(ctx, q, fmt.Sprintf("A pull request would bring to %s:\n\n%s", code(target), pickList(picks)))
	}
	head, taken, err := s.pickAll(ctx, pr, target, onto, picks)
	var conflict *pickConflict
	switch {
	case errors.As(err, &conflict):
		text, err := s.pickConflictText(ctx, pr, target, onto, picks, conflict)
		if err != nil {
			return "", err
		}
		return "", &userError{text}
	case err != nil:
		return "", err
	case len(taken) == 0:
		return "", &userError{fmt.Sprintf("Nothing of this pull request changes %s: the same changes are there already.", code(target))}
	}
	return s.proposePicks(ctx, q, pr, target, head, picks, taken)
}

// mergedPull is the merged pull request a command was given on.
func (s *session) mergedPull(ctx context.Context, q *request) (forge.PullRequest, error) {
	no := &userError{"`/cherrypick` belongs on a pull request that was merged."}
	if q.pr == nil || q.pr.Number == 0 {
		return forge.PullRequest{}, no
	}
	pr, err := s.gh.Pull(ctx, q.pr.Number)
	switch {
	case err != nil:
		return pr, notThere(err, "GitHub does not know this pull request any more.")
	case !pr.Merged || pr.MergeSHA == "":
		return pr, no
	}
	return pr, nil
}

// pickTarget is the head of a branch that commits may be picked onto: of a release, a hotfix or a support line, as long
// as its promotion has not begun.
func (s *session) pickTarget(ctx context.Context, target string) (string, error) {
	if !s.classify(target).Kind.Ships() {
		return "", &userError{fmt.Sprintf("%s is not the branch of a release or hotfix; commits come to other branches by merging.", code(target))}
	}
	sha, err := s.head(ctx, target)
	if err != nil {
		return "", err
	}
	if sha == "" {
		return "", &userError{fmt.Sprintf("There is no branch %s.", code(target))}
	}
	var r store.Release
	err = s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByBranch(ctx, s.repo.ID, target)
		return ignoreMissing(err)
	})
	if err == nil && r.Status == store.ReleasePromoting {
		err = &userError{fmt.Sprintf("%s is on its way to production; what is added now is not in it.", code(r.Version))}
	}
	return sha, err
}

// pickConflict is a commit that does not apply.
type pickConflict struct {
	at   int    // index of the commit
	onto string // what it did not apply to
}

func (c *pickConflict) Error() string { return "the commits do not apply" }

// pickAll makes the commits on top of the target, and returns the last and the indexes of those that changed anything.
func (s *session) pickAll(ctx context.Context, pr forge.PullRequest, target, onto string, picks []pick) (head string, taken []int, err error) {
	tip, err := s.gh.Commit(ctx, onto)
	if err != nil {
		return "", nil, err
	}
	for i, p := range picks {
		merged, err := s.applied(ctx, pr, target, tip.SHA, p)
		if errors.Is(err, forge.ErrConflict) {
			err = &pickConflict{at: i, onto: tip.SHA}
		}
		if err != nil {
			return "", nil, err
		}
		after, err := s.gh.Commit(ctx, merged)
		if err != nil {
			return "", nil, err
		}
		if after.Tree == tip.Tree {
			continue // the change is there already
		}
		message := strings.TrimRight(p.Message, "\n") + fmt.Sprintf("\n\n(cherry picked from commit %s)", p.SHA) + p.Note
		made, err := s.createCommit(ctx, pickKey(pr, target, tip.SHA, p)+":picked", newCommit{
			Message: message, TreeOf: merged, Parents: []string{tip.SHA}, Author: p.Author,
		})
		if err != nil {
			return "", nil, err
		}
		tip.SHA, tip.Tree, taken = made, after.Tree, append(taken, i)
	}
	return tip.SHA, taken, nil
}

func pickKey(pr forge.PullRequest, target, onto string, p pick) string {
	return fmt.Sprintf("pick:%d:%s@%s:%s", pr.Number, target, onto, p.SHA)
}

// proposePicks opens the pull request that brings the picked commits to the target.
func (s *session) proposePicks(ctx context.Context, q *request, pr forge.PullRequest, target, head string, picks []pick, taken []int) (string, error) {
	branch := gitflow.CherrypickBranch(pr.Number, target)
	at, err := s.head(ctx, branch)
	if err != nil {
		return "", err
	}
	if at != "" && at != head {
		return "", &userError{fmt.Sprintf("%s is there already, at %s: of an earlier `/cherrypick` to which commits were added since, or before %s moved. Merge its pull request, or delete the branch and say this again.", code(branch), short(at), code(target))}
	}
	evidence := map[string]any{"target": target, "merge": pr.MergeSHA, "branch": branch, "head": head}
	if err := s.auditOnce(ctx, q, "cherrypick", fmt.Sprintf("#%d", pr.Number), evidence); err != nil {
		return "", err
	}
	if err := s.createBranch(ctx, &store.Release{}, branchIntent{Branch: branch, SHA: head, Target: target}); err != nil {
		return "", err
	}
	var brought, left []pick
	for i, p := range picks {
		if slices.Contains(taken, i) {
			brought = append(brought, p)
		} else {
			left = append(left, p)
		}
	}
	body := fmt.Sprintf("The commits of #%d for %s, asked for by %s:\n\n%s", pr.Number, code(target), code(q.by.Login), pickList(brought))
	if len(left) > 0 {
		body += fmt.Sprintf("\nThese change nothing there, and were left out:\n\n%s", pickList(left))
	}
	title := fmt.Sprintf("%s (#%d) for %s", pr.Title, pr.Number, target)
	number, err := do(ctx, s, effect[int]{
		kind: effectOpenPull, key: branch + ":" + target + "@" + head, intent: title, always: true,
		probe: func(ctx context.Context) (int, bool, error) {
			found, err := s.gh.PullsFrom(ctx, branch, target)
			if err != nil || len(found) == 0 || !found[0].Open {
				return 0, false, err
			}
			return found[0].Number, true, nil
		},
		act: func(ctx context.Context) (int, error) {
			p, err := s.gh.CreatePull(ctx, title, branch, target, body)
			return p.Number, err
		},
	})
	if err != nil {
		return "", err
	}
	opened, err := s.gh.Pull(ctx, number)
	if err != nil {
		return "", err
	}
	if !opened.Open && !opened.Merged {
		return "", &userError{fmt.Sprintf("#%d brings these commits to %s, and was closed. Restore its branch and open it again.", number, code(target))}
	}
	return s.finishWith(ctx, q, fmt.Sprintf("#%d brings %d commit(s) of this pull request to %s.", number, len(brought), code(target)))
}

// pickList lists commits by revision, subject and author.
func pickList(picks []pick) string {
	var b strings.Builder
	for _, p := range picks {
		fmt.Fprintf(&b, "- %s %s (%s)\n", short(p.SHA), code(firstLine(p.Message)), code(p.AuthorName))
	}
	return b.String()
}

// pickConflictText says which commit does not apply, which files both sides changed, and how a person picks all of them.
func (s *session) pickConflictText(ctx context.Context, pr forge.PullRequest, target, onto string, picks []pick, c *pickConflict) (string, error) {
	p := picks[c.at]
	_, theirs, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: p.Parent, Head: p.SHA})
	if err != nil {
		return "", err
	}
	_, ours, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: p.Parent, Head: onto})
	if err != nil {
		return "", err
	}
	which := ""
	if files := bothChange(theirs, ours); len(files) > 0 {
		which = " Both changed " + codes(files) + "."
	}
	branch := gitflow.CherrypickBranch(pr.Number, target)
	commands := []string{"git fetch origin", fmt.Sprintf("git switch -c %s %s", gitflow.Quote(branch), gitflow.Quote("origin/"+target))}
	command := "git cherry-pick -x"
	if p.Mainline > 0 {
		command += fmt.Sprintf(" -m %d", p.Mainline) // then it is the only one
	}
	for _, p := range picks {
		command += " " + p.SHA
	}
	commands = append(commands, command, "# mend the files that git names, git add them, and: git cherry-pick --continue", "git push -u origin "+gitflow.Quote(branch), fmt.Sprintf("gh pr create --base %s --fill", gitflow.Quote(target)))
	return fmt.Sprintf("%s %s does not apply to %s.%s Nothing was changed. By hand:\n\n%s",
		short(p.SHA), code(firstLine(p.Message)), code(target), which, codeBlock("sh", strings.Join(commands, "\n"))), nil
}
