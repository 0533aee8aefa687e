package gitflow

import "slices"

// bring is one commit that must get into one branch by a merge with two parents, whatever the branch's protection, a
// conflict, or somebody's squash makes of it.
type bring struct {
	id    string // of the merging step
	line  Line
	sha   string // the commit; empty: not known before an earlier step is done
	has   bool   // the branch contains it
	after []string
	title Text   // of the merging step
	from  string // the branch the commit is from, for messages
	// message is the merge commit's.
	message string
	// direct is a pull request of people whose head may be the very commit: the release pull request.
	direct Pull
	// around is Sluice's own branch and pull request for this commit, repair the one for a lost ancestry.
	around, repair Backmerge
	// earlier are open back-merge pull requests into the same branch for an older commit: they go first.
	earlier []Backmerge
	// approved is true where the commit is one that people approved: of what is on top of it Sluice merges its own work alone.
	approved bool
}

// steps says what is left. The world decides which way: the pull request of people where its head is the commit, the
// merges API where it is let, else a pull request of Sluice.
func (b bring) steps() []Step {
	merge := Step{
		ID: b.id, Kind: StepMergeSHA, Title: b.title, After: b.after, SHA: b.sha, Branch: b.from, Target: b.line.Branch,
		Message: b.message, Probe: Probe{Kind: ProbeContains, Ref: "refs/heads/" + b.line.Branch, SHA: b.sha},
		Before: []Text{text("%s is merged with two parents, never squashed.", b.from)},
	}
	if b.has && b.sha != "" {
		merge.Done = true
		return []Step{merge}
	}
	if b.line.SHA == "" && b.line.Branch != "" && b.sha != "" {
		merge.Blocked = text("There is no branch %s.", b.line.Branch)
		return []Step{merge}
	}
	var steps []Step
	for _, e := range b.earlier {
		first := Step{ID: b.id + "/earlier:" + number(e.Pull.Number), Kind: StepMergePull, After: b.after,
			Title: text("merge the earlier back-merge #%d into %s", e.Pull.Number, b.line.Branch),
			SHA:   e.Pull.HeadSHA, Branch: e.Branch, Target: b.line.Branch, Pull: e.Pull.Number, Message: b.message,
			Before: []Text{text("It is older than %s, and goes first.", Text(short(b.sha)))},
			Probe:  Probe{Kind: ProbePullClosed, Pull: e.Pull.Number}}
		first.wait(e.Pull, b, e.Tip)
		steps = append(steps, first)
		merge.After = append(slices.Clone(merge.After), first.ID)
	}
	switch {
	case b.sha == "":
	case b.squashed():
		return append(steps, b.mend(merge)...)
	case b.around.Pull.Open || b.around.Head != "" || b.around.Pull.Number != 0 || b.refused() && !b.usesDirect() || b.behind():
		return append(steps, b.detour(merge)...)
	case b.usesDirect():
		merge.Kind, merge.Pull = StepMergePull, b.direct.Number
		merge.Title = text("merge pull request #%d at %s into %s", b.direct.Number, Text(short(b.sha)), b.line.Branch)
		merge.wait(b.direct, b, "")
	}
	return append(steps, merge)
}

// refused is true when the branch takes no direct merge of the commit.
func (b bring) refused() bool {
	switch b.line.Answer {
	case MergeConflict:
		return b.line.TriedSHA == b.sha
	case MergeRefused:
		return b.line.TriedSHA == "" || b.line.TriedSHA == b.sha
	}
	return b.line.Queue || len(b.line.Reverts) > 0
}

func (b bring) conflict() bool { return b.line.Answer == MergeConflict && b.line.TriedSHA == b.sha }

// usesDirect is true when the pull request of people is open at the very commit, and can be merged as it is: a conflict
// must not be resolved on it, that would be another commit than the approved one.
func (b bring) usesDirect() bool {
	return b.direct.Open && !b.direct.Draft && b.direct.HeadSHA == b.sha && b.direct.Base == b.line.Branch &&
		b.direct.Mergeable != No && !b.direct.Behind && !b.conflict()
}

// behind is true when the pull request of people is at the very commit, and has to be brought up to date first: that is done on a
// branch of Sluice's, since on theirs it would be another candidate.
func (b bring) behind() bool {
	return b.direct.Open && b.direct.HeadSHA == b.sha && b.direct.Base == b.line.Branch && b.direct.Behind
}

