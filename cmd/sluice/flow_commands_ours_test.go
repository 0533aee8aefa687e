package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// oursCommands are about what Sluice itself has made, and whether it is what something else is.
func oursCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"deployments": {"environment records: GitHub's records of the deployments to an environment, the oldest first, each its version and its state, with commas between", cmdDeployments},
		"same-files":  {"commit commit: two commits have the same files", cmdSameFiles},
		"same-image":  {"environment version times: a version was deployed so often to an environment, always the same image", cmdSameImage},
		"ours":        {"branch base number: how many pull requests we opened from branches that match", cmdOurs},
		"raised":      {"pattern: an open issue of ours has a text", cmdRaised},
		"tried":       {"method route number: we made no more calls than that to a route, refused ones too", cmdTried},
		"forced":      {": we have forced a branch or moved a tag", cmdForced},
	}
}

func cmdDeployments(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.until(fmt.Sprintf("the deployments to %s to be %s", args[0], args[1]), func() (string, bool) {
		var all []string
		for _, d := range s.repo.Deployments() {
			if version, _, _ := strings.Cut(d.Description, " "); d.Environment == args[0] {
				all = append(all, version+" "+d.State())
			}
		}
		saw := strings.Join(all, ", ")
		return saw, saw == args[1]
	})
}

func cmdSameFiles(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	var trees [2]string
	for i, ref := range args {
		sha, err := s.flow.sha(ref)
		if err != nil {
			return err
		}
		if trees[i], err = s.gitIn(s.repo.Dir(), "dev", "rev-parse", sha+"^{tree}"); err != nil {
			return err
		}
	}
	return s.look(func() error {
		if trees[0] != trees[1] {
			return fmt.Errorf("%s and %s have different files", args[0], args[1])
		}
		return nil
	}, trees[0] == trees[1])
}

func cmdSameImage(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	want, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	return s.until(fmt.Sprintf("%s to be deployed to %s %d times", args[1], args[0], want), func() (string, bool) {
		var images []string
		for _, d := range s.repo.Deployments() {
			version, image, _ := strings.Cut(d.Description, " ")
			if d.Environment == args[0] && version == args[1] && strings.HasPrefix(image, "sha256:") {
				images = append(images, image)
			}
		}
		return strings.Join(images, ", "), len(images) == want && len(slices.Compact(images)) == 1
	})
}

func cmdOurs(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	want, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	head, n := globRE(args[0]), 0
	for _, i := range s.repo.Issues() {
		if i.Pull != nil && i.Author == flowBot && i.Pull.BaseRef == args[1] && head.MatchString(i.Pull.HeadRef) {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("there were %d, want %d", n, want)
	}
	return nil
}

// cmdForced is for !: nothing was forced.
func cmdForced(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	return s.look(func() error { return fmt.Errorf("nothing was forced") }, s.wrote("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}") > 0)
}

func cmdRaised(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	return s.until("an issue that matches "+args[0], func() (string, bool) {
		saw := ""
		for _, i := range s.repo.Issues() {
			if i.Pull == nil && i.Open && i.Author == flowBot {
				saw += i.Body + "\n"
			}
		}
		return saw, re.MatchString(saw)
	})
}

func cmdTried(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	most, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	if n := len(s.hub.Calls(fakegithub.CallFilter{Method: args[0], Route: args[1], Actor: flowBot})); n > most {
		return fmt.Errorf("%d calls, want at most %d", n, most)
	}
	return nil
}
