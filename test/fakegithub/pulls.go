package fakegithub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// sortedIssues are the issues and pull requests by number.
func (r *repository) sortedIssues() []*Issue {
	out := make([]*Issue, 0, len(r.issues))
	for _, n := range slices.Sorted(maps.Keys(r.issues)) {
		out = append(out, r.issues[n])
	}
	return out
}

// openPulls are the open pull requests that fit, by number.
func (r *repository) openPulls(fits func(*Issue) bool) []*Issue {
	var out []*Issue
	for _, i := range r.sortedIssues() {
		if i.Pull != nil && i.Open && fits(i) {
			out = append(out, i)
		}
	}
	return out
}

// headRepo is where a pull request's head is; nil when that was deleted.
func (s *Server) headRepo(i *Issue) *repository { return s.repoNamed(i.Pull.HeadRepo) }

// branchMoved does what a pushed, created or deleted branch means for pull requests, here and in the repository this
// one is forked from.
func (s *Server) branchMoved(r *repository, branch string, c change, sender *Account) {
	for _, into := range []*repository{r, s.repos[r.parent]} {
		if into == nil {
			continue
		}
		for _, i := range into.openPulls(func(i *Issue) bool { return i.Pull.HeadRef == branch && s.headRepo(i) == r }) {
			if c.new == "" {
				s.closePull(into, i, sender)
			} else {
				s.synchronize(into, i, c.old, c.new, sender)
			}
		}
	}
	for _, i := range r.openPulls(func(i *Issue) bool { return i.Pull.BaseRef == branch }) {
		switch {
		case c.new == "":
			s.baseDeleted(r, i, branch, sender)
		case c.pull == i:
		default:
			s.mergedByPush(r, i, c, sender)
		}
	}
}

// baseDeleted retargets a pull request to where its base branch was merged, as GitHub does, or closes it.
func (s *Server) baseDeleted(r *repository, i *Issue, branch string, sender *Account) {
	for _, merged := range slices.Backward(r.sortedIssues()) {
		p := merged.Pull
		if p == nil || !p.Merged || p.HeadRef != branch || s.headRepo(merged) != r || r.git.Ref("refs/heads/"+p.BaseRef) == "" {
			continue
		}
		changes := obj{"base": obj{"ref": obj{"from": branch}, "sha": obj{"from": i.Pull.BaseSHA}}}
		i.Pull.BaseRef, i.Pull.BaseSHA, i.UpdatedAt = p.BaseRef, r.git.Ref("refs/heads/"+p.BaseRef), s.now()
		s.emitPull(r, i, "edited", sender, obj{"changes": changes})
		return
	}
	s.closePull(r, i, sender)
}

// synchronize moves a pull request's head.
func (s *Server) synchronize(r *repository, i *Issue, old, sha string, sender *Account) {
	if i.Pull.HeadSHA == sha {
		return
	}
	s.adoptHead(r, i, sha)
	i.UpdatedAt = s.now()
	s.emitPull(r, i, "synchronize", sender, obj{"before": zeroIfEmpty(old), "after": sha})
}

// adoptHead records a head's commit, brings its objects over from a fork and moves refs/pull/<n>/head.
func (s *Server) adoptHead(r *repository, i *Issue, sha string) {
	if from := s.headRepo(i); from != nil && from != r {
		if err := r.git.FetchFrom(context.Background(), from.git, sha); err != nil {
			s.opts.Log.Error("a fork's commit could not be fetched", "repo", r.fullName(), "err", err)
		}
	}
	i.Pull.HeadSHA, i.Pull.BaseSHA = sha, r.git.Ref("refs/heads/"+i.Pull.BaseRef)
	ref := fmt.Sprintf("refs/pull/%d/head", i.Number)
	if err := r.git.UpdateRef(ref, r.git.Ref(ref), sha); err != nil {
		s.opts.Log.Error("a pull request's ref could not be moved", "ref", ref, "err", err)
	}
}

