package bot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/config"
	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

// comment is commented without the doing.
func (p *planner) comment(e event.Comment) {
	place := "issue"
	if e.IsPullRequest {
		place = "pull request"
	}
	p.Event = fmt.Sprintf("%s: comment on %s #%d, %s", who(e.Sender), place, e.Number, e.Activity)
	switch e.Activity {
	case event.Edited, event.Deleted:
		if e.Activity == event.Edited && e.Body == e.BodyBefore {
			p.Nothing = "it is recorded; the text did not change"
			return
		}
		p.does("take back the approval that was given in this comment, if one was; an edited comment is never a command")
		return
	}
	if why := p.remark(e); why != "" {
		p.Nothing = "it is recorded; " + why
	}
}

// remark is remarked without the doing. why says why it does nothing.
func (p *planner) remark(e event.Comment) (why string) {
	commands, wrong := ParseCommands(e.Body, "")
	switch {
	case len(commands)+len(wrong) == 0:
		return "it holds no command"
	case e.Author.Bot:
		return "what a bot writes is never a command"
	case e.Author.ID != e.Sender.ID:
		return "whoever sent it did not write it"
	}
	p.does("react with eyes, and with rocket or confused once it is done")
	for _, w := range wrong {
		p.Commands = append(p.Commands, PlannedCommand{Line: w.Line, Command: visible(w.Text), Problem: visible(w.Error())})
	}
	for _, c := range commands {
		p.Commands = append(p.Commands, p.command(c))
	}
	if len(wrong) > 0 {
		p.does("run none of the commands, and reply with how they are written")
		return ""
	}
	p.asks("the role of %s in the repository, when the command runs", who(e.Author))
	if e.IsPullRequest {
		p.does("run the commands in their order, up to the first that is refused, and write the status comment")
	} else {
		p.does("run the commands in their order, up to the first that is refused")
	}
	return ""
}

// command plans one command.
func (p *planner) command(c Command) PlannedCommand {
	out := PlannedCommand{Line: c.Line, Command: visible(c.String()), DryRun: c.DryRun}
	spec := c.spec()
	if spec == nil {
		out.Problem = "there is no such command"
		return out
	}
	out.Who, out.Does = p.mayPass(spec.doorOf(c)), spec.help
	switch {
	case p.cfg.Mode == config.Observe && spec.door != DoorRead:
		out.Does = "nothing: the configuration says mode: observe"
	case c.DryRun:
		out.Does = "tell, and not do: " + spec.help
	}
	return out
}

// mayPass says who may pass a door of production, by the configuration.
func (p *planner) mayPass(door Door) string {
	rule := doors[door]
	teams, users := keepers(p.cfg, rule, pipeline.EnvironmentProduction)
	if len(teams)+len(users) == 0 {
		return door.who()
	}
	var names []string
	for _, t := range teams {
		names = append(names, fmt.Sprintf("team %q", t))
	}
	for _, u := range users {
		names = append(names, fmt.Sprintf("%q", u))
	}
	return fmt.Sprintf("%s (environments.%s.%s)", strings.Join(names, ", "), pipeline.EnvironmentProduction, rule.environment)
}

// review is reviewed without the doing.
func (p *planner) review(e event.Review) {
	p.Event = fmt.Sprintf("%s: review of pull request #%d, %s, %s", who(e.Sender), e.Number, e.Activity, strings.ToLower(visible(e.State)))
	p.does("look again at the release of pull request #%d, if it is one's: it may wait for reviews that a rule of the branch asks for", e.Number)
	if e.Activity == event.Submitted {
		p.remark(reviewRemark(e).Comment)
	} else {
		p.does("take back the approval that was given by a command in this review, if one was; an edited review is never a command")
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Environments)) {
		if approve := p.cfg.Environments[name].Approve; approve != nil && approve.Reviews {
			counts = append(counts, name)
		}
	}
	if len(counts) == 0 {
		p.does("count it as no approval: candidates are approved by /approve or the button, by their digest; approve.reviews would change that")
		return
	}
	p.does("count it for %s where that waits for approval: an approval of the commit reviewed, or a veto while changes are requested", quoted(counts...))
}

