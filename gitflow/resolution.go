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
	found, missing := p.besides(n, v.Base, in, rest, p.Tip)
	if missing != nil {
		v.fail(unknown(*missing))
		return
	}
	if len(found.strange) == 0 {
		v.note(Passed, RuleForeign, text("It brings %s, what people put on top of it to resolve the conflict, and nothing else.", n.Production))
		return
	}
	v.fail(p.strangeInBackmerge(n, v.Head, v.Base, in, found))
}

// besides is what a branch that brings one commit to another branch has besides that commit.
type besides struct {
	// onTop is everything that leads to the commit, itself included.
	onTop shaSet
	// strange resolves no conflict, newest first, and from are the branches that have some of it.
	strange []Commit
	from    []string
}

// besides is the one rule of what resolves the conflict of tip with base: of rest, which is what the branch has besides tip and
// base, all that people put on top of tip and that no other line has. What was made elsewhere, or is on another line too, came along
// by a merge of something else. missing is a comparison that does not suffice; nil: all do.
func (p PullFacts) besides(n Names, base Branch, in Comparison, rest []Commit, tip string) (out besides, missing *CompareRequest) {
	out.onTop = leadingTo(in.Commits, []Commit{{SHA: tip}})
	strange := setOf(without(rest, out.onTop))
	for _, line := range p.otherLines(n, base) {
		request := CompareRequest{Base: base.Name, Head: line}
		other, found := find(p.Comparisons, request)
		if _, gone := p.unrelated(request); gone {
			continue
		}
		if !found || other.incomplete() {
			return out, &request
		}
		theirs := both(rest, setOf(other.Commits))
		if len(theirs) > 0 {
			out.from = append(out.from, line)
		}
		for _, c := range theirs {
			strange[c.SHA] = struct{}{}
		}
	}
	out.strange = both(rest, strange)
	slices.Reverse(out.strange)
	return out, nil
}

// clean is the newest commit of a branch that has nothing strange: of its own line, or tip itself.
func (b besides) clean(in Comparison, head, tip string) string {
	tainted := leadingTo(in.Commits, b.strange)
	for c := range firstParents(in.Commits, head) {
		if b.onTop.has(c.SHA) && !tainted.has(c.SHA) {
			return c.SHA
		}
	}
	return tip
}

// strangeInBackmerge is the violation. It puts the branch back to its newest commit that is a back-merge still.
func (p PullFacts) strangeInBackmerge(n Names, head, base Branch, in Comparison, found besides) Violation {
	clean := found.clean(in, p.headRef(), p.Tip)
	return Violation{Rule: RuleForeign, Commits: found.strange,
		Problem: text("%s contains %s %s; a back-merge brings %s to %s, and what resolves the conflict, nothing else.",
			head.Name, plural(len(found.strange), "commit"), found.origin(), n.Production, base.Name),
		Remedy: text("Put %s back to %s; to resolve a conflict, merge %s into it and commit on top of that; other changes get into %s by their own pull requests.",
			head.Name, Text(short(clean)), base.Name, base.Name),
		Commands: restore(head.Name, p.HeadSHA, clean)}
}

// origin says where the strange commits are from, as far as that is known.
func (b besides) origin() Text {
	if len(b.from) > 0 {
		return text("of other branches (%s)", names(b.from))
	}
	return "made elsewhere"
}

// FinishNeeds lists the comparisons that CheckFinish needs: one while nobody pushed. Comparisons in pull are not looked at.
func FinishNeeds(n Names, pull PullFacts) []CompareRequest {
	_, base := pull.branches(n)
	needs := []CompareRequest{{Base: base.Name, Head: pull.headRef()}}
	if pull.FinishSHA == "" || pull.HeadSHA == pull.FinishSHA {
		return needs
	}
	needs = append(needs, CompareRequest{Base: base.Name, Head: pull.FinishSHA})
	for _, line := range pull.otherLines(n, base) {
		needs = append(needs, CompareRequest{Base: base.Name, Head: line})
	}
	return needs
}

// CheckFinish holds the head of a pull request that brings an approved commit, FinishSHA, into production or a support line to that
// commit, and to merges with the base on top of it, which resolve its conflict: the rule of back-merges, but what people commit
// there by itself is no resolution, since nobody approved it, and neither are merges that bring nothing of the base. nil: it keeps to
// that. Comparisons answer FinishNeeds; one that is absent gives a violation of RuleUnknown.
func CheckFinish(n Names, pull PullFacts) *Violation {
	head, base := pull.branches(n)
	if pull.FinishSHA == "" || pull.HeadSHA == pull.FinishSHA {
		return nil
	}
	request := CompareRequest{Base: base.Name, Head: pull.headRef()}
	in, ok := pull.comparison(request)
	if !ok || in.incomplete() {
		v := unknown(request)
		return &v
	}
	if indexSHA(in.Commits, pull.FinishSHA) < 0 {
		return &Violation{Rule: RuleBotBranch,
			Problem:  text("%s no longer contains the approved commit %s.", head.Name, Text(short(pull.FinishSHA))),
			Remedy:   text("Put %s back to it.", head.Name),
			Commands: restore(head.Name, pull.HeadSHA, pull.FinishSHA)}
	}
	request = CompareRequest{Base: base.Name, Head: pull.FinishSHA}
	approved, ok := pull.comparison(request)
	if !ok {
		v := unknown(request)
		return &v
	}
	rest := without(in.Commits, reach(in.Commits, pull.FinishSHA))
	found, missing := pull.besides(n, base, in, rest, pull.FinishSHA)
	if missing != nil {
		v := unknown(*missing)
		return &v
	}
	strange := setOf(found.strange)
	for _, c := range plain(rest) {
		strange[c.SHA] = struct{}{}
	}
	if len(strange) == 0 && in.MergeBase == approved.MergeBase { // it has no more of the base than the approved commit has
		strange = setOf(rest)
	}
	found.strange = both(rest, strange)
	if len(found.strange) == 0 {
		return nil
	}
	slices.Reverse(found.strange)
	clean := found.clean(in, pull.headRef(), pull.FinishSHA)
	return &Violation{Rule: RuleBotBranch, Commits: found.strange,
		Problem: text("%s has %s besides the approved commit %s that resolve no conflict with %s, and nobody approved that.",
			head.Name, plural(len(found.strange), "commit"), Text(short(pull.FinishSHA)), base.Name),
		Remedy: text("Put %s back to %s; only a merge of %s that resolves a conflict belongs on top of the approved commit, and other changes are for the next version.",
			head.Name, Text(short(clean)), base.Name),
		Commands: restore(head.Name, pull.HeadSHA, clean)}
}

// OnlyUpdated tells whether the head of a comparison with production is the approved commit and merges of production on top of it
// that are all among made, those of Sluice's own making: nobody else had a hand in what they have.
func OnlyUpdated(in Comparison, head, approved string, made []string) bool {
	if in.incomplete() {
		return false
	}
	for c := range firstParents(in.Commits, head) {
		if c.SHA == approved {
			return true
		}
		if len(c.Parents) != 2 || indexSHA(in.Commits, c.Parents[1]) >= 0 || !slices.Contains(made, c.SHA) {
			return false
		}
	}
	return false
}
