package gitflow

import (
	"cmp"
	"slices"
	"strings"
)

// role is what a branch or tag with rules is to a release.
type role string

const (
	roleProduction  role = "production"
	roleDevelopment role = "development"
	roleCandidate   role = "candidate"
	roleTag         role = "tag"
	roleFinish      role = "finish"    // Sluice's own branch for production
	roleBackmerge   role = "backmerge" // Sluice's own branch for development
)

// step is the step that a rule of the branch would refuse.
func (r role) step() string {
	switch r {
	case roleDevelopment, roleBackmerge:
		return "backmerge:development"
	case roleCandidate:
		return "branch"
	case roleTag:
		return "tag"
	}
	return "merge:production"
}

// rule judges one rule of GitHub's, by its type as the API for rules of a branch names it.
func (f PreflightFacts) rule(branch string, r role, rule RuleFact) []Obstacle {
	o := Obstacle{Rule: rule.Type, Ruleset: rule.Ruleset, Step: r.step()}
	one := func(fatal bool, problem, remedy Text) []Obstacle {
		o.Fatal, o.Problem, o.Remedy = fatal, problem, remedy
		return []Obstacle{o}
	}
	long := r == roleProduction || r == roleDevelopment
	where := rule.where()
	unknown := func() []Obstacle {
		return one(false, text("%s has a rule that this version of Sluice does not know or cannot read, %s%s.", orBranch(branch), rule.Type, where),
			"If a later step is refused, look at that rule first.")
	}
	switch {
	case r == roleFinish || r == roleBackmerge:
		return f.ownRule(r, rule, o)
	case rule.Unread:
		return unknown()
	}
	switch rule.Type {
	case "required_linear_history":
		if !long {
			return nil
		}
		return one(true, text("%s requires a linear history%s, and git-flow merges with two parents.", branch, where),
			text("Take that rule off %s.", branch))
	case "merge_queue":
		switch r {
		case roleProduction:
			return one(true, text("%s has a merge queue%s, which would merge another commit than the approved one.", branch, where),
				text("Take the merge queue off %s; Sluice lets one release in at a time.", branch))
		case roleDevelopment:
			if len(rule.MergeMethods) > 0 && !slices.Contains(rule.MergeMethods, "merge") {
				return one(true, text("The merge queue of %s merges by %s%s, and git-flow merges with two parents.", branch, Text(strings.Join(rule.MergeMethods, " or ")), where),
					"Choose the merge method \"Merge commit\" for that queue.")
			}
			return one(false, text("%s has a merge queue%s.", branch, where), "Back-merges go through it, by pull request.")
		}
		return nil
	case "pull_request":
		return f.pullRule(branch, r, rule, o)
	case "required_status_checks":
		return f.checkRule(branch, r, rule, o)
	case "update":
		switch {
		case long:
			return one(true, text("Only bypass actors may update %s%s.", branch, where), "Add the App to the bypass list of that rule.")
		case r == roleCandidate:
			o.Step = "merge:production"
			return one(false, text("Only bypass actors may update the release branch%s.", where), "People who fix the candidate must be on the bypass list.")
		}
		return nil
	case "creation":
		switch {
		case r == roleCandidate && f.Pull.Number == 0: // later it is there
			return one(true, text("Only bypass actors may create a branch of that name%s.", where), "Add the App to the bypass list of that rule.")
		case r == roleTag:
			return one(true, text("Only bypass actors may create the release tag%s.", where), "Add the App to the bypass list of that rule.")
		}
		return nil
	case "deletion":
		if r != roleCandidate {
			return nil // long-lived branches and tags are never deleted
		}
		o.Step = "delete"
		return one(false, text("The release branch may not be deleted%s; it will stay.", where), "Set finish.delete_branch to false, or add the App to the bypass list of that rule.")
	case "non_fast_forward":
		return nil // refs are never forced
	case "required_signatures":
		if r == roleTag {
			return nil
		}
		if n := len(f.Unsigned); long && n > 0 {
			return one(true, text("%s takes signed commits only%s, and the release has %s without a verified signature: %s.", branch, where, plural(n, "commit"), f.unsigned()),
				"Their authors sign them anew on the branch, or the App is added to the bypass list of that rule.")
		}
		return one(false, text("%s takes signed commits only%s.", orBranch(branch), where),
			"Merges made through GitHub are signed; every other commit of the release must be signed by its author.")
	case "required_deployments":
		if f.Order == MergeThenDeploy && slices.Contains(rule.Environments, "production") && r == roleProduction {
			return one(true, text("%s requires a deployment to production before a merge%s, and finish.order merges first.", branch, where),
				"Set finish.order to deploy-then-merge, or take that rule off.")
		}
		return one(false, text("%s requires deployments to %s before a merge%s.", orBranch(branch), names(rule.Environments), where),
			"Sluice records its deployments on GitHub; those environments must be among them.")
	case "workflows":
		return one(false, text("%s requires workflows to pass%s.", orBranch(branch), where), "They must have run for the candidate before the merge.")
	case "code_scanning", "code_quality", "copilot_code_review":
		return one(false, text("%s requires results of %s%s.", orBranch(branch), rule.Type, where), "They must be there for the candidate before the merge.")
	case "commit_message_pattern", "commit_author_email_pattern", "committer_email_pattern":
		return one(false, text("%s has the rule %s%s, pattern %s.", orBranch(branch), rule.Type, where, rule.Pattern.String()), "It must let the merge commits of Sluice pass; add the App to the bypass list if it does not.")
	case "branch_name_pattern":
		if r != roleCandidate || f.Pull.Number != 0 {
			return nil
		}
		return f.nameRule(f.Branch, rule, one)
	case "tag_name_pattern":
		if r != roleTag {
			return nil
		}
		return f.nameRule(f.Tag, rule, one)
	case "file_path_restriction", "max_file_path_length", "file_extension_restriction", "max_file_size":
		return one(false, text("%s has the rule %s%s.", orBranch(branch), rule.Type, where), "Commits that break it were refused when they were pushed; nothing to do.")
	}
	return unknown()
}

