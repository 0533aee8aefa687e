package gitflow

import (
	"cmp"
	"slices"
	"strings"
)

// PushFacts is a push as CheckPush sees it. Exactly one of Branch and Tag is set.
type PushFacts struct {
	Branch, Tag              string
	Before, After            string // SHAs; empty (or forty zeros) when created or deleted
	Created, Deleted, Forced bool
	By                       string // login of who pushed; untrusted
	// ByBot is true when our own App pushed or merged. Unheard is true when nobody told of the push, so that it may have been
	// our App's: only what our App never does is reported then.
	ByBot, Unheard bool
	// Pulls are merged pull requests that brought the push: their merge commit lies in it. Empty: pushed directly.
	Pulls []Pull
	// PutBack is true when the push did what was asked after an earlier one: it put the ref back to Back of that one's violation.
	PutBack bool
	// Early are those of Pulls whose release or hotfix was not approved yet.
	Early []Pull
	// Comparisons answer PushNeeds.
	Comparisons []Comparison
	// Merged are branches that pull requests merged, as they were then; those at Unnamed of a report without them are looked at.
	Merged []MergedBranch
	// ReleaseTag is true when Tag has the form of a release tag of this repository (package tagging knows it), and
	// TagVersion is its version. KnownTag is true when the release log has that version at the same commit.
	ReleaseTag, KnownTag bool
	TagVersion           string
	// TagWas is the commit the release log has for the tag; empty: none.
	TagWas string
	// TagObject is what a tag that is there was pushed as: the tag object where it is annotated. Empty: After.
	TagObject string
}

// PushReport is what a push means for the flow.
type PushReport struct {
	Branch Branch // zero for a tag
	// Violations are reported on the commit and in the repository's log; a push cannot be refused after the fact.
	Violations []Violation
	// OutOfBand are commits that reached production without a release or hotfix, newest first. They are recorded, the
	// next version accounts for them.
	OutOfBand []Commit
	// BackmergeOwed is true when production gained commits that must go to development and the open release branches.
	BackmergeOwed bool
	// VoidsApprovals is true when approvals given for the branch's earlier head no longer hold.
	VoidsApprovals bool
	// Keep is a commit that a force push or deletion made unreachable and that should be kept by a ref. Empty: none.
	Keep string
	// Alarm is true when release managers should be told at once: history of a long-lived branch or a tag was changed.
	Alarm bool
	// Unnamed are merged commits whose branches are to be told in Merged, and the push be judged again; none for most.
	Unnamed []string
}

// PushNeeds lists the comparisons that CheckPush wants for this push; none for most. Without them the report lists no
// commits, and a candidate's push is not searched for commits of development (CheckPull finds them later).
func PushNeeds(n Names, push PushFacts) []CompareRequest {
	if push.Tag != "" || push.ByBot || push.created() || push.deleted() || push.Forced || push.Unheard {
		return nil
	}
	pushed := CompareRequest{Base: push.Before, Head: push.After}
	switch n.kind(push.Branch).Kind {
	case KindProduction, KindDevelopment, KindSupport:
		return []CompareRequest{pushed}
	case KindFinish:
		return []CompareRequest{push.onBranch(n)}
	case KindRelease:
		return []CompareRequest{pushed, {Base: push.Before, Head: n.Development}}
	}
	return nil
}

// onBranch asks what a sluice/finish-* branch has that the branch it goes into lacks.
func (p PushFacts) onBranch(n Names) CompareRequest {
	return CompareRequest{Base: n.Production, Head: p.After}
}

// toCandidate are the comparisons of a push to a release branch. False: they are not there.
func (p PushFacts) toCandidate(n Names) (pushed, development Comparison, ok bool) {
	pushed, ok = find(p.Comparisons, CompareRequest{Base: p.Before, Head: p.After})
	development, okay := find(p.Comparisons, CompareRequest{Base: p.Before, Head: n.Development})
	return pushed, development, ok && okay
}

// created and deleted accept GitHub's flag as well as its forty zeros.
func (p PushFacts) created() bool { return p.Created || noSHA(p.Before) }
func (p PushFacts) deleted() bool { return p.Deleted || noSHA(p.After) }

func noSHA(sha string) bool { return strings.Trim(sha, "0") == "" }

