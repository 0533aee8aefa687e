package fakegithub

import "github.com/vektah/gqlparser/v2/ast"

// graphPull is the field that leads to a pull request.
func (s *Server) graphPull(c *call, r *repository) graphField {
	return func(a graphArgs, _ ast.SelectionSet) (any, error) {
		if s.admit(c.who, reads("pull_requests"), r) != nil {
			return nil, graphForbidden()
		}
		i := r.issues[number(a["number"])]
		if i == nil || i.Pull == nil {
			return nil, graphRefuse("NOT_FOUND", "Could not resolve to a PullRequest with the number of %v.", a["number"])
		}
		return s.graphPullRequest(r, i), nil
	}
}

func (s *Server) graphPullRequest(r *repository, i *Issue) obj {
	return obj{"id": node("PR", i.Pull.ID), "number": i.Number, "isInMergeQueue": s.groupOf(r, i) != "", "isDraft": i.Pull.Draft}
}

// graphQueue is the field that leads to the merge queue of a branch: its groups, by pull request.
func (s *Server) graphQueue(c *call, r *repository) graphField {
	return func(a graphArgs, _ ast.SelectionSet) (any, error) {
		if s.admit(c.who, reads("merge_queues"), r) != nil {
			return nil, graphForbidden()
		}
		entries := []obj{}
		for _, i := range r.sortedIssues() {
			sha := s.groupOf(r, i)
			if sha == "" || i.Pull.BaseRef != a["branch"] {
				continue
			}
			commit, err := r.git.Commit(sha)
			if err != nil {
				return nil, err
			}
			entries = append(entries, obj{"headCommit": obj{"oid": sha}, "baseCommit": obj{"oid": commit.Parents[0]}, "pullRequest": s.graphPullRequest(r, i)})
		}
		if len(entries) == 0 {
			return nil, nil
		}
		return obj{"entries": connection(entries)}, nil
	}
}

// graphOpenPull finds the open pull request that an input names by its node ID, where somebody may change it.
func (s *Server) graphOpenPull(c *call, in graphArgs) (*repository, *Issue, error) {
	id := in.text("pullRequestId") + in.text("id") // each input has one of them
	for _, r := range s.sortedRepos() {
		for _, i := range r.sortedIssues() {
			if i.Pull == nil || node("PR", i.Pull.ID) != id {
				continue
			}
			if s.admit(c.who, writes("pull_requests"), r) != nil {
				return nil, nil, graphForbidden()
			}
			if !i.Open {
				return nil, nil, graphRefuse("UNPROCESSABLE", "Pull request is closed")
			}
			return r, i, nil
		}
	}
	return nil, nil, graphUnresolved(id)
}

func (s *Server) graphEnqueue(c *call, r *repository, i *Issue, in graphArgs) (obj, error) {
	if want := in.text("expectedHeadOid"); want != "" && want != i.Pull.HeadSHA {
		return nil, graphRefuse("UNPROCESSABLE", "Head oid does not match the expected head oid")
	}
	if err := s.join(r, i, c.who.account); err != nil {
		return nil, graphRefuse("UNPROCESSABLE", "%v", err)
	}
	return obj{"mergeQueueEntry": obj{"id": node("MQE", i.Pull.ID), "position": 1, "state": "AWAITING_CHECKS"}}, nil
}

func (s *Server) graphDequeue(r *repository, i *Issue) obj {
	if sha := s.groupOf(r, i); sha != "" {
		s.leave(r, sha, "MANUAL")
	}
	return obj{"mergeQueueEntry": obj{"id": node("MQE", i.Pull.ID)}}
}

func (s *Server) graphDraft(c *call, r *repository, i *Issue, draft bool) obj {
	i.Pull.Draft = draft
	action := "ready_for_review"
	if draft {
		action = "converted_to_draft"
	}
	s.emitPull(r, i, action, c.who.account, obj{})
	return obj{"pullRequest": s.graphPullRequest(r, i)}
}
