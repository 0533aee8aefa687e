package githubapp

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

func userOf(u *github.User) forge.User {
	if u == nil {
		return forge.User{}
	}
	return forge.User{ID: u.GetID(), Login: u.GetLogin(), Bot: u.GetType() == "Bot"}
}

func repoOf(r *github.Repository) forge.Repo {
	return forge.Repo{
		ID: r.GetID(), Owner: r.GetOwner().GetLogin(), Name: r.GetName(), DefaultBranch: r.GetDefaultBranch(),
		CloneURL: r.GetCloneURL(), HTMLURL: r.GetHTMLURL(), Archived: r.GetArchived(), Private: r.GetPrivate(),
		// Absent means that the App may not see the setting; merging tells then.
		MergeCommits: r.AllowMergeCommit == nil || r.GetAllowMergeCommit(),
	}
}

func commitOf(c *github.RepositoryCommit) forge.Commit {
	out := forge.Commit{
		SHA: c.GetSHA(), Tree: c.GetCommit().GetTree().GetSHA(), Message: c.GetCommit().GetMessage(), Author: userOf(c.Author), Committer: userOf(c.Committer),
		AuthorName: c.GetCommit().GetAuthor().GetName(), AuthorEmail: c.GetCommit().GetAuthor().GetEmail(),
		Time: c.GetCommit().GetCommitter().GetDate().UTC(), Verified: c.GetCommit().GetVerification().GetVerified(),
	}
	for _, p := range c.Parents {
		out.Parents = append(out.Parents, p.GetSHA())
	}
	return out
}

func pullOf(p *github.PullRequest) forge.PullRequest {
	out := forge.PullRequest{
		Number: p.GetNumber(), Title: p.GetTitle(), Body: p.GetBody(), HTMLURL: p.GetHTMLURL(), Open: p.GetState() == "open",
		Draft: p.GetDraft(), Merged: p.GetMerged() || p.MergedAt != nil, Author: userOf(p.User), Head: sideOf(p.Head), Base: sideOf(p.Base),
		Mergeable: p.Mergeable, MergeableState: p.GetMergeableState(), MergedBy: userOf(p.MergedBy),
		CreatedAt: p.GetCreatedAt().Time, UpdatedAt: p.GetUpdatedAt().Time,
	}
	if out.Merged {
		out.MergeSHA = p.GetMergeCommitSHA()
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	return out
}

func sideOf(b *github.PullRequestBranch) forge.Side {
	return forge.Side{Branch: b.GetRef(), SHA: b.GetSHA(), RepoID: b.GetRepo().GetID(), Owner: b.GetUser().GetLogin()}
}

func checkOf(c *github.CheckRun) forge.CheckRun {
	return forge.CheckRun{
		ID: c.GetID(), Name: c.GetName(), SHA: c.GetHeadSHA(), ExternalID: c.GetExternalID(), DetailsURL: c.GetDetailsURL(),
		AppID: c.GetApp().GetID(), Status: c.GetStatus(), Conclusion: forge.Conclusion(c.GetConclusion()),
		Title: c.GetOutput().GetTitle(), Summary: c.GetOutput().GetSummary(), Text: c.GetOutput().GetText(),
		StartedAt: c.GetStartedAt().Time, CompletedAt: c.GetCompletedAt().Time,
	}
}

func commentOf(c *github.IssueComment) forge.Comment {
	issue, _ := strconv.Atoi(c.GetIssueURL()[strings.LastIndexByte(c.GetIssueURL(), '/')+1:])
	return forge.Comment{
		ID: c.GetID(), Issue: issue, Pull: strings.Contains(c.GetHTMLURL(), fmt.Sprintf("/pull/%d#", issue)), Author: userOf(c.User), Body: c.GetBody(), HTMLURL: c.GetHTMLURL(),
		CreatedAt: c.GetCreatedAt().Time, UpdatedAt: c.GetUpdatedAt().Time,
	}
}

func releaseOf(r *github.RepositoryRelease) forge.Release {
	return forge.Release{ID: r.GetID(), Tag: r.GetTagName(), Name: r.GetName(), Body: r.GetBody(), HTMLURL: r.GetHTMLURL()}
}

func pullsOf(list []*github.PullRequest) []forge.PullRequest {
	var out []forge.PullRequest
	for _, p := range list {
		out = append(out, pullOf(p))
	}
	return out
}
