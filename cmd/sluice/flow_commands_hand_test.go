package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// handCommands are what people do by hand that Sluice does itself, or does not expect.
func handCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"delete-ours":   {"who number pattern: deletes a comment of ours", cmdDeleteOurs},
		"make-tag":      {"who tag commit: pushes a tag", cmdMakeTag},
		"delete-tag":    {"who tag: deletes a tag", cmdDeleteTag},
		"make-branch":   {"who branch commit: makes a branch at a commit that is there", cmdMakeBranch},
		"delete-branch": {"who branch: deletes a branch", cmdDeleteBranch},
		"publish":       {"who tag name: makes a GitHub release by hand", cmdPublish},
		"git":           {"who argument ...: runs git in a clone, after a fetch", cmdGit},
		"drop-ruleset":  {"id: takes a ruleset off", cmdDropRuleset},
		"sign":          {"commit: gives a commit a signature that is verified", cmdSign},
		"permit":        {"permission=level ...: the organization accepts other permissions for the App; an empty level takes one away", cmdPermit},
		"protect":       {"who branch settings: sets classic branch protection, in JSON; none takes it off", cmdProtect},
		"queued":        {"number: waits until a pull request is in the merge queue; sets $GROUP", cmdQueued},
		"obey-reply":    {"who number file=text ...: runs the commands that our last comment with some prints, with the files mended where git stops", cmdObeyReply},
		"obey":          {"who commit check: runs the commands that a check prints, in a clone, as they are", cmdObey},
		"registries":    {"[image repository ...]: what the operator allows the repository, from the next start on", cmdRegistries},
		"enterprise":    {": the server knows GitHub as an Enterprise Server, with its API below /api, from the next start on", cmdEnterprise},
		"draft":         {"who number: makes a pull request a draft", graphCommand("convertPullRequestToDraft")},
		"ready":         {"who number: marks a draft as ready for review", graphCommand("markPullRequestReadyForReview")},
		"revert":        {"who branch commit: reverts a commit with git revert, and pushes; sets $SHA", carryCommand("revert", "--no-edit")},
		"cherry-pick":   {"who branch commit: copies a commit with git cherry-pick -x, and pushes; sets $SHA", carryCommand("cherry-pick", "-x")},
		"reopen":        {"who number: opens a pull request again", cmdReopen},
	}
}

func cmdDeleteOurs(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	if err := s.flow.said(n, args[2]); err != nil {
		return err
	}
	re := regexp.MustCompile(args[2])
	for _, c := range s.repo.Comments(n) {
		if c.Author == flowBot && re.MatchString(c.Body) {
			return s.hub.As(args[0]).DeleteComment(s.tb.Context(), s.flow.name, c.ID)
		}
	}
	return errors.New("no comment of ours matches")
}

func cmdMakeTag(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[2])
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).CreateTag(s.tb.Context(), s.flow.name, args[1], sha)
}

func cmdDeleteTag(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).Do(s.tb.Context(), "DELETE", "/repos/"+s.flow.name+"/git/refs/tags/"+args[1], nil, nil)
}

func cmdMakeBranch(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[2])
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).Do(s.tb.Context(), "POST", "/repos/"+s.flow.name+"/git/refs", map[string]any{"ref": "refs/heads/" + args[1], "sha": sha}, nil)
}

func cmdDeleteBranch(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).DeleteBranch(s.tb.Context(), s.flow.name, args[1])
}

func cmdPublish(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).Do(s.tb.Context(), "POST", "/repos/"+s.flow.name+"/releases", map[string]any{"tag_name": args[1], "name": args[2]}, nil)
}

func cmdObey(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[1])
	if err != nil {
		return err
	}
	c, _ := s.repo.Check(sha, args[2])
	blocks := printed().FindAllStringSubmatch(c.Summary, -1)
	if len(blocks) != 1 {
		return fmt.Errorf("want one block of commands, not %d, in:\n%s", len(blocks), c.Summary)
	}
	if _, err := s.git(args[0], "status"); err != nil { // the clone is there
		return err
	}
	s.ts.Logf("%s", blocks[0][1])
	_, err = s.runIn(filepath.Join(s.dir, "clone-"+args[0]), args[0], "sh", "-e", "-c", blocks[0][1])
	return err
}

func cmdGit(s *scripted, args []string) error {
	args, err := s.args(args, 2, -1)
	if err != nil {
		return err
	}
	if _, err := s.git(args[0], "fetch", "--quiet", "origin"); err != nil {
		return err
	}
	_, err = s.git(args[0], args[1:]...)
	return err
}

// printed finds the blocks of commands in a text of ours.
func printed() *regexp.Regexp { return regexp.MustCompile("(?s)```sh\n(.*?)```") }

