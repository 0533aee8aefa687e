package gitflow

import (
	"slices"
	"strconv"
	"strings"
)

// a is the kind with its article: "a release branch".
func a(k Kind) Text {
	switch k {
	case KindProduction, KindDevelopment:
		return Text("the " + string(k) + " branch")
	case KindIgnored:
		return "an ignored branch"
	}
	return Text("a " + string(k) + " branch")
}

// capital begins a sentence with a kind.
func capital(k Kind) Text {
	if k == "" {
		return ""
	}
	return Text(strings.ToUpper(string(k[:1])) + string(k[1:]))
}

// wrongTarget is the violation of a pull request whose head may not go into its base, whatever it contains.
func wrongTarget(n Names, p PullFacts, head, base Branch, legal []string) Violation {
	v := Violation{Rule: RuleTarget, Problem: text("%s is %s, and those are not merged into %s.", head.Name, a(head.Kind), base.Name)}
	switch {
	case head.Fork && base.Kind != KindDevelopment:
		v.Rule = RuleFork
		v.Problem = text("%s comes from a fork, and forks are merged into %s only.", head.Name, n.Development)
		v.Remedy = text("Change the base to %s; a release takes it to production from there.", n.Development)
		v.retarget(p, n.Development)
	case base.Kind == KindFinish:
		v.Rule = RuleBotBranch
		v.Problem = text("%s is a branch that Sluice keeps at an approved commit; nothing is merged into it.", base.Name)
		v.Remedy = text("Change the base to %s.", first(legal, n.Development))
		v.retarget(p, first(legal, n.Development))
	case head.Kind == KindProduction:
		v.Rule = RuleSource
		v.Remedy = text("Close this pull request and say /backmerge: Sluice merges the production tip itself, with two parents.")
		v.Commands = closePull(p)
	case head.Kind == KindDevelopment && base.Kind == KindRelease:
		v.Rule = RuleSource
		v.Problem = text("%s is a candidate; merging %s into it would bring changes in that are not meant for this release.", base.Name, head.Name)
		v.Remedy = text("Close this pull request; bring a single fix by a bugfix branch cut from %s, or cut the next release.", base.Name)
		v.Commands = closePull(p)
	case head.Kind == KindDevelopment:
		v.Rule = RuleSource
		v.Problem = text("%s reaches %s by a release branch, never directly.", head.Name, base.Name)
		v.Remedy = text("Close this pull request and say /release start, which cuts a release branch from %s.", head.Name)
		v.Commands = closePull(p)
	case head.Kind == KindSupport:
		v.Rule = RuleSource
		v.Problem = text("%s is a support line with versions of its own; it is not merged into %s.", head.Name, base.Name)
		v.Remedy = text("Close this pull request and carry single commits over on a feature branch of %s, by git cherry-pick.", n.Development)
		v.Commands = closePull(p)
	case head.Kind == KindIgnored:
		v.Rule = RuleSource
		v.Remedy = text("Close this pull request, or take the name of %s off branches.ignore.", head.Name)
		v.Commands = closePull(p)
	case head.Kind == KindFeature && base.Kind == KindProduction:
		v.Problem = text("%s is a feature branch, and %s takes only releases and hotfixes.", head.Name, base.Name)
		v.Remedy = text("Change the base to %s; the next release takes it to production.", n.Development)
		v.retarget(p, n.Development)
	case head.Kind == KindFeature && (base.Kind == KindRelease || base.Kind == KindHotfix || base.Kind == KindSupport):
		v.Problem = text("%s is a feature branch, and %s takes only fixes.", head.Name, base.Name)
		v.Remedy = text("Change the base to %s; for a fix, use a branch named like %s, cut from %s.", n.Development, first(n.Bugfix, "bugfix/*"), base.Name)
		v.retarget(p, n.Development)
	case head.Kind == KindBugfix && base.Kind == KindProduction:
		v.Problem = text("%s is a bugfix branch, and %s takes only releases and hotfixes.", head.Name, base.Name)
		v.Remedy = text("Change the base to the branch that it was cut from (%s); when it cannot wait for a release, say /hotfix start.", names(legal))
		v.retarget(p, first(legal, n.Development))
	default:
		v.Remedy = text("Change the base to %s.", first(legal, n.Development))
		if len(legal) > 1 {
			v.Remedy = text("Change the base to one of %s.", names(legal))
		}
		v.retarget(p, first(legal, n.Development))
	}
	return v
}

