package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// Onboarding says what would refuse every release of a repository, before anybody starts one: rules of its long-lived branches and
// settings of GitHub with which git-flow cannot work, such as a linear history. active is false where Sluice does nothing, for want of
// a production and a development branch or because the configuration on the default branch cannot be used. It changes nothing.
func Onboarding(ctx context.Context, gh GitHub) (obstacles []gitflow.Obstacle, active bool, err error) {
	info, err := gh.Info(ctx)
	if err != nil || info.Archived {
		return nil, false, err
	}
	branches, err := gh.Branches(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("branches: %w", err)
	}
	c := config.Context{
		Owner: info.Owner, RepoName: info.Name, Branches: branchNames(branches), LocalExecutors: true, Lenient: true,
	}
	cfg := config.Default(c)
	data, err := gh.File(ctx, config.FileName, info.DefaultBranch)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return nil, false, fmt.Errorf("%s: %w", config.FileName, err)
	}
	if err == nil {
		var wrong []*config.Error
		if cfg, wrong = config.Load(data, c); len(wrong) > 0 {
			return nil, false, nil // sluice/config says so where it was changed
		}
	}
	if !cfg.Active || len(cfg.Missing) > 0 {
		return nil, false, nil
	}
	f := gitflow.PreflightFacts{Names: cfg.Names, Order: gitflow.Order(cfg.Finish.Order), Reviews: -1, MergeCommits: info.MergeCommits}
	for _, q := range []struct {
		branch string
		into   *[]gitflow.RuleFact
	}{{cfg.Names.Production, &f.Production}, {cfg.Names.Development, &f.Development}} {
		rules, err := gh.Rules(ctx, q.branch)
		if err != nil {
			return nil, true, fmt.Errorf("rules of %s: %w", q.branch, err)
		}
		*q.into = flowRules(rules)
	}
	return slices.DeleteFunc(gitflow.Preflight(f), func(o gitflow.Obstacle) bool { return !o.Fatal || o.Later }), true, nil
}
