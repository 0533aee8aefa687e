package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// commitCommands are about branches and what their commits are.
func commitCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"kept":     {"commit: a commit that a branch lost is kept by a ref", cmdKept},
		"contains": {"branch commit: a branch contains a commit", cmdContains},
		"wrote":    {"who commit pattern: who wrote a commit, and its first line", cmdWrote},
		"branches": {"pattern: some branch has such a name", cmdBranches},
		"parents":  {"commit count: how many parents a commit has", cmdParents},
		"sha":      {"variable commit: keeps a commit in a variable, and its first 7 digits in one with a 7 behind its name", cmdSHA},
		"file":     {"commit name pattern: a file of a commit", cmdFile},
		"many":     {"who branch number: that many commits without changes, pushed at once", cmdMany},
	}
}

func cmdWrote(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[1])
	if err != nil {
		return err
	}
	got, err := s.gitIn(s.repo.Dir(), "dev", "log", "-1", "--format=%an %s", sha)
	if err != nil {
		return err
	}
	who, subject, _ := strings.Cut(got, " ")
	if ok, err := regexp.MatchString(args[2], subject); err != nil || !ok || who != args[0] {
		return fmt.Errorf("%s wrote %q", who, subject)
	}
	return nil
}

func cmdBranches(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	pattern, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	for name := range s.repo.Branches() {
		if pattern.MatchString(name) {
			return s.look(func() error { return nil }, true)
		}
	}
	return s.look(func() error { return fmt.Errorf("no branch matches %s", pattern) }, false)
}

// cmdMany adds commits that change no file, more than anybody would make by hand.
func cmdMany(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	return s.many(args[0], args[1], n)
}

func cmdKept(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	return s.until("the commit to be kept", func() (string, bool) {
		sha := s.repo.SHA("refs/sluice/kept/" + args[0])
		return sha, sha == args[0]
	})
}

func cmdContains(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[1])
	if err != nil {
		return err
	}
	return s.look(func() error { return s.flow.contains(args[0], sha) }, s.repo.Contains(s.repo.SHA(args[0]), sha))
}

func cmdParents(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	want, err := s.intArg(args[1])
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[0])
	if err != nil {
		return err
	}
	if got := len(s.repo.Parents(sha)); got != want {
		return fmt.Errorf("%s has %d parents, want %d", args[0], got, want)
	}
	return nil
}

func cmdFile(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	text, err := s.repo.File(args[0], args[1])
	if err != nil {
		return err
	}
	if ok, err := regexp.MatchString(args[2], text); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("%s says %q", args[1], text))
	}
	return nil
}

func cmdSHA(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[1])
	if err != nil {
		return err
	}
	s.set(args[0], sha)
	s.set(args[0]+"7", sha[:7])
	return nil
}
