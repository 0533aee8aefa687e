package githubapp

import (
	"context"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// The REST API has no reactions to reviews, and does not tell when one was edited. These are the documents sent to GraphQL.
const (
	reactMutation = `mutation($input: AddReactionInput!) { addReaction(input: $input) { reaction { content } } }`
	reviewQuery   = `query($id: ID!) { node(id: $id) { ... on PullRequestReview { lastEditedAt reactionGroups { content viewerHasReacted } } } }`
)

// ReactToReview adds a reaction to a review; the same one twice is one. node is the review's name for GraphQL. forge.ErrNotFound when
// the review is gone.
func (r *Repo) ReactToReview(ctx context.Context, node, reaction string) error {
	return r.graph(ctx, reactMutation, map[string]any{"input": map[string]any{"subjectId": node, "content": strings.ToUpper(reaction)}}, nil)
}

// ReviewMore is what the list of reviews does not tell of one. node is its name for GraphQL. forge.ErrNotFound when the review is gone.
func (r *Repo) ReviewMore(ctx context.Context, node string) (forge.ReviewMore, error) {
	var out struct {
		Node struct {
			EditedAt time.Time `json:"lastEditedAt"`
			Groups   []struct {
				Content string `json:"content"`
				Ours    bool   `json:"viewerHasReacted"`
			} `json:"reactionGroups"`
		} `json:"node"`
	}
	err := r.graph(ctx, reviewQuery, map[string]any{"id": node}, &out)
	more := forge.ReviewMore{EditedAt: out.Node.EditedAt}
	for _, g := range out.Node.Groups {
		if g.Ours {
			more.Reacted = append(more.Reacted, strings.ToLower(g.Content))
		}
	}
	return more, err
}
