package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// flowOrganization is the repository in which the organization keeps its defaults.
const flowOrganization = flowOrg + "/.github"

// organizationCommands are about the organization's own repository.
func organizationCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"organization": {"who branch message folder: commits what is in a folder of the script to a branch of acme/.github, which is made " +
			"with an empty main the first time", cmdOrganization},
		"in-organization": {"command args: pull or check, in acme/.github", cmdInOrganization},
	}
}

func cmdOrganization(s *scripted, args []string) error {
	args, err := s.args(args, 4, 4)
	if err != nil {
		return err
	}
	if s.organization == nil {
		if s.organization, err = s.hub.AddRepo(flowOrganization, fakegithub.RepoConfig{DefaultBranch: "main"}); err != nil {
			return err
		}
		s.organization.Grant("boss", fakegithub.RoleAdmin)
		s.organization.Grant("dev", fakegithub.RoleWrite)
		if _, err := s.organization.Seed("main", "chore: begin", map[string]string{"README.md": "# acme\n"}); err != nil {
			return err
		}
	}
	root := s.ts.MkAbs(args[3])
	files := map[string]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.hub.As(args[0]).Commit(s.tb.Context(), flowOrganization, args[1], args[2], files)
	return err
}

func cmdInOrganization(s *scripted, args []string) error {
	c, ok := flowCommands()[args[0]]
	if !ok || s.organization == nil {
		return fmt.Errorf("there is no command %q, or no organization yet", args[0])
	}
	there := *s.flow
	there.repo, there.name = s.organization, flowOrganization
	inner := &scripted{ts: s.ts, flow: &there, neg: s.neg, name: args[0], flags: flag.NewFlagSet(args[0], flag.ContinueOnError)}
	defer func() { s.asked = inner.asked }()
	return c.run(inner, args[1:])
}
