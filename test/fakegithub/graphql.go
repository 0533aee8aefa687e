package fakegithub

import (
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/internal/lazyregexp"
)

// graphQL knows what the REST API lacks: the merge queue, drafts, reactions to reviews, and facts about many commits at once. GitHub's description of the REST API says nothing of
// it; names, arguments and answers are those of GitHub's published schema.
func (s *Server) graphQL(c *call) (*answer, error) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if m := graphMutation.FindStringSubmatch(in.Query); m != nil {
		return s.graphMutate(c, m[1], in.Variables)
	}
	if graphPull.MatchString(in.Query) {
		return s.graphPull(c, in.Variables)
	}
	if graphQueue.MatchString(in.Query) {
		return s.graphQueue(c, in.Variables)
	}
	if m := graphCommits.FindStringSubmatch(in.Query); m != nil {
		return s.graphCommits(c, m[1], m[2], in.Variables)
	}
	if graphReview.MatchString(in.Query) {
		return s.graphReviewMore(c, in.Variables)
	}
	return nil, refuse(http.StatusNotFound, "the stand-in does not know this query")
}

var (
	graphMutation = lazyregexp.New(`^\s*mutation\s*\(\s*\$input\s*:\s*(?:\w+)!\s*\)\s*\{\s*(\w+)\s*\(\s*input\s*:\s*\$input\s*\)`)
	graphPull     = lazyregexp.New(`^\s*query\s*\(\s*\$owner\s*:\s*String!\s*,\s*\$name\s*:\s*String!\s*,\s*\$number\s*:\s*Int!\s*\)\s*\{\s*` +
		`repository\s*\(\s*owner\s*:\s*\$owner\s*,\s*name\s*:\s*\$name\s*\)\s*\{\s*pullRequest\s*\(\s*number\s*:\s*\$number\s*\)\s*\{[^}]*isInMergeQueue[^}]*\}`)
	graphQueue = lazyregexp.New(`^\s*query\s*\(\s*\$owner\s*:\s*String!\s*,\s*\$name\s*:\s*String!\s*,\s*\$branch\s*:\s*String!\s*\)\s*\{\s*` +
		`repository\s*\(\s*owner\s*:\s*\$owner\s*,\s*name\s*:\s*\$name\s*\)\s*\{\s*mergeQueue\s*\(\s*branch\s*:\s*\$branch\s*\)\s*\{\s*` +
		`entries\s*\(\s*first\s*:\s*100\s*\)\s*\{\s*nodes\s*\{\s*headCommit\s*\{\s*oid\s*\}\s*baseCommit\s*\{\s*oid\s*\}\s*pullRequest\s*\{\s*number\s*\}\s*\}\s*\}\s*\}\s*\}\s*\}\s*$`)
)

// graphMutations are the fields of the mutations' inputs.
func graphMutations() map[string][]string {
	return map[string][]string{
		"enqueuePullRequest":            {"clientMutationId", "expectedHeadOid", "jump", "pullRequestId"},
		"addReaction":                   {"clientMutationId", "content", "subjectId"},
		"dequeuePullRequest":            {"clientMutationId", "id"},
		"convertPullRequestToDraft":     {"clientMutationId", "pullRequestId"},
		"markPullRequestReadyForReview": {"clientMutationId", "pullRequestId"},
	}
}

// graphFailed is an answer with an error, which GraphQL gives with status 200.
func graphFailed(name, kind, message string) (*answer, error) {
	return ok(obj{"data": obj{name: nil}, "errors": []obj{{"type": kind, "path": []string{name}, "message": message}}})
}

