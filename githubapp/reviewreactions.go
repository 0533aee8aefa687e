package githubapp

import (
	"context"
	"slices"
	"strings"
)

// The REST API has no reactions to reviews. These are the documents sent to GraphQL.
const (
	reactMutation = `mutation($input: AddReactionInput!) { addReaction(input: $input) { reaction { content } } }`
	reactedQuery  = `query($id: ID!) { node(id: $id) { ... on PullRequestReview { reactionGroups { content viewerHasReacted } } } }`
)

// ReactToReview adds a reaction to a review; the same one twice is one. node is the review's name for GraphQL. forge.ErrNotFound when
// the review is gone.
func (r *Repo) ReactToReview(ctx context.Context, node, reaction string) error {
	return r.graph(ctx, reactMutation, map[string]any{"input": map[string]any{"subjectId": node, "content": strings.ToUpper(reaction)}}, nil)
}

// ReactedToReview tells whether the App reacted to a review in a way. forge.ErrNotFound when the review is gone.
func (r *Repo) ReactedToReview(ctx context.Context, node, reaction string) (bool, error) {
	type group struct {
		Content string `json:"content"`
		Ours    bool   `json:"viewerHasReacted"`
	}
	var out struct {
		Node struct {
			Groups []group `json:"reactionGroups"`
		} `json:"node"`
	}
	err := r.graph(ctx, reactedQuery, map[string]any{"id": node}, &out)
	return slices.Contains(out.Node.Groups, group{Content: strings.ToUpper(reaction), Ours: true}), err
}
