package fakegithub

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// Enqueue puts a pull request into the merge queue: it builds the merge of base and head, points
// gh-readonly-queue/<base>/pr-<number>-<base sha> at it and sends merge_group.checks_requested. It returns the SHA.
func (r *Repo) Enqueue(number int) (sha string, err error) {
	r.with(func(x *repository) { sha, err = r.s.enqueue(x, number) })
	return sha, err
}

func (s *Server) enqueue(x *repository, number int) (string, error) {
	i := x.issues[number]
	if i == nil || i.Pull == nil || !i.Open {
		return "", fmt.Errorf("%s has no open pull request %d", x.fullName(), number)
	}
	base := x.git.Ref("refs/heads/" + i.Pull.BaseRef)
	tree, err := x.git.Merge(context.Background(), base, i.Pull.HeadSHA)
	if err != nil {
		return "", err
	}
	sha, err := x.git.WriteCommit(bare.Commit{Tree: tree, Parents: []string{base, i.Pull.HeadSHA}, Author: s.web(), Committer: s.web(),
		Message: fmt.Sprintf("Merge pull request #%d from %s\n\n%s", number, i.Pull.HeadRef, i.Title)})
	if err != nil {
		return "", err
	}
	ref := groupRef(i, base)
	if err := x.git.UpdateRef(ref, x.git.Ref(ref), sha); err != nil {
		return "", err
	}
	x.groups[sha] = number
	queue := s.queueActor()
	s.tell(x, change{ref: ref, new: sha, by: queue, git: x.git})
	s.emit(x, "merge_group", "checks_requested", queue.account, obj{"merge_group": s.groupShape(x, i, sha, base)})
	return sha, nil
}

func groupRef(i *Issue, base string) string {
	return fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", i.Pull.BaseRef, i.Number, base)
}

func (s *Server) groupShape(x *repository, i *Issue, sha, base string) obj {
	return obj{"head_sha": sha, "head_ref": groupRef(i, base), "base_sha": base, "base_ref": "refs/heads/" + i.Pull.BaseRef, "head_commit": x.simpleCommit(sha)}
}

// queueActor is GitHub's own account for the merge queue.
func (s *Server) queueActor() *actor {
	a := s.account("github-merge-queue[bot]")
	if a == nil {
		a = s.addAccount("github-merge-queue[bot]", "Bot")
	}
	return &actor{account: a}
}

// Dequeue ends a merge group: merged moves the base to it, if its required checks are green, and closes the pull
// request; else it is thrown away. It sends merge_group.destroyed.
func (r *Repo) Dequeue(sha string, merged bool) (err error) {
	r.with(func(x *repository) { err = r.s.dequeue(x, sha, merged) })
	return err
}

func (s *Server) dequeue(x *repository, sha string, merged bool) error {
	i := x.issues[x.groups[sha]]
	if i == nil {
		return fmt.Errorf("%s has no merge group %s", x.fullName(), sha)
	}
	c, err := x.git.Commit(sha)
	if err != nil {
		return err
	}
	base, queue := c.Parents[0], s.queueActor()
	if merged {
		ch := change{ref: "refs/heads/" + i.Pull.BaseRef, old: base, new: sha, by: queue, pull: i, queue: true, git: x.git}
		if err := s.change(x, ch); err != nil {
			return err
		}
		s.markMerged(x, i, sha, queue.account)
	}
	delete(x.groups, sha)
	ref := groupRef(i, base)
	if err := x.git.UpdateRef(ref, sha, ""); err != nil {
		return err
	}
	reason := "dequeued"
	if merged {
		reason = "merged"
	}
	s.emit(x, "merge_group", "destroyed", queue.account, obj{"merge_group": s.groupShape(x, i, sha, base), "reason": reason})
	s.tell(x, change{ref: ref, old: sha, by: queue, git: x.git})
	return nil
}

// graphQL knows one mutation, enqueuePullRequest, which the REST API lacks.
func (s *Server) graphQL(c *call) (*answer, error) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	id := findID(in.Variables)
	for _, r := range s.sortedRepos() {
		for _, i := range r.sortedIssues() {
			if i.Pull == nil || node("PR", i.Pull.ID) != id {
				continue
			}
			if err := s.admit(c.who, writes("pull_requests"), r); err != nil {
				return nil, err
			}
			if _, err := s.enqueue(r, i.Number); err != nil {
				return ok(obj{"data": obj{"enqueuePullRequest": nil}, "errors": []obj{{"type": "UNPROCESSABLE", "message": err.Error()}}})
			}
			return ok(obj{"data": obj{"enqueuePullRequest": obj{"mergeQueueEntry": obj{"id": node("MQE", i.Pull.ID), "position": 1, "state": "AWAITING_CHECKS"}}}})
		}
	}
	return nil, refuse(http.StatusNotFound, "the stand-in knows only the mutation enqueuePullRequest of an existing pull request")
}

// findID looks for pullRequestId, at the top of the variables or in an input object.
func findID(v map[string]any) string {
	if id, ok := v["pullRequestId"].(string); ok {
		return id
	}
	for _, x := range v {
		if m, ok := x.(map[string]any); ok {
			if id := findID(m); id != "" {
				return id
			}
		}
	}
	return ""
}
