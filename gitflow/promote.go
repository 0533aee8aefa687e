package gitflow

// PlanPromote plans what takes an approved candidate to production: gates (it is tested, lacks nothing of production, its
// version is not spent by another image, nothing holds, approvals complete, preflight), the copy by digest, the deployment.
// With MergeThenDeploy tag and merge come before the deployment.
//
// Gates are computed anew each time. A freeze or a hold that begins while a promotion is under way parks it: the copy may be
// done and the deployment still waits. Once the version runs, its gates are no longer asked.
func PlanPromote(s State) Plan {
	p := Plan{Name: "promote"}
	p.Steps = s.gates()
	var after []string
	for _, g := range p.Steps {
		after = append(after, g.ID)
	}
	if s.Candidate.Digest == "" && s.Undeployed {
		p.Steps = append(p.Steps, Step{ID: "copy", Kind: StepCopyImage, After: after, Title: text("publish %s", s.Version),
			Before:  []Text{"It is what was approved; nothing is built again."},
			Version: s.Version, SHA: s.Candidate.SHA, Done: s.Candidate.OfPromoted, Probe: Probe{Kind: ProbePromoted, Version: s.Version, SHA: s.Candidate.SHA}})
	}
	if s.Candidate.Digest != "" {
		p.Steps = append(p.Steps, Step{ID: "copy", Kind: StepCopyImage, After: after,
			Title:   text("copy the approved image to the production registry as %s", s.Version),
			Before:  []Text{"The image is the approved one, by digest; nothing is rebuilt.", "A tag in the registry is made once and never moved."},
			Version: s.Version, Digest: s.Candidate.Digest, SHA: s.Candidate.SHA, Done: s.Published == s.Candidate.Digest && !s.Publishing,
			Probe: Probe{Kind: ProbeImage, Version: s.Version, Digest: s.Candidate.Digest}})
		after = append(after, "copy")
	}
	if s.mergesFirst() {
		tag := s.tagStep("")
		tag.After = after
		p.Steps = append(p.Steps, tag)
		p.Steps = append(p.Steps, s.mergeProduction("tag")...)
		after = append(after, s.mergeID())
	}
	if !s.Undeployed {
		p.Steps = append(p.Steps, s.deployStep(after...))
	}
	if s.promoting() && s.Head != "" && s.Head != s.Candidate.SHA {
		p.Notes = append(p.Notes, text("%s has moved on to %s; those commits are not in %s.", s.Branch, Text(short(s.Head)), s.Version))
	}
	return p
}

// mergesFirst tells whether tag and merge come before the deployment. What is not deployed is merged once it is published.
func (s State) mergesFirst() bool { return s.Order == MergeThenDeploy && !s.Undeployed }

// promoting is true from the first effect of a promotion on. An image that is in production's registry is no promotion: anybody who
// may push there can have put it there.
func (s State) promoting() bool {
	return s.Candidate.OfPromoted
}

// deployStep deploys the version to production.
func (s State) deployStep(after ...string) Step {
	e := s.Environment
	d := Step{ID: "deploy", Kind: StepDeploy, Title: text("deploy %s to production", s.Version), After: after,
		Before:      []Text{"No other execution deploys to the environment.", "What is deployed is the approved digest."},
		Environment: e.Name, Version: s.Version, Digest: s.Candidate.Digest, SHA: s.Candidate.SHA, Done: s.deployed(),
		Probe: Probe{Kind: ProbeRuns, Environment: e.Name, Version: s.Version, Digest: s.Candidate.Digest, SHA: s.Candidate.SHA}}
	switch {
	case d.Done:
	case e.Deploying == s.Version && s.Version != "":
		d.Waiting = text("%s is being deployed to production.", s.Version)
	case e.Deploying != "":
		d.Waiting = text("%s is being deployed to production; %s comes after it.", e.Deploying, s.Version)
	case e.DeployFailed:
		d.Blocked = text("The production deployment of %s failed; say /retry to deploy the same image again, or /rollback.", s.Version)
	}
	return d
}

