package webhooks

import (
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

func push(p *github.PushEvent) event.Event {
	r := p.GetRepo()
	owner := r.GetOwner().GetLogin()
	if owner == "" {
		owner = r.GetOwner().GetName() // older servers give a push's owner no login
	}
	repo := forge.Repo{
		ID: r.GetID(), Owner: owner, Name: r.GetName(), DefaultBranch: r.GetDefaultBranch(),
		CloneURL: r.GetCloneURL(), HTMLURL: r.GetHTMLURL(), Archived: r.GetArchived(), Private: r.GetPrivate(),
	}
	e := event.Push{
		Origin: originOf(repo, p.Installation, p.Sender), Ref: p.GetRef(), Before: sha(p.GetBefore()), After: sha(p.GetAfter()),
		Created: p.GetCreated(), Deleted: p.GetDeleted(), Forced: p.GetForced(),
	}
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		e.Branch = branch
	} else if tag, ok := strings.CutPrefix(e.Ref, "refs/tags/"); ok {
		e.Tag = tag
	}
	return e
}

// sha turns the all-zero SHA, by which git says "none", into the empty string.
func sha(s string) string {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

func refCreated(p *github.CreateEvent) event.Event {
	kind, ok := refKind(p.GetRefType())
	if !ok {
		return nil // a repository
	}
	return event.RefCreated{Origin: origin(p.Repo, p.Installation, p.Sender), Kind: kind, Name: p.GetRef()}
}

func refDeleted(p *github.DeleteEvent) event.Event {
	kind, ok := refKind(p.GetRefType())
	if !ok {
		return nil
	}
	return event.RefDeleted{Origin: origin(p.Repo, p.Installation, p.Sender), Kind: kind, Name: p.GetRef()}
}

func refKind(s string) (event.RefKind, bool) {
	kind := event.RefKind(s)
	return kind, kind == event.Branch || kind == event.Tag
}

func mergeGroup(p *github.MergeGroupEvent) event.Event {
	activity, ok := among(p.GetAction(), event.ChecksRequested, event.Destroyed)
	if !ok {
		return nil
	}
	g := p.GetMergeGroup()
	return event.MergeGroup{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, SHA: g.GetHeadSHA(),
		HeadRef: g.GetHeadRef(), BaseRef: g.GetBaseRef(), BaseSHA: g.GetBaseSHA(),
	}
}

// among tells whether an activity is one of those that lead to an event.
func among(activity string, wanted ...event.Activity) (event.Activity, bool) {
	for _, w := range wanted {
		if activity == string(w) {
			return w, true
		}
	}
	return "", false
}