// squashed is true when the commit's changes are in the branch and the commit is not: a pull request with it at the head, or
// below it, was merged by squash or rebase. A repair that was begun shows it too, but not where people approved the commit: there
// anybody who may push can make such a branch, and have production take over an ancestry without its files.
func (b bring) squashed() bool {
	return b.direct.Merged && b.direct.HeadSHA == b.sha && b.direct.Base == b.line.Branch ||
		b.around.Pull.Merged && b.around.Tip == b.sha && !b.around.Lacks || !b.approved && (b.repair.Head != "" || b.repair.Pull.Number != 0)
}

// detour goes through a branch and pull request of Sluice.
func (b bring) detour(merge Step) []Step {
	d := b.anew(b.around)
	branch := Step{ID: b.id + "/branch", Kind: StepCutBranch, Title: text("make %s at %s", d.Branch, Text(short(b.sha))), After: merge.After,
		SHA: b.sha, Branch: d.Branch, Target: b.line.Branch, Before: []Text{text("%s takes the merge by pull request only.", b.line.Branch)},
		Probe: Probe{Kind: ProbeRefExists, Ref: "refs/heads/" + d.Branch, SHA: b.sha}, Done: d.Head != "" || d.Pull.Number != 0}
	open := Step{ID: b.id + "/pull", Kind: StepOpenPull, Title: text("open a pull request of %s into %s", d.Branch, b.line.Branch), After: append(slices.Clone(merge.After), branch.ID),
		SHA: b.sha, Branch: d.Branch, Target: b.line.Branch, Message: b.message, Files: b.line.Files,
		Probe: Probe{Kind: ProbePullOpen, Head: d.Branch, Base: b.line.Branch}, Done: d.Pull.Number != 0}
	switch {
	case b.conflict():
		open.Before = []Text{text("%s and %s change the same lines; people resolve it on the branch.", b.from, b.line.Branch)}
	case len(b.line.Reverts) > 0:
		for _, r := range b.line.Reverts {
			open.Before = append(open.Before, r.Text(b.line.Branch))
		}
	default:
		open.Before = []Text{text("%s takes no direct merge.", b.line.Branch)}
	}
	if open.Done && !d.Pull.Open && !d.Pull.Merged {
		open.Done = false
		open.Blocked = text("Pull request #%d of %s was closed without being merged; reopen it, the flow cannot go on without.", d.Pull.Number, d.Branch)
		open.Commands = []string{command("gh", "pr", "reopen", number(d.Pull.Number))}
	}
	merge.Kind, merge.Pull, merge.After = StepMergePull, d.Pull.Number, append(slices.Clone(merge.After), open.ID)
	if d.Pull.HeadSHA != "" {
		merge.SHA = d.Pull.HeadSHA
	}
	merge.Branch = d.Branch
	if open.Done {
		merge.Title = text("merge pull request #%d into %s", d.Pull.Number, b.line.Branch)
		merge.wait(d.Pull, b, d.Tip)
	}
	if d.Pull.Merged && d.Lacks && !b.approved {
		merge.Blocked = text("Pull request #%d was merged without %s, which it was there for; merge %s into %s by hand, with a merge commit.",
			d.Pull.Number, Text(short(b.sha)), Text(short(b.sha)), b.line.Branch)
		merge.Commands = []string{
			command("git", "fetch", "origin"), command("git", "switch", "-C", b.line.Branch, "origin/"+b.line.Branch),
			command("git", "merge", "--no-ff", b.sha), command("git", "push", "origin", "HEAD:refs/heads/"+b.line.Branch),
		}
	}
	right := b.sha
	if d.Sound != "" {
		right = d.Sound
	}
	b.hold(d, right, &open, &merge)
	return []Step{branch, open, merge}
}

