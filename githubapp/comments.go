package githubapp

import (
	"context"
	"net/url"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Comments lists the comments of an issue or pull request, oldest first.
func (r *Repo) Comments(ctx context.Context, issue int) ([]forge.Comment, error) {
	var out []forge.Comment
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.IssueComment
		resp, err := r.call(ctx, "GET", page(r.path("issues", itoa(int64(issue)), "comments"), n), nil, &list)
		for _, c := range list {
			out = append(out, commentOf(c))
		}
		return resp, err
	})
	return out, err
}

// CommentsSince lists the comments on all issues and pull requests that were made or changed at a time or after it, by GitHub's clock
// and to the second, the longest unchanged first.
func (r *Repo) CommentsSince(ctx context.Context, since time.Time) ([]forge.Comment, error) {
	query := url.Values{"sort": {"updated"}, "direction": {"asc"}, "since": {since.UTC().Format(time.RFC3339)}}
	var out []forge.Comment
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.IssueComment
		resp, err := r.call(ctx, "GET", page(r.path("issues", "comments")+"?"+query.Encode(), n), nil, &list)
		for _, c := range list {
			out = append(out, commentOf(c))
		}
		return resp, err
	})
	return out, err
}

// Comment gives a comment.
func (r *Repo) Comment(ctx context.Context, id int64) (forge.Comment, error) {
	var c github.IssueComment
	if _, err := r.call(ctx, "GET", r.path("issues", "comments", itoa(id)), nil, &c); err != nil {
		return forge.Comment{}, err
	}
	return commentOf(&c), nil
}

// CreateComment writes a comment on an issue or pull request.
func (r *Repo) CreateComment(ctx context.Context, issue int, body string) (forge.Comment, error) {
	var c github.IssueComment
	_, err := r.call(ctx, "POST", r.path("issues", itoa(int64(issue)), "comments"), map[string]string{"body": cutEnd(body, maxBody)}, &c)
	if err != nil {
		return forge.Comment{}, err
	}
	return commentOf(&c), nil
}

// EditComment replaces a comment's text.
func (r *Repo) EditComment(ctx context.Context, id int64, body string) error {
	_, err := r.call(ctx, "PATCH", r.path("issues", "comments", itoa(id)), map[string]string{"body": cutEnd(body, maxBody)}, nil)
	return err
}

// Reactors lists who reacted to a comment in a way.
func (r *Repo) Reactors(ctx context.Context, commentID int64, reaction string) ([]forge.User, error) {
	query := url.Values{"content": {reaction}}
	var out []forge.User
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.Reaction
		resp, err := r.call(ctx, "GET", page(r.path("issues", "comments", itoa(commentID), "reactions")+"?"+query.Encode(), n), nil, &list)
		for _, one := range list {
			out = append(out, userOf(one.User))
		}
		return resp, err
	})
	return out, err
}

// React adds a reaction to a comment; the same one twice is one.
func (r *Repo) React(ctx context.Context, commentID int64, reaction string) error {
	_, err := r.call(ctx, "POST", r.path("issues", "comments", itoa(commentID), "reactions"), map[string]string{"content": reaction}, nil)
	return err
}
