package config

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// MachineRules say which machines a repository may deploy to by SSH. The zero MachineRules allow none.
type MachineRules struct{ rules []machineRule }

type machineRule struct{ repo, user, addr string }

// ParseMachineRules reads comma separated rules of the form owner/repo=user@host:port, all parts globs; without a port it is
// 22. Every bad one is an error (Problem and Hint only).
func ParseMachineRules(list string) (MachineRules, []*Error) {
	rules, errs := readRules(list, "write it like acme/shop=deploy@web-1.example.com", readMachine)
	return MachineRules{rules}, errs
}

func readMachine(item string) (rule machineRule, problem string) {
	repo, machine, problem := repoRule(item)
	user, addr, ok := strings.Cut(machine, "@")
	switch {
	case problem != "":
		return rule, problem
	case !ok || user == "" || addr == "":
		return rule, fmt.Sprintf("%.80q is not owner/repo=user@host", item)
	case badGlob(user) != "" || badGlob(addr) != "":
		return rule, fmt.Sprintf("%.80q is not a valid pattern", machine)
	}
	if !strings.Contains(addr[strings.LastIndexByte(addr, ']')+1:], ":") {
		addr += ":22"
	}
	return machineRule{repo, user, strings.ToLower(addr)}, ""
}

// Allows tells whether the repository may deploy to the machine, user@host:port.
func (g MachineRules) Allows(owner, repo, machine string) bool {
	user, addr, _ := strings.Cut(machine, "@")
	for _, r := range g.rules {
		if matchRepo(r.repo, owner, repo) && doublestar.MatchUnvalidated(r.user, user) && doublestar.MatchUnvalidated(r.addr, strings.ToLower(addr)) {
			return true
		}
	}
	return false
}