// hold blocks the steps of Sluice's own branch where somebody has moved it off the commit that it is for, or made it elsewhere
// before Sluice did: whoever may push could otherwise have merged what nobody approved. right is that commit, or one that Sluice has
// put there itself; empty: the branch is at none that would do. What resolves a conflict is merged by people, once nothing else is missing.
func (b bring) hold(d Backmerge, right string, open, merge *Step) {
	at := d.Head
	if d.Pull.Open && d.Pull.HeadSHA != "" {
		at = d.Pull.HeadSHA
	}
	if !b.approved || at == "" || at == right || d.Pull.Merged {
		return
	}
	wrong := text("%s is at %s, which nobody approved: Sluice does not merge that", d.Branch, Text(short(at)))
	remedy, commands := text("delete it"), []string{command("git", "push", "origin", "--delete", d.Branch)}
	if right != "" {
		remedy, commands = text("put it back to %s", Text(short(right))), restore(d.Branch, at, right)
	}
	switch {
	case d.Pull.Number == 0:
		open.Blocked, open.Commands = wrong+"; "+remedy+".", commands
	case d.Pull.Fault != nil:
		merge.Blocked, merge.Commands = wrong+". "+d.Pull.Fault.Problem+" "+d.Pull.Fault.Remedy, d.Pull.Fault.Commands
	case d.Repair || d.Lacks:
		merge.Blocked, merge.Commands = wrong+"; "+remedy+".", commands
	case merge.free() && merge.Kind != StepUpdatePull:
		merge.Blocked = text("%s is at %s, which has %s and what resolves its conflict with %s; nobody approved what comes of that, so Sluice does not merge it: "+
			"whoever may merges pull request #%d, with a merge commit.", d.Branch, Text(short(at)), Text(short(b.sha)), b.line.Branch, d.Pull.Number)
		merge.Commands = []string{command("gh", "pr", "merge", number(d.Pull.Number), "--merge", "--match-head-commit", at)}
	}
}

// anew forgets a pull request that was closed, unmerged, at another commit than the branch is at: somebody took away what was
// wrong, and it cannot be opened again. It forgets one, too, that was merged without the commit that it was for.
func (b bring) anew(d Backmerge) Backmerge {
	if b.approved && !d.Pull.Open && (!d.Pull.Merged && d.Pull.HeadSHA != d.Head || d.Pull.Merged && d.Lacks) {
		d.Pull = Pull{}
	}
	return d
}

// mend restores an ancestry that a squash or rebase lost, by a merge that changes no file. It is tried once: when the repair
// is squashed too, a person has to look.
func (b bring) mend(merge Step) []Step {
	d := b.anew(b.repair)
	branch := Step{ID: b.id + "/repair", Kind: StepRepair, After: merge.After, SHA: b.sha, Branch: d.Branch, Target: b.line.Branch, Message: b.message,
		Title:  text("make %s: the tree of %s, with %s as second parent", d.Branch, b.line.Branch, Text(short(b.sha))),
		Before: []Text{text("The changes of %s are in %s already, its commits are not: the merge was squashed or rebased.", Text(short(b.sha)), b.line.Branch)},
		Probe:  Probe{Kind: ProbeRefExists, Ref: "refs/heads/" + d.Branch, SHA: b.sha}, Done: d.Head != "" || d.Pull.Number != 0}
	open := Step{ID: b.id + "/repair-pull", Kind: StepOpenPull, After: append(slices.Clone(merge.After), branch.ID), SHA: d.Head, Branch: d.Branch, Target: b.line.Branch, Message: b.message,
		Title:  text("open a pull request of %s into %s that changes no file", d.Branch, b.line.Branch),
		Before: []Text{text("%s has the files of %s, and both histories.", d.Branch, b.line.Branch)},
		Probe:  Probe{Kind: ProbePullOpen, Head: d.Branch, Base: b.line.Branch}, Done: d.Pull.Number != 0}
	merge.Kind, merge.Pull, merge.Branch, merge.After = StepMergePull, d.Pull.Number, d.Branch, append(slices.Clone(merge.After), open.ID)
	if d.Pull.HeadSHA != "" {
		merge.SHA = d.Pull.HeadSHA
	}
	if b.direct.MergeSeen == No || b.around.Pull.MergeSeen == No {
		branch.Waiting = text("GitHub shows the merge into %s in one place and not yet in another.", b.line.Branch)
	}
	switch {
	case d.Pull.Merged && d.Pull.MergeSeen == No:
		merge.Waiting = text("GitHub shows the merge into %s in one place and not yet in another.", b.line.Branch)
	case d.Pull.Merged:
		merge.Blocked = text("Pull request #%d that repairs %s was squashed or rebased too; merge %s with a merge commit by hand, and switch squashing off for %s.",
			d.Pull.Number, b.line.Branch, Text(short(b.sha)), b.line.Branch)
		merge.Commands = []string{
			command("git", "fetch", "origin"), command("git", "switch", "-C", b.line.Branch, "origin/"+b.line.Branch),
			command("git", "merge", "--no-ff", "-s", "ours", b.sha), command("git", "push", "origin", "HEAD:refs/heads/"+b.line.Branch),
		}
	case open.Done && !d.Pull.Open:
		open.Done = false
		open.Blocked = text("Pull request #%d that repairs %s was closed without being merged; reopen it, every later merge conflicts otherwise.", d.Pull.Number, b.line.Branch)
		open.Commands = []string{command("gh", "pr", "reopen", number(d.Pull.Number))}
	case open.Done:
		merge.Title = text("merge pull request #%d into %s", d.Pull.Number, b.line.Branch)
		merge.wait(d.Pull, b, "")
	}
	b.hold(d, d.Sound, &open, &merge)
	return []Step{branch, open, merge}
}

