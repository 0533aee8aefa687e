package webhooks

import (
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/event"
)

func pullRequest(p *github.PullRequestEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Opened, event.Reopened, event.Closed, event.Edited, event.Synchronize,
		event.ReadyForReview, event.ConvertedToDraft, event.Dequeued)
	if !ok {
		return nil
	}
	pr := p.GetPullRequest()
	base, head := pr.GetBase(), pr.GetHead()
	e := event.PullRequest{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Number: p.GetNumber(), Author: user(pr.GetUser()),
		Base: base.GetRef(), BaseSHA: base.GetSHA(),
		Head: head.GetRef(), HeadSHA: head.GetSHA(), HeadRepoID: head.GetRepo().GetID(),
		Draft: pr.GetDraft(), Merged: pr.GetMerged(), UpdatedAt: pr.GetUpdatedAt().Time,
	}
	if activity == event.Edited {
		e.BaseBefore = p.GetChanges().GetBase().GetRef().GetFrom()
	}
	if activity == event.Synchronize {
		e.HeadBefore = sha(p.GetBefore())
	}
	if e.Merged { // before that it is the SHA of a trial merge
		e.MergeSHA = pr.GetMergeCommitSHA()
	}
	return e
}

func review(p *github.PullRequestReviewEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Submitted, event.Edited, event.Dismissed)
	if !ok {
		return nil
	}
	r := p.GetReview()
	return event.Review{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, Number: p.GetPullRequest().GetNumber(),
		ID: r.GetID(), Author: user(r.GetUser()), State: strings.ToUpper(r.GetState()), SHA: r.GetCommitID(),
		Body: r.GetBody(), Node: r.GetNodeID(), SubmittedAt: r.GetSubmittedAt().Time,
	}
}

func comment(p *github.IssueCommentEvent) event.Event {
	activity, ok := among(p.GetAction(), event.Created, event.Edited, event.Deleted)
	if !ok {
		return nil
	}
	c, issue := p.GetComment(), p.GetIssue()
	return event.Comment{
		Origin: origin(p.Repo, p.Installation, p.Sender), Activity: activity, ID: c.GetID(), Number: issue.GetNumber(),
		IsPullRequest: issue.GetPullRequestLinks() != nil, Open: issue.GetState() == "open", Body: c.GetBody(),
		BodyBefore: p.GetChanges().GetBody().GetFrom(), Author: user(c.GetUser()), IssueAuthor: user(issue.GetUser()),
		HTMLURL: c.GetHTMLURL(), CreatedAt: c.GetCreatedAt().Time, UpdatedAt: c.GetUpdatedAt().Time,
	}
}
