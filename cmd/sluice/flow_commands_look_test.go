package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// lookCommands are the commands that look at what became of it.
func lookCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"opened":    {"head base [title]: an open pull request, * for anything in head, its title a regular expression; sets $PR", cmdOpened},
		"state":     {"number open|closed|merged: a pull request", cmdState},
		"branch":    {"name: a branch is there; with ! it goes away", cmdBranch},
		"tag":       {"name commit: a tag is at a commit", cmdTag},
		"runs":      {"environment version: what was deployed last, by GitHub's record", cmdRuns},
		"said":      {"number pattern: a comment of ours", cmdSaid},
		"once":      {"number pattern: we said it in exactly one comment", cmdOnce},
		"head":      {"number: sets $SHA to the head of a pull request", cmdHead},
		"described": {"number pattern: the description of an issue or pull request", cmdDescribed},
		"reacted":   {"comment|review content: a reaction of ours", cmdReacted},
		"promoted":  {"tag tag: the image in production's registry is the one in development's, by digest", cmdPromoted},
		"signed":    {"[!] tag KEY: the image in production's registry is signed by a key of signature/testdata", cmdSigned},
		"image":     {"[-production] tag: an image is in development's registry, or in production's", cmdImage},
		"calls":     {"method route count: calls of ours that had an effect", cmdCalls},
		"release":   {"tag pattern: the text of a GitHub release", cmdRelease},
		"latest":    {"tag: the release that GitHub calls the latest", cmdLatest},
	}
}

// look runs a look that waits; negated it must not be so now, which the caller asks with not.
func (s *scripted) look(is func() error, now bool) error {
	if !s.not() {
		return is()
	}
	if now {
		return errors.New("it is so")
	}
	return nil
}

func cmdOpened(s *scripted, args []string) error {
	args, err := s.args(args, 2, 3)
	if err != nil {
		return err
	}
	if s.not() {
		re := globRE(args[0])
		for _, i := range s.repo.Issues() {
			if i.Pull != nil && i.Open && re.MatchString(i.Pull.HeadRef) && i.Pull.BaseRef == args[1] {
				return fmt.Errorf("#%d is open", i.Number)
			}
		}
		return nil
	}
	n, err := s.flow.opened(args[0], args[1])
	s.set("PR", n)
	if i, ok := s.repo.Issue(n); ok {
		s.set("HEAD", i.Pull.HeadRef)
		if len(args) > 2 && err == nil && !regexp.MustCompile(args[2]).MatchString(i.Title) {
			return fmt.Errorf("its title is %q", i.Title)
		}
	}
	return err
}

func cmdState(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	return s.flow.state(n, args[1])
}

func cmdBranch(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	return s.flow.branch(args[0], !s.not())
}

func cmdTag(s *scripted, args []string) error {
	least := 2
	if s.not() {
		least = 1
	}
	args, err := s.args(args, least, 2)
	if err != nil {
		return err
	}
	if s.not() {
		return s.look(nil, s.repo.Tags()[args[0]] != "")
	}
	sha, err := s.flow.sha(args[1])
	if err != nil {
		return err
	}
	return s.tagged(args[0], sha)
}

func cmdRuns(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.runs(args[0], args[1])
}

func cmdSaid(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	if !s.not() {
		return s.flow.said(n, args[1])
	}
	re, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	for _, c := range s.repo.Comments(n) {
		if c.Author == flowBot && re.MatchString(c.Body) {
			return fmt.Errorf("we said: %s", c.Body)
		}
	}
	return nil
}

func cmdOnce(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	number, err := s.number(args[0])
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	n := 0
	for _, c := range s.repo.Comments(number) {
		if c.Author == flowBot && re.MatchString(c.Body) {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("%d comments match", n)
	}
	return nil
}

func cmdHead(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	i, ok := s.repo.Issue(n)
	if !ok || i.Pull == nil {
		return fmt.Errorf("#%d is no pull request", n)
	}
	s.set("SHA", i.Pull.HeadSHA)
	return nil
}

func cmdDescribed(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.number(args[0])
	if err != nil {
		return err
	}
	i, _ := s.repo.Issue(n)
	if ok, err := regexp.MatchString(args[1], i.Body); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("it says: %s", i.Body))
	}
	return nil
}

func cmdReacted(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	now := false
	for _, r := range s.repo.Reactions() {
		now = now || (r.Comment == id || r.Review == id) && r.Author == flowBot && r.Content == args[1]
	}
	return s.look(func() error { return s.flow.reacted(id, args[1]) }, now)
}

func cmdPromoted(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	was, err := s.digest(s.dev, args[0])
	if err != nil {
		return err
	}
	is, err := s.digest(s.prod, args[1])
	if err != nil {
		return err
	}
	return s.look(func() error {
		if is != was {
			return fmt.Errorf("production has %s, and %s was tested", is, was)
		}
		return nil
	}, is == was)
}

func cmdCalls(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	want, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	if got := s.wrote(args[0], args[1]); got != want {
		return fmt.Errorf("%d calls had an effect, want %d", got, want)
	}
	return nil
}

func cmdRelease(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	re, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	return s.until("GitHub release "+args[0], func() (string, bool) {
		saw := "no such release"
		for _, r := range s.repo.Releases() {
			if r.Tag == args[0] {
				saw = r.Name + "\n" + r.Body
				return saw, re.MatchString(saw)
			}
		}
		return saw, false
	})
}

func cmdImage(s *scripted, args []string) error {
	production := s.flags.Bool("production", false, "")
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	registry := s.dev
	if *production {
		registry = s.prod
	}
	if s.not() {
		digest, err := s.digestNow(registry, args[0])
		return errors.Join(err, s.look(nil, digest != ""))
	}
	_, err = s.digest(registry, args[0])
	return err
}

func cmdLatest(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	return s.until("the latest release to be "+args[0], func() (string, bool) {
		is := s.repo.LatestRelease()
		return is, is == args[0]
	})
}
