package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// says is a comment of a person on the pull request of a branch.
func (f *flow) says(who, branch, text string) func() error {
	return func() error {
		n, err := f.number(branch)
		if err != nil {
			return err
		}
		_, err = f.comment(who, n, text)
		return err
	}
}

// waits is the candidate of a branch waiting for an approval.
func (f *flow) waits(branch string) func() error {
	return func() error {
		return f.until(branch+" to wait for an approval", func() (string, bool) {
			c, ok := f.repo.Check(f.repo.SHA(branch), bot.CheckPromotion)
			return c.Status + " " + c.Conclusion + ": " + c.Title, ok && c.Conclusion == "action_required" && strings.Contains(c.Title, "approval")
		})
	}
}

func (f *flow) startsRelease() error {
	n, err := f.hub.As("rm").OpenIssue(f.tb.Context(), flowRepo, "Next release", "")
	if err != nil {
		return err
	}
	if _, err := f.comment("rm", n, "/release start"); err != nil {
		return err
	}
	_, err = f.opened("release/1.4.0", "master")
	return err
}

// releaseStory is a release from start to end, with a pull request into its branch that is still open then.
func releaseStory(f *flow) error {
	return doAll(
		f.rewrites,
		f.startsRelease,
		f.waits("release/1.4.0"),
		func() error { return f.repo.SetRef("refs/heads/fix/late", f.repo.SHA("release/1.4.0")) },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/late", message: "fix: late", files: map[string]string{"late.txt": "1\n"}})
			return err
		},
		func() error { _, err := f.open("eve", "fix/late", "release/1.4.0", "Late"); return err },
		func() error { return f.check(f.repo.SHA("fix/late"), bot.CheckPipeline, "success", "") },
		f.says("qa", "release/1.4.0", "/approve"),
		func() error { return f.branch("release/1.4.0", false) },
		func() error { _, err := f.opened("fix/late", "development"); return err },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.idle,
		f.healthy,
	)
}

// rewrites takes a commit off development by force, which is kept and raises an alarm.
func (f *flow) rewrites() error {
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: pears", files: map[string]string{"pears.txt": "1\n"}}); err != nil {
		return err
	}
	lost := f.repo.SHA("development")
	if err := errors.Join(f.check(lost, bot.CheckPipeline, "success", ""), f.idle()); err != nil { // or its build is stopped, at times
		return err
	}
	if _, err := f.push(pushRequest{who: "boss", branch: "development", message: "feat: plums", files: map[string]string{"plums.txt": "1\n"}, force: true}); err != nil {
		return err
	}
	return errors.Join(f.idle(), f.until("the lost commit to be kept", func() (string, bool) {
		sha := f.repo.SHA("refs/sluice/kept/" + lost)
		return sha, sha == lost
	}), f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", ""))
}

// hotfixStory is a hotfix from start to end while a candidate waits, which is abandoned afterwards.
func hotfixStory(f *flow) error {
	return doAll(
		func() error {
			f.repo.AddRuleset(fakegithub.Ruleset{Name: "queue", Include: []string{"refs/heads/development"}, Rules: []fakegithub.Rule{{Type: "merge_queue"}}})
			return nil
		},
		f.startsRelease,
		f.waits("release/1.4.0"),
		f.says("dev", "release/1.4.0", "/hotfix 17"),
		f.fixes,
		f.says("qa", "hotfix/17", "/approve"),
		func() error { return f.branch("hotfix/17", false) },
		func() error { return f.contains("release/1.4.0", f.repo.SHA("master")) },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.waits("release/1.4.0"),
		f.says("rm", "release/1.4.0", "/release abandon --reason no"),
		func() error { return f.branch("release/1.4.0", false) },
		f.idle,
		f.healthy,
	)
}

