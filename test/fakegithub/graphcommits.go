package fakegithub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// graphCommits is a document that asks for the same fields of several commits, by a fragment.
var graphCommits = lazyregexp.New(`^\s*query\s*\(\s*\$owner\s*:\s*String!\s*,\s*\$name\s*:\s*String!\s*\)\s*\{\s*` +
	`repository\s*\(\s*owner\s*:\s*\$owner\s*,\s*name\s*:\s*\$name\s*\)\s*\{((?:\s*\w+\s*:\s*object\s*\(\s*oid\s*:\s*"[0-9a-f]{40}"\s*\)\s*\{\s*\.\.\.\s*wanted\s*\})+)\s*\}\s*\}\s*` +
	`fragment\s+wanted\s+on\s+Commit\s*\{(.*)\}\s*$`)

var graphObject = lazyregexp.New(`(\w+)\s*:\s*object\s*\(\s*oid\s*:\s*"([0-9a-f]{40})"`)

func (s *Server) graphCommits(c *call, objects, fragment string, v map[string]any) (*answer, error) {
	r, no, err := s.graphRepo(c, v, "contents")
	if r == nil {
		return no, err
	}
	fields, err := parseSelection(fragment)
	if err != nil {
		return ok(obj{"errors": []obj{{"message": err.Error()}}})
	}
	aliases, shas := []string{}, []string{}
	for _, m := range graphObject.FindAllStringSubmatch(objects, -1) {
		aliases, shas = append(aliases, m[1]), append(shas, m[2])
	}
	if slices.ContainsFunc(fields, func(f field) bool { return f.name == "associatedPullRequests" }) {
		if s.admit(c.who, reads("pull_requests"), r) != nil {
			return graphFailed("repository", "FORBIDDEN", "Resource not accessible by integration")
		}
	}
	out, pulls := obj{}, r.pullsWith(shas...)
	for i, sha := range shas {
		out[aliases[i]] = nil
		if whole := s.graphCommit(r, sha, pulls[sha]); whole != nil {
			picked, err := choose("Commit", whole, fields)
			if err != nil {
				return ok(obj{"errors": []obj{{"message": err.Error()}}})
			}
			out[aliases[i]] = picked
		}
	}
	return ok(obj{"data": obj{"repository": out}})
}

// graphCommit is a commit with those of its fields that the stand-in knows; nil: there is no such commit.
func (s *Server) graphCommit(r *repository, sha string, pulls []*Issue) obj {
	c, err := r.git.Commit(sha)
	if err != nil {
		return nil
	}
	authors := []obj{s.graphActor(c.Author.Name, c.Author.Email)}
	for line := range strings.Lines(c.Message) {
		name, value, _ := strings.Cut(line, ":")
		if person, address, found := strings.Cut(strings.TrimSpace(value), "<"); found && strings.EqualFold(name, "co-authored-by") {
			authors = append(authors, s.graphActor(strings.TrimSpace(person), strings.TrimSuffix(address, ">")))
		}
	}
	brought := []obj{}
	for _, i := range pulls {
		kind, login := "User", i.Author
		if short, bot := strings.CutSuffix(login, "[bot]"); bot {
			kind, login = "Bot", short
		}
		brought = append(brought, obj{"number": i.Number, "title": i.Title, "body": i.Body, "merged": i.Pull.Merged,
			"headRefName": i.Pull.HeadRef, "baseRefName": i.Pull.BaseRef, "author": obj{"__typename": kind, "login": login}})
	}
	return obj{"oid": sha, "message": c.Message, "authors": connection(authors), "associatedPullRequests": connection(brought)}
}

// graphActor is who a commit names by an address. GitHub knows addresses of its own in their old form, too.
func (s *Server) graphActor(name, email string) obj {
	actor := obj{"name": name, "email": email, "user": nil}
	if a := s.byEmail(email); a != nil {
		actor["user"] = obj{"databaseId": a.ID, "login": a.Login}
	}
	return actor
}

func connection(nodes []obj) obj { return obj{"totalCount": len(nodes), "nodes": nodes} }

// field is a field of a selection, how many nodes it asks for (0: not said), and the fields of what it leads to.
type field struct {
	name   string
	first  int
	fields []field
}

var selected = lazyregexp.New(`^\s*(\w+)\s*(?:\(\s*first\s*:\s*(\d+)\s*\))?\s*(\{?)`)

// parseSelection reads "a b(first: 10) { c d }".
func parseSelection(text string) ([]field, error) {
	var out []field
	for strings.TrimSpace(text) != "" {
		m := selected.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("Parse error on %q", text) //nolint:staticcheck // GitHub's words
		}
		f := field{name: m[1]}
		f.first, _ = strconv.Atoi(m[2])
		text = text[len(m[0]):]
		if m[3] != "" {
			end, depth := 0, 1
			for ; end < len(text) && depth > 0; end++ {
				depth += map[byte]int{'{': 1, '}': -1}[text[end]]
			}
			if depth > 0 {
				return nil, errors.New("Parse error: a brace is open") //nolint:staticcheck // GitHub's words
			}
			var err error
			if f.fields, err = parseSelection(text[:end-1]); err != nil {
				return nil, err
			}
			text = text[end:]
		}
		out = append(out, f)
	}
	return out, nil
}

// choose gives of a whole what a selection asks for. A connection must be asked for a number of nodes, at most a hundred.
func choose(kind string, whole obj, fields []field) (obj, error) {
	out := obj{}
	for _, f := range fields {
		value, known := whole[f.name]
		if !known {
			return nil, fmt.Errorf("Field '%s' doesn't exist on type '%s'", f.name, kind) //nolint:staticcheck // GitHub's words
		}
		var err error
		switch value := value.(type) {
		case obj:
			if nodes, list := value["nodes"].([]obj); list {
				if f.first < 1 || f.first > 100 {
					return nil, fmt.Errorf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", f.name) //nolint:staticcheck // GitHub's words
				}
				value = obj{"totalCount": value["totalCount"], "nodes": nodes[:min(f.first, len(nodes))]}
			}
			out[f.name], err = choose(f.name, value, f.fields)
		case []obj:
			picked := []obj{}
			for _, one := range value {
				p, wrong := choose(f.name, one, f.fields)
				picked, err = append(picked, p), errors.Join(err, wrong)
			}
			out[f.name] = picked
		default:
			out[f.name] = value
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
