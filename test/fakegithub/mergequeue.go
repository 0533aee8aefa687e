package fakegithub

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	parents := []string{base, i.Pull.HeadSHA}
	if s.queueMethod(x, i) == "SQUASH" {
		parents = parents[:1]
	}
	x.queued++ // a group of the same commits is another commit all the same
	at := s.web()
	at.When = at.When.Add(time.Duration(x.queued) * time.Second)
	sha, err := x.git.WriteCommit(bare.Commit{Tree: tree, Parents: parents, Author: s.web(), Committer: at,
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

// queueRule is the merge_queue rule of a pull request's base; false when there is none.
func (s *Server) queueRule(x *repository, i *Issue) (Rule, bool) {
	for _, rule := range s.rulesFor(x, "refs/heads/"+i.Pull.BaseRef) {
		if rule.Type == "merge_queue" {
			return complete(rule.Rule), true
		}
	}
	return Rule{}, false
}

func (s *Server) queueMethod(x *repository, i *Issue) string {
	rule, _ := s.queueRule(x, i)
	method, _ := rule.Parameters["merge_method"].(string)
	return method
}

// join is how a pull request gets into a queue by a call: it must be mergeable but for the queue, and is merged as soon as
// the group's required checks are green.
func (s *Server) join(x *repository, i *Issue, by *Account) error {
	if _, ok := s.queueRule(x, i); !ok {
		return fmt.Errorf("Merge queue is not enabled for the branch %s", i.Pull.BaseRef) //nolint:staticcheck // GitHub's words
	}
	if s.groupOf(x, i) != "" {
		return fmt.Errorf("Pull request is already in the queue") //nolint:staticcheck // GitHub's words
	}
	if _, state := s.mergeability(x, i); state != "clean" && state != "unstable" {
		return fmt.Errorf("Pull request is in %s state", state) //nolint:staticcheck // GitHub's words
	}
	sha, err := s.enqueue(x, i.Number)
	if err != nil {
		return err
	}
	x.moving[sha] = true
	s.emitPull(x, i, "enqueued", by, obj{})
	s.moveQueue(x, sha)
	return nil
}

// groupOf is the group of a pull request; empty: it is in no queue.
func (s *Server) groupOf(x *repository, i *Issue) string {
	for sha, number := range x.groups {
		if number == i.Number {
			return sha
		}
	}
	return ""
}

// moveQueue looks whether a group can be merged or has failed. A base that moved meanwhile begins it anew.
func (s *Server) moveQueue(x *repository, sha string) {
	if !x.moving[sha] {
		return
	}
	i := x.issues[x.groups[sha]]
	c, err := x.git.Commit(sha)
	if err != nil || i == nil {
		return
	}
	base := x.git.Ref("refs/heads/" + i.Pull.BaseRef)
	if c.Parents[0] != base {
		s.leave(x, sha, "")
		if err := s.join(x, i, s.queueActor().account); err != nil {
			s.opts.Log.Info("the queue gave a pull request up", "pull", i.Number, "err", err)
		}
		return
	}
	ch := change{ref: "refs/heads/" + i.Pull.BaseRef, old: base, new: sha, by: s.queueActor(), pull: i, queue: true, git: x.git}
	problems := s.ruleProblems(x, ch)
	switch {
	case len(problems) == 0:
		delete(x.moving, sha)
		if err := s.dequeue(x, sha, true); err != nil {
			s.opts.Log.Error("a merge group could not be merged", "pull", i.Number, "err", err)
		}
	case strings.Contains(strings.Join(problems, " "), "is failing"):
		s.leave(x, sha, "CI_FAILURE")
	}
}

// leave takes a pull request out of its queue. Without a reason nobody is told but by the group's end.
func (s *Server) leave(x *repository, sha, reason string) {
	i := x.issues[x.groups[sha]]
	delete(x.moving, sha)
	if err := s.dequeue(x, sha, false); err != nil {
		s.opts.Log.Error("a merge group could not be taken away", "err", err)
		return
	}
	if reason != "" {
		s.emitPull(x, i, "dequeued", s.queueActor().account, obj{"reason": reason})
	}
}

// Queued is the head of the merge group of a pull request that a call put into the queue; empty: there is none.
func (r *Repo) Queued(number int) (sha string) {
	r.with(func(x *repository) {
		for group, n := range x.groups {
			if n == number && x.moving[group] {
				sha = group
			}
		}
	})
	return sha
}
