package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// How full names of branches and tags begin.
const (
	heads = "refs/heads/"
	tags  = "refs/tags/"
)

// rules are the active rules of a branch or tag, named in full; asked once in a handling.
func (s *session) rules(ctx context.Context, ref string) ([]gitflow.RuleFact, error) {
	if known, ok := s.ruled[ref]; ok {
		return known, nil
	}
	var found []forge.Rule
	var err error
	switch name, isTag := strings.CutPrefix(ref, tags); {
	case isTag && name == "":
	case isTag:
		found, err = s.gh.TagRules(ctx, name)
	default:
		found, err = s.gh.Rules(ctx, strings.TrimPrefix(ref, heads))
	}
	if err != nil {
		return nil, fmt.Errorf("rules of %s: %w", ref, err)
	}
	s.ruled[ref] = flowRules(found)
	return s.ruled[ref], nil
}

// ownRules reads the rules for the branches that Sluice makes where merges go by pull request.
func (s *session) ownRules(ctx context.Context, f *gitflow.PreflightFacts, production string, back bool) (err error) {
	if gitflow.NeedsPull(f.Production) {
		f.Finish.Name = f.Names.FinishBranch(f.Version)
		if f.Finish.Rules, err = s.rules(ctx, heads+f.Finish.Name); err != nil {
			return err
		}
	}
	if back && gitflow.NeedsPull(f.Development) {
		f.Backmerge.Name = gitflow.BackmergeBranch(production, s.names().Development)
		f.Backmerge.Rules, err = s.rules(ctx, heads+f.Backmerge.Name)
	}
	return err
}

// queues tells whether nothing gets into a branch but through its merge queue.
func (s *session) queues(ctx context.Context, branch string) (bool, error) {
	rules, err := s.rules(ctx, heads+branch)
	return slices.ContainsFunc(rules, func(r gitflow.RuleFact) bool {
		return r.Type == "merge_queue" && !r.Bypass && !r.BypassByPull
	}), err
}

// missingChecks are the checks that the rules of a branch require and that have not passed at a commit.
func (s *session) missingChecks(ctx context.Context, sha, branch string) ([]string, error) {
	rules, err := s.rules(ctx, heads+branch)
	if err != nil {
		return nil, err
	}
	var wanted []gitflow.RequiredCheck
	for _, r := range rules {
		if r.Type == "required_status_checks" && !r.Bypass && !r.BypassByPull {
			wanted = append(wanted, r.Checks...)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	runs, err := s.gh.CheckRuns(ctx, sha)
	if err != nil {
		return nil, err
	}
	statuses, err := s.gh.Statuses(ctx, sha)
	if err != nil {
		return nil, err
	}
	facts := checkFacts(runs, statuses, 0)
	var missing []string
	for _, w := range wanted {
		passed := slices.ContainsFunc(facts, func(f gitflow.CheckFact) bool {
			return f.Context == w.Context && f.Passed && (w.AppID == 0 || f.AppID == w.AppID)
		})
		if !passed && !slices.Contains(missing, w.Context) {
			missing = append(missing, w.Context)
		}
	}
	return missing, nil
}
