package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// checkCommands look at checks.
func checkCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"check":     {"commit name conclusion|status [title]: a check, its title a regular expression", cmdCheck},
		"annotated": {"commit check pattern: an annotation of a check", cmdAnnotated},
		"summary":   {"commit check pattern: what a check says below its title", cmdSummary},
		"made":      {"commit check count: how many runs of a check were made", cmdMade},
	}
}

func cmdCheck(s *scripted, args []string) error {
	least := 3
	if s.not() {
		least = 2
	}
	args, err := s.args(args, least, 4)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[0])
	if err != nil {
		return err
	}
	if s.not() {
		if c, ok := s.repo.Check(sha, args[1]); ok && (len(args) < 3 || c.Conclusion == args[2] || c.Status == args[2]) {
			return fmt.Errorf("it is %s %s: %s", c.Status, c.Conclusion, c.Title)
		}
		return nil
	}
	title := ""
	if len(args) == 4 {
		title = args[3]
	}
	return s.flow.check(sha, args[1], args[2], title)
}

func cmdAnnotated(s *scripted, args []string) error {
	now, re, err := s.ofCheck(args)
	if err != nil {
		return err
	}
	return s.until("an annotation that matches "+re.String(), func() (string, bool) {
		saw := ""
		for _, a := range now().Annotations {
			line := fmt.Sprintf("%s:%d: %s: %s", a.Path, a.StartLine, a.Title, a.Message)
			if re.MatchString(line) {
				return "", true
			}
			saw += line + "\n"
		}
		return saw, false
	})
}

func cmdSummary(s *scripted, args []string) error {
	now, re, err := s.ofCheck(args)
	if err != nil {
		return err
	}
	return s.until("a summary that matches "+re.String(), func() (string, bool) {
		c := now()
		text := c.Summary + "\n\n" + c.Text
		return text, re.MatchString(text)
	})
}

func cmdMade(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.flow.sha(args[0])
	if err != nil {
		return err
	}
	want, err := s.intArg(args[2])
	if err != nil {
		return err
	}
	return s.until(fmt.Sprintf("%d runs of %s", want, args[1]), func() (string, bool) {
		got := 0
		for _, c := range s.repo.CheckRuns(sha) {
			if c.Name == args[1] {
				got++
			}
		}
		return strconv.Itoa(got), got == want
	})
}

// ofCheck reads arguments "commit check pattern": how the newest run of the check stands, and the pattern.
func (s *scripted) ofCheck(args []string) (now func() fakegithub.CheckRun, re *regexp.Regexp, err error) {
	if args, err = s.args(args, 3, 3); err != nil {
		return nil, nil, err
	}
	sha, err := s.flow.sha(args[0])
	if err != nil {
		return nil, nil, err
	}
	re, err = regexp.Compile(args[2])
	return func() fakegithub.CheckRun {
		c, _ := s.repo.Check(sha, args[1])
		return c
	}, re, err
}