// gates are the conditions of a promotion, in the order people deal with them.
func (s State) gates() []Step {
	over := s.deployed()
	var gates []Step
	gate := func(id string, title, blocked, waiting Text, commands ...string) {
		g := Step{ID: id, Kind: StepGate, Title: title, Blocked: blocked, Waiting: waiting, Commands: commands}
		g.Done = over || blocked == "" && waiting == ""
		if g.Done {
			g.Blocked, g.Waiting, g.Commands = "", "", nil
		}
		gates = append(gates, g)
	}
	ask := func(id string, title Text, why func() (blocked, waiting Text)) {
		blocked, waiting := why()
		gate(id, title, blocked, waiting)
	}

	ask("candidate", "the candidate is tested", s.untested)
	ask("pull-request", text("the pull request of %s is open", s.Branch), s.withoutPull)
	gate("rules", "it keeps to the rules of the flow", s.broken(), "")
	blocked, commands := s.lacking()
	gate("contains-production", text("it contains what %s has", s.line().Branch), blocked, "", commands...)
	ask("secrets", "no secret was committed in it", s.leaking)
	if s.Signature.Wanted {
		blocked, commands := s.unsigned()
		gate("signature", "its image is signed", blocked, "", commands...)
	}
	gate("version", text("version %s is free", s.Version), s.spent(), "")
	gate("order", "no lower version is open", s.overtakes(), "")
	gate("hold", "nobody holds it", s.held(s.Paused, text("%s is on hold", s.Version), "/unhold"), "")
	ask("approvals", "it is approved", s.unapproved)
	gate("preflight", "nothing would refuse a later step", "", "")
	if o, ok := s.obstacle(); ok && !over {
		g := &gates[len(gates)-1]
		g.Done, g.Commands = false, o.Commands
		if o.Later {
			g.Waiting = o.Problem + " " + o.Remedy
		} else {
			g.Blocked = o.Problem + " " + o.Remedy
		}
	}
	ask("asked", "the promotion is asked for", s.unasked)
	ask("schedule", "its time has come", s.scheduled)
	if s.Undeployed {
		return gates // production is not entered
	}
	ask("soak", "it has run long enough before", s.soaking)
	e := s.Environment
	gate("environment", "the environment is not held", s.held(e.Held, "Production is held after a rollback", "/unpin production"), "")
	gate("alarm", "no alarm stands", s.alarmed(), "")
	ask("freeze", "no freeze", s.frozen)
	waiting := Text("")
	if e.WindowOpens != "" && !s.Emergency {
		waiting = text("Deployments to production are allowed again %s.", Text(e.WindowOpens))
	}
	gate("window", "the deployment window is open", "", waiting)
	gate("lock", "nobody else deploys", "", s.taken())
	return gates
}

// alarmed: an alarm that stands in production, or where the candidate proves itself before it. What mends it is a hotfix.
func (s State) alarmed() Text {
	a := s.Alarm
	if a.Name == "" || s.Emergency || s.Kind == KindHotfix {
		return ""
	}
	return text("The alarm %s stands in %s, raised by %s%s; /alarm clear %s --name %s lifts it, and hotfixes are not kept back.",
		a.Name, a.Environment, a.By, because(a.Reason), a.Environment, a.Name)
}

// frozen: a freeze that ends by itself only takes time.
func (s State) frozen() (blocked, waiting Text) {
	h, what, lift := s.Environment.Frozen, Text("Production is frozen"), "/unfreeze production"
	if h.none() {
		h, what, lift = s.line().Frozen, text("%s is frozen", s.line().Branch), "/unfreeze "+s.line().Branch
	}
	switch {
	case s.Emergency:
		return "", ""
	case h.Until != "":
		return "", s.held(h, what, lift)
	}
	return s.held(h, what, lift), ""
}

