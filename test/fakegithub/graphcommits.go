package fakegithub

import (
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// graphObject is the field that leads to a commit. The pull requests of all commits that the repository is asked for are looked up
// together.
func (s *Server) graphObject(c *call, r *repository, selected ast.SelectionSet) graphField {
	var shas []string
	for _, one := range selected {
		if f, ok := one.(*ast.Field); ok && f.Name == "object" {
			if oid := f.Arguments.ForName("oid"); oid != nil {
				shas = append(shas, oid.Value.Raw)
			}
		}
	}
	pulls := sync.OnceValue(func() map[string][]*Issue { return r.pullsWith(shas...) })
	return func(a graphArgs, _ ast.SelectionSet) (any, error) {
		if s.admit(c.who, reads("contents"), r) != nil {
			return nil, graphForbidden()
		}
		return s.graphCommit(c, r, a.text("oid"), pulls), nil
	}
}

// graphCommit is a commit with those of its fields that the stand-in knows; nil: there is no such commit.
func (s *Server) graphCommit(c *call, r *repository, sha string, pulls func() map[string][]*Issue) obj {
	commit, err := r.git.Commit(sha)
	if err != nil {
		return nil
	}
	authors := []obj{s.graphActor(commit.Author.Name, commit.Author.Email)}
	for line := range strings.Lines(commit.Message) {
		name, value, _ := strings.Cut(line, ":")
		if person, address, found := strings.Cut(strings.TrimSpace(value), "<"); found && strings.EqualFold(name, "co-authored-by") {
			authors = append(authors, s.graphActor(strings.TrimSpace(person), strings.TrimSuffix(address, ">")))
		}
	}
	associated := func(a graphArgs, selected ast.SelectionSet) (any, error) {
		if s.admit(c.who, reads("pull_requests"), r) != nil {
			return nil, graphForbidden()
		}
		brought := []obj{}
		for _, i := range pulls()[sha] {
			kind, login := "User", i.Author
			if short, bot := strings.CutSuffix(login, "[bot]"); bot {
				kind, login = "Bot", short
			}
			brought = append(brought, obj{"number": i.Number, "title": i.Title, "body": i.Body, "merged": i.Pull.Merged,
				"headRefName": i.Pull.HeadRef, "baseRefName": i.Pull.BaseRef, "author": obj{"__typename": kind, "login": login}})
		}
		return connection(brought)(a, selected)
	}
	return obj{"__typename": "Commit", "oid": sha, "message": commit.Message, "authors": connection(authors), "associatedPullRequests": graphField(associated)}
}

// graphActor is who a commit names by an address. GitHub knows addresses of its own in their old form, too.
func (s *Server) graphActor(name, email string) obj {
	actor := obj{"name": name, "email": email, "user": nil}
	if a := s.byEmail(email); a != nil {
		actor["user"] = obj{"databaseId": a.ID, "login": a.Login}
	}
	return actor
}