func first(list []string, otherwise string) string {
	if len(list) > 0 {
		return list[0]
	}
	return otherwise
}

// retarget offers another base.
func (v *Violation) retarget(p PullFacts, base string) {
	v.Retarget = base
	if p.Number > 0 {
		v.Commands = append(v.Commands, command("gh", "pr", "edit", number(p.Number), "--base", base))
	}
}

func closePull(p PullFacts) []string {
	if p.Number == 0 {
		return nil
	}
	return []string{command("gh", "pr", "close", number(p.Number))}
}

// foreign is the violation of bringing another line's commits along. Its commands are those of all such violations of the
// pull request together; see sortOut.
func foreign(n Names, p PullFacts, head, base Branch, s search, commits []Commit) Violation {
	v := Violation{Rule: RuleForeign, Commits: commits}
	count := plural(len(commits), "commit")
	switch {
	case head.Kind == KindRelease && s.Kind == KindDevelopment:
		v.Problem = text("%s contains %s of %s that came after the candidate was cut.", head.Name, count, s.Branch)
		v.Remedy = text("Take %s back to its last commit without them and carry its own fixes over, or cut the next release to ship them.", head.Name)
	case head.Kind == KindRelease:
		v.Problem = text("%s contains %s of the later candidate %s.", head.Name, count, s.Branch)
		v.Remedy = text("Take %s back to its last commit without them; a later release takes an earlier one in, not the reverse.", head.Name)
	case head.Kind == KindHotfix:
		v.Problem = text("%s contains %s of %s that are not in production.", head.Name, count, s.Branch)
		v.Remedy = text("Move the hotfix's own commits onto %s, which a hotfix is cut from.", n.Production)
		if base.Kind == KindSupport {
			v.Problem = text("%s contains %s of %s that the support line does not have.", head.Name, count, s.Branch)
			v.Remedy = text("Move the hotfix's own commits onto %s.", base.Name)
		}
	case head.Kind == KindBackmerge:
		v.Problem = text("%s contains %s of %s; a back-merge brings production to %s, nothing else.", head.Name, count, s.Branch, base.Name)
		v.Remedy = text("Close this pull request and say /backmerge; to resolve the conflict, merge %s into the new branch.", base.Name)
	case s.Kind == KindProduction && base.Kind == KindDevelopment:
		v.Problem = text("%s contains %s of %s that %s does not have yet.", head.Name, count, s.Branch, base.Name)
		v.Remedy = text("Wait for the back-merge of %s (or say /backmerge), or move your own commits onto %s.", s.Branch, base.Name)
	case s.Kind == KindRelease && base.Kind == KindDevelopment:
		v.Problem = text("%s contains %s of the candidate %s.", head.Name, count, s.Branch)
		v.Remedy = text("Move your own commits onto %s; Sluice brings the candidate's commits there when the release is finished.", base.Name)
		if head.Kind == KindBugfix {
			v.started(s.Branch, base.Name)
		}
	case s.Kind == KindDevelopment && base.Kind == KindRelease:
		v.Problem = text("%s contains %s of %s that are not in %s.", head.Name, count, s.Branch, base.Name)
		v.started(s.Branch, base.Name)
	default:
		v.Problem = text("%s contains %s of %s that are not in %s.", head.Name, count, s.Branch, base.Name)
		v.Remedy = text("Move your own commits onto %s.", base.Name)
	}
	return v
}

// started offers the base where a bugfix was started; the commands are those that keep the base.
func (v *Violation) started(at, base string) {
	v.Retarget = at
	v.Remedy = text("Change the base to %s, where the bugfix was started (/retarget does), or move its own commits onto %s.", at, base)
}

// plural counts things in English.
func plural(n int, thing string) Text {
	if n == 1 {
		return Text("1 " + thing)
	}
	return Text(strconv.Itoa(n) + " " + thing + "s")
}

