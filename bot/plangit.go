package bot

import (
	"fmt"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/tagging"
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
		p.does("stop the pipelines that run for the branch, unless they promote")
		if b.Kind.Ships() || b.Kind == gitflow.KindBackmerge {
			p.does("look at every open release again")
		}
		return
	}
	if e.Branch == e.Repo.DefaultBranch {
		p.does("read %s again: this is the default branch", config.FileName)
	}
	if b.Kind.LongLived() || b.Kind.Ships() {
		p.judgePush(e)
	}
	p.react(b, e.Before, e.After)
	if p.Pipeline != nil {
		p.does("report the check %s at %s", quoted(CheckPipeline), short(e.After))
	}
}

// judgePush is reportPush without the doing.
func (p *planner) judgePush(e event.Push) {
	facts := gitflow.PushFacts{
		Branch: e.Branch, Before: e.Before, After: e.After, Created: e.Created, Deleted: e.Deleted, Forced: e.Forced, By: e.Sender.Login,
	}
	report := gitflow.CheckPush(p.names, facts)
	needs := gitflow.PushNeeds(p.names, facts)
	if len(report.Violations)+len(needs) == 0 {
		return
	}
	p.asks("which merged pull requests brought %s", short(e.After))
	for _, n := range needs {
		p.asks("compare %s", comparison(n))
	}
	for _, v := range report.Violations {
		unless := "Sluice did it itself"
		if v.Rule == gitflow.RuleDirectPush {
			unless = "a merged pull request or Sluice brought it"
		}
		p.does("report on the commit, unless %s: %s %s", unless, v.Problem, v.Remedy)
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

// start plans the pipeline of a branch.
func (p *planner) start(b gitflow.Branch, sha string) {
	if p.cfg.Mode == config.Observe {
		p.does("start no pipeline: the configuration says mode: observe")
		return
	}
	def, ok := p.cfg.Pipeline(string(b.Kind), config.Revision{SkipDeploy: !b.Deploys})
	if !ok {
		p.does("start no pipeline: a %s branch has none", b.Kind)
		return
	}
	plan := &PlannedPipeline{Kind: def.Kind, Mode: def.Mode, SHA: sha}
	for _, s := range def.Stages {
		stage := PlannedStage{Name: s.Name}
		for _, a := range s.Actions {
			stage.Actions = append(stage.Actions, plannedAction(a))
		}
		plan.Stages = append(plan.Stages, stage)
	}
	plan.Image, plan.ImageNote = p.image(b, sha)
	p.Pipeline = plan
	if !p.cfg.Configured {
		p.given("no buildspec.yml runs on Sluice's own host here; where --local-executors allows it, it is the stage before the deployment")
	}
	p.does("start the %s pipeline of %q at %s", def.Kind, b.Name, short(sha))
}

func plannedAction(a pipeline.Action) string {
	how := a.Uses
	if a.Uses == pipeline.UsesDeploy {
		how = "recorded only: the environment has no deploy"
	}
	if a.Environment != "" && a.Environment != a.Name {
		how += ", " + a.Environment
	}
	if a.Manual {
		how += ", once somebody says /promote"
	}
	return fmt.Sprintf("%s (%s)", a.Name, how)
}

// image is what imageTag would name, with braces around what only the release log tells.
func (p *planner) image(b gitflow.Branch, sha string) (reference, note string) {
	rev, err := tagging.Revision(sha, p.cfg.Versioning.RevisionLength)
	if err != nil {
		rev = short(sha)
	}
	var tag string
	switch b.Kind {
	case gitflow.KindDevelopment:
		tag = "{ReleaseVersion}-snapshot-" + rev
		note = "the version is counted from the release log and the commits since the last release"
	case gitflow.KindRelease, gitflow.KindSupport:
		tag = "{ReleaseVersion}-candidate-" + rev
		note = "the version is the recorded release's"
		if v, err := tagging.ParseReleaseVersion(b.Version); err == nil {
			if t, err := tagging.CandidateTag(v, rev); err == nil {
				tag, note = t.String(), ""
			}
		}
	case gitflow.KindHotfix:
		tag = "{ReleaseVersion}-hotfix-" + tagging.HotfixID(b.ID) + "-" + rev
		note = "the version is counted from what production runs"
	default:
		t, err := tagging.FeatureTag(b.Name, rev)
		if err != nil {
			return "", err.Error()
		}
		tag = t.String()
	}
	if p.cfg.Registries.Development == "" {
		if note != "" {
			note += "; "
		}
		return p.cfg.ImageName + ":" + tag, note + "no registry is configured, so no image is pushed and the bundle of artifacts is promoted"
	}
	return p.cfg.Registries.Development + ":" + tag, note
}

// pushedTag is tagPushed without the doing.
func (p *planner) pushedTag(e event.Push) {
	p.Event = fmt.Sprintf("%s pushed the tag %q", who(e.Sender), e.Tag)
	if e.After == "" {
		p.Event = fmt.Sprintf("%s deleted the tag %q", who(e.Sender), e.Tag)
	}
	v, err := p.cfg.Versioning.Tag.Parse(e.Tag)
	switch {
	case err != nil:
		p.Nothing = fmt.Sprintf("it is recorded; the tag is not written like %s, so it is no release", p.cfg.Versioning.Tag)
	case e.After == "":
		p.Nothing = "it is recorded; the release log keeps the version, so that it is never given away twice"
	default:
		p.asks("which commit %q points at", e.Tag)
		p.does("add %s to the release log, if it is not in it; a tag that moved is written to the audit log", v)
	}
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
