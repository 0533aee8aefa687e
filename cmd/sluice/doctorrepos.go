package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/githubapp"
)

// maxExamined is how many repositories of an installation are looked at: each takes some calls of its hourly limit.
const maxExamined = 100

// repositories looks at the repositories of an installation for what would refuse every release there.
func (d *diagnosis) repositories(ctx context.Context, cfg *config.Server, installation int64) {
	what := fmt.Sprintf("repositories of installation %d", installation)
	app, err := githubapp.New(githubapp.Options{AppID: cfg.GitHub.AppID, Key: cfg.GitHub.PrivateKey.Reveal(), APIURL: cfg.GitHub.APIURL.String()})
	if err != nil {
		d.add(sick, what, err.Error(), "")
		return
	}
	defer app.Close()
	repos, err := app.Repos(ctx, installation)
	if err != nil {
		d.add(doubtful, what, err.Error(), "")
		return
	}
	fit := 0
	for _, r := range repos[:min(len(repos), maxExamined)] {
		obstacles, active, err := bot.Onboarding(ctx, app.Repo(installation, r.ID, r.Owner, r.Name))
		var limit *forge.RateLimitError
		if errors.As(err, &limit) {
			d.add(doubtful, what, err.Error(), "look again then")
			return
		}
		switch {
		case err != nil:
			d.add(doubtful, r.FullName(), err.Error(), "")
		case active && len(obstacles) == 0:
			fit++
		}
		for _, o := range obstacles {
			d.add(doubtful, r.FullName(), "no release can be finished: "+o.Problem.String(), o.Remedy.String())
		}
	}
	says := fmt.Sprintf("%d of %d can be released by git-flow as they are", fit, min(len(repos), maxExamined))
	if len(repos) > maxExamined {
		says += fmt.Sprintf("; the other %d were not looked at", len(repos)-maxExamined)
	}
	d.add(healthy, what, says, "")
}
