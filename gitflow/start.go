package gitflow

import (
	"slices"
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
	if line := s.Support; line.Branch != "" { // the first release of an old line begins it
		p.Steps = append(p.Steps, Step{ID: "line", Kind: StepCutBranch, Title: text("begin the support line %s at %s", line.Branch, Text(short(s.Start.From))),
			Before: []Text{text("There is no branch %s yet.", line.Branch)}, After: after, SHA: s.Start.From, Branch: line.Branch, Done: line.SHA != "", Probe: Probe{Kind: ProbeRefExists, Ref: "refs/heads/" + line.Branch, SHA: s.Start.From}})
		after = append(slices.Clone(after), "line")
	}
	from := Text("a green commit of " + string(Name(s.source())))
	if s.Kind == KindHotfix {
		from = "what production runs"
		if s.Support.Branch != "" {
			from = text("the head of %s", s.Support.Branch)
		}
	}
	p.Steps = append(p.Steps, Step{ID: "branch", Kind: StepCutBranch, Title: text("cut %s from %s", s.Branch, Text(short(s.Start.From))), After: after,
		Before: []Text{text("%s is %s.", Text(short(s.Start.From)), from)}, SHA: s.Start.From, Branch: s.Branch, Version: s.Version,
		Done: s.Head != "", Probe: Probe{Kind: ProbeRefExists, Ref: "refs/heads/" + s.Branch, SHA: s.Start.From}})

	base := s.line().Branch
	open := Step{ID: "pull-request", Kind: StepOpenPull, Title: text("open the pull request of %s into %s", s.Branch, base), After: []string{"branch"},
		Before: []Text{text("%s has a commit that %s lacks.", s.Branch, base)},
		SHA:    s.Head, Branch: s.Branch, Target: base, Version: s.Version, Message: pullTitle(s),
		Probe: Probe{Kind: ProbePullOpen, Head: s.Branch, Base: base}, Done: s.Pull.Number != 0}
	if s.Head != "" && s.HeadAhead == 0 && !open.Done {
		open.Waiting = text("%s has no commit that %s lacks; the pull request is opened with the first one.", s.Branch, base)
	}
	p.Steps = append(p.Steps, open)
	return p
}

func pullTitle(s State) string {
	version := s.Version
	if c := s.Names.Component; c != "" {
		version = c + " " + version
	}
	if s.Kind == KindHotfix {
		return "Hotfix " + version
	}
	return "Release " + version
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
		gate("changes", "there is something to release", s.nothingNew(), "")
		gate("contains-production", text("it contains what %s has", s.line().Branch), s.stale(), "")
		blocked, waiting = s.notGreen()
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

// nothingNew refuses a release that nobody would notice.
func (s State) nothingNew() Text {
	f := s.Start
	switch {
	case f.AllowEmpty:
		return ""
	case f.Changes == 0:
		return text("%s has no commit that %s lacks: the release would be empty; /release start --allow-empty starts it all the same.", s.source(), s.line().Branch)
	case f.Empty != "":
		return text("The release would be empty: %s; /release start --allow-empty starts it all the same.", Text(f.Empty))
	}
	return ""
}

// stale refuses a commit that lacks what production has: its candidate could never be promoted.
func (s State) stale() Text {
	l := s.Lacks
	line, from := s.line().Branch, Text(short(s.Start.From))
	switch {
	case l.OK():
		return ""
	case len(l.Commits) == 0:
		return text("It cannot be told whether %s contains all of %s: GitHub's list of commits is cut short or missing.", from, line)
	case len(l.Commits) == 1:
		return text("%s lacks commit %s of %s; say /backmerge, and start the release once %s has it.", from, Text(short(l.Commits[0].SHA)), line, s.source())
	}
	return text("%s lacks commit %s of %s and %d more; say /backmerge, and start the release once %s has them.", from, Text(short(l.Commits[0].SHA)), line, len(l.Commits)-1, s.source())
}

// notGreen refuses a commit whose checks failed, and waits for those that have not finished.
func (s State) notGreen() (blocked, waiting Text) {
	f := s.Start
	other := text("start from a green commit with /release start --from, or fix %s first.", s.source())
	if f.LastGreen != "" && f.LastGreen != f.From {
		other = text("/release start --from %s starts from the newest green one.", Text(short(f.LastGreen)))
	}
	switch f.Green {
	case No:
		return text("The checks of %s failed; ", Text(short(f.From))) + other, ""
	case Unknown:
		return "", text("The checks of %s have not finished; ", Text(short(f.From))) + other
	}
	return "", ""
}

// source is the branch that a release is cut from.
func (s State) source() string {
	if s.Support.Branch != "" {
		return s.Support.Branch
	}
	return s.Names.Development
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
	where := text("on %s", s.source())
	if s.Kind == KindHotfix {
		where = text("part of %s", s.line().Branch)
	}
	switch {
	case f.From == "" && s.Kind == KindHotfix:
		return "Nothing runs in production, so there is nothing to cut a hotfix from; name a version with /hotfix start --from.", ""
	case f.From == "":
		return text("There is no commit of %s to cut from.", s.source()), ""
	case f.OnLine == No:
		return text("%s is not %s, and that is what it is cut from.", Text(short(f.From)), where), ""
	case f.OnLine == Unknown:
		return "", text("It is not known yet whether %s is %s.", Text(short(f.From)), where)
	}
	return "", ""
}