// where names the ruleset in a sentence.
func (r RuleFact) where() Text {
	if r.Ruleset == "" {
		return ""
	}
	return text(" (ruleset %s)", r.Ruleset)
}

func orBranch(branch string) Text {
	if branch == "" {
		return "The branch"
	}
	return Name(branch)
}

// pullRule: pull requests are how Sluice merges where they are required; squash-only and missing reviews are not.
func (f PreflightFacts) pullRule(branch string, r role, rule RuleFact, o Obstacle) []Obstacle {
	if r != roleProduction && r != roleDevelopment {
		if r == roleCandidate {
			o.Problem = text("The release branch takes changes by pull request only%s.", rule.where())
			o.Remedy = "Fixes go in by bugfix branches; when production moves, its back-merge is a pull request too."
			return []Obstacle{o}
		}
		return nil
	}
	var out []Obstacle
	if len(rule.MergeMethods) > 0 && !slices.Contains(rule.MergeMethods, "merge") {
		o := o
		o.Fatal = true
		o.Problem = text("Pull requests into %s may be merged by %s only%s, and git-flow merges with two parents.", branch, Text(strings.Join(rule.MergeMethods, " or ")), rule.where())
		o.Remedy = text("Allow merge commits for %s in that rule.", branch)
		out = append(out, o)
	}
	if r == roleDevelopment && rule.Reviews > 0 {
		o := o
		o.Problem = text("%s takes pull requests with %s only%s, those of back-merges too.", branch, plural(rule.Reviews, "approving review"), rule.where())
		o.Remedy = "Review them on GitHub, or add the App to the bypass list of that rule."
		out = append(out, o)
	}
	if r != roleProduction || f.Reviews < 0 || f.Pull.Merged || rule.Reviews == 0 {
		return out
	}
	o.Later = true
	switch missing := rule.Reviews - f.Reviews; {
	case f.ChangesBy != "":
		o.Problem = text("%s requests changes on pull request #%d, and %s is not merged into before that is settled%s.", f.ChangesBy, f.Pull.Number, branch, rule.where())
		o.Remedy = text("%s approves it on GitHub, or the review is dismissed.", f.ChangesBy)
		out = append(out, o)
	case missing > 0:
		o.Problem = text("%s still needs %s%s.", branch, plural(missing, "approving review"), rule.where())
		o.Remedy = text("Somebody reviews pull request #%d and approves it on GitHub.", f.Pull.Number)
		out = append(out, o)
	}
	return out
}

