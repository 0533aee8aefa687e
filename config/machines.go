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
	var g MachineRules
	var errs []*Error
	for _, item := range splitList(list) {
		repo, machine, _ := strings.Cut(item, "=")
		user, addr, ok := strings.Cut(strings.TrimSpace(machine), "@")
		repo = strings.TrimSpace(repo)
		problem := badRepoGlob(repo)
		switch {
		case problem != "":
		case !ok || user == "" || addr == "":
			problem = fmt.Sprintf("%.80q is not owner/repo=user@host", item)
		case badGlob(user) != "" || badGlob(addr) != "":
			problem = fmt.Sprintf("%.80q is not a valid pattern", machine)
		}
		if problem != "" {
			errs = append(errs, &Error{Problem: problem, Hint: "write it like acme/shop=deploy@web-1.example.com"})
			continue
		}
		if !strings.Contains(addr[strings.LastIndexByte(addr, ']')+1:], ":") {
			addr += ":22"
		}
		g.rules = append(g.rules, machineRule{strings.ToLower(repo), user, strings.ToLower(addr)})
	}
	return g, errs
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