// checkout gets the head branch to work on.
func checkout(p PullFacts, head Branch) []string {
	if head.Fork {
		if p.Number == 0 {
			return nil
		}
		return []string{command("git", "fetch", "origin"), command("gh", "pr", "checkout", number(p.Number))}
	}
	return []string{command("git", "fetch", "origin"), command("git", "switch", "-C", head.Name, "origin/"+head.Name)}
}

// sortOut are the commands that rid the head of all foreign commits at once, those of several lines too: done one after the
// other, what the first ones copied would no longer be known to the second.
func sortOut(n Names, p PullFacts, head, base Branch, in Comparison, foreign []Commit) []string {
	switch {
	case head.Kind == KindBackmerge:
		return closePull(p)
	case head.Has(FlawRefLike):
		return nil
	case head.Kind == KindRelease:
		return rewind(head, p.headRef(), in, foreign)
	case head.Kind == KindHotfix && base.Kind != KindSupport:
		return move(p, head, n.Production, in, foreign)
	}
	return move(p, head, base.Name, in, foreign)
}

// move puts the head's own commits onto another branch. Where all of them stand on top of the foreign ones, what the newest of
// those reaches is left behind; else they are copied one by one. Merges disappear. There are no commands where nothing of its own
// would be left: what counts as foreign may be the fix itself, which somebody took to development as a feature.
func move(p PullFacts, head Branch, onto string, in Comparison, foreign []Commit) []string {
	lines := checkout(p, head)
	own := carried(in.Commits, foreign, nil)
	if lines == nil || len(foreign) == 0 || len(own) == 0 {
		return nil
	}
	if newest, ok := floor(in.Commits, foreign); ok {
		lines = append(lines, command("git", "rebase", "--onto", "origin/"+onto, newest))
	} else {
		lines = append(lines, command("git", "reset", "--hard", "origin/"+onto), command(append([]string{"git", "cherry-pick"}, own...)...))
	}
	if head.Fork { // gh has git push to the fork's address, of which git keeps no branches that the lease could be taken from
		return append(lines, command("git", "push", "--force-with-lease=refs/heads/"+head.Name+":"+p.HeadSHA))
	}
	return append(lines, command("git", "push", "--force-with-lease", "origin", "HEAD:refs/heads/"+head.Name))
}

// floor is the foreign commit that all own commits stand on, and none lies under. False when there is none.
func floor(commits, foreign []Commit) (string, bool) {
	strange := setOf(foreign)
	for i := range slices.Backward(commits) { // parents come first
		if !strange.has(commits[i].SHA) {
			continue
		}
		newest := commits[i].SHA
		under, brought := reach(commits, newest), setOf(commits)
		elsewhere := func(sha string) bool { return !brought.has(sha) }
		for j := range commits {
			c := &commits[j]
			switch {
			case under.has(c.SHA):
				if !strange.has(c.SHA) && len(c.Parents) < 2 {
					return "", false // it would be lost
				}
			case strange.has(c.SHA), slices.ContainsFunc(c.Parents, elsewhere):
				return "", false // it has grown elsewhere
			}
		}
		return newest, true
	}
	return "", false
}

// carried are the commits to copy, oldest first: no merges, nothing foreign, nothing that is kept.
func carried(commits, foreign []Commit, kept shaSet) []string {
	strange := setOf(foreign)
	var own []string
	for i := range commits {
		c := &commits[i]
		if len(c.Parents) < 2 && !strange.has(c.SHA) && !kept.has(c.SHA) {
			own = append(own, c.SHA)
		}
	}
	return own
}

// rewind puts a candidate that is at tip back to its newest commit that does not contain the foreign ones, then carries over
// its own later commits, and those of the fixes that were merged into it.
func rewind(head Branch, tip string, in Comparison, foreign []Commit) []string {
	if head.Has(FlawRefLike) {
		return nil
	}
	tainted := leadingTo(in.Commits, foreign)
	var clean string
	for c := range firstParents(in.Commits, tip) {
		if !tainted.has(c.SHA) {
			clean = c.SHA
			break
		}
		if len(c.Parents) > 0 {
			clean = c.Parents[0] // in production already, when the loop ends here
		}
	}
	if clean == "" {
		return nil
	}
	lines := []string{command("git", "fetch", "origin"), command("git", "switch", "-C", head.Name, clean)}
	if own := carried(in.Commits, foreign, reach(in.Commits, clean)); len(own) > 0 {
		lines = append(lines, command(append([]string{"git", "cherry-pick"}, own...)...))
	}
	return append(lines, command("git", "push", "--force-with-lease=refs/heads/"+head.Name+":"+tip, "origin", "HEAD:refs/heads/"+head.Name))
}

