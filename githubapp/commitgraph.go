package githubapp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/forge"
)

// GitHub's REST API tells of one commit a call which pull requests brought it, and of none which accounts wrote it together.
// GraphQL tells both of many commits at once. Names are those of GitHub's schema.
//
// https://docs.github.com/graphql/reference/objects#commit
const (
	broughtFields = `associatedPullRequests(first: 10) { nodes { number title body merged headRefName baseRefName author { __typename login } } }`
	authorsFields = `authors(first: 100) { totalCount nodes { user { databaseId login } } }`
	// askedTogether is how many commits one document is about: GitHub gives up on a document after ten seconds.
	askedTogether = 25
)

// PullsBringing lists the pull requests that brought commits, by commit, ten of each at most: number, title, text, branches,
// author, and whether it is merged. A commit that GitHub does not have has no entry.
func (r *Repo) PullsBringing(ctx context.Context, shas []string) (map[string][]forge.PullRequest, error) {
	out := map[string][]forge.PullRequest{}
	return out, r.ofCommits(ctx, broughtFields, shas, func(sha string, raw json.RawMessage) error {
		var c struct {
			Pulls struct {
				Nodes []struct {
					Number      int
					Title, Body string
					Merged      bool
					HeadRefName string
					BaseRefName string
					Author      struct {
						Type  string `json:"__typename"`
						Login string
					}
				}
			} `json:"associatedPullRequests"`
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		out[sha] = []forge.PullRequest{}
		for _, p := range c.Pulls.Nodes {
			author := forge.User{Login: p.Author.Login, Bot: p.Author.Type == "Bot"}
			if author.Bot {
				author.Login += "[bot]" // as everywhere else
			}
			out[sha] = append(out[sha], forge.PullRequest{
				Number: p.Number, Title: p.Title, Body: p.Body, Merged: p.Merged, Author: author,
				Head: forge.Side{Branch: p.HeadRefName}, Base: forge.Side{Branch: p.BaseRefName},
			})
		}
		return nil
	})
}

// Authors lists the accounts that wrote commits, by commit: the author's and the co-authors', whose addresses GitHub knows. An
// address that belongs to no account is in no list. complete is false for a commit with more than a hundred authors; one that
// GitHub does not have has no entry.
func (r *Repo) Authors(ctx context.Context, shas []string) (map[string]forge.Authors, error) {
	out := map[string]forge.Authors{}
	return out, r.ofCommits(ctx, authorsFields, shas, func(sha string, raw json.RawMessage) error {
		var c struct {
			Authors struct {
				TotalCount int
				Nodes      []struct {
					User *struct {
						DatabaseID int64 `json:"databaseId"`
						Login      string
					}
				}
			}
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return err
		}
		a := forge.Authors{Complete: len(c.Authors.Nodes) == c.Authors.TotalCount}
		for _, n := range c.Authors.Nodes {
			if n.User != nil {
				a.Users = append(a.Users, forge.User{ID: n.User.DatabaseID, Login: n.User.Login})
			}
		}
		out[sha] = a
		return nil
	})
}

// ofCommits asks for fields of commits, some commits at a time, and hands on what it gets of each.
func (r *Repo) ofCommits(ctx context.Context, fields string, shas []string, take func(sha string, raw json.RawMessage) error) error {
	for some := range slices.Chunk(shas, askedTogether) {
		var document strings.Builder
		document.WriteString("query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {")
		for i, sha := range some {
			fmt.Fprintf(&document, " c%d: object(oid: %q) { ...wanted }", i, sha)
		}
		document.WriteString(" } } fragment wanted on Commit { oid " + fields + " }")
		var out struct {
			Repository map[string]json.RawMessage
		}
		if err := r.graph(ctx, document.String(), map[string]any{"owner": r.owner, "name": r.name}, &out); err != nil {
			return err
		}
		for i, sha := range some {
			var found *struct{ OID string }
			raw := out.Repository[fmt.Sprintf("c%d", i)]
			if err := json.Unmarshal(raw, &found); err != nil {
				return fmt.Errorf("commit %s: %w", sha, err)
			}
			if found == nil || found.OID != sha {
				continue
			}
			if err := take(sha, raw); err != nil {
				return fmt.Errorf("commit %s: %w", sha, err)
			}
		}
	}
	return nil
}
