package gitflow

import (
	"cmp"
	"slices"
)

// PlanFinish plans what follows the deployment of a candidate: tag, merge into production, back-merges, GitHub release,
// branches deleted. With MergeThenDeploy it includes the deployment, after the merge.
func PlanFinish(s State) Plan {
	p := Plan{Name: "finish"}
	if s.Candidate.SHA == "" {
		p.Refused = text("There is no approved commit for %s.", s.Version)
		return p
	}
	if s.bad() {
		p.Refused = text("%s was rolled back; it is finished by a new version, not by this one.", s.Version)
		return p
	}
	var begin string
	if s.Order == MergeThenDeploy || s.Undeployed {
		p.Steps = append(p.Steps, s.promoted())
		begin = "promoted"
	} else {
		p.Steps = append(p.Steps, s.deployedGate())
		begin = "deployed"
	}
	p.Steps = append(p.Steps, s.tagStep(begin))
	p.Steps = append(p.Steps, s.mergeProduction("tag")...)
	merged := s.mergeID()
	after := merged
	if s.mergesFirst() {
		p.Steps = append(p.Steps, s.deployStep(merged))
		after = "deploy"
	}
	ids := s.addBackmerges(&p, after)
	p.Steps = append(p.Steps, Step{
		ID: "release-page", Kind: StepReleasePage, Title: text("make the GitHub release of %s", s.Tag), After: []string{"tag", after},
		Before: []Text{text("The git tag %s exists: GitHub would make it otherwise.", s.Tag)},
		SHA:    s.Candidate.SHA, Tag: s.Tag, Version: s.Version, Done: s.ReleasePage,
		Probe: Probe{Kind: ProbeReleasePage, Tag: s.Tag},
	})
	ids = append(ids, "release-page")
	if !s.KeepBranch {
		for _, c := range s.children() {
			c.After = []string{merged}
			p.Steps = append(p.Steps, c)
			ids = append(ids, c.ID)
		}
	}
	s.addDeletions(&p, append([]string{merged}, ids...))
	return p
}

// PlanBackmerge plans the back-merge of the production tip into development and every open release branch. Version may
// be empty: then it is the tip's own debt, after a direct push.
func PlanBackmerge(s State) Plan {
	p := Plan{Name: "backmerge"}
	if s.Production.SHA == "" {
		p.Refused = text("There is no branch %s.", s.Production.Branch)
		return p
	}
	s.Support, s.Candidate.SHA = Line{}, s.Production.SHA
	s.Production.HasCandidate = true
	s.addBackmerges(&p, "")
	s.deleteBackmerges(&p)
	return p
}

// line is the branch that the version is merged into: production, or its support line.
func (s State) line() Line {
	if s.Support.Branch != "" {
		return s.Support
	}
	return s.Production
}

func (s State) mergeID() string {
	if s.Support.Branch != "" {
		return "merge:support"
	}
	return "merge:production"
}

// deployment is the newest deployment of the version to production.
func (s State) deployment() (Deployed, bool) {
	for i, d := range append([]Deployed{s.Environment.Runs}, s.Environment.History...) {
		if d.Version == s.Version && s.Version != "" && same(d.SHA, s.Candidate.SHA) && same(d.Digest, s.Candidate.Digest) && (i == 0 || d.Succeeded) {
			for _, h := range s.Environment.History { // the mark may stand on the record only
				d.Bad = d.Bad || h.Version == s.Version && h.Bad
			}
			return d, true
		}
	}
	return Deployed{}, false
}

// bad is true once the version was rolled back.
func (s State) bad() bool {
	d, ok := s.deployment()
	return s.Bad || ok && d.Bad
}

// same compares what may not be recorded.
func same(a, b string) bool { return a == "" || b == "" || a == b }

// deployed is true once the candidate ran in production and was not rolled back.
func (s State) deployed() bool {
	d, ok := s.deployment()
	return ok && !d.Bad
}

// published is true once production's registry has the candidate's image, or there is no image to have.
func (s State) published() bool {
	if s.Candidate.Digest == "" {
		return s.Candidate.OfPromoted || s.deployed()
	}
	return s.Published == s.Candidate.Digest
}

