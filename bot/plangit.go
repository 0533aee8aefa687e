package bot

import (
	"fmt"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
)

// push is pushed without the doing.
func (p *planner) push(e event.Push) {
	switch {
	case e.Tag != "":
		p.pushedTag(e)
		return
	case e.Branch == "":
		p.Event = fmt.Sprintf("%s pushed %q", who(e.Sender), e.Ref)
		p.Nothing = "it is recorded; the ref is neither a branch nor a tag"
		return
	}
	b := p.branch(p.names.Classify(e.Branch))
	switch {
	case e.After == "":
		p.Event = fmt.Sprintf("%s deleted the branch %q", who(e.Sender), e.Branch)
	case e.Before == "":
		p.Event = fmt.Sprintf("%s pushed the new branch %q at %s", who(e.Sender), e.Branch, short(e.After))
	case e.Forced:
		p.Event = fmt.Sprintf("%s forced %q from %s to %s", who(e.Sender), e.Branch, short(e.Before), short(e.After))
	default:
		p.Event = fmt.Sprintf("%s pushed to %q, from %s to %s", who(e.Sender), e.Branch, short(e.Before), short(e.After))
	}
	if b.Kind == gitflow.KindIgnored {
		p.Nothing = "it is recorded; the branch is one that Sluice keeps out of"
		return
	}
	p.asks("where %q is now: that counts, and not what the delivery says", e.Branch)
	if e.After == "" {
		p.deleted(b, e)
		return
	}
	if e.Branch == e.Repo.DefaultBranch {
		p.does("read %s again: this is the default branch", config.FileName)
	}
	if b.Kind.LongLived() || b.Kind.Ships() {
		p.judgePush(e, "")
	}
	p.react(b, e.Before, e.After)
	if p.Pipeline != nil || len(p.Components) > 0 {
		p.does("report the check %s at %s", quoted(CheckPipeline), short(e.After))
	}
}

// deleted is the end of branchMoved where the branch is gone, without the doing.
func (p *planner) deleted(b gitflow.Branch, e event.Push) {
	unless := ""
	if b.Kind.Ships() {
		if p.cfg.Mode != config.Observe {
			p.does("put %q back at %s and say so on its pull request, if a release of it is open, somebody else than Sluice deleted it, and it was not put back there before; then nothing else is done",
				e.Branch, short(e.Before))
			unless = "else, "
		}
		unless += "if its release is open or has failed: "
	}
	if b.Kind.LongLived() || b.Kind.Ships() {
		p.judgePush(e, unless)
	}
	p.does("stop the pipelines that run for the branch, unless they promote")
	if b.Kind.Ships() || b.Kind == gitflow.KindBackmerge {
		p.does("look at every open release again")
	}
}

// judgePush is reportPush without the doing. on says on what it depends.
func (p *planner) judgePush(e event.Push, on string) {
	facts := gitflow.PushFacts{
		Branch: e.Branch, Before: e.Before, After: e.After, Created: e.Created, Deleted: e.After == "", Forced: e.Forced, By: e.Sender.Login,
	}
	report := gitflow.CheckPush(p.names, facts)
	needs := gitflow.PushNeeds(p.names, facts)
	if len(report.Violations)+len(needs) == 0 {
		return
	}
	if e.After != "" {
		p.asks("which merged pull requests brought %s", short(e.After))
	}
	for _, n := range needs {
		p.asks("compare %s", comparison(n))
	}
	p.reported(report, on)
}

// reported says what is shown and done about a push that breaks rules.
func (p *planner) reported(report gitflow.PushReport, on string) {
	for _, v := range report.Violations {
		unless := "Sluice did it itself"
		if v.Rule == gitflow.RuleDirectPush {
			unless = "a merged pull request or Sluice brought it"
		}
		p.does("%sreport on the commit, unless %s: %s %s", on, unless, v.Problem, v.Remedy)
	}
	if len(report.Violations) == 0 || report.Branch.Name == "" {
		return // a tag's commit stays in the release log
	}
	if report.Keep != "" {
		p.does("%skeep %s by a ref of Sluice's, unless Sluice did it itself", on, short(report.Keep))
	}
	if report.Alarm {
		p.does("%sopen an issue that calls those who look after the repository, unless Sluice did it itself", on)
	}
}

// react is what follows from a new head, as session.react does it.
func (p *planner) react(b gitflow.Branch, before, sha string) {
	switch b.Kind {
	case gitflow.KindProduction:
		p.does("look at every open release again, and merge what production gained back into %q and every open release branch", p.names.Development)
		p.does("start no pipeline: production is deployed to by promotions and rollbacks, never by a push")
		return
	case gitflow.KindBackmerge, gitflow.KindFinish:
		p.does("look at every open release again")
		p.does("start no pipeline: a %s branch has none", b.Kind)
		return
	case gitflow.KindSupport:
		p.given("a release was recorded for the branch; without one no pipeline starts")
	case gitflow.KindRelease, gitflow.KindHotfix:
		if len(b.Flaws) > 0 {
			p.given("a release was recorded for the branch; with this name it is not taken for a new one")
		} else {
			p.does("record the branch as a %s, if it is not one yet", b.Kind)
		}
		if b.Kind == gitflow.KindHotfix {
			p.given("the branch has a commit of its own; at the commit it was cut from there is nothing to build")
		}
		if before != "" {
			p.does("void approvals that were given for %s", short(before))
		}
	case gitflow.KindDevelopment:
		p.does("look at every open release again")
	}
	p.start(b, sha)
}