// ourChecks begin the names of the checks that Sluice posts itself.
const ourChecks = "sluice/"

// promotionCheck is the check that only pull requests into production have.
const promotionCheck = ourChecks + "promotion"

// checkRule: our own required checks turn green in time; everybody else's must be green before production is touched.
func (f PreflightFacts) checkRule(branch string, r role, rule RuleFact, o Obstacle) []Obstacle {
	if r == roleCandidate && f.Pull.Number == 0 && rule.OnCreate && len(f.Unchecked) > 0 {
		o.Fatal = true
		o.Problem = text("%s may only be made at a commit where %s passed%s, and that is not so where it is to be cut.", f.Branch, names(f.Unchecked), rule.where())
		o.Remedy = "Turn on \"Do not require status checks on creation\" in that rule, add the App to its bypass list, or have the checks run there first."
		return []Obstacle{o}
	}
	if r == roleTag {
		return nil
	}
	var out []Obstacle
	for _, c := range rule.Checks {
		o := o
		switch {
		case c.Context == promotionCheck && r != roleProduction:
			o.Fatal = r == roleDevelopment // a back-merge into it waits for ever
			o.Problem = text("%s requires %s%s, which is reported on pull requests into %s only: no pull request into it can be merged.",
				cmp.Or(branch, f.Branch), c.Context, rule.where(), f.Names.Production)
			o.Remedy = text("Take that check off this rule, and require it for %s.", f.Names.Production)
		case r == roleCandidate:
			continue
		case strings.HasPrefix(c.Context, ourChecks):
			if c.AppID == 0 || f.AppID == 0 || c.AppID == f.AppID {
				continue
			}
			o.Fatal = true
			o.Problem = text("%s requires %s from another App than this one%s, and it will never come.", branch, c.Context, rule.where())
			o.Remedy = "Choose this App, or any source, for that check in the rule."
		case r == roleDevelopment:
			continue // asked of the back-merge itself, which waits for it
		case f.Checks == nil && f.Pull.Number == 0:
			continue // no candidate yet
		default:
			switch state := f.check(c); {
			case state.Passed:
				continue
			case state.Failed:
				o.Fatal = true
				o.Problem = text("The check %s failed, and %s requires it%s.", c.Context, branch, rule.where())
				o.Remedy = "Fix what it found, or have it run again."
			case state.Context != "":
				o.Later = true
				o.Problem = text("The check %s has not finished, and %s requires it%s.", c.Context, branch, rule.where())
				o.Remedy = "Wait for it."
			default:
				o.Later = true
				o.Problem = text("The check %s has not reported on the candidate, and %s requires it%s.", c.Context, branch, rule.where())
				o.Remedy = "Have it run for release branches, or take it off the rule."
			}
		}
		out = append(out, o)
	}
	return out
}

// check finds the report on a required check; the zero value when there is none.
func (f PreflightFacts) check(want RequiredCheck) CheckFact {
	for _, c := range f.Checks {
		if c.Context == want.Context && (want.AppID == 0 || c.AppID == want.AppID) {
			return c
		}
	}
	return CheckFact{}
}