func (s State) deployedGate() Step {
	g := Step{ID: "deployed", Kind: StepGate, Title: text("%s runs in production", s.Version), Done: s.deployed(), Version: s.Version, Digest: s.Candidate.Digest,
		Environment: s.Environment.Name}
	switch {
	case g.Done:
	case s.Environment.DeployFailed:
		g.Blocked = text("The production deployment of %s failed; say /retry to deploy the same image again, or /rollback.", s.Version)
	default:
		g.Waiting = text("%s is not running in production yet.", s.Version)
	}
	return g
}

func (s State) promoted() Step {
	g := Step{ID: "promoted", Kind: StepGate, Title: text("%s is in the production registry", s.Version), Done: s.published(), Version: s.Version, Digest: s.Candidate.Digest}
	if !g.Done {
		g.Waiting = text("%s is not in the production registry yet.", s.Version)
	}
	return g
}

func (s State) tagStep(after string) Step {
	t := Step{ID: "tag", Kind: StepTag, Title: text("tag %s at %s", s.Tag, Text(short(s.Candidate.SHA))), After: []string{after},
		Before: []Text{"A tag is made once and never moved."}, SHA: s.Candidate.SHA, Tag: s.Tag, Version: s.Version,
		Done: s.TagSHA != "" && s.TagSHA == s.Candidate.SHA, Probe: Probe{Kind: ProbeRefIs, Ref: "refs/tags/" + s.Tag, SHA: s.Candidate.SHA}}
	if !t.Done && s.TagSHA != "" {
		t.Blocked = text("The git tag %s is at %s already, and the approved commit is %s; tags are never moved: delete it if it is wrong, or use another version.",
			s.Tag, Text(s.TagSHA), Text(s.Candidate.SHA))
		t.Commands = []string{command("git", "push", "origin", ":refs/tags/"+s.Tag)}
	}
	return t
}

// mergeProduction brings the candidate into production, or into its support line.
func (s State) mergeProduction(after string) []Step {
	line, sha := s.line(), s.Candidate.SHA
	branch := s.Names.FinishBranch(s.Version)
	b := bring{
		id: s.mergeID(), line: line, sha: sha, has: line.HasCandidate || line.SHA == sha, after: []string{after}, from: s.Branch,
		title:   text("merge %s of %s into %s", Text(short(sha)), s.Branch, line.Branch),
		message: "Merge " + s.Branch + " (" + s.Tag + ") into " + line.Branch,
		direct:  s.Pull, approved: true,
		around: Backmerge{Target: line.Branch, Branch: branch, Tip: sha, Head: s.FinishHead, Lacks: s.FinishLacks, Sound: s.FinishSound, Pull: s.FinishPull},
		repair: Backmerge{Target: line.Branch, Branch: RepairBranch(branch), Tip: sha, Head: s.RepairHead, Sound: s.RepairSound, Repair: true, Pull: s.RepairPull},
	}
	return b.steps()
}

// addBackmerges brings the production tip to development and every other open release branch, lowest version first, and
// returns the IDs of the merges.
func (s State) addBackmerges(p *Plan, after string) []string {
	if s.Support.Branch != "" {
		p.Notes = append(p.Notes, text("%s is on the support line %s and is brought nowhere else; carry single commits over by git cherry-pick where they are needed.", s.Version, s.Support.Branch))
		return nil
	}
	tip := s.Production.SHA
	if !s.Production.HasCandidate && s.Production.SHA != s.Candidate.SHA {
		tip = "" // the tip to bring along is the one that the merge makes
	}
	var ids []string
	for _, line := range s.targets() {
		b := s.backmerge(line, tip)
		if after != "" {
			b.after = []string{after}
		}
		p.Steps = append(p.Steps, b.steps()...)
		ids = append(ids, b.id)
	}
	return ids
}

// targets are the branches that a production tip goes to.
func (s State) targets() []Line {
	lines := slices.DeleteFunc(slices.Clone(s.Releases), func(l Line) bool { return l.SHA == "" || l.Branch == s.Branch })
	order := func(l Line) version {
		v, _ := parseVersion(s.Names.kind(l.Branch).Version)
		return v
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(compareVersions(order(a), order(b)), cmp.Compare(a.Branch, b.Branch))
	})
	return append([]Line{s.Development}, lines...)
}