// pickStory brings the two commits of a merged pull request to a release branch, which is released without them.
func pickStory(f *flow) error {
	return doAll(
		f.startsRelease,
		f.waits("release/1.4.0"),
		func() error { return f.repo.SetRef("refs/heads/fix/both", f.repo.SHA("development")) },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/both", message: "fix: one", files: map[string]string{"one.txt": "1\n"}})
			return err
		},
		func() error { return f.check(f.repo.SHA("fix/both"), bot.CheckPipeline, "success", "") },
		func() error {
			_, err := f.push(pushRequest{who: "eve", branch: "fix/both", message: "fix: two", files: map[string]string{"two.txt": "2\n"}})
			return err
		},
		func() error { _, err := f.open("eve", "fix/both", "development", "Both"); return err },
		func() error { return f.check(f.repo.SHA("fix/both"), bot.CheckPipeline, "success", "") },
		func() error {
			n, err := f.number("fix/both")
			if err != nil {
				return err
			}
			if _, err := f.merge("dev", n, "merge"); err != nil {
				return err
			}
			if _, err := f.comment("dev", n, "/cherrypick release/1.4.0"); err != nil {
				return err
			}
			_, err = f.opened(fmt.Sprintf("cherrypick/%d-to-release-1.4.0", n), "release/1.4.0")
			return err
		},
		f.idle,
		f.says("qa", "release/1.4.0", "/approve"),
		func() error { return f.branch("release/1.4.0", false) },
		func() error { return f.check(f.repo.SHA("development"), bot.CheckPipeline, "success", "") },
		f.idle,
		f.healthy,
	)
}

// watchStory is what goes wrong with a deployment that is watched: an alarm ends one, a person the next, and a webhook gets
// lost, which the server asks for again.
func watchStory(f *flow) error {
	pears := func(files map[string]string) func() error {
		return func() error {
			_, err := f.push(pushRequest{who: "dev", branch: "feature/pears", message: "feat: pears", files: files})
			return err
		}
	}
	is := func(conclusion, title string) func() error {
		return func() error { return f.check(f.repo.SHA("feature/pears"), bot.CheckPipeline, conclusion, title) }
	}
	return doAll(
		pears(map[string]string{"pears.txt": "1\n"}),
		func() error { _, err := f.open("dev", "feature/pears", "development", "Pears"); return err },
		is("in_progress", "Deploy"),
		f.says("rm", "feature/pears", `/alarm development --reason "p99 above 2 s"`),
		is("failure", ""),
		f.idle,
		pears(map[string]string{"pears.txt": "2\n"}),
		is("in_progress", "Deploy"),
		f.says("dev", "feature/pears", "/cancel pipeline"),
		is("cancelled", ""),
		f.idle,
		f.losesPush,
		f.idle,
		f.healthy,
	)
}

// losesPush pushes while GitHub cannot deliver, and waits until the server has asked for what it missed.
func (f *flow) losesPush() error {
	defer f.hub.InjectHook(fakegithub.HookFault{Kind: fakegithub.FailHook, Event: "push", Count: 1})()
	if _, err := f.push(pushRequest{who: "eve", branch: "feature/plums", message: "feat: plums", files: map[string]string{"plums.txt": "1\n"}}); err != nil {
		return err
	}
	if err := f.clock().move("+6m"); err != nil {
		return err
	}
	return f.until("the lost push to be delivered", func() (string, bool) {
		var saw []string
		for _, d := range f.hub.Deliveries() {
			if d.Event == "push" && d.Redelivery {
				saw = append(saw, fmt.Sprint(d.StatusCode))
			}
		}
		return strings.Join(saw, " "), len(saw) > 0 && saw[len(saw)-1] == "202"
	})
}

// watchFiles are those of a repository whose deployments wait for somebody to raise an alarm.
func watchFiles(*flow) map[string]string {
	return map[string]string{
		".github/sluice.yml": `version: 1
environments:
  development: { deploy: { uses: appspec, with: { hosts: [web-1], bake: 30m } } }
pipelines:
  feature:
    stages:
      - { name: Build, actions: [{ name: build, uses: buildspec, outputs: [shop] }] }
      - { name: Deploy, actions: [{ name: development, uses: deploy, with: { environment: development } }] }
  development: { stages: [{ name: Test, actions: [{ name: test, uses: buildspec }] }] }
`,
		"buildspec.yml": `version: 0.2
phases:
  build:
    commands:
      - mkdir app
      - date >app/version
artifacts: { files: [appspec.yml, "app/*"] }
`,
		"appspec.yml": `version: 0.0
os: linux
files: [{ source: app, destination: /srv/shop }]
`,
	}
}
