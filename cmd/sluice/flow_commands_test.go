package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// flowCommands are the commands of scripts. A command that looks waits until it is so; with ! in front it looks once, so
// an idle belongs before it. Commits are named by branch, tag or SHA; pull requests by number or by their branch.
func flowCommands() map[string]flowCommand {
	all := map[string]flowCommand{
		"repo": {"[-no-development] [-ahead] [-empty|-images [-components] [-verify] [-signs]] [-sign-in] [-builders] [file|name=text ...]: master with version 1.3.0, development at it " +
			"(ahead: with a feature more), and the server; empty: without a configuration, images: one that builds images, of the components api and web; sign-in: with a dashboard to sign in on; builders: builds run as whom the server chooses, and not as whoever runs the tests", cmdRepo},
		"push":      {"[-from branch] [-force] who branch message [file|name=text ...]: commits and pushes with git; sets $SHA", cmdPush},
		"resolve":   {"who branch other [file|name=text ...]: merges other into branch with git, taking the files as given; sets $SHA", cmdResolve},
		"pull":      {"[-title text] who head base: opens a pull request; sets $PR", cmdPull},
		"issue":     {"who title: opens an issue; sets $PR", cmdIssue},
		"comment":   {"who number text: comments; sets $COMMENT", cmdComment},
		"edit":      {"who comment text: replaces a comment's text", cmdEdit},
		"delete":    {"who comment: deletes a comment", cmdDelete},
		"merge":     {"[-title text] who number [merge|squash|rebase]: merges a pull request; sets $SHA", cmdMerge},
		"close":     {"who number: closes a pull request without merging it", cmdClose},
		"retarget":  {"who number base: changes a pull request's base", cmdRetarget},
		"button":    {"who commit check identifier: presses a button of a check", cmdButton},
		"rerun":     {"who commit check|all: presses Re-run", cmdRerun},
		"grant":     {"who role: gives somebody a role", cmdGrant},
		"fork":      {"[-from branch] who branch: forks the repository, with a commit on a branch", cmdFork},
		"fork-push": {"who branch: a commit more on a branch of a fork", cmdForkPush},
		"ci":        {"commit name [conclusion]: another App reports a check", cmdCI},
		"queue":     {"number: puts a pull request into the merge queue; sets $SHA", cmdQueue},
		"ruleset":   {"file: adds a ruleset, bypass in it is our App's mode; sets $RULESET", cmdRuleset},
	}
	for _, more := range []map[string]flowCommand{
		lookCommands(), commitCommands(), checkCommands(), oursCommands(), recordCommands(), cloneCommands(), serverCommands(), shellCommands(), pageCommands(), moveCommands(),
		organizationCommands(), rightsCommands(), handCommands(), runCommands(), troubleCommands(), dryCommands(), answerCommands(), awsCommands(), reviewCommands(),
	} {
		for name, one := range more {
			if _, twice := all[name]; twice {
				panic("two commands of scripts are called " + name)
			}
			all[name] = one
		}
	}
	return all
}

func cmdRepo(s *scripted, args []string) error {
	alone := s.flags.Bool("no-development", false, "")
	empty := s.flags.Bool("empty", false, "")
	images := s.flags.Bool("images", false, "")
	ahead := s.flags.Bool("ahead", false, "")
	components := s.flags.Bool("components", false, "")
	verify := s.flags.Bool("verify", false, "")
	signs := s.flags.Bool("signs", false, "")
	signIn := s.flags.Bool("sign-in", false, "")
	builders := s.flags.Bool("builders", false, "")
	args, err := s.args(args, 0, -1)
	if err != nil {
		return err
	}
	files, err := s.files(args)
	if err != nil {
		return err
	}
	files["README.md"] = "# shop\n"
	switch {
	case *images:
		maps.Copy(files, s.imageFiles())
		if *components {
			files[".github/sluice.yml"] += imagesComponents
		}
		if *verify {
			text, err := verifyConfig()
			if err != nil {
				return err
			}
			files[".github/sluice.yml"] += text
		}
	case !*empty && files[".github/sluice.yml"] == "":
		files[".github/sluice.yml"] = quickConfig
	}
	if err := s.seed(!*alone, *ahead, files); err != nil {
		return err
	}
	if *signIn {
		s.signIn()
	}
	if *builders {
		if err := s.buildersOfServe(); err != nil {
			return err
		}
	}
	if *signs {
		if err := s.signs(); err != nil {
			return err
		}
	}
	if err := s.serve(); err != nil {
		return err
	}
	return s.idle()
}

