package main

import (
	"strconv"
	"strings"
)

// reviewCommands are what people do with reviews of pull requests.
func reviewCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"review":      {"who number APPROVE|REQUEST_CHANGES|COMMENT text: submits a review; sets $REVIEW", cmdReview},
		"edit-review": {"who number review text: replaces the text of a review", cmdEditReview},
		"dismiss":     {"who number review: dismisses a review", cmdDismiss},
	}
}

func cmdReview(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	id, err := s.hub.As(args[0]).Review(s.tb.Context(), s.flow.name, n, args[2], strings.ReplaceAll(args[3], `\n`, "\n"))
	s.set("REVIEW", id)
	return err
}

func cmdEditReview(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	n, id, err := s.reviewOf(args)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).EditReview(s.tb.Context(), s.flow.name, n, id, args[3])
}

func cmdDismiss(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, id, err := s.reviewOf(args)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).DismissReview(s.tb.Context(), s.flow.name, n, id, "no longer")
}

// reviewOf reads the pull request and the review among arguments.
func (s *scripted) reviewOf(args []string) (pull int, review int64, err error) {
	if pull, err = s.number(args[1]); err != nil {
		return 0, 0, err
	}
	review, err = strconv.ParseInt(args[2], 10, 64)
	return pull, review, err
}
