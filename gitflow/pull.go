package gitflow

import "slices"

// PullFacts is a pull request as CheckPull sees it.
type PullFacts struct {
	Number           int
	Head, Base       string // short branch names
	HeadSHA, BaseSHA string
	Open, Draft      bool
	// Fork is true when the head is in another repository, or in one that was deleted.
	Fork bool
	// HeadOwner is the owner of the head's repository, for the commands shown; untrusted.
	HeadOwner string
	// ByBot is true when our own App opened the pull request.
	ByBot bool
	// OpenReleases are the release branches that exist, base and head included.
	OpenReleases []string
	// Cut is the commit of development that a release branch was cut from, where it was recorded. With it, a
	// candidate that was fast-forwarded to later commits of development is found too.
	Cut string
	// Merged are branches that pull requests merged, as they were then; those at Unnamed of a verdict without them are looked at.
	// What it lacks is read from the subjects of merges.
	Merged []MergedBranch
	// FinishSHA is the commit at which Sluice made a sluice/finish-* branch, the approved one; see CheckFinish. Empty: none is known.
	FinishSHA string
	// Tip is the production commit for which Sluice made a backmerge/* branch; empty: it made no such branch.
	Tip string
	// Candidates are the release and hotfix branches that there are, but for the one that FinishSHA was approved on; asked of
	// Sluice's own branches.
	Candidates []string
	// Comparisons answer PullNeeds. One that is absent fails the check with RuleUnknown.
	Comparisons []Comparison
}

// PullNeeds lists the comparisons that CheckPull needs for this pull request: at most three, and one for each open
// release branch; for a branch of Sluice's own that people worked on, one for each candidate. Comparisons in pull are not looked at. The pull
// request's head is named by HeadSHA, everything else by branch name, so that answers about the long-lived branches can be shared
// between pull requests.
func PullNeeds(n Names, pull PullFacts) []CompareRequest {
	head, base := pull.branches(n)
	if !pull.judged(head, base) || !mayMerge(head, base) {
		return nil
	}
	switch {
	case pull.isBackmerge(head):
		return pull.backmergeNeeds(n, base)
	case head.Kind == KindFinish:
		return FinishNeeds(n, pull)
	}
	needs := []CompareRequest{{Base: base.Name, Head: pull.headRef()}}
	add := func(r CompareRequest) {
		if !slices.Contains(needs, r) {
			needs = append(needs, r)
		}
	}
	for i, s := range searches(n, pull, head, base) {
		if i == 0 && !slices.Contains(needs, s.In) {
			needs = needs[:0] // one comparison of the head is enough
		}
		add(s.In)
		add(s.Line)
		if s.Until != nil {
			add(*s.Until)
		}
	}
	return needs
}

// branches says what head and base are.
func (p PullFacts) branches(n Names) (head, base Branch) {
	if p.Fork {
		return n.ClassifyFork(p.Head), n.Classify(p.Base)
	}
	return n.Classify(p.Head), n.Classify(p.Base)
}

// judged tells whether the rules apply at all.
func (p PullFacts) judged(_, base Branch) bool { return p.Open && governed(base.Kind) }

// CheckPull judges a pull request by the rules of the flow. A closed pull request passes without being judged: its check
// must not hold anything up when it is opened again, and then it is judged anew.
func CheckPull(n Names, pull PullFacts) Verdict {
	head, base := pull.branches(n)
	v := Verdict{Head: head, Base: base, LegalBases: legalBases(n, head, pull.OpenReleases)}
	switch {
	case !pull.Open:
		v.note(Skipped, RuleTarget, "The pull request is closed; it is judged again when it is reopened.")
	case !governed(base.Kind):
		v.note(Skipped, RuleTarget, text("%s is %s; the flow has no rules for what goes into it.", base.Name, a(base.Kind)))
	default:
		renamed := v.names(n, pull, head)
		v.names(n, pull, base)
		switch {
		case renamed:
			v.note(Skipped, RuleTarget, text("Where %s may go is judged by its right name.", head.Name))
		case v.target(n, pull):
			v.ancestry(n, pull)
		}
		if pull.Draft {
			v.note(Noted, RuleTarget, "The pull request is a draft: it is judged, and nothing is promoted from it until it is ready for review.")
		}
	}
	v.Pass = len(v.Violations) == 0
	v.Title = v.title(pull)
	return v
}

func (v *Verdict) note(o Outcome, r Rule, t Text) {
	v.Sections = append(v.Sections, Section{Rule: r, Outcome: o, Text: t})
}

func (v *Verdict) fail(violation Violation) {
	v.note(Failed, violation.Rule, violation.Problem)
	v.Violations = append(v.Violations, violation)
}

