package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/store"
)

// reportPush holds a push to a protected branch against the rules. A push cannot be refused after the fact, so what it
// broke is shown on the commit, with the remedy, and goes into the audit log.
func (s *session) reportPush(ctx context.Context, branch gitflow.Branch, was, now string, e *event.Push) error {
	if e == nil || !(branch.Kind.LongLived() || branch.Kind.Ships()) {
		return nil
	}
	facts := gitflow.PushFacts{
		Branch: branch.Name, Before: was, After: now, Created: e.Created, Deleted: e.Deleted, Forced: e.Forced,
		By: e.Sender.Login, ByBot: e.Sender.ID == s.us.UserID,
	}
	if !facts.ByBot {
		pulls, err := s.gh.PullsWith(ctx, now)
		if err != nil {
			return fmt.Errorf("pull requests with %s: %w", short(now), err)
		}
		for _, p := range pulls {
			if p.Merged {
				facts.Pulls = append(facts.Pulls, flowPull(p, forge.User{ID: s.us.UserID}))
			}
		}
	}
	if err := s.pushComparisons(ctx, &facts); err != nil {
		return err
	}
	report := gitflow.CheckPush(s.names(), facts)
	if len(report.Violations) == 0 {
		return nil
	}
	return s.reportViolations(ctx, now, branch.Name, e.Sender, report.Violations, map[string]any{"before": was, "after": now})
}

// reportViolations shows on a commit what a push broke, and writes it into the audit log.
func (s *session) reportViolations(ctx context.Context, sha, name string, by forge.User, violations []gitflow.Violation, evidence map[string]any) error {
	raw, err := json.Marshal(violations)
	if err != nil {
		return err
	}
	s.mark(sha)
	return s.b.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetSetting(ctx, s.pushKey(sha), string(raw)); err != nil {
			return err
		}
		var problems []string
		for _, v := range violations {
			problems = append(problems, string(v.Rule))
		}
		return s.auditIn(ctx, tx, by, "push.reported", name, strings.Join(problems, ", "), evidence)
	})
}

func (s *session) pushKey(sha string) string { return fmt.Sprintf("push/%d/%s", s.repo.ID, sha) }

// pushComparisons answers what gitflow needs to judge a push.
func (s *session) pushComparisons(ctx context.Context, facts *gitflow.PushFacts) error {
	for _, need := range gitflow.PushNeeds(s.names(), *facts) {
		c, _, err := s.flowCompare(ctx, need)
		if err != nil {
			return err
		}
		c.CompareRequest = need
		facts.Comparisons = append(facts.Comparisons, c)
	}
	return nil
}

// pushCheck shows what a direct push broke and which secrets it holds, on a commit that no pull request speaks for. ok is
// false when there is nothing to say.
func (s *session) pushCheck(at *atSHA) (run forge.CheckRun, ok bool) {
	found := slices.ContainsFunc(at.secrets, func(v secretsView) bool { return len(v.leaks) > 0 })
	if len(at.push) == 0 && !found {
		return run, false
	}
	run = completed(forge.CheckRun{Name: CheckBranch, SHA: at.sha}, forge.Success)
	if len(at.push) > 0 {
		var text strings.Builder
		writeVerdict(&text, gitflow.Verdict{Violations: at.push})
		run.Title, run.Summary, run.Conclusion = at.push[0].Problem.String(), text.String(), forge.Failure
	}
	return s.secretsCheck(run, at), true
}
