package main

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// moveCommands are what becomes of the repository itself, and what other Apps say in it.
func moveCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"rename":        {"who name: gives the repository another name", cmdRename},
		"transfer":      {"[-installed] who account: gives the repository to another account, which is made; the App is there or not", cmdTransfer},
		"install":       {"account: puts the App on an account that has the repository", cmdInstall},
		"archive":       {"who yes|no: archives the repository, or ends that", cmdArchive},
		"rename-branch": {"who branch name: renames a branch", cmdRenameBranch},
		"bot-comment":   {"slug number text: an App comments: ours, or one that is installed now; sets $COMMENT", cmdBotComment},
	}
}

func cmdRename(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	if err := s.hub.As(args[0]).Do(s.tb.Context(), "PATCH", "/repos/"+s.flow.name, map[string]any{"name": args[1]}, nil); err != nil {
		return err
	}
	s.flow.name = s.repo.FullName()
	return nil
}

func cmdTransfer(s *scripted, args []string) error {
	installed := s.flags.Bool("installed", false, "")
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	s.hub.AddOrg(args[1], args[0])
	if *installed {
		if _, err := s.installOn(s.app, args[1]); err != nil {
			return err
		}
	}
	if err := s.hub.As(args[0]).Do(s.tb.Context(), "POST", "/repos/"+s.flow.name+"/transfer", map[string]any{"new_owner": args[1]}, nil); err != nil {
		return err
	}
	s.flow.name = s.repo.FullName()
	return nil
}

func cmdInstall(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	i, err := s.installOn(s.app, args[0])
	if args[0] == flowOrg {
		s.install = i
	}
	return err
}

func cmdArchive(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.hub.As(args[0]).Do(s.tb.Context(), "PATCH", "/repos/"+s.flow.name, map[string]any{"archived": args[1] == "yes"}, nil)
}

func cmdRenameBranch(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/repos/%s/branches/%s/rename", s.flow.name, strings.ReplaceAll(args[1], "/", "%2F"))
	return s.hub.As(args[0]).Do(s.tb.Context(), "POST", path, map[string]any{"new_name": args[2]}, nil)
}

func cmdBotComment(s *scripted, args []string) error {
	args, err := s.args(args, 3, 3)
	if err != nil {
		return err
	}
	n, err := s.number(args[1])
	if err != nil {
		return err
	}
	key := args[0] + "/" + flowOrg
	if s.installations[key] == 0 {
		app, err := s.hub.AddApp(fakegithub.AppConfig{Slug: args[0]})
		if err != nil {
			return err
		}
		if _, err := s.installOn(app, flowOrg); err != nil {
			return err
		}
	}
	token, err := s.hub.InstallationToken(s.installations[key])
	if err != nil {
		return err
	}
	id, err := s.hub.With(token).Comment(s.tb.Context(), s.flow.name, n, args[2])
	s.set("COMMENT", id)
	return err
}
