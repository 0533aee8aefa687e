package githubapp

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/sluicehq/sluice/forge"
)

// Branches lists all heads.
func (r *Repo) Branches(ctx context.Context) ([]forge.Branch, error) {
	var out []forge.Branch
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.Branch
		resp, err := r.call(ctx, "GET", page(r.path("branches"), n), nil, &list)
		for _, b := range list {
			out = append(out, forge.Branch{Name: b.GetName(), SHA: b.GetCommit().GetSHA()})
		}
		return resp, err
	})
	return out, err
}

// Branch gives a head. The ref is asked for, not the branch: a branch that was renamed redirects.
func (r *Repo) Branch(ctx context.Context, name string) (forge.Branch, error) {
	sha, err := r.ref(ctx, "heads", name)
	return forge.Branch{Name: name, SHA: sha}, err
}

// HeadSince tells when a branch came to be at a commit where it is now, and by whom, by the newest entry of GitHub's activity view; the
// zero Move where that says nothing of it, or is not offered.
//
// https://docs.github.com/rest/repos/repos#list-repository-activities
func (r *Repo) HeadSince(ctx context.Context, branch, sha string) (forge.Move, error) {
	var list []struct {
		Before, After string
		Timestamp     time.Time
		Actor         *github.User
	}
	query := url.Values{"ref": {"refs/heads/" + branch}, "per_page": {"1"}}
	_, err := r.call(ctx, "GET", r.path("activity")+"?"+query.Encode(), nil, &list)
	var refused *forge.RefusedError
	if errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) {
		return forge.Move{}, nil
	}
	if err != nil || len(list) == 0 || list[0].After != sha {
		return forge.Move{}, err
	}
	newest := list[0]
	before := newest.Before
	if strings.Trim(before, "0") == "" {
		before = ""
	}
	return forge.Move{Before: before, By: userOf(newest.Actor), At: newest.Timestamp}, nil
}

// Tags lists all tags with the commits they point at.
func (r *Repo) Tags(ctx context.Context) ([]forge.Tag, error) {
	var out []forge.Tag
	err := pages(func(n int) (*github.Response, error) {
		var list []*github.RepositoryTag
		resp, err := r.call(ctx, "GET", page(r.path("tags"), n), nil, &list)
		for _, t := range list {
			out = append(out, forge.Tag{Name: t.GetName(), SHA: t.GetCommit().GetSHA()})
		}
		return resp, err
	})
	return out, err
}

// Tag gives a tag, peeled.
func (r *Repo) Tag(ctx context.Context, name string) (forge.Tag, error) {
	sha, err := r.ref(ctx, "tags", name)
	return forge.Tag{Name: name, SHA: sha}, err
}

// gitRef is GET /repos/{owner}/{repo}/git/ref/{ref}, and what a tag object points at.
type gitRef struct {
	Object struct {
		Type string `json:"type"`
		SHA  string `json:"sha"`
	} `json:"object"`
}

// ref is what a ref points at, annotated tags peeled.
func (r *Repo) ref(ctx context.Context, kind, name string) (string, error) {
	var ref gitRef
	if _, err := r.call(ctx, "GET", r.path("git", "ref", kind)+"/"+escapeRef(name), nil, &ref); err != nil {
		return "", err
	}
	for range 5 { // a tag of a tag of a tag
		if ref.Object.Type != "tag" {
			return ref.Object.SHA, nil
		}
		if _, err := r.call(ctx, "GET", r.path("git", "tags", ref.Object.SHA), nil, &ref); err != nil {
			return "", err
		}
	}
	return "", &forge.RefusedError{Status: 422, Message: "tag " + name + " is a tag of a tag of a tag: too many"}
}

// CreateBranch creates a head; forge.ErrExists when it is there, at whatever SHA.
func (r *Repo) CreateBranch(ctx context.Context, name, sha string) error {
	return r.createRef(ctx, "refs/heads/"+name, sha)
}

// CreateTag creates a lightweight tag; forge.ErrExists when it is there, at whatever SHA.
func (r *Repo) CreateTag(ctx context.Context, name, sha string) error {
	return r.createRef(ctx, "refs/tags/"+name, sha)
}

func (r *Repo) createRef(ctx context.Context, ref, sha string) error {
	_, err := r.call(ctx, "POST", r.path("git", "refs"), map[string]string{"ref": ref, "sha": sha}, nil)
	return err
}

// DeleteBranch deletes a head; forge.ErrNotFound when there is none.
func (r *Repo) DeleteBranch(ctx context.Context, name string) error {
	_, err := r.call(ctx, "DELETE", r.path("git", "refs", "heads")+"/"+escapeRef(name), nil, nil)
	return err
}

// keptRefs is where commits are kept that a force push or a deletion would have lost.
const keptRefs = "refs/sluice/kept/"

// KeepCommit protects a commit by a ref named after it; one that is kept already is fine. forge.ErrNotFound when GitHub
// has no such commit any more.
func (r *Repo) KeepCommit(ctx context.Context, sha string) error {
	err := r.createRef(ctx, keptRefs+sha, sha)
	var refused *forge.RefusedError
	switch {
	case errors.Is(err, forge.ErrExists):
		return nil
	case errors.As(err, &refused) && refused.Status == 422:
		return forge.ErrNotFound // "Object does not exist"
	}
	return err
}