func (v Verdict) title(p PullFacts) Text {
	switch {
	case len(v.Violations) > 0:
		return v.Violations[0].Remedy
	case !p.Open:
		return "Closed: not judged."
	case !governed(v.Base.Kind):
		return text("No rules for pull requests into %s branches.", Text(v.Base.Kind))
	}
	return text("%s into %s: as the flow has it.", capital(v.Head.Kind), v.Base.Name)
}

// names reports what is wrong with the name of the head or the base. renamed is true where the remedy gives the branch a name that
// makes another kind of it.
func (v *Verdict) names(n Names, p PullFacts, b Branch) (renamed bool) {
	fatal := false
	for _, f := range b.Flaws {
		if !f.Fatal {
			v.note(Noted, RuleName, f.Text)
			continue
		}
		fatal = true
		commands := f.commands(n, p, b)
		renamed = renamed || len(commands) > 0
		v.fail(Violation{Rule: RuleName, Problem: f.Text, Remedy: f.remedy(n, b), Commands: commands})
	}
	if !fatal {
		v.note(Passed, RuleName, text("%s is %s by its name.", b.Name, a(b.Kind)))
	}
	return renamed
}

// target holds the table of the flow; true when ancestry is worth asking.
func (v *Verdict) target(n Names, p PullFacts) bool {
	if mayMerge(v.Head, v.Base) {
		if v.Head.Kind == KindFinish && !p.ByBot {
			v.fail(Violation{Rule: RuleBotBranch,
				Problem:  text("%s is a branch that Sluice makes for itself, and this pull request was not opened by Sluice.", v.Head.Name),
				Remedy:   "Close this pull request; Sluice opens its own when a release needs it.",
				Commands: closePull(p)})
			return false
		}
		v.note(Passed, RuleTarget, text("%s may be merged into %s.", capital(v.Head.Kind)+" branches", v.Base.Name))
		return true
	}
	v.fail(wrongTarget(n, p, v.Head, v.Base, v.LegalBases))
	return false
}

// ancestry looks at the commits that the pull request brings.
func (v *Verdict) ancestry(n Names, p PullFacts) {
	var list []search
	if !p.isBackmerge(v.Head) {
		list = searches(n, p, v.Head, v.Base)
	}
	request := CompareRequest{Base: v.Base.Name, Head: p.headRef()}
	if len(list) > 0 {
		request = list[0].In
	}
	in, found := find(p.Comparisons, request)
	if c, absent := p.unrelated(request); absent {
		v.fail(unrelated(v.Head, v.Base, c))
		return
	}
	if !found {
		v.fail(unknown(request))
		return
	}
	if v.Head.Kind == KindFinish {
		v.finish(n, p)
		return
	}
	if p.isBackmerge(v.Head) {
		v.backmerge(n, p, in)
		return
	}
	brought := setOf(in.Commits)
	var strange []Commit
	first := -1
	for _, s := range list {
		commits, tips, ok := p.foreign(n, s, in, brought)
		if s.Kind == KindDevelopment {
			v.Unnamed = append(v.Unnamed, tips...)
		}
		switch {
		case !ok:
			v.fail(unknownLine(s))
		case len(commits) > 0:
			if first < 0 {
				first = len(v.Violations)
			}
			strange = append(strange, commits...)
			v.fail(foreign(n, p, v.Head, v.Base, s, commits))
		default:
			v.note(Passed, RuleForeign, s.passed())
		}
	}
	if first >= 0 {
		broken := &v.Violations[first]
		broken.Commands = sortOut(n, p, v.Head, v.Base, in, strange)
		if v.Head.Kind == KindHotfix && len(carried(in.Commits, strange, nil)) == 0 {
			broken.Remedy += " It has none: where these commits are the fix, which came to development by another branch, /override sluice/branch lets it pass."
		}
	}
}

// finish holds a sluice/finish-* branch to the approved commit.
func (v *Verdict) finish(n Names, p PullFacts) {
	switch fault := CheckFinish(n, p); {
	case fault != nil:
		v.fail(*fault)
	case p.FinishSHA == "" || p.FinishSHA == p.HeadSHA:
		v.note(Passed, RuleBotBranch, text("%s is at the approved commit.", v.Head.Name))
	default:
		v.note(Noted, RuleBotBranch, text("%s contains the approved commit %s, and a merge with %s on top of it, which somebody has to look at.",
			v.Head.Name, Text(short(p.FinishSHA)), v.Base.Name))
	}
}

// unrelated is true when GitHub found nothing in common between the two.
func (p PullFacts) unrelated(r CompareRequest) (Comparison, bool) {
	for _, c := range p.Comparisons {
		if c.CompareRequest == r {
			return c, c.Missing
		}
	}
	return Comparison{}, false
}

// passed is what a search says when it found nothing.
func (s search) passed() Text {
	if s.SinceCut {
		return text("Nothing of %s came in after the candidate was cut.", s.Branch)
	}
	return text("It brings no commits of %s along.", s.Branch)
}