func (s *Server) graphMutate(c *call, name string, variables map[string]any) (*answer, error) {
	fields, known := graphMutations()[name]
	if !known {
		return ok(obj{"errors": []obj{{"message": "Field '" + name + "' doesn't exist on type 'Mutation'"}}})
	}
	input, _ := variables["input"].(map[string]any)
	for field := range input {
		if !slices.Contains(fields, field) {
			return ok(obj{"errors": []obj{{"message": "Variable $input was provided invalid value for " + field + " (Field is not defined on the input)"}}})
		}
	}
	if name == "addReaction" {
		return s.graphReact(c, name, input)
	}
	id, _ := input["pullRequestId"].(string)
	if name == "dequeuePullRequest" {
		id, _ = input["id"].(string)
	}
	r, i := s.pullByNode(id)
	if i == nil {
		return graphFailed(name, "NOT_FOUND", "Could not resolve to a node with the global id of '"+id+"'")
	}
	if err := s.admit(c.who, writes("pull_requests"), r); err != nil {
		return graphFailed(name, "FORBIDDEN", "Resource not accessible by integration")
	}
	if !i.Open {
		return graphFailed(name, "UNPROCESSABLE", "Pull request is closed")
	}
	pull := obj{"id": id, "number": i.Number}
	switch name {
	case "enqueuePullRequest":
		if want, _ := input["expectedHeadOid"].(string); want != "" && want != i.Pull.HeadSHA {
			return graphFailed(name, "UNPROCESSABLE", "Head oid does not match the expected head oid")
		}
		if err := s.join(r, i, c.who.account); err != nil {
			return graphFailed(name, "UNPROCESSABLE", err.Error())
		}
		return ok(obj{"data": obj{name: obj{"mergeQueueEntry": obj{"id": node("MQE", i.Pull.ID), "position": 1, "state": "AWAITING_CHECKS"}}}})
	case "dequeuePullRequest":
		if sha := s.groupOf(r, i); sha != "" {
			s.leave(r, sha, "MANUAL")
		}
		return ok(obj{"data": obj{name: obj{"mergeQueueEntry": obj{"id": node("MQE", i.Pull.ID)}}}})
	}
	i.Pull.Draft = name == "convertPullRequestToDraft"
	action := "ready_for_review"
	if i.Pull.Draft {
		action = "converted_to_draft"
	}
	s.emitPull(r, i, action, c.who.account, obj{})
	return ok(obj{"data": obj{name: obj{"pullRequest": pull}}})
}

// graphRepo is the repository that variables name, of which somebody may read something; else the answer that there is none.
func (s *Server) graphRepo(c *call, v map[string]any, permission string) (*repository, *answer, error) {
	owner, _ := v["owner"].(string)
	name, _ := v["name"].(string)
	r := s.repoNamed(owner + "/" + name)
	if r == nil || s.admit(c.who, reads(permission), r) != nil {
		no, err := ok(obj{"data": obj{"repository": nil}, "errors": []obj{{"type": "NOT_FOUND", "path": []string{"repository"}, "message": "Could not resolve to a Repository with the name '" + owner + "/" + name + "'."}}})
		return nil, no, err
	}
	return r, nil, nil
}

func (s *Server) graphPull(c *call, v map[string]any) (*answer, error) {
	r, no, err := s.graphRepo(c, v, "pull_requests")
	if r == nil {
		return no, err
	}
	i := r.issues[number(v["number"])]
	if i == nil || i.Pull == nil {
		return ok(obj{"data": obj{"repository": obj{"pullRequest": nil}}, "errors": []obj{{"type": "NOT_FOUND", "message": "Could not resolve to a PullRequest."}}})
	}
	return ok(obj{"data": obj{"repository": obj{"pullRequest": obj{"id": node("PR", i.Pull.ID), "isInMergeQueue": s.groupOf(r, i) != ""}}}})
}

// graphQueue lists the groups in the merge queue of a branch, by pull request.
func (s *Server) graphQueue(c *call, v map[string]any) (*answer, error) {
	r, no, err := s.graphRepo(c, v, "merge_queues")
	if r == nil {
		return no, err
	}
	entries := []obj{}
	for _, i := range r.sortedIssues() {
		sha := s.groupOf(r, i)
		if sha == "" || i.Pull.BaseRef != v["branch"] {
			continue
		}
		commit, err := r.git.Commit(sha)
		if err != nil {
			return nil, err
		}
		entries = append(entries, obj{"headCommit": obj{"oid": sha}, "baseCommit": obj{"oid": commit.Parents[0]}, "pullRequest": obj{"number": i.Number}})
	}
	if len(entries) == 0 {
		return ok(obj{"data": obj{"repository": obj{"mergeQueue": nil}}})
	}
	return ok(obj{"data": obj{"repository": obj{"mergeQueue": obj{"entries": obj{"nodes": entries}}}}})
}

// pullByNode finds a pull request by its node ID.
func (s *Server) pullByNode(id string) (*repository, *Issue) {
	for _, r := range s.sortedRepos() {
		for _, i := range r.sortedIssues() {
			if i.Pull != nil && node("PR", i.Pull.ID) == id {
				return r, i
			}
		}
	}
	return nil, nil
}
