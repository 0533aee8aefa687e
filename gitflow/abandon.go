package gitflow

// PlanAbandon plans the end of a release or hotfix that will not ship. It is refused once the version runs in production
// or is on its way there.
func PlanAbandon(s State) Plan {
	p := Plan{Name: "abandon"}
	switch {
	case s.deployed():
		p.Refused = text("%s runs or ran in production; it is finished or rolled back, not abandoned.", s.Version)
		return p
	case s.Environment.Deploying == s.Version && s.Version != "":
		p.Refused = text("%s is being deployed to production; wait for the end, then say /rollback.", s.Version)
		return p
	case s.line().HasCandidate && s.Candidate.SHA != "" && s.TagSHA == s.Candidate.SHA:
		p.Refused = text("%s is tagged and merged into %s already; say /rollback instead.", s.Version, s.line().Branch)
		return p
	}
	p.Steps = append(p.Steps, Step{ID: "stop", Kind: StepStopExecutions, Title: text("stop what runs for %s and void its approvals", s.Branch),
		Before: []Text{text("%s does not run in production and is not on its way there.", s.Version)},
		Branch: s.Branch, Version: s.Version, Done: s.Running == 0, Probe: Probe{Kind: ProbeNothingRuns, Head: s.Branch}})
	after := []string{"stop"}
	for _, c := range s.children() {
		p.Steps = append(p.Steps, c)
		after = append(after, c.ID)
	}
	if s.Pull.Number != 0 {
		p.Steps = append(p.Steps, Step{ID: "close-pull-request", Kind: StepClosePull, Title: text("close pull request #%d", s.Pull.Number), After: after,
			Before: []Text{"Nothing runs for it any more."},
			Pull:   s.Pull.Number, Branch: s.Branch, Target: s.Pull.Base, Done: !s.Pull.Open, Probe: Probe{Kind: ProbePullClosed, Pull: s.Pull.Number}})
		after = append(after, "close-pull-request")
	}
	del := s.deletion(s.Branch, s.Head, after)
	switch {
	case s.Head == "":
		del.Done = true
	case s.Pull.Number == 0 && s.HeadAhead > 0:
		del.Blocked = text("%s has %s that no pull request keeps; delete it by hand if they are not needed.", s.Branch, plural(s.HeadAhead, "commit"))
		del.Commands = []string{command("git", "push", "origin", ":refs/heads/"+s.Branch)}
	case s.HeadAhead > 0:
		p.Notes = append(p.Notes, text("The commits of %s stay reachable at %s through pull request #%d.", s.Branch, Text(s.Head), s.Pull.Number))
	}
	p.Steps = append(p.Steps, del)
	if s.Published != "" {
		p.Notes = append(p.Notes, text("%s stays spent: the production registry has it.", s.Version))
	}
	return p
}
