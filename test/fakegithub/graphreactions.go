package fakegithub

import (
	"fmt"
	"slices"
	"strings"
)

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

// reviewByNode finds a review by its node ID, where somebody may do something with it.
func (s *Server) reviewByNode(c *call, id string, need need) (*repository, *Review, error) {
	for _, r := range s.sortedRepos() {
		for _, rv := range r.reviews {
			if node("PRR", rv.ID) != id {
				continue
			}
			if s.admit(c.who, need, r) != nil {
				return nil, nil, graphForbidden()
			}
			return r, rv, nil
		}
	}
	return nil, nil, graphUnresolved(id)
}

// graphReact adds a reaction to a review; the same one of the same user twice is one.
func (s *Server) graphReact(c *call, in graphArgs) (obj, error) {
	r, rv, err := s.reviewByNode(c, in.text("subjectId"), writes("pull_requests").by(RoleRead))
	if err != nil {
		return nil, err
	}
	content := in.text("content")
	i := slices.IndexFunc(reactionWords, func(w string) bool { return graphReaction(w) == content })
	if i < 0 {
		return nil, fmt.Errorf("Variable $input of type AddReactionInput! was provided invalid value for content (Expected %q to be one of the values of ReactionContent)", content) //nolint:staticcheck // GitHub's words
	}
	word := reactionWords[i]
	if !s.reactedTo(r, rv, c.who.account.Login, word) {
		r.reactions = append(r.reactions, &Reaction{ID: s.id(), Author: c.who.account.Login, Content: word, Review: rv.ID, CreatedAt: s.now()})
	}
	return obj{"reaction": obj{"content": content}}, nil
}

// graphReview tells when a review was edited and how whoever asks reacted to it: all kinds of reactions are listed.
func (s *Server) graphReview(c *call, id string) (any, error) {
	r, rv, err := s.reviewByNode(c, id, reads("pull_requests"))
	if err != nil {
		return nil, err
	}
	groups := []obj{}
	for _, w := range reactionWords {
		groups = append(groups, obj{"content": graphReaction(w), "viewerHasReacted": s.reactedTo(r, rv, c.who.account.Login, w)})
	}
	var edited any
	if !rv.EditedAt.IsZero() {
		edited = ts(rv.EditedAt)
	}
	return obj{"__typename": "PullRequestReview", "lastEditedAt": edited, "reactionGroups": groups}, nil
}

func (s *Server) reactedTo(r *repository, rv *Review, login, word string) bool {
	return slices.ContainsFunc(r.reactions, func(x *Reaction) bool { return x.Review == rv.ID && x.Author == login && x.Content == word })
}
