package gitflow

import (
	"strconv"
	"strings"
)

// PlanStart plans the start of a release or hotfix: gates, branch, pull request into production. A hotfix's pull request
// waits until the branch has a commit. Once the branch is cut the gates are no longer asked.
func PlanStart(s State) Plan {
	p := Plan{Name: "start", Steps: s.startGates()}
	var after []string
	for _, g := range p.Steps {
		after = append(after, g.ID)
		if g.Blocked != "" && p.Refused == "" {
			p.Refused = g.Blocked
		}
	}
	from := Text("a green commit of " + string(Name(s.Names.Development)))
	if s.Kind == KindHotfix {
		from = "what production runs"
	}
	p.Steps = append(p.Steps, Step{ID: "branch", Kind: StepCutBranch, Title: text("cut %s from %s", s.Branch, Text(short(s.Start.From))), After: after,
		Before: []Text{text("%s is %s.", Text(short(s.Start.From)), from)}, SHA: s.Start.From, Branch: s.Branch, Version: s.Version,
		Done: s.Head != "", Probe: Probe{Kind: ProbeRefExists, Ref: "refs/heads/" + s.Branch, SHA: s.Start.From}})

	base := s.line().Branch
	open := Step{ID: "pull-request", Kind: StepOpenPull, Title: text("open the pull request of %s into %s", s.Branch, base), After: []string{"branch"},
		SHA: s.Head, Branch: s.Branch, Target: base, Version: s.Version, Message: pullTitle(s),
		Probe: Probe{Kind: ProbePullOpen, Head: s.Branch, Base: base}, Done: s.Pull.Number != 0}
	if s.Head != "" && s.HeadAhead == 0 && !open.Done {
		open.Waiting = text("%s has no commit that %s lacks; the pull request is opened with the first one.", s.Branch, base)
	}
	p.Steps = append(p.Steps, open)
	return p
}

func pullTitle(s State) string {
	if s.Kind == KindHotfix {
		return "Hotfix " + s.Version
	}
	return "Release " + s.Version
}

// startGates are the conditions of a start.
func (s State) startGates() []Step {
	var gates []Step
	cut := s.Head != ""
	gate := func(id string, title, blocked, waiting Text) {
		g := Step{ID: id, Kind: StepGate, Title: title, Blocked: blocked, Waiting: waiting, Done: cut || blocked == "" && waiting == ""}
		if g.Done {
			g.Blocked, g.Waiting = "", ""
		}
		gates = append(gates, g)
	}
	f := s.Start
	gate("version", text("version %s is free", s.Version), s.versionTaken(), "")
	if s.Kind == KindRelease {
		gate("room", "there is room for another release", s.noRoom(), "")
	}
	blocked, waiting := s.unreachable()
	gate("from", text("%s is a commit to cut from", Text(short(f.From))), blocked, waiting)
	if s.Kind == KindRelease {
		blocked = ""
		if f.Changes == 0 && !f.AllowEmpty {
			blocked = text("%s has no commit that %s lacks: the release would be empty.", s.Names.Development, s.Production.Branch)
		}
		gate("changes", "there is something to release", blocked, "")
		blocked, waiting = "", ""
		switch f.Green {
		case No:
			blocked = text("The checks of %s failed; start from a green commit with /release start --from, or fix %s first.", Text(short(f.From)), s.Names.Development)
		case Unknown:
			waiting = text("The checks of %s have not finished.", Text(short(f.From)))
		}
		gate("green", "its checks passed", blocked, waiting)
	}
	blocked = ""
	for _, o := range s.Obstacles {
		if o.Fatal && !o.Later {
			blocked = o.Problem + " " + o.Remedy
			break
		}
	}
	gate("preflight", "nothing would refuse a later step", blocked, "")
	if cut && s.Head != f.From && f.HasFrom == No {
		gates[0].Done = false
		gates[0].Blocked = text("The branch %s exists already, at %s, and was not cut from %s; delete it, or choose another version.", s.Branch, Text(short(s.Head)), Text(short(f.From)))
	}
	return gates
}

// versionTaken says what is against the version or the branch's name.
func (s State) versionTaken() Text {
	f := s.Start
	if f.VersionProblem != "" {
		return f.VersionProblem
	}
	if problem := refProblem(s.Branch); problem != "" {
		return text("The branch would be called %s, which %s.", s.Branch, Text(problem))
	}
	if s.TagSHA != "" {
		return text("The git tag %s exists already, at %s; choose another version.", s.Tag, Text(short(s.TagSHA)))
	}
	if s.Published != "" {
		return text("The production registry has %s already; choose another version.", s.Version)
	}
	for _, other := range f.OtherBranches {
		switch {
		case other == s.Branch && s.Head == "":
			return text("The branch %s exists already; delete it, or choose another version.", other)
		case other == s.Branch:
		case strings.EqualFold(other, s.Branch):
			return text("%s exists and differs from %s in upper and lower case only; delete or rename it first.", other, s.Branch)
		case strings.HasPrefix(other, s.Branch+"/"), strings.HasPrefix(s.Branch, other+"/"):
			return text("%s exists, and git cannot have %s beside it; delete or rename it first.", other, s.Branch)
		}
	}
	return ""
}

// noRoom holds the limit of open release branches, and refuses a version that is open already.
func (s State) noRoom() Text {
	var open []string
	mine := s.Names.kind(s.Branch).Version
	for _, l := range s.targets()[1:] {
		b := s.Names.kind(l.Branch)
		if b.Kind != KindRelease {
			continue
		}
		if b.Version == mine && mine != "" {
			return text("%s is open with the same version.", l.Branch)
		}
		open = append(open, l.Branch)
	}
	limit := max(s.Names.MaxOpenReleases, 1)
	if len(open) < limit {
		return ""
	}
	return text("%s open, and branches.max_open_releases is %s; finish or abandon a release first, or raise it.", isAre(open), Text(strconv.Itoa(limit)))
}

func isAre(values []string) Text {
	if len(values) == 1 {
		return names(values) + " is"
	}
	return names(values) + " are"
}

// unreachable says why the commit is not one to cut from.
func (s State) unreachable() (blocked, waiting Text) {
	f := s.Start
	where := text("on %s", s.Names.Development)
	if s.Kind == KindHotfix {
		where = text("part of %s", s.line().Branch)
	}
	switch {
	case f.From == "" && s.Kind == KindHotfix:
		return "Nothing runs in production, so there is nothing to cut a hotfix from; name a version with /hotfix start --from.", ""
	case f.From == "":
		return text("There is no commit of %s to cut from.", s.Names.Development), ""
	case f.OnLine == No:
		return text("%s is not %s, and that is what it is cut from.", Text(short(f.From)), where), ""
	case f.OnLine == Unknown:
		return "", text("It is not known yet whether %s is %s.", Text(short(f.From)), where)
	}
	return "", ""
}
