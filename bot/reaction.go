package bot

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/event"
)

// reaction is what an event leads to: what the server does, and what "sluice plan" says about that. Both stand in one place, so
// that no event is handled of which the plan knows nothing, or the other way round.
type reaction struct {
	// outside is done before, or instead of, what is done in the repository's session; nil: nothing is.
	outside func(context.Context, *Bot) error
	// within is done in a session of the event's repository; nil: the event is about none.
	within func(context.Context, *session) error
	// rouses says that the event may bring what a repository lacked for Sluice to be active in it.
	rouses bool
	plan   func(*planner)
}

// reactionTo is the one switch on the type of an event; false for one that this version does not know.
func reactionTo(e event.Event) (reaction, bool) {
	switch e := e.(type) {
	case event.Installation:
		return apart(e, (*Bot).installationChanged, (*planner).installation), true
	case event.InstallationRepositories:
		return apart(e, (*Bot).installationReposChanged, (*planner).installationRepositories), true
	case event.Repository:
		return apart(e, (*Bot).repositoryChanged, (*planner).repository), true
	case event.Members:
		return apart(e, (*Bot).membersChanged, noted[event.Members]), true
	case event.Alarm:
		return apart(e, (*Bot).alarmHeard, noted[event.Alarm]), true
	case event.TopicSubscribed:
		return apart(e, (*Bot).topicSubscribed, noted[event.TopicSubscribed]), true
	case event.Ping, event.Release, event.RefCreated, event.RefDeleted:
		return reaction{plan: func(p *planner) { p.noted(e) }}, true // refs come as pushes; release pages decide nothing
	case event.Push:
		r := within(e, (*session).pushed, (*planner).push)
		r.outside = func(ctx context.Context, b *Bot) error { return b.organizationPushed(ctx, e) }
		r.rouses = e.Created || e.Branch == e.Repo.DefaultBranch // a development branch, or a configuration
		return r, true
	case event.PullRequest:
		r := within(e, (*session).pullChanged, (*planner).pullRequest)
		r.outside = func(ctx context.Context, b *Bot) error { return b.organizationPull(ctx, e) }
		return r, true
	case event.Comment:
		return within(e, (*session).commented, (*planner).comment), true
	case event.Review:
		return within(e, (*session).reviewed, (*planner).review), true
	case event.CheckAction:
		return within(e, (*session).buttonPressed, (*planner).checkAction), true
	case event.CheckRerequested:
		return within(e, (*session).rerun, (*planner).rerequested), true
	case event.SuiteRerequested:
		all := event.CheckRerequested{Origin: e.Origin, SHA: e.SHA, AppID: e.AppID, Press: e.Press}
		return within(all, (*session).rerun, (*planner).rerequested), true
	case event.ChecksChanged:
		return within(e, (*session).checksChanged, (*planner).checksChanged), true
	case event.WorkflowRun:
		return within(e, (*session).workflowRunChanged, (*planner).workflowRun), true
	case event.MergeGroup:
		return within(e, (*session).mergeGroup, (*planner).mergeGroup), true
	}
	return reaction{plan: func(p *planner) {
		p.Event, p.Nothing = fmt.Sprintf("%T", e), "it is recorded; this version does not know the event"
	}}, false
}

// apart is the reaction to an event that is about no single repository, or about whether one is looked after.
func apart[E event.Event](e E, does func(*Bot, context.Context, E) error, says func(*planner, E)) reaction {
	return reaction{
		outside: func(ctx context.Context, b *Bot) error { return does(b, ctx, e) },
		plan:    func(p *planner) { says(p, e) },
	}
}

// within is the reaction to an event of a repository.
func within[E event.Event](e E, does func(*session, context.Context, E) error, says func(*planner, E)) reaction {
	return reaction{
		within: func(ctx context.Context, s *session) error { return does(s, ctx, e) },
		plan:   func(p *planner) { says(p, e) },
	}
}

// noted is planner.noted for one type.
func noted[E event.Event](p *planner, e E) { p.noted(e) }

// handleEvent does what an event leads to.
func (b *Bot) handleEvent(ctx context.Context, e event.Event) error {
	from := e.From()
	r, known := reactionTo(e)
	if !known || r.within != nil && from.Repo.ID == 0 {
		return nil
	}
	if r.outside != nil {
		if err := r.outside(ctx, b); err != nil {
			return err
		}
	}
	if r.within == nil {
		return nil
	}
	enter := b.in
	if r.rouses {
		enter = b.roused
	}
	return enter(ctx, from.Repo.ID, from, func(s *session) error { return r.within(ctx, s) })
}