// taken says who has the environment that the promotion needs: who locked it, or the version that is on its way there. In an emergency
// nothing waits for what goes elsewhere.
func (s State) taken() Text {
	other := s.Environment.Promoted
	if s.Environment.Locked.By != "" || other.Version == "" || other.elsewhere() && s.Emergency {
		return s.Environment.locked()
	}
	why := other.why(s.line().Branch)
	if !other.elsewhere() {
		return why + text("; %s comes after it.", s.Version)
	}
	why += text("; %s comes after it, since a conflict between them has to show before it is deployed. It goes on by itself once %s is in %s; ",
		s.Version, other.Version, s.line().Branch)
	if other.Runs {
		return why + text("the pull request of %s says what that waits for.", other.Version)
	}
	return why + text("/cancel promotion on the pull request of %s lets it go first.", other.Version)
}

// elsewhere tells whether the other goes to an environment of its own, and comes first for the files that both change.
func (p Promotion) elsewhere() bool { return p.Unlisted || len(p.Shares) > 0 }

// why says where the other is, and what both change.
func (p Promotion) why(production string) Text {
	why := text("%s is on its way to %s", p.Version, p.Environment)
	if p.By != "" {
		why += text(", sent by %s", p.By)
	}
	if p.Runs {
		why = text("%s runs in %s and is not in %s yet", p.Version, p.Environment, production)
	}
	switch {
	case p.Unlisted:
		why += ", and GitHub does not list all the files that either of them changes"
	case len(p.Shares) > maxShares:
		why += text(", and both change %s and %d more files", names(p.Shares[:maxShares]), len(p.Shares)-maxShares)
	case len(p.Shares) > 0:
		why += text(", and both change %s", names(p.Shares))
	}
	return why
}

// Overtaken says why a deployment to production that failed or was stopped is not tried again: another version comes before it now, or
// one was shipped since that the candidate lacks or does not merge with. Empty: nothing is in the way. In an emergency only a conflict, and
// what is on its way to the same environment, is.
func Overtaken(s State) Text {
	remedy := text(" then /version bump patch cuts the next version from %s.", s.Branch)
	if s.Kind == KindHotfix {
		remedy = " then start a hotfix with a new id."
	}
	if s.Lacks.Runs != "" && !s.Emergency {
		return text("The candidate lacks %s, the commit that production runs: the deployment would take it back. Merge %s into %s;",
			Text(short(s.Lacks.Runs)), s.line().Branch, s.Branch) + remedy
	}
	if p := s.Pull; p.Number != 0 && p.Open && !p.Merged && p.Mergeable == No {
		return text("Pull request #%d conflicts with %s, so what is deployed could not be merged. Merge %s into %s and resolve the conflict there;",
			p.Number, p.Base, p.Base, s.Branch) + remedy
	}
	if other := s.Environment.Promoted; other.Version != "" && !(other.elsewhere() && s.Emergency) {
		return other.why(s.line().Branch) + "; say /retry again once that is over."
	}
	return ""
}

// maxShares bounds how many files are named that two candidates change.
const maxShares = 3

// locked says who has locked the environment.
func (e Environment) locked() Text {
	if e.Locked.By == "" {
		return ""
	}
	return text("%s has locked %s%s%s.", e.Locked.By, e.Name, until(e.Locked.Until), because(e.Locked.Reason))
}

func until(when string) Text {
	if when == "" {
		return ""
	}
	return text(" until %s", Text(when))
}

// soaking: time in the environment before production.
func (s State) soaking() (blocked, waiting Text) {
	k := s.Soak
	switch {
	case k.Needed == "" || s.Emergency:
		return "", ""
	case k.Environment == "":
		return text("%s must run for %s before production, and its pipeline deploys to no environment before; change environments.production.soak in .github/sluice.yml.",
			s.Version, Text(k.Needed)), ""
	case k.Ends == "":
		return "", text("%s must run in %s for %s first, and does not run there now.", s.Version, k.Environment, Text(k.Needed))
	}
	return "", text("%s has run in %s for %s of %s; it is enough %s.", s.Version, k.Environment, Text(k.Done), Text(k.Needed), Text(k.Ends))
}