// checkAction is buttonPressed without the doing.
func (p *planner) checkAction(e event.CheckAction) {
	p.Event = fmt.Sprintf("%s pressed the button %q of the check %q at %s", who(e.Sender), e.Identifier, e.Name, short(e.SHA))
	c, _ := pressed(e.Identifier)
	switch {
	case c.Name == "":
		p.Nothing = "it is recorded; Sluice has no such button, so the check run is another App's"
		return
	case !strings.HasPrefix(e.ExternalID, e.SHA+" "):
		p.Nothing = "it is recorded; the check run was not made by Sluice"
		return
	}
	p.given("the check run's App, %d, is this Sluice's; another App's buttons do nothing", e.AppID)
	p.asks("the role of %s in the repository", who(e.Sender))
	p.Commands = append(p.Commands, p.command(c))
	p.does("run the command with the rights of whoever pressed it, for the pull request at %s", short(e.SHA))
}

// rerequested is rerun without the doing.
func (p *planner) rerequested(e event.CheckRerequested) {
	p.Event = fmt.Sprintf("%s asked to run the check %q at %s again", who(e.Sender), e.Name, short(e.SHA))
	if e.Name == "" {
		p.Event = fmt.Sprintf("%s asked to run all checks at %s again", who(e.Sender), short(e.SHA))
	}
	p.given("the check's App, %d, is this Sluice's; other Apps' checks are theirs to run", e.AppID)
	p.does("for %s: judge the open pull requests at %s again, report their checks anew, and retry what failed there", p.mayPass(DoorRecheck), short(e.SHA))
}

// checksChanged is session.checksChanged without the doing.
func (p *planner) checksChanged(e event.ChecksChanged) {
	what := "the checks of App " + strconv.FormatInt(e.AppID, 10)
	if e.Name != "" {
		what = fmt.Sprintf("the check %q", e.Name)
	}
	p.Event = fmt.Sprintf("%s at %s: %s", what, short(e.SHA), visible(e.Result))
	if e.AppID != 0 {
		p.given("App %d is not this Sluice; its own checks change nothing", e.AppID)
	}
	p.does("ask the actions that wait for the checks of %s again, and look at the releases they belong to", short(e.SHA))
}

// workflowRun is workflowRunChanged without the doing.
func (p *planner) workflowRun(e event.WorkflowRun) {
	p.Event = fmt.Sprintf("workflow run %q of %q at %s: %s", e.Run.Name, e.Run.Workflow, short(e.Run.SHA), e.Activity)
	ids := actionsNamed(e.Run.Name)
	if len(ids) == 0 {
		p.Nothing = "it is recorded; the run's name has the ID of no action, so that none waits for it"
		return
	}
	p.does("ask the action %s how it is, if it waits for this run", quoted(ids...))
}

// noted are the events that change nothing.
func (p *planner) noted(e event.Event) {
	switch e := e.(type) {
	case event.Members:
		p.Event = fmt.Sprintf("%s: rights of members, %s", who(e.Sender), e.Activity)
		p.does("count the approvals again wherever one waits that this may concern: in %s", membersOf(e))
	case event.Alarm:
		p.Event = fmt.Sprintf("alarm %q: %s", e.Name, e.State)
		p.given("--aws-alarms says which environment %q is about", e.ARN)
		if e.State == event.AlarmRaised {
			p.does("end the deployment to that environment that began before %s, if one is under way or in its bake time", e.At.Format(time.RFC3339))
		}
		p.does("write down how the alarm stands")
	case event.TopicSubscribed:
		p.Event = fmt.Sprintf("the topic %q asks whether its messages are wanted", e.Topic)
		p.given("--aws-topics names the topic")
		p.does("confirm the subscription")
	case event.Ping:
		p.Event = fmt.Sprintf("ping of webhook %d", e.HookID)
		p.Nothing = "it is recorded and answered: the webhook works"
	case event.Release:
		p.Event = fmt.Sprintf("%s: GitHub release %q, %s", who(e.Sender), e.Release.Tag, e.Activity)
		p.Nothing = "it is recorded; pages decide nothing, tags do"
	case event.RefCreated:
		p.Event = fmt.Sprintf("%s created the %s %q", who(e.Sender), e.Kind, e.Name)
		p.Nothing = "it is recorded; the push of the same ref says more"
	case event.RefDeleted:
		p.Event = fmt.Sprintf("%s deleted the %s %q", who(e.Sender), e.Kind, e.Name)
		p.Nothing = "it is recorded; the push of the same ref says more"
	}
}

