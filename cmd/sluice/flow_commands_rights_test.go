package main

import (
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// rightsCommands are about who belongs to what, and whether the App may work.
func rightsCommands() map[string]flowCommand {
	return map[string]flowCommand{
		"team":      {"slug login ...: a team that may write, with members", cmdTeam},
		"leave":     {"slug login: somebody leaves a team", cmdLeave},
		"suspend":   {"yes|no: the organization suspends the App, or ends that", cmdSuspend},
		"uninstall": {": the organization takes the App off", cmdUninstall},
	}
}

func cmdTeam(s *scripted, args []string) error {
	args, err := s.args(args, 1, -1)
	if err != nil {
		return err
	}
	s.hub.AddTeam(flowOrg, args[0], args[1:]...)
	s.repo.GrantTeam(args[0], fakegithub.RoleWrite)
	return nil
}

func cmdLeave(s *scripted, args []string) error {
	args, err := s.args(args, 2, 2)
	if err != nil {
		return err
	}
	return s.hub.SetTeamMember(flowOrg, args[0], args[1], false)
}

func cmdSuspend(s *scripted, args []string) error {
	args, err := s.args(args, 1, 1)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"yes", "no"}, args[0]) {
		return fmt.Errorf("%q is neither yes nor no", args[0])
	}
	return s.hub.SetSuspended(s.install.ID, args[0] == "yes")
}

func cmdUninstall(s *scripted, args []string) error {
	if _, err := s.args(args, 0, 0); err != nil {
		return err
	}
	s.hub.Uninstall(s.install.ID)
	return nil
}