// mergedByPush closes a pull request as merged when its head has arrived in its base by other means.
func (s *Server) mergedByPush(r *repository, i *Issue, c change, sender *Account) {
	in, err := r.git.Contains(c.new, i.Pull.HeadSHA)
	if err != nil || !in {
		return
	}
	if c.old != "" {
		if before, err := r.git.Contains(c.old, i.Pull.HeadSHA); err != nil || before {
			return
		}
	}
	s.markMerged(r, i, c.new, sender)
}

func (s *Server) markMerged(r *repository, i *Issue, sha string, sender *Account) {
	now := s.now()
	i.Open, i.ClosedAt, i.UpdatedAt = false, now, now
	p := i.Pull
	p.Merged, p.MergedAt, p.MergeSHA = true, now, sha
	if sender != nil {
		p.MergedBy, i.ClosedBy = sender.Login, sender.Login
	}
	s.emitPull(r, i, "closed", sender, obj{})
}

func (s *Server) closePull(r *repository, i *Issue, sender *Account) {
	now := s.now()
	i.Open, i.ClosedAt, i.UpdatedAt = false, now, now
	if sender != nil {
		i.ClosedBy = sender.Login
	}
	s.emitPull(r, i, "closed", sender, obj{})
}

func (s *Server) emitPull(r *repository, i *Issue, action string, sender *Account, more obj) {
	payload := maps.Clone(more)
	payload["number"], payload["pull_request"] = i.Number, s.pullShape(r, i)
	s.emit(r, "pull_request", action, sender, payload)
}

// mergeability computes what GitHub calls mergeable and mergeable_state.
func (s *Server) mergeability(r *repository, i *Issue) (mergeable any, state string) {
	p := i.Pull
	if !i.Open {
		return nil, "unknown"
	}
	base := r.git.Ref("refs/heads/" + p.BaseRef)
	if base == "" {
		return nil, "unknown"
	}
	_, err := r.git.Merge(context.Background(), base, p.HeadSHA)
	var conflict *bare.ConflictError
	switch {
	case errors.As(err, &conflict):
		return false, "dirty"
	case err != nil:
		return nil, "unknown"
	case p.Draft:
		return true, "draft"
	}
	problems := s.ruleProblems(r, change{ref: "refs/heads/" + p.BaseRef, old: base, new: p.HeadSHA, git: r.git, pull: i, by: nil})
	problems = slices.DeleteFunc(problems, func(p string) bool { // a merge forces nothing
		return strings.Contains(p, "merge commits") || strings.Contains(p, "merge queue") || strings.HasPrefix(p, "Cannot force-push")
	})
	switch {
	case len(problems) == 1 && strings.HasPrefix(problems[0], "Head branch is behind"):
		return true, "behind"
	case len(problems) > 0:
		return true, "blocked"
	case s.unstable(r, p.HeadSHA):
		return true, "unstable"
	}
	return true, "clean"
}

// unstable tells whether some check or status at a commit is not green.
func (s *Server) unstable(r *repository, sha string) bool {
	for _, run := range latestChecks(r.checksAt[sha]) {
		if run.Status != "completed" || run.Conclusion != "success" && run.Conclusion != "neutral" && run.Conclusion != "skipped" {
			return true
		}
	}
	for _, st := range r.latestStatuses(sha) {
		if st.State != "success" {
			return true
		}
	}
	return false
}

// latestReviews are the reviews that count: of each reviewer the last that approves, requests changes or was dismissed.
func (s *Server) latestReviews(r *repository, i *Issue) map[string]*Review {
	out := map[string]*Review{}
	for _, rv := range r.reviews {
		if rv.Pull == i.Number && rv.State != "COMMENTED" && rv.State != "PENDING" && !strings.EqualFold(rv.Author, i.Author) {
			out[rv.Author] = rv
		}
	}
	return out
}

func (s *Server) association(r *repository, login string) string {
	a := s.account(login)
	switch {
	case a == nil:
		return "NONE"
	case strings.EqualFold(login, r.owner):
		return "OWNER"
	case slices.Contains(s.members[strings.ToLower(r.owner)], strings.ToLower(login)):
		return "MEMBER"
	case r.roles[strings.ToLower(login)] != "":
		return "COLLABORATOR"
	case a.Type == "Bot":
		return "NONE"
	}
	return "NONE"
}