// pullRequest is pullChanged without the doing.
func (p *planner) pullRequest(e event.PullRequest) {
	p.Event = fmt.Sprintf("%s: pull request #%d, %q into %q, %s", who(e.Sender), e.Number, e.Head, e.Base, pullActivity(e))
	open := e.Activity != event.Closed
	head := p.names.Classify(e.Head)
	if e.Fork() {
		head = p.names.ClassifyFork(e.Head)
	}
	p.branch(head)
	base := p.branch(p.names.Classify(e.Base))
	p.asks("the pull request as it is now: that counts, and not what the delivery says")
	if open {
		p.judge(e)
	}
	if base.Kind.LongLived() || head.Kind.Ships() {
		p.does("look again at the release or hotfix of the head, if there is one")
	}
	if !open {
		p.does("stop judging it; its checks stand as they are")
		return
	}
	p.reports(e, base)
	p.run(e, head)
}

// run is ensureExecution without the doing.
func (p *planner) run(e event.PullRequest, head gitflow.Branch) {
	switch {
	case e.Fork():
		p.does("run nothing: code of a fork is not run, and the check %s says who can take the change over", quoted(CheckPipeline))
	case head.Kind == gitflow.KindBackmerge, head.Kind == gitflow.KindFinish, head.Kind == gitflow.KindIgnored, head.Kind.LongLived():
		p.does("start no pipeline: a %s branch has none of its own", head.Kind)
	default:
		p.given("no pipeline ran for %q at %s yet; else it is not started again", e.Head, short(e.HeadSHA))
		p.react(head, "", e.HeadSHA)
	}
}

func pullActivity(e event.PullRequest) string {
	switch {
	case e.Activity == event.Closed && e.Merged:
		return "merged"
	case e.Activity == event.Synchronize:
		return "got new commits"
	case e.Activity == event.Edited && e.BaseBefore != "":
		return fmt.Sprintf("got another base, it was %q", e.BaseBefore)
	case e.Activity == event.ReadyForReview:
		return "is ready for review"
	case e.Activity == event.ConvertedToDraft:
		return "became a draft"
	}
	return string(e.Activity)
}

// judge holds the names of a pull request against the rules, and says what its commits are asked for.
func (p *planner) judge(e event.PullRequest) {
	facts := gitflow.PullFacts{
		Number: e.Number, Head: e.Head, Base: e.Base, HeadSHA: e.HeadSHA, BaseSHA: e.BaseSHA, Open: true, Draft: e.Draft, Fork: e.Fork(),
	}
	for _, name := range []string{e.Head, e.Base} {
		if p.names.Classify(name).Kind == gitflow.KindRelease && (name != e.Head || !e.Fork()) {
			facts.OpenReleases = append(facts.OpenReleases, name)
		}
	}
	needs := gitflow.PullNeeds(p.names, facts)
	for _, n := range needs {
		p.asks("compare %s", comparison(n))
	}
	p.asks("the files it changes, and %s at its head if it changes that", config.FileName)
	found := gitflow.CheckPull(p.names, facts)
	v := &PlannedVerdict{Pass: true, Title: found.Title.String()}
	for _, x := range found.Violations {
		if x.Rule == gitflow.RuleUnknown && len(needs) > 0 {
			continue // its comparisons have not been asked for
		}
		v.Pass = false
		v.Problems = append(v.Problems, x.Problem.String())
		v.Remedies = append(v.Remedies, x.Remedy.String())
	}
	if v.Pass && !found.Pass {
		v.Title = fmt.Sprintf("As far as names tell, %s branches may be merged into %q.", found.Head.Kind, e.Base)
	}
	p.Verdict = v
}

// reports says which checks an open pull request gets.
func (p *planner) reports(e event.PullRequest, base gitflow.Branch) {
	checks := []string{CheckBranch, CheckConfig, CheckPipeline}
	if base.Kind == gitflow.KindProduction {
		checks = append(checks, CheckPromotion)
	}
	p.does("report the checks %s at %s", quoted(checks...), short(e.HeadSHA))
	if p.Verdict != nil && !p.Verdict.Pass {
		p.does("write the status comment, which tells the remedy")
	}
}

// mergeGroup is session.mergeGroup without the doing.
func (p *planner) mergeGroup(e event.MergeGroup) {
	base := shortRef(e.BaseRef)
	p.Event = fmt.Sprintf("the merge queue of %q: group at %s, %s", base, short(e.SHA), e.Activity)
	if e.Activity != event.ChecksRequested {
		p.Nothing = "it is recorded; the group is gone, and so is the wish for checks"
		return
	}
	b := p.branch(p.names.Classify(base))
	n, named := queuedPull(e.HeadRef)
	switch {
	case b.Kind == gitflow.KindProduction:
		p.does("fail the checks %s at %s: production takes no merge queue, because it makes commits that nobody approved",
			quoted(CheckBranch, CheckConfig, CheckPipeline, CheckPromotion), short(e.SHA))
		return
	case !named:
		p.does("fail the checks %s at %s: the name of the group's branch has no number of a pull request",
			quoted(CheckBranch, CheckConfig, CheckPipeline, CheckPromotion), short(e.SHA))
		return
	}
	p.asks("pull request #%d and its comparisons", n)
	p.does("report the checks %s at %s, as the head of the pull request has them, and again whenever they change there",
		quoted(CheckBranch, CheckConfig, CheckPipeline, CheckPromotion), short(e.SHA))
}

// comparison is a comparison in GitHub's notation, SHAs shortened.
func comparison(c gitflow.CompareRequest) string {
	side := func(s string) string {
		if len(s) == 40 {
			return short(s)
		}
		return fmt.Sprintf("%q", s)
	}
	return side(c.Base) + "..." + side(c.Head)
}

// who is an account for a sentence.
func who(u forge.User) string {
	switch {
	case u.Login == "":
		return "somebody"
	case u.Bot:
		return fmt.Sprintf("the bot %q", u.Login)
	}
	return fmt.Sprintf("%q", u.Login)
}