// scheduled: a time that somebody asked for.
func (s State) scheduled() (blocked, waiting Text) {
	c := s.Scheduled
	switch {
	case s.Emergency || s.promoting():
		return "", ""
	case c.Cancelled != "":
		return text("The promotion was cancelled: %s; say /promote, or /promote --at with another time.", c.Cancelled), ""
	case c.At != "":
		return "", text("%s has scheduled the promotion of %s for %s.", c.By, s.Version, Text(c.At))
	}
	return "", ""
}

func because(reason string) Text {
	if reason == "" {
		return ""
	}
	return text(" (%s)", reason)
}

func (s State) untested() (blocked, waiting Text) {
	c := s.Candidate
	switch {
	case s.Head == "" && !s.promoting():
		return text("There is no branch %s; restore it, or say /release abandon.", s.Branch), ""
	case c.SHA == "":
		return "", text("%s has no commit to promote yet.", s.Branch)
	case c.Tested:
		return "", ""
	case c.Failed:
		return text("The candidate %s did not pass its pipeline; push a fix, or say /retry.", Text(short(c.SHA))), ""
	case c.Status != "":
		return "", text("The candidate %s is not ready: %s.", Text(short(c.SHA)), c.Status)
	}
	return "", text("The candidate %s is not tested yet.", Text(short(c.SHA)))
}

// withoutPull: a closed or draft pull request is not an abandon; it pauses.
func (s State) withoutPull() (blocked, waiting Text) {
	switch {
	case s.Pull.Number == 0 && s.Kind == KindHotfix && s.HeadAhead == 0 && !s.promoting():
		return text("Push a commit to %s; its pull request is opened then.", s.Branch), ""
	case s.Pull.Number == 0:
		return "", text("The pull request of %s into %s is not open yet.", s.Branch, s.line().Branch)
	case s.Pull.Merged:
		return "", "" // somebody was faster; the finish repairs what that needs
	case !s.Pull.Open:
		return text("Pull request #%d is closed, so %s is paused; reopen it, or say /release abandon.", s.Pull.Number, s.Version), ""
	case s.Pull.Base != "" && s.Pull.Base != s.line().Branch:
		return text("Pull request #%d goes into %s, so %s is paused; change its base back to %s.", s.Pull.Number, s.Pull.Base, s.Version, s.line().Branch), ""
	case s.Pull.Draft:
		return text("Pull request #%d is a draft, so %s is paused; mark it ready for review.", s.Pull.Number, s.Version), ""
	}
	return "", ""
}

// broken is the rule that the pull request breaks. What comes onto the branch after a promotion began is not in it.
func (s State) broken() Text {
	if s.promoting() {
		return ""
	}
	return s.Broken
}

// lacking is the rule "lacks a production commit".
func (s State) lacking() (Text, []string) {
	l := s.Lacks
	line := s.line().Branch
	var problem Text
	switch {
	case l.OK():
		return "", nil
	case l.Unknown:
		return text("It cannot be told whether the candidate contains all of %s: GitHub's list of commits is cut short or missing; re-run this check.", line), nil
	case len(l.Commits) == 1:
		problem = text("The candidate lacks production commit %s.", Text(short(l.Commits[0].SHA)))
	case len(l.Commits) > 1:
		problem = text("The candidate lacks production commit %s and %d more.", Text(short(l.Commits[0].SHA)), len(l.Commits)-1)
	default:
		problem = text("The candidate lacks %s, the commit that production runs.", Text(short(l.Runs)))
	}
	missing := l.Runs
	if len(l.Commits) > 0 && len(l.Excused) == 0 {
		missing = "origin/" + line
	} else if len(l.Commits) > 0 {
		missing = l.Commits[0].SHA // not the tip: it would bring a bad release along
	}
	return problem + text(" Merge %s into %s, or say /backmerge.", line, s.Branch), []string{
		command("git", "fetch", "origin"), command("git", "switch", "-C", s.Branch, "origin/"+s.Branch),
		command("git", "merge", "--no-ff", missing), command("git", "push", "origin", "HEAD:refs/heads/"+s.Branch),
	}
}

