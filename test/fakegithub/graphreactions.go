package fakegithub

import (
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// graphReview is a document that asks when a review was edited and how the asker reacted to it.
var graphReview = lazyregexp.New(`^\s*query\s*\(\s*\$id\s*:\s*ID!\s*\)\s*\{\s*node\s*\(\s*id\s*:\s*\$id\s*\)\s*\{\s*` +
	`\.\.\.\s*on\s+PullRequestReview\s*\{\s*lastEditedAt\s+reactionGroups\s*\{\s*content\s+viewerHasReacted\s*\}\s*\}\s*\}\s*\}\s*$`)

// graphReaction is the word of GraphQL for a reaction, an enum of its schema.
func graphReaction(word string) string {
	switch word {
	case "+1":
		return "THUMBS_UP"
	case "-1":
		return "THUMBS_DOWN"
	}
	return strings.ToUpper(word)
}

// reviewByNode finds a review by its node ID, where somebody may do something with it; else the answer that says why not.
func (s *Server) reviewByNode(c *call, name, id string, need need) (*repository, *Review, *answer, error) {
	for _, r := range s.sortedRepos() {
		for _, rv := range r.reviews {
			if node("PRR", rv.ID) != id {
				continue
			}
			if s.admit(c.who, need, r) != nil {
				no, err := graphFailed(name, "FORBIDDEN", "Resource not accessible by integration")
				return nil, nil, no, err
			}
			return r, rv, nil, nil
		}
	}
	no, err := graphFailed(name, "NOT_FOUND", "Could not resolve to a node with the global id of '"+id+"'")
	return nil, nil, no, err
}

// graphReact adds a reaction to a review; the same one of the same user twice is one.
func (s *Server) graphReact(c *call, name string, input map[string]any) (*answer, error) {
	id, _ := input["subjectId"].(string)
	r, rv, no, err := s.reviewByNode(c, name, id, writes("pull_requests").by(RoleRead))
	if rv == nil {
		return no, err
	}
	content, _ := input["content"].(string)
	i := slices.IndexFunc(reactionWords, func(w string) bool { return graphReaction(w) == content })
	if i < 0 {
		return ok(obj{"errors": []obj{{"message": "Variable $input of type AddReactionInput! was provided invalid value for content (Expected \"" + content + "\" to be one of the values of ReactionContent)"}}})
	}
	word := reactionWords[i]
	if !s.reactedTo(r, rv, c.who.account.Login, word) {
		r.reactions = append(r.reactions, &Reaction{ID: s.id(), Author: c.who.account.Login, Content: word, Review: rv.ID, CreatedAt: s.now()})
	}
	return ok(obj{"data": obj{name: obj{"reaction": obj{"content": content}}}})
}

// graphReviewMore tells when a review was edited and how whoever asks reacted to it: all kinds of reactions are listed.
func (s *Server) graphReviewMore(c *call, variables map[string]any) (*answer, error) {
	id, _ := variables["id"].(string)
	r, rv, no, err := s.reviewByNode(c, "node", id, reads("pull_requests"))
	if rv == nil {
		return no, err
	}
	groups := []obj{}
	for _, w := range reactionWords {
		groups = append(groups, obj{"content": graphReaction(w), "viewerHasReacted": s.reactedTo(r, rv, c.who.account.Login, w)})
	}
	var edited any
	if !rv.EditedAt.IsZero() {
		edited = ts(rv.EditedAt)
	}
	return ok(obj{"data": obj{"node": obj{"lastEditedAt": edited, "reactionGroups": groups}}})
}

func (s *Server) reactedTo(r *repository, rv *Review, login, word string) bool {
	return slices.ContainsFunc(r.reactions, func(x *Reaction) bool { return x.Review == rv.ID && x.Author == login && x.Content == word })
}
