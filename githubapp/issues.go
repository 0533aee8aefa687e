package githubapp

import (
	"context"
	"net/url"
	"strings"

	"github.com/google/go-github/v62/github"
)

// CreateIssue opens an issue and returns its number.
func (r *Repo) CreateIssue(ctx context.Context, title, body string) (int, error) {
	var i github.Issue
	_, err := r.call(ctx, "POST", r.path("issues"), map[string]string{"title": cutEnd(title, maxPullTitle), "body": cutEnd(body, maxBody)}, &i)
	return i.GetNumber(), err
}

// FindIssue gives the number of the newest issue by a bot whose text holds a mark; 0: there is none. The newest hundred
// issues are looked at.
func (r *Repo) FindIssue(ctx context.Context, mark string) (int, error) {
	var list []*github.Issue
	query := url.Values{"state": {"all"}, "sort": {"created"}, "direction": {"desc"}}
	if _, err := r.call(ctx, "GET", page(r.path("issues")+"?"+query.Encode(), 1), nil, &list); err != nil {
		return 0, err
	}
	for _, i := range list {
		if !i.IsPullRequest() && i.GetUser().GetType() == "Bot" && strings.Contains(i.GetBody(), mark) {
			return i.GetNumber(), nil
		}
	}
	return 0, nil
}