// CheckPush says what a push means by the rules of the flow. For a push to a sluice/finish-* branch, Production of the names is the
// branch that it goes into.
func CheckPush(n Names, push PushFacts) PushReport {
	if push.Tag != "" {
		return checkTag(push)
	}
	r := PushReport{Branch: n.Classify(push.Branch)}
	kind := r.Branch.Kind
	r.VoidsApprovals = kind.Ships() && !push.created()
	switch {
	case push.deleted():
		r.deleted(push)
		return r
	case push.created():
		return r
	case push.PutBack:
		r.BackmergeOwed = kind == KindProduction
		return r
	case push.Forced:
		r.forced(push)
	}
	r.BackmergeOwed = kind == KindProduction
	if push.ByBot {
		return r
	}
	if push.Unheard && !push.Forced { // what was lost is told whoever did it
		if kind == KindProduction {
			r.early(push)
		}
		return r
	}
	switch kind {
	case KindProduction:
		r.outOfBand(n, push)
		r.early(push)
	case KindDevelopment, KindSupport:
		if len(push.Pulls) == 0 && !push.Forced {
			r.direct(push)
		}
	case KindRelease:
		r.candidate(n, push)
	case KindFinish:
		if !push.resolves(n) {
			r.add(Violation{Rule: RuleBotBranch,
				Problem:  text("%s pushed to %s, which Sluice keeps at an approved commit.", push.By, push.Branch),
				Remedy:   "Put the branch back; Sluice merges nothing that was not approved.",
				Commands: restore(push.Branch, push.After, push.Before), Ref: push.Branch, Back: push.Before})
		}
	}
	return r
}

// resolves tells whether a push put nothing but merges on top of what was there, as resolving a conflict does.
func (p PushFacts) resolves(n Names) bool {
	c, ok := find(p.Comparisons, p.onBranch(n))
	return ok && !c.incomplete() && !p.Forced && len(plain(without(c.Commits, reach(c.Commits, p.Before)))) == 0
}

func (r *PushReport) add(v Violation) { r.Violations = append(r.Violations, v) }

// deleted reports the loss of a branch that the flow still needs.
func (r *PushReport) deleted(push PushFacts) {
	if push.ByBot || !r.Branch.Kind.LongLived() && !r.Branch.Kind.Ships() { // Sluice makes its own again where it needs them
		return
	}
	r.Keep = push.Before
	r.Alarm = r.Branch.Kind.LongLived()
	r.add(Violation{Rule: RuleDeleted, Ref: push.Branch, Back: push.Before,
		Problem: text("%s deleted %s, %s.", push.By, push.Branch, a(r.Branch.Kind)),
		Remedy:  text("Restore %s at %s, unless it was deleted on purpose.", push.Branch, Text(short(push.Before))),
		Commands: []string{
			command("git", "fetch", "origin", push.Before),
			command("git", "push", "origin", push.Before+":refs/heads/"+push.Branch),
		}})
}

// forced reports rewritten history. On other branches it is everyday work.
func (r *PushReport) forced(push PushFacts) {
	if !r.Branch.Kind.LongLived() && !r.Branch.Kind.Ships() {
		return
	}
	r.Keep = push.Before
	r.Alarm = r.Branch.Kind.LongLived()
	v := Violation{Rule: RuleForcePush, Ref: push.Branch, Back: push.Before,
		Problem:  text("%s rewrote the history of %s, %s.", push.By, push.Branch, a(r.Branch.Kind)),
		Remedy:   text("Put %s back to %s and add the change as a new commit.", push.Branch, Text(short(push.Before))),
		Commands: restore(push.Branch, push.After, push.Before)}
	if r.Branch.Kind == KindRelease || r.Branch.Kind == KindHotfix {
		v.Remedy = text("Test and approve the new head, or put %s back to %s.", push.Branch, Text(short(push.Before)))
	}
	r.add(v)
}

// outOfBand reports what reached production by another way than a release or hotfix.
func (r *PushReport) outOfBand(n Names, push PushFacts) {
	var wrong []Pull
	for _, p := range push.Pulls {
		switch n.kind(p.Head).Kind {
		case KindRelease, KindHotfix, KindFinish:
		default:
			wrong = append(wrong, p)
		}
	}
	if len(push.Pulls) > 0 && len(wrong) == 0 {
		return
	}
	if c, ok := find(push.Comparisons, CompareRequest{Base: push.Before, Head: push.After}); ok && !push.Forced {
		r.OutOfBand = newestFirst(c)
	}
	backmerge := text("Sluice brings the commits back to %s and the open release branches and counts them in the next version; to keep this from happening, require pull requests and the check %s for %s.",
		n.Development, Text("sluice/branch"), push.Branch)
	if len(wrong) == 0 {
		if !push.Forced {
			r.add(Violation{Rule: RuleDirectPush, Commits: r.OutOfBand, Remedy: backmerge,
				Problem: text("%s pushed to %s directly, past releases and hotfixes.", push.By, push.Branch)})
		}
		return
	}
	for _, p := range wrong {
		r.add(Violation{Rule: RuleTarget, Commits: r.OutOfBand, Remedy: backmerge,
			Problem: text("Pull request #%d merged %s into %s, which takes only releases and hotfixes.", p.Number, p.Head, push.Branch)})
	}
}

