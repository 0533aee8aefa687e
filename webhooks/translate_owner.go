package webhooks

import (
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

func release(p *github.ReleaseEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Published, event.Unpublished, event.Created, event.Edited, event.Deleted,
		event.Prereleased, event.Released)
	if !ok {
		return nil
	}
	r := p.GetRelease()
	return event.Release{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Draft: r.GetDraft(), Prerelease: r.GetPrerelease(),
		Release: forge.Release{ID: r.GetID(), Tag: r.GetTagName(), Name: r.GetName(), Body: r.GetBody(), HTMLURL: r.GetHTMLURL()},
	}
}

func repository(p *github.RepositoryEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Created, event.Deleted, event.Archived, event.Unarchived, event.Edited,
		event.Renamed, event.Transferred, event.Publicized, event.Privatized)
	if !ok {
		return nil
	}
	e := event.Repository{Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity}
	changes := p.GetChanges()
	switch activity {
	case event.Renamed:
		e.NameBefore = changes.GetRepo().GetName().GetFrom()
	case event.Transferred:
		before := changes.GetOwner().GetOwnerInfo()
		e.OwnerBefore = before.GetOrg().GetLogin()
		if e.OwnerBefore == "" {
			e.OwnerBefore = before.GetUser().GetLogin()
		}
	case event.Edited:
		e.DefaultBranchBefore = changes.GetDefaultBranch().GetFrom()
	default:
	}
	return e
}

func installation(p *github.InstallationEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Created, event.Deleted, event.Suspended, event.Unsuspended,
		event.NewPermissionsAccepted)
	if !ok {
		return nil
	}
	return event.Installation{
		Origin: origin(nil, p.Installation, p.Sender), Activity: activity, Account: user(p.GetInstallation().GetAccount()),
		Repos: repos(p.Repositories, p.Installation),
	}
}

func installationRepositories(p *github.InstallationRepositoriesEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Added, event.Removed)
	if !ok {
		return nil
	}
	return event.InstallationRepositories{
		Origin: origin(nil, p.Installation, p.Sender), Activity: activity, Account: user(p.GetInstallation().GetAccount()),
		Added: repos(p.RepositoriesAdded, p.Installation), Removed: repos(p.RepositoriesRemoved, p.Installation),
	}
}

// repos takes the short form of repositories that payloads of installations have: no owner but in the full name.
func repos(list []*github.Repository, i *github.Installation) []forge.Repo {
	var out []forge.Repo
	for _, r := range list {
		owner, _, _ := strings.Cut(r.GetFullName(), "/")
		out = append(out, forge.Repo{
			ID: r.GetID(), InstallationID: i.GetID(), Owner: owner, Name: r.GetName(), Private: r.GetPrivate(),
		})
	}
	return out
}

func member(p *github.MemberEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Added, event.Edited, event.Removed)
	if !ok {
		return nil
	}
	return event.Members{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Organization: p.GetOrg().GetLogin(),
		User: user(p.GetMember()),
	}
}

func membership(p *github.MembershipEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Added, event.Removed)
	if !ok {
		return nil
	}
	return event.Members{
		Origin: origin(nil, p.Installation, p.Sender), Activity: activity, Organization: p.GetOrg().GetLogin(),
		Team: p.GetTeam().GetSlug(), TeamID: p.GetTeam().GetID(), User: user(p.GetMember()),
	}
}

func team(p *github.TeamEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Created, event.Deleted, event.Edited, event.AddedToRepository,
		event.RemovedFromRepository)
	if !ok {
		return nil
	}
	return event.Members{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Organization: p.GetOrg().GetLogin(),
		Team: p.GetTeam().GetSlug(), TeamID: p.GetTeam().GetID(),
	}
}
