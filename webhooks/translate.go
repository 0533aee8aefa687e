package webhooks

import (
	"errors"
	"fmt"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
)

// PayloadError says that a payload is not what GitHub or AWS documents for its event. No retry mends it; the delivery is kept
// and shown.
type PayloadError struct {
	Delivery string // the delivery's ID
	Event    string // the event's name
	Err      error  // what is wrong; holds no text of the payload beyond names and a malformed date
}

func (e *PayloadError) Error() string {
	return fmt.Sprintf("payload of %s, delivery %s: %v", e.Event, e.Delivery, e.Err)
}

func (e *PayloadError) Unwrap() error { return e.Err }

// Translate turns a delivery into the events Sluice acts on. There are none, and no error, for names and activities of
// no interest, those that this version does not know among them: the payload is then not even decoded, or not looked
// into any further. A payload that should name an activity and names none is an error. The error is a *PayloadError.
func Translate(d event.Delivery) ([]event.Event, error) {
	if !ofInterest(d.Name) {
		return nil, nil
	}
	e, err := translate(d)
	switch {
	case err != nil:
		return nil, &PayloadError{Delivery: d.ID, Event: d.Name, Err: err}
	case e == nil:
		return nil, nil
	}
	return []event.Event{e}, nil
}

func ofInterest(name string) bool {
	switch name {
	case NameSNS, NameEventBridge, "push", "create", "delete", "merge_group", "pull_request", "pull_request_review", "issue_comment", "check_run",
		"check_suite", "status", "workflow_run", "release", "repository", "installation", "installation_repositories",
		"member", "membership", "team", "ping":
		return true
	}
	return false
}

// translate gives nil for an activity of no interest.
func translate(d event.Delivery) (event.Event, error) {
	switch d.Name {
	case NameSNS:
		return fromSNS(d.Body)
	case NameEventBridge:
		return fromEventBridge(d.Body)
	}
	payload, err := decode(d)
	if err != nil {
		return nil, err
	}
	e := fact(payload)
	if e == nil {
		return nil, kindless(d, payload)
	}
	if err := agree(d, e.From()); err != nil {
		return nil, err
	}
	return e, complete(e)
}

func fact(payload any) event.Event {
	switch p := payload.(type) {
	case *github.PushEvent:
		return push(p)
	case *github.CreateEvent:
		return refCreated(p)
	case *github.DeleteEvent:
		return refDeleted(p)
	case *github.MergeGroupEvent:
		return mergeGroup(p)
	case *github.PullRequestEvent:
		return pullRequest(p)
	case *github.PullRequestReviewEvent:
		return review(p)
	case *github.IssueCommentEvent:
		return comment(p)
	case *github.CheckRunEvent:
		return checkRun(p)
	case *github.CheckSuiteEvent:
		return checkSuite(p)
	case *github.StatusEvent:
		return status(p)
	case *github.WorkflowRunEvent:
		return workflowRun(p)
	case *github.ReleaseEvent:
		return release(p)
	case *github.RepositoryEvent:
		return repository(p)
	case *github.InstallationEvent:
		return installation(p)
	case *github.InstallationRepositoriesEvent:
		return installationRepositories(p)
	case *github.MemberEvent:
		return member(p)
	case *github.MembershipEvent:
		return membership(p)
	case *github.TeamEvent:
		return team(p)
	case *github.PingEvent:
		return event.Ping{Origin: origin(p.Repo, p.Installation, p.Sender), HookID: p.GetHookID()}
	}
	return nil
}

// agree holds the decoded payload against what the scan found in it. The lane was chosen by the scan, and whatever
// touches a repository must happen in that repository's lane.
func agree(d event.Delivery, o event.Origin) error {
	if d.RepoID != 0 && o.Repo.ID != 0 && d.RepoID != o.Repo.ID {
		return errors.New("repository.id is ambiguous")
	}
	if d.InstallationID != 0 && o.Installation != 0 && d.InstallationID != o.Installation {
		return errors.New("installation.id is ambiguous")
	}
	return nil
}

func origin(r *github.Repository, i *github.Installation, sender *github.User) event.Origin {
	repo := forge.Repo{
		ID: r.GetID(), Owner: r.GetOwner().GetLogin(), Name: r.GetName(), DefaultBranch: r.GetDefaultBranch(),
		CloneURL: r.GetCloneURL(), HTMLURL: r.GetHTMLURL(), Archived: r.GetArchived(), Private: r.GetPrivate(),
	}
	return originOf(repo, i, sender)
}

func originOf(repo forge.Repo, i *github.Installation, sender *github.User) event.Origin {
	if repo.ID != 0 {
		repo.InstallationID = i.GetID()
	}
	return event.Origin{Repo: repo, Installation: i.GetID(), Sender: user(sender)}
}

func user(u *github.User) forge.User {
	return forge.User{ID: u.GetID(), Login: u.GetLogin(), Bot: u.GetType() == "Bot"}
}