// early reports releases that were merged before they were approved: production's branch has what production does not run.
func (r *PushReport) early(push PushFacts) {
	for _, p := range push.Early {
		r.add(Violation{Rule: RuleEarly,
			Problem: text("Pull request #%d merged %s into %s before it was approved; production does not run it.", p.Number, p.Head, push.Branch),
			Remedy: text("Approve and promote the release, so that production runs what %s has; to keep this from happening, require the check %s for %s.",
				push.Branch, Text("sluice/promotion"), push.Branch)})
	}
}

// direct reports a push past review.
func (r *PushReport) direct(push PushFacts) {
	v := Violation{Rule: RuleDirectPush,
		Problem: text("%s pushed to %s directly, without a pull request.", push.By, push.Branch),
		Remedy:  text("Leave it if it is right; to keep this from happening, require pull requests for %s.", push.Branch)}
	if c, ok := find(push.Comparisons, CompareRequest{Base: push.Before, Head: push.After}); ok {
		v.Commits = newestFirst(c)
	}
	r.add(v)
}

// candidate looks for commits of development in a push to a release branch.
func (r *PushReport) candidate(n Names, push PushFacts) {
	pushed, development, ok := push.toCandidate(n)
	if !ok {
		return
	}
	came, unnamed := push.came(n, pushed, development)
	r.Unnamed = unnamed
	if len(came) == 0 {
		return
	}
	v := Violation{Rule: RuleForeign, Commits: came, Ref: push.Branch, Back: push.Before,
		Problem:  text("%s brought %s of %s into the candidate %s.", push.By, plural(len(came), "commit"), n.Development, push.Branch),
		Remedy:   text("Take %s back to its earlier head, or cut the next release to ship them.", push.Branch),
		Commands: restore(push.Branch, push.After, push.Before)}
	if len(carried(pushed.Commits, came, nil)) > 0 { // the candidate's own, which must not be lost
		v.Remedy = text("Take those commits out of %s again, or cut the next release to ship them.", push.Branch)
		v.Commands, v.Back = rewind(r.Branch, push.After, pushed, came), ""
	}
	r.add(v)
}

// came are the commits of development that a push brought, and the tips of merged branches whose names would tell more.
func (p PushFacts) came(n Names, pushed, development Comparison) (commits []Commit, tips []string) {
	line, brought := development.line(), setOf(pushed.Commits)
	a := arrivalsOf(n, p.Merged, p.After, "", pushed, development, brought, line)
	if a == nil {
		return both(line, brought), nil
	}
	return a.foreign(line, a.lawful(pushed.Commits, p.After), true), a.asked
}

// checkTag looks after release tags; other tags are nobody's business.
func checkTag(push PushFacts) PushReport {
	var r PushReport
	known := push.TagWas != ""
	switch {
	case push.ByBot || push.PutBack || !push.ReleaseTag && !known:
	case known && (push.deleted() || push.After != push.TagWas):
		r.Alarm = true
		r.Keep = push.TagWas
		v := Violation{Rule: RuleTagMoved, Ref: push.Tag, Back: push.TagWas,
			Problem: text("%s moved the release tag %s from %s to %s.", push.By, push.Tag, Text(short(push.TagWas)), Text(short(push.After))),
			Remedy:  text("Put %s back; a release tag never moves.", push.Tag)}
		lease := command("git", "push", "--force-with-lease=refs/tags/"+push.Tag+":"+cmp.Or(push.TagObject, push.After), "origin", push.TagWas+":refs/tags/"+push.Tag)
		if push.deleted() {
			v.Problem = text("%s deleted the release tag %s of %s.", push.By, push.Tag, Text(short(push.TagWas)))
			lease = command("git", "push", "origin", push.TagWas+":refs/tags/"+push.Tag)
		}
		v.Commands = []string{command("git", "fetch", "origin", push.TagWas), lease}
		r.add(v)
	case !known && !push.KnownTag && !push.deleted():
		r.add(Violation{Rule: RuleTagByHand, Ref: push.Tag,
			Problem:  text("%s made the release tag %s by hand, at %s.", push.By, push.Tag, Text(short(push.After))),
			Remedy:   text("From now on %s counts as released; delete the tag if it was a mistake.", push.TagVersion),
			Commands: []string{command("git", "push", "origin", ":refs/tags/"+push.Tag)}})
	}
	return r
}

// newestFirst turns GitHub's order round.
func newestFirst(c Comparison) []Commit {
	out := slices.Clone(c.Commits)
	slices.Reverse(out)
	return out
}