// wait says what keeps a pull request from being merged. tip is the commit that it was opened at; empty: it takes nothing
// back that anybody must agree to.
func (s *Step) wait(p Pull, b bring, tip string) {
	unresolved := p.Mergeable == No || p.Mergeable == Unknown && b.line.Answer == MergeConflict && b.line.TriedSHA == p.HeadSHA
	switch {
	case p.Draft:
		s.Blocked = text("Pull request #%d is a draft; mark it ready for review.", p.Number)
		s.Commands = []string{command("gh", "pr", "ready", number(p.Number))}
	case p.Fault != nil: // of one into production hold says more
		s.Blocked = text("Sluice does not merge pull request #%d: ", p.Number) + p.Fault.Problem + " " + p.Fault.Remedy
		s.Commands = p.Fault.Commands
	case unresolved:
		s.Blocked = text("%s conflicts with %s; merge %s into %s, resolve the conflict there and push.", p.Head, b.line.Branch, b.line.Branch, p.Head)
		if len(b.line.Files) > 0 {
			s.Blocked = text("%s conflicts with %s in %s; merge %s into %s, resolve the conflict there and push.", p.Head, b.line.Branch, names(b.line.Files), b.line.Branch, p.Head)
		}
		if b.approved {
			s.Blocked += text(" What comes of that nobody has approved: whoever may then merges pull request #%d, with a merge commit.", p.Number)
		}
		s.Commands = []string{
			command("git", "fetch", "origin"), command("git", "switch", "-C", p.Head, "origin/"+p.Head),
			command("git", "merge", "origin/"+b.line.Branch), command("git", "push", "origin", "HEAD:refs/heads/"+p.Head),
		}
		s.Files, s.Conflict = b.line.Files, true
	case len(b.line.Reverts) > 0 && tip != "" && p.HeadSHA == tip: // nobody has decided
		s.Blocked = b.line.Reverts[0].Text(b.line.Branch) +
			text(" If that is right, merge pull request #%d; if not, revert %s on %s and push.", p.Number, Text(short(b.line.Reverts[0].By.SHA)), p.Head)
		s.Commands = []string{
			command("git", "fetch", "origin"), command("git", "switch", "-C", p.Head, "origin/"+p.Head),
			command("git", "revert", b.line.Reverts[0].By.SHA), command("git", "push", "origin", "HEAD:refs/heads/"+p.Head),
		}
	case p.Needs != "":
		s.Blocked = text("Pull request #%d needs %s.", p.Number, p.Needs)
	case p.Behind:
		s.update(p, b)
	case p.WaitsFor != "":
		s.Waiting = text("Pull request #%d waits for %s.", p.Number, p.WaitsFor)
	case b.line.Queue:
		s.queue(p, b)
	}
}

// update makes the step one that brings the pull request up to date with its base, which takes nothing else. Merged is then that
// commit, with the one that was to be brought as an ancestor.
func (s *Step) update(p Pull, b bring) {
	s.Kind, s.Pull, s.SHA, s.Onto, s.Branch = StepUpdatePull, p.Number, b.line.SHA, p.HeadSHA, p.Head
	s.Title = text("merge %s into %s: pull request #%d has to be up to date", b.line.Branch, p.Head, p.Number)
	s.Message = "Merge " + b.line.Branch + " into " + p.Head
	s.Before = []Text{text("%s takes only what is up to date with it.", b.line.Branch)}
	s.Probe = Probe{Kind: ProbeContains, Ref: "refs/heads/" + p.Head, SHA: b.line.SHA}
}

// MaxEnqueued is how often a pull request is put into a merge queue with one head before somebody must look.
const MaxEnqueued = 3

// queue makes the step one of the branch's merge queue.
func (s *Step) queue(p Pull, b bring) {
	s.Kind = StepEnqueue
	s.Title = text("put pull request #%d into the merge queue of %s", p.Number, b.line.Branch)
	switch {
	case p.Queued:
		s.Waiting = text("Pull request #%d is in the merge queue of %s.", p.Number, b.line.Branch)
	case p.Fallen >= MaxEnqueued:
		s.Blocked = text("Pull request #%d fell out of the merge queue of %s %s; see there why, then say /retry.", p.Number, b.line.Branch, plural(p.Fallen, "time"))
	}
}
