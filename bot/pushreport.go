package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// reportPush holds a push to a protected branch, or to one that Sluice keeps at an approved commit, against the rules. A push cannot be refused after the fact, so what it
// broke is shown on the commit, with the remedy, and goes into the audit log.
func (s *session) reportPush(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) error {
	if !(branch.Kind.LongLived() || branch.Kind.Ships() || branch.Kind == gitflow.KindFinish) {
		return nil
	}
	facts, err := s.pushFacts(ctx, branch, was, now, e)
	if err != nil {
		return err
	}
	if facts.PutBack, err = s.isPutBack(ctx, branch.Name, was, now); err != nil {
		return err
	}
	told := !facts.Unheard || facts.Forced || branch.Kind == gitflow.KindProduction
	if told && !facts.ByBot && now != "" {
		pulls, err := s.gh.PullsWith(ctx, now)
		if err != nil {
			return fmt.Errorf("pull requests with %s: %w", short(now), err)
		}
		for _, p := range pulls {
			if !p.Merged || p.Base.Branch != branch.Name { // another branch has it by that one
				continue
			}
			facts.Pulls = append(facts.Pulls, flowPull(p))
			early, err := s.mergedEarly(ctx, p)
			if err != nil {
				return err
			}
			if early {
				facts.Early = append(facts.Early, flowPull(p))
			}
		}
	}
	report, err := s.checkPush(ctx, branch, facts)
	if err != nil {
		return err
	}
	if len(report.Violations) == 0 {
		return nil
	}
	if err := s.keepCommit(ctx, report.Keep); err != nil {
		return err
	}
	at := now
	if at == "" {
		at = was // the branch is gone; its last commit shows what happened
	}
	err = s.reportViolations(ctx, at, branch.Name, sender(e), report.Violations, map[string]any{"before": was, "after": now, "kept": report.Keep})
	if err != nil || !report.Alarm {
		return err
	}
	return s.alarm(ctx, branch.Name, report, now)
}

// mergedEarly tells whether a merged pull request is that of a release which nobody has approved yet.
func (s *session) mergedEarly(ctx context.Context, p forge.PullRequest) (bool, error) {
	var r store.Release
	err := s.b.Store.Read(ctx, func(tx *store.Tx) (err error) {
		r, err = tx.ReleaseByPull(ctx, s.repo.ID, p.Number)
		return ignoreMissing(err)
	})
	return r.ID != "" && r.Status == store.ReleaseOpen, err
}

// pushFacts are what is known of a move of a branch. Where nobody told us of a push, GitHub is asked whether it was forced.
func (s *session) pushFacts(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) (gitflow.PushFacts, error) {
	f := gitflow.PushFacts{Branch: branch.Name, Before: was, After: now, Created: was == "", Deleted: now == "", By: "somebody", Unheard: e == nil}
	if e != nil {
		f.Created, f.Forced, f.By, f.ByBot = e.Created, e.Forced, e.Sender.Login, e.Sender.ID == s.us.UserID
	}
	if e != nil && e.Before == was && e.After == now || was == "" || now == "" {
		return f, nil
	}
	c, _, err := s.flowCompare(ctx, gitflow.CompareRequest{Base: was, Head: now}) // several pushes, or one we were not told of
	f.Forced = c.Missing || c.BehindBy > 0
	return f, err
}

// reportViolations shows on a commit what a push broke, and writes it into the audit log. What was reported there before and was not put
// right stays, below the new.
func (s *session) reportViolations(ctx context.Context, sha, name string, by forge.User, violations []gitflow.Violation, evidence map[string]any) error {
	var problems []string
	for _, v := range violations {
		problems = append(problems, string(v.Rule))
	}
	s.mark(sha)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		earlier, err := s.reported(ctx, tx, sha)
		if err != nil {
			return err
		}
		shown := slices.Clone(violations)
		for _, v := range earlier {
			again := slices.ContainsFunc(violations, func(n gitflow.Violation) bool { return n.Problem == v.Problem })
			if !again && !v.Mended {
				shown = append(shown, v)
			}
		}
		if err := s.setReported(ctx, tx, sha, shown); err != nil {
			return err
		}
		return s.auditIn(ctx, tx, by, "push.reported", name, strings.Join(problems, ", "), evidence)
	})
}

// checkPush judges a push, with what gitflow needs for that.
func (s *session) checkPush(ctx context.Context, branch gitflow.Branch, facts gitflow.PushFacts) (r gitflow.PushReport, err error) {
	names := s.names()
	if branch.Kind == gitflow.KindFinish {
		if names, err = s.finishNames(ctx, branch.Name); err != nil {
			return r, err
		}
	}
	for _, need := range gitflow.PushNeeds(names, facts) {
		c, _, err := s.flowCompare(ctx, need)
		if err != nil {
			return r, err
		}
		c.CompareRequest = need
		facts.Comparisons = append(facts.Comparisons, c)
	}
	r = gitflow.CheckPush(names, facts)
	if len(r.Unnamed) == 0 {
		return r, nil
	}
	facts.Merged, err = s.mergedBranches(ctx, r.Unnamed)
	return gitflow.CheckPush(names, facts), err
}

// pushCheck shows what a direct push broke and which secrets it holds, on a commit that no pull request speaks for. ok is
// false when there is nothing to say.
func (s *session) pushCheck(at *atSHA) (run forge.CheckRun, ok bool) {
	found := slices.ContainsFunc(at.secrets, func(v secretsView) bool { return len(v.leaks) > 0 })
	if at.push == nil && !found {
		return run, false
	}
	run = completed(forge.CheckRun{Name: CheckBranch, SHA: at.sha}, forge.Success)
	if !found {
		run.Title = "What was reported here was put right." // else there is something to say, below
	}
	if len(at.push) > 0 {
		var text strings.Builder
		writeVerdict(&text, gitflow.Verdict{Violations: at.push})
		run.Title, run.Summary, run.Conclusion = at.push[0].Problem.String(), text.String(), forge.Failure
	}
	shown := *at
	if !found { // a search under way is not told of: most find nothing, and there is nothing to wait for
		shown.secrets = slices.DeleteFunc(slices.Clone(at.secrets), func(v secretsView) bool { return v.pending })
	}
	return s.secretsCheck(run, &shown), true
}