// membersOf names where rights may have changed.
func membersOf(e event.Members) string {
	if from := e.From(); from.Repo.Owner != "" {
		return fmt.Sprintf("%q", from.Repo.FullName())
	}
	return "every repository of the installation"
}

// installation is installationChanged without the doing.
func (p *planner) installation(e event.Installation) {
	p.Event = fmt.Sprintf("%s: the App on %q, %s", who(e.Sender), e.Account.Login, e.Activity)
	switch e.Activity {
	case event.Created, event.Unsuspended, event.NewPermissionsAccepted:
		p.asks("which repositories the installation covers (%d in the delivery)", len(e.Repos))
		p.does("take a first look at each that is new: branches and tags are recorded as they are, and nothing is started")
	case event.Deleted:
		p.does("leave its repositories alone from now on: the App was removed")
	case event.Suspended:
		p.does("leave its repositories alone until it is unsuspended")
	default:
		p.Nothing = "it is recorded; nothing follows from it"
	}
}

// installationRepositories is installationReposChanged without the doing.
func (p *planner) installationRepositories(e event.InstallationRepositories) {
	p.Event = fmt.Sprintf("%s: repositories of the App on %q, %s", who(e.Sender), e.Account.Login, e.Activity)
	if n := fullNames(e.Added); n != "" {
		p.does("take a first look at %s: branches and tags are recorded as they are, and nothing is started", n)
	}
	if n := fullNames(e.Removed); n != "" {
		p.does("leave %s alone from now on", n)
	}
	if len(p.Does) == 0 {
		p.Nothing = "it is recorded; the delivery lists no repository, the next reconciliation finds them"
	}
}

// repository is repositoryChanged without the doing.
func (p *planner) repository(e event.Repository) {
	p.Event = fmt.Sprintf("%s: repository %q, %s", who(e.Sender), e.Repo.FullName(), e.Activity)
	switch {
	case e.Activity == event.Deleted:
		p.does("leave it alone from now on: it was deleted")
		return
	case e.Activity == event.Archived:
		p.does("leave it alone until it is unarchived: nothing can be pushed to it")
		return
	case e.Installation == 0:
		p.Nothing = "it is recorded; the delivery names no installation, so the App is not on it"
		return
	case e.NameBefore != "":
		p.does("know it as %q, and no longer as %q; everything is kept by its ID, %d", e.Repo.Name, e.NameBefore, e.Repo.ID)
	case e.OwnerBefore != "":
		p.does("know it as %q's, and no longer as %q's; everything is kept by its ID, %d", e.Repo.Owner, e.OwnerBefore, e.Repo.ID)
	}
	p.does("look at it: branches, tags, default branch and configuration, if that was not done yet")
}

func fullNames(repos []forge.Repo) string {
	names := make([]string, len(repos))
	for i, r := range repos {
		names[i] = r.FullName()
	}
	return quoted(names...)
}

// quoted joins names in quotes.
func quoted(names ...string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return strings.Join(q, ", ")
}

// shortRef is the name of a branch without refs/heads/.
func shortRef(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
