package gitflow

import (
	"slices"
)

// isBackmerge is true of the branch of a back-merge that Sluice made, which it merges by itself.
func (p PullFacts) isBackmerge(head Branch) bool { return head.Kind == KindBackmerge && p.Tip != "" }

// backmergeNeeds lists the comparisons that tell what people put on the branch of a back-merge; one while nobody did.
func (p PullFacts) backmergeNeeds(n Names, base Branch) []CompareRequest {
	needs := []CompareRequest{{Base: base.Name, Head: p.headRef()}}
	if p.HeadSHA == p.Tip {
		return needs
	}
	needs = append(needs, CompareRequest{Base: base.Name, Head: n.Production})
	for _, line := range p.otherLines(n, base) {
		needs = append(needs, CompareRequest{Base: base.Name, Head: line})
	}
	return needs
}

// otherLines are the branches whose commits have no business in a back-merge into base.
func (p PullFacts) otherLines(n Names, base Branch) []string {
	var out []string
	for _, line := range append([]string{n.Development}, p.Candidates...) {
		if line != base.Name && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// backmerge holds the branch of a back-merge to production and what resolves its conflict: merges with the base or with production,
// and commits on top of the commit that it was made for. What does not contain that commit was made elsewhere, and so was what a
// candidate has too.
func (v *Verdict) backmerge(n Names, p PullFacts, in Comparison) {
	if p.HeadSHA == p.Tip {
		v.note(Passed, RuleForeign, text("%s is at %s of %s.", v.Head.Name, Text(short(p.Tip)), n.Production))
		return
	}
	request := CompareRequest{Base: v.Base.Name, Head: n.Production}
	production, ok := p.comparison(request)
	switch {
	case in.incomplete():
		v.fail(unknown(in.CompareRequest))
		return
	case !ok || production.incomplete():
		v.fail(unknown(request))
		return
	case indexSHA(in.Commits, p.Tip) < 0 && indexSHA(production.Commits, p.Tip) >= 0:
		v.fail(Violation{Rule: RuleBotBranch,
			Problem:  text("%s no longer contains %s of %s, which it is there to bring to %s.", v.Head.Name, Text(short(p.Tip)), n.Production, v.Base.Name),
			Remedy:   text("Put %s back to %s; to resolve the conflict, merge %s into it.", v.Head.Name, Text(short(p.Tip)), v.Base.Name),
			Commands: restore(v.Head.Name, p.HeadSHA, p.Tip)})
		return
	}
	rest := without(without(in.Commits, setOf(production.Commits)), reach(in.Commits, p.Tip))
	onTop := leadingTo(in.Commits, []Commit{{SHA: p.Tip}})
	strange := setOf(without(rest, onTop))
	var from []string
	for _, line := range p.otherLines(n, v.Base) {
		request := CompareRequest{Base: v.Base.Name, Head: line}
		other, found := find(p.Comparisons, request)
		if _, gone := p.unrelated(request); gone {
			continue
		}
		if !found || other.incomplete() {
			v.fail(unknown(request))
			return
		}
		theirs := both(rest, setOf(other.Commits))
		if len(theirs) > 0 {
			from = append(from, line)
		}
		for _, c := range theirs {
			strange[c.SHA] = struct{}{}
		}
	}
	if len(strange) == 0 {
		v.note(Passed, RuleForeign, text("It brings %s, what people put on top of it to resolve the conflict, and nothing else.", n.Production))
		return
	}
	commits := both(rest, strange)
	slices.Reverse(commits)
	v.fail(p.strangeInBackmerge(n, v.Head, v.Base, in, onTop, commits, from))
}

// strangeInBackmerge is the violation; from are the lines that have some of the commits, where any has. It puts the branch back to
// its newest commit that is a back-merge still.
func (p PullFacts) strangeInBackmerge(n Names, head, base Branch, in Comparison, onTop shaSet, commits []Commit, from []string) Violation {
	clean, tainted := p.Tip, leadingTo(in.Commits, commits)
	for c := range firstParents(in.Commits, p.headRef()) {
		if onTop.has(c.SHA) && !tainted.has(c.SHA) {
			clean = c.SHA
			break
		}
	}
	of := Text("made elsewhere")
	if len(from) > 0 {
		of = text("of other branches (%s)", names(from))
	}
	return Violation{Rule: RuleForeign, Commits: commits,
		Problem: text("%s contains %s %s; a back-merge brings %s to %s, and what resolves the conflict, nothing else.",
			head.Name, plural(len(commits), "commit"), of, n.Production, base.Name),
		Remedy: text("Put %s back to %s; to resolve a conflict, merge %s into it and commit on top of that; other changes get into %s by their own pull requests.",
			head.Name, Text(short(clean)), base.Name, base.Name),
		Commands: restore(head.Name, p.HeadSHA, clean)}
}