// leadingTo is every commit that reaches one of the targets, the targets included.
func leadingTo(commits, targets []Commit) shaSet {
	leads := setOf(targets)
	for grown := true; grown; {
		grown = false
		for _, c := range commits { // parents first, as GitHub lists them: one pass and one to be sure
			if !leads.has(c.SHA) && slices.ContainsFunc(c.Parents, leads.has) {
				leads[c.SHA] = struct{}{}
				grown = true
			}
		}
	}
	return leads
}

// restore puts a branch back from one commit to another, if nobody moved it meanwhile.
func restore(branch, from, to string) []string {
	return []string{
		command("git", "fetch", "origin", to),
		command("git", "push", "--force-with-lease=refs/heads/"+branch+":"+from, "origin", to+":refs/heads/"+branch),
	}
}

func unrelated(head, base Branch, c Comparison) Violation {
	return Violation{Rule: RuleUnrelated,
		Problem: text("GitHub finds no commit that %s and %s have in common, or one of them is gone.", head.Name, base.Name),
		Remedy:  text("Cut the branch from %s and put your commits on it; if a branch was just renamed or deleted, re-run this check.", first([]string{c.Base}, base.Name))}
}

func unknown(r CompareRequest) Violation {
	return Violation{Rule: RuleUnknown,
		Problem: text("GitHub has not said which commits lie between %s and %s, so this cannot be judged.", r.Base, r.Head),
		Remedy:  "Re-run this check to ask again; the check fails until it can be judged."}
}

func unknownLine(s search) Violation {
	return Violation{Rule: RuleUnknown,
		Problem: text("GitHub's list of commits is cut short or missing, so it cannot be ruled out that commits of %s come along.", s.Branch),
		Remedy:  "Re-run this check to ask again; when the history is too long to list, bring the branch closer to its base, and the list gets shorter.",
	}
}

// Has tells whether the branch name has a flaw.
func (b Branch) Has(rule FlawRule) bool {
	return slices.ContainsFunc(b.Flaws, func(f Flaw) bool { return f.Rule == rule })
}

// remedy says what to do about a name.
func (f Flaw) remedy(n Names, b Branch) Text {
	n.Component = b.Component
	switch f.Rule {
	case FlawComponent:
		return "Rename the branch so that it names one, or make it by command: /release start or /hotfix start with --component."
	case FlawVersion:
		if b.Kind == KindSupport {
			return text("Rename the branch after a line, like %s.", strings.Replace(n.Support, lineHole, n.hole("1.4"), 1))
		}
		return text("Rename the branch after a version, like %s, or say /release start.", strings.Replace(n.Release, versionHole, n.hole("1.4.0"), 1))
	case FlawCaseClash:
		return text("Rename the branch: write %s exactly so if it is meant, and something else if not.", f.Like)
	case FlawLookAlike:
		return text("Rename the branch so that nobody takes it for %s.", f.Like)
	case FlawHidden:
		return "Rename the branch, using letters, digits and / . _ - only."
	}
	return "Rename the branch so that its name begins with a letter and not with refs/."
}

// commands renames the head, where its new name is plain.
func (f Flaw) commands(n Names, p PullFacts, b Branch) []string {
	if b.Name != p.Head || b.Fork || f.Rule != FlawCaseClash || len(f.Like) >= len(b.Name) {
		return nil
	}
	renamed := f.Like + b.Name[len(f.Like):]
	if refProblem(renamed) != "" || n.kind(renamed).Kind == KindFinish {
		return nil
	}
	return []string{
		command("git", "fetch", "origin"),
		command("git", "push", "origin", "refs/remotes/origin/"+b.Name+":refs/heads/"+renamed),
		command("git", "push", "origin", ":refs/heads/"+b.Name),
	}
}