func cmdObeyReply(s *scripted, args []string) error {
	args, err := s.args(args, 3, -1)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	files, err := s.files(args[2:])
	if err != nil {
		return err
	}
	block := ""
	for _, c := range s.repo.Comments(n) {
		if m := printed().FindStringSubmatch(c.Body); m != nil && c.Author == flowBot {
			block = m[1]
		}
	}
	before, after, stops := strings.Cut(block, "# mend the files that git names")
	if !stops {
		return fmt.Errorf("no comment of ours has commands that may stop in between, but:\n%s", block)
	}
	_, after, _ = strings.Cut(after, "\n")
	if _, err := s.git(args[0], "status"); err != nil { // the clone is there
		return err
	}
	dir := filepath.Join(s.dir, "clone-"+args[0])
	if out, err := s.runIn(dir, args[0], "sh", "-e", "-c", before); err == nil {
		return fmt.Errorf("git does not stop:\n%s", out)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	s.ts.Logf("%s", block)
	_, err = s.runIn(dir, args[0], "sh", "-e", "-c", "git add -A\nGIT_EDITOR=true git cherry-pick --continue\n"+after)
	return err
}

func cmdRegistries(s *scripted, args []string) error {
	args, err := s.args(args, 0, -1)
	if err != nil {
		return err
	}
	var rules []string
	for _, image := range args {
		rules = append(rules, flowRepo+"="+image)
	}
	s.extra = append(s.extra, "SLUICE_REGISTRY_ALLOW="+strings.Join(rules, ","))
	return nil
}

func cmdEnterprise(s *scripted, args []string) error {
	_, err := s.args(args, 0, 0)
	s.extra = append(s.extra, "SLUICE_GITHUB_API_URL="+s.hub.URL()+"/api/v3")
	return err
}

// carryCommand is a git command that makes a commit on a branch out of another commit.
func carryCommand(git ...string) func(*scripted, []string) error {
	return func(s *scripted, args []string) error {
		args, err := s.args(args, 3, 3)
		if err != nil {
			return err
		}
		who, branch := args[0], args[1]
		for _, step := range [][]string{
			{"fetch", "--quiet", "--prune", "origin"}, {"switch", "--quiet", "--force-create", branch, "--no-track", "origin/" + branch},
			append(slices.Clone(git), args[2]), {"push", "--quiet", "origin", branch},
		} {
			if _, err := s.git(who, step...); err != nil {
				return err
			}
		}
		sha, err := s.git(who, "rev-parse", "HEAD")
		s.set("SHA", sha)
		return err
	}
}

func cmdReopen(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).EditPull(s.tb.Context(), s.flow.name, n, map[string]any{"state": "open"})
}

func cmdDropRuleset(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	s.repo.RemoveRuleset(id)
	return nil
}

func cmdSign(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[0])
	s.repo.Sign(sha)
	return err
}

func cmdPermit(s *scripted, args []string) error {
	args, err := s.args(args, 1, -1)
	if err != nil {
		return err
	}
	granted := fakegithub.SluicePermissions()
	for _, a := range args {
		name, level, _ := strings.Cut(a, "=")
		if granted[name] = level; level == "" {
			delete(granted, name)
		}
	}
	return s.hub.SetInstallation(s.install.ID, granted, nil)
}

func cmdProtect(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	who, path := s.hub.As(args[0]), "/repos/"+flowRepo+"/branches/"+args[1]+"/protection"
	if args[2] == "none" {
		return who.Do(s.tb.Context(), "DELETE", path, nil, nil)
	}
	settings := map[string]any{"required_status_checks": nil, "enforce_admins": true, "required_pull_request_reviews": nil, "restrictions": nil}
	if err := json.Unmarshal([]byte(args[2]), &settings); err != nil {
		return err
	}
	return who.Do(s.tb.Context(), "PUT", path, settings, nil)
}

func cmdQueued(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	return s.until("#"+strconv.Itoa(n)+" to be in the merge queue", func() (string, bool) {
		sha := s.repo.Queued(n)
		s.set("GROUP", sha)
		return "it is not", sha != ""
	})
}

// graphCommand is a command that GitHub has in its GraphQL API only.
func graphCommand(mutation string) func(*scripted, []string) error {
	return func(s *scripted, args []string) error {
		args, err := s.args(args, 2, 2)
		if err != nil {
			return err
		}
		n, err := s.number(args[1])
		if err != nil {
			return err
		}
		who := s.hub.As(args[0])
		var pull struct {
			Node string `json:"node_id"`
		}
		if err := who.Do(s.tb.Context(), "GET", fmt.Sprintf("/repos/%s/pulls/%d", s.flow.name, n), nil, &pull); err != nil {
			return err
		}
		var out struct{ Errors []struct{ Message string } }
		err = who.Do(s.tb.Context(), "POST", "/graphql", map[string]any{
			"query":     "mutation($input: " + strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!) { " + mutation + "(input: $input) { clientMutationId } }",
			"variables": map[string]any{"input": map[string]any{"pullRequestId": pull.Node}},
		}, &out)
		if err == nil && len(out.Errors) > 0 {
			err = errors.New(out.Errors[0].Message)
		}
		return err
	}
}
