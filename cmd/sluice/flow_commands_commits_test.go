package main

import (
	"fmt"
	"regexp"
	"strings"
)

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