// spent is the rule of a version whose image or tag is something else already.
func (s State) spent() Text {
	remedy := text("say /version bump patch to cut the next version from %s.", s.Branch)
	if s.Kind == KindHotfix {
		remedy = "start a hotfix with a new id."
	}
	switch {
	case s.Outrun != "" && !s.promoting() && s.Kind == KindHotfix:
		return text("%s was released meanwhile and is later than %s; merge %s into %s, which gives the hotfix its next version.", s.Outrun, s.Version, s.line().Branch, s.Branch)
	case s.Outrun != "" && !s.promoting():
		return text("%s was released meanwhile and is later than %s; ", s.Outrun, s.Version) + text("say /version set with a higher version.")
	case s.Published != "" && s.Candidate.Digest != "" && s.Published != s.Candidate.Digest:
		return text("Version %s is spent: the production registry has it as %s, and the candidate is %s; ", s.Version, Text(s.Published), Text(s.Candidate.Digest)) + remedy
	case s.TagSHA != "" && s.Candidate.SHA != "" && s.TagSHA != s.Candidate.SHA:
		return text("Version %s is spent: the git tag %s is at %s, and the candidate is %s; ", s.Version, s.Tag, Text(short(s.TagSHA)), Text(short(s.Candidate.SHA))) + remedy
	}
	return ""
}

// overtakes: a higher version does not ship before a lower one that is open.
func (s State) overtakes() Text {
	mine, ok := parseVersion(s.Version)
	if !ok || s.Kind != KindRelease || s.OutOfOrder {
		return ""
	}
	for _, l := range s.targets()[1:] {
		b := s.Names.kind(l.Branch)
		if v, ok := parseVersion(b.Version); ok && compareVersions(v, mine) < 0 {
			return text("%s is open and lower than %s; promote or abandon it first.", l.Branch, s.Version)
		}
	}
	return ""
}

func (State) held(h Hold, what Text, lift string) Text {
	if h.none() {
		return ""
	}
	by := Text("")
	if h.By != "" {
		by = text(" by %s", h.By)
	}
	return what + by + until(h.Until) + because(h.Reason) + text("; %s lifts it.", Text(lift))
}

func (s State) unapproved() (blocked, waiting Text) {
	a := s.Approvals
	missing := a.Needed - a.Given
	switch {
	case s.promoting() && a.RejectedBy == "":
		return "", "" // given when it began; a promotion under way is not asked again
	case a.RejectedBy != "":
		return text("%s rejected it%s; push a fix, or have an approver lift it by /reject cancel.", a.RejectedBy, because(a.Reason)), ""
	case missing <= 0, s.Emergency:
		return "", ""
	case a.Unknown != "":
		return text("It cannot be told who took part in this change, so no approval counts: %s. Ship it in smaller releases, or set %s.", a.Unknown, Text(a.Setting+".allow_author")), ""
	case a.Expired:
		return "The approval expired; say /retry to ask for it again.", ""
	case a.Eligible == 0:
		return text("Nobody may approve; change %s in .github/sluice.yml.", Text(a.Setting)), ""
	case a.Void != "":
		return text("Earlier approvals no longer hold: %s; %s needed, by /approve.", a.Void, plural(missing, "approval")), ""
	}
	needed := text("%s needed, by /approve", plural(missing, "approval"))
	if a.Lost != "" {
		return needed + text("; that of %s does not count (%s).", a.Lost, Text(a.LostWhy)), ""
	}
	return needed + ".", ""
}

func (s State) unasked() (blocked, waiting Text) {
	if s.Approvals.Wanted || s.Emergency || s.promoting() {
		return "", ""
	}
	return text("Say /promote to take %s to production.", s.Version), ""
}

// obstacle is the first obstacle that keeps a promotion from starting.
func (s State) obstacle() (Obstacle, bool) {
	for _, fatal := range [...]bool{true, false} {
		for _, o := range s.Obstacles {
			if o.Fatal == fatal && (o.Fatal || o.Later) {
				return o, true
			}
		}
	}
	return Obstacle{}, false
}