func cmdPush(s *scripted, args []string) error {
	q := pushRequest{}
	s.flags.StringVar(&q.from, "from", "", "")
	s.flags.BoolVar(&q.force, "force", false, "")
	args, err := s.args(args, 3, -1)
	if err != nil {
		return err
	}
	q.who, q.branch, q.message = args[0], args[1], strings.ReplaceAll(args[2], `\n`, "\n")
	if q.files, err = s.files(args[3:]); err != nil {
		return err
	}
	sha, err := s.push(q)
	if s.not() {
		if err == nil {
			return errors.New("the push was not refused")
		}
		return nil
	}
	s.set("SHA", sha)
	return err
}

func cmdResolve(s *scripted, args []string) error {
	args, err := s.args(args, 3, -1)
	if err != nil {
		return err
	}
	files, err := s.files(args[3:])
	if err != nil {
		return err
	}
	sha, err := s.resolve(args[0], args[1], args[2], files)
	s.set("SHA", sha)
	return err
}

func cmdPull(s *scripted, args []string) error {
	title := s.flags.String("title", "", "")
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.open(args[0], args[1], args[2], cmp.Or(*title, "Merge "+args[1]))
	s.set("PR", n)
	return err
}

func cmdIssue(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.hub.As(args[0]).OpenIssue(s.tb.Context(), s.flow.name, args[1], "")
	s.set("PR", n)
	return err
}

func cmdComment(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	id, err := s.comment(args[0], n, strings.ReplaceAll(args[2], `\n`, "\n"))
	s.set("COMMENT", id)
	return err
}

func cmdEdit(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).EditComment(s.tb.Context(), s.flow.name, id, args[2])
}

func cmdDelete(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).DeleteComment(s.tb.Context(), s.flow.name, id)
}

func cmdMerge(s *scripted, args []string) error {
	title := s.flags.String("title", "", "")
	args, err := s.args(args, 2, 3)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	if *title != "" {
		in := map[string]any{"commit_title": *title, "merge_method": cmp.Or(strings.Join(args[2:], ""), "merge")}
		return s.hub.As(args[0]).Do(s.tb.Context(), "PUT", fmt.Sprintf("/repos/%s/pulls/%d/merge", s.flow.name, n), in, nil)
	}
	sha, err := s.flow.merge(args[0], n, strings.Join(args[2:], ""))
	if s.not() {
		if err == nil {
			return errors.New("the merge was not refused")
		}
		return nil
	}
	s.set("SHA", sha)
	return err
}

func cmdClose(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).EditPull(s.tb.Context(), s.flow.name, n, map[string]any{"state": "closed"})
}

func cmdRetarget(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).EditPull(s.tb.Context(), s.flow.name, n, map[string]any{"base": args[2]})
}

func cmdButton(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	sha, err := s.sha(args[1])
	if err != nil {
		return err
	}
	err = s.flow.button(args[0], sha, args[2], args[3])
	if s.not() {
		if err == nil {
			return errors.New("the button could be pressed")
		}
		return nil
	}
	return err
}

func cmdRerun(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	sha, err := s.sha(args[1])
	if err != nil {
		return err
	}
	return s.flow.rerun(args[0], sha, args[2])
}

func (s *scripted) intArg(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n, nil
}