func (s State) backmerge(line Line, tip string) bring {
	what := s.Production.Branch
	if s.Tag != "" {
		what += " (" + s.Tag + ")"
	}
	role := line.Branch
	if role == s.Development.Branch {
		role = "development"
	}
	branch := BackmergeBranch(tip, line.Branch)
	b := bring{
		id: "backmerge:" + role, line: line, sha: tip, has: line.HasProduction || tip != "" && line.SHA == tip, from: s.Production.Branch,
		title:   text("back-merge %s into %s", s.Production.Branch, line.Branch),
		message: "Back-merge " + what + " into " + line.Branch,
		around:  Backmerge{Target: line.Branch, Branch: branch, Tip: tip},
		repair:  Backmerge{Target: line.Branch, Branch: RepairBranch(branch), Tip: tip, Repair: true},
	}
	if tip == "" {
		b.has = false
		return b
	}
	b.title = text("back-merge %s of %s into %s", Text(short(tip)), s.Production.Branch, line.Branch)
	for _, m := range s.Backmerges {
		switch {
		case m.Target != line.Branch:
		case m.Repair && (m.Tip == tip || m.Branch == b.repair.Branch):
			b.repair = m
		case !m.Repair && (m.Tip == tip || m.Branch == branch):
			b.around = m
		case m.Pull.Open:
			b.earlier = append(b.earlier, m)
		}
	}
	return b
}

// children are the open pull requests into the branch, which would be closed when it is deleted.
func (s State) children() []Step {
	var steps []Step
	for _, c := range s.Children {
		if !c.Open {
			continue
		}
		steps = append(steps, Step{
			ID: "retarget:" + number(c.Number), Kind: StepRetargetPull, Title: text("change the base of #%d to %s", c.Number, s.Development.Branch),
			Before: []Text{text("Deleting %s would close the pull request.", s.Branch)},
			Pull:   c.Number, Branch: c.Head, Target: s.Development.Branch, Done: c.Base == s.Development.Branch,
			Probe: Probe{Kind: ProbePullBase, Pull: c.Number, Base: s.Development.Branch},
		})
	}
	return steps
}

// addDeletions ends a finish: Sluice's own branches, then the release or hotfix branch, if nothing on it would be lost.
func (s State) addDeletions(p *Plan, after []string) {
	line := s.line()
	merged := line.HasCandidate || line.SHA == s.Candidate.SHA
	for _, own := range []struct {
		branch, head string
		pull         Pull
	}{{s.Names.FinishBranch(s.Version), s.FinishHead, s.FinishPull}, {RepairBranch(s.Names.FinishBranch(s.Version)), s.RepairHead, s.RepairPull}} {
		if own.head != "" && merged && !own.pull.Open {
			p.Steps = append(p.Steps, s.deletion(own.branch, own.head, []string{s.mergeID()}))
		}
	}
	s.deleteBackmerges(p)
	switch {
	case s.KeepBranch:
	case s.Head == "":
		done := s.deletion(s.Branch, "", after)
		done.Done = true
		p.Steps = append(p.Steps, done)
	case s.Head != s.Candidate.SHA && s.HeadAhead > 0:
		p.Notes = append(p.Notes, text("%s has moved on to %s after the approval; those commits are not in %s, so the branch stays: /version bump patch cuts the next release from it.",
			s.Branch, Text(short(s.Head)), s.Version))
	default:
		p.Steps = append(p.Steps, s.deletion(s.Branch, s.Head, after))
	}
}

// deleteBackmerges deletes the branches of back-merges that are merged, and stand where they were merged: what somebody has
// pushed since is in no other branch.
func (s State) deleteBackmerges(p *Plan) {
	for _, m := range s.Backmerges {
		if m.Head != "" && m.Pull.Merged && m.Head == m.Pull.HeadSHA {
			p.Steps = append(p.Steps, s.deletion(m.Branch, m.Head, nil))
		}
	}
}

func (s State) deletion(branch, head string, after []string) Step {
	return Step{ID: "delete:" + branch, Kind: StepDeleteBranch, Title: text("delete %s", branch), After: after, Branch: branch, SHA: head,
		Before: []Text{text("%s is still at %s.", branch, Text(short(head)))},
		Probe:  Probe{Kind: ProbeRefGone, Ref: "refs/heads/" + branch}}
}
