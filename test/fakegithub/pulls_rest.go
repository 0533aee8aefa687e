package fakegithub

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// pull finds the pull request of a path.
func (c *call) pull() (*Issue, error) {
	i := c.repo.issues[atoi(c.params["pull_number"])]
	if i == nil || i.Pull == nil {
		return nil, &notFound
	}
	return i, nil
}

func (s *Server) listPulls(c *call) (*answer, error) {
	state, head, base := c.query.Get("state"), c.query.Get("head"), c.query.Get("base")
	if state == "" {
		state = "open"
	}
	var all []*Issue
	for _, i := range c.repo.sortedIssues() {
		if i.Pull == nil || state != "all" && (state == "open") != i.Open || base != "" && base != i.Pull.BaseRef {
			continue
		}
		owner, _, _ := strings.Cut(i.Pull.HeadRepo, "/")
		// Without "owner:" GitHub ignores the filter.
		if o, branch, ok := strings.Cut(head, ":"); ok && (!strings.EqualFold(o, owner) || branch != i.Pull.HeadRef) {
			continue
		}
		all = append(all, i)
	}
	byUpdate := c.query.Get("sort") == "updated"
	slices.SortStableFunc(all, func(a, b *Issue) int {
		if byUpdate {
			return a.UpdatedAt.Compare(b.UpdatedAt)
		}
		return a.Number - b.Number
	})
	if c.query.Get("direction") != "asc" {
		slices.Reverse(all)
	}
	return ok(shapes(page(c, all), func(i *Issue) obj { return s.simplePull(c.repo, i) }))
}

func (s *Server) getPull(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	o := s.pullShape(c.repo, i)
	if s.opts.MergeableAfter > 0 && i.Open {
		if key := [2]string{c.repo.pullBase(i), i.Pull.HeadSHA}; i.asked.of != key {
			i.asked.of, i.asked.times = key, 0
		}
		if i.asked.times++; i.asked.times <= s.opts.MergeableAfter {
			o["mergeable"], o["rebaseable"], o["mergeable_state"] = nil, nil, "unknown"
		}
	}
	return ok(o)
}

func (s *Server) createPull(c *call) (*answer, error) {
	var in struct {
		Title, Head, Base, Body string
		HeadRepo                string `json:"head_repo"`
		Draft                   bool
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	from, branch := c.repo, in.Head
	if owner, b, ok := strings.Cut(in.Head, ":"); ok {
		branch = b
		if !strings.EqualFold(owner, c.repo.owner) {
			from = s.forkOf(c.repo, owner)
		}
	}
	if in.Title == "" {
		return nil, invalid("PullRequest", "title", "missing_field", "")
	}
	base := c.repo.git.Ref("refs/heads/" + in.Base)
	if base == "" {
		return nil, invalid("PullRequest", "base", "invalid", "")
	}
	if from == nil || from.git.Ref("refs/heads/"+branch) == "" {
		return nil, invalid("PullRequest", "head", "invalid", "")
	}
	if role := s.roleOf(accountOf(c.who), c.repo); !c.who.isApp() && from == c.repo && !role.atLeast(RoleWrite) {
		return nil, refuse(http.StatusForbidden, "You must be a collaborator to open a pull request from a branch of this repository.")
	}
	sha := from.git.Ref("refs/heads/" + branch)
	label := from.owner + ":" + branch
	for _, i := range c.repo.openPulls(func(i *Issue) bool {
		return i.Pull.BaseRef == in.Base && i.Pull.HeadRef == branch && s.headRepo(i) == from
	}) {
		_ = i
		return nil, invalid("PullRequest", "", "custom", "A pull request already exists for "+label+".")
	}
	if from != c.repo {
		if err := c.repo.git.FetchFrom(c.r.Context(), from.git, sha); err != nil {
			return nil, err
		}
	}
	cmp, err := c.repo.git.Compare(base, sha)
	if err != nil {
		return nil, err
	}
	if cmp.MergeBase == "" {
		return nil, invalid("PullRequest", "", "custom", "The "+branch+" branch has no history in common with "+in.Base)
	}
	if len(cmp.Ahead) == 0 {
		return nil, invalid("PullRequest", "", "custom", "No commits between "+in.Base+" and "+branch)
	}
	i := s.newIssue(c.repo, c.who.account, in.Title, in.Body)
	i.Pull = &Pull{ID: s.id(), Draft: in.Draft, BaseRef: in.Base, HeadRepo: from.fullName(), HeadRef: branch}
	s.adoptHead(c.repo, i, sha)
	s.emitPull(c.repo, i, "opened", c.who.account, obj{})
	return created(s.pullShape(c.repo, i))
}

func (s *Server) updatePull(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	if err := c.mayEdit(i); err != nil {
		return nil, err
	}
	var in struct{ Title, Body, State, Base *string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	changes := obj{}
	if in.Base != nil && *in.Base != i.Pull.BaseRef {
		sha := c.repo.git.Ref("refs/heads/" + *in.Base)
		if sha == "" {
			return nil, invalid("PullRequest", "base", "invalid", "Proposed base branch '"+*in.Base+"' was not found")
		}
		if !i.Open {
			return nil, invalid("PullRequest", "base", "invalid", "Cannot change the base branch of a closed pull request.")
		}
		cmp, err := c.repo.git.Compare(sha, i.Pull.HeadSHA)
		if err != nil || len(cmp.Ahead) == 0 {
			return nil, invalid("PullRequest", "base", "invalid", "There are no new commits between base branch '"+*in.Base+"' and head branch '"+i.Pull.HeadRef+"'")
		}
		changes["base"] = obj{"ref": obj{"from": i.Pull.BaseRef}, "sha": obj{"from": i.Pull.BaseSHA}}
		i.Pull.BaseRef, i.Pull.BaseSHA = *in.Base, sha
	}
	i.edit(in.Title, in.Body, changes)
	if len(changes) > 0 {
		i.UpdatedAt = s.now()
		s.emitPull(c.repo, i, "edited", c.who.account, obj{"changes": changes})
	}
	switch {
	case in.State == nil:
	case *in.State == "closed" && i.Open:
		s.closePull(c.repo, i, c.who.account)
	case *in.State == "open" && !i.Open:
		if err := s.reopenPull(c, i); err != nil {
			return nil, err
		}
	}
	return ok(s.pullShape(c.repo, i))
}

func (s *Server) reopenPull(c *call, i *Issue) error {
	from := s.headRepo(i)
	switch {
	case i.Pull.Merged:
		return invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request was merged.")
	case from == nil || from.git.Ref("refs/heads/"+i.Pull.HeadRef) == "":
		return invalid("PullRequest", "state", "invalid", "state cannot be changed. The "+i.Pull.HeadRef+" branch has been deleted.")
	case c.repo.git.Ref("refs/heads/"+i.Pull.BaseRef) == "":
		return invalid("PullRequest", "state", "invalid", "state cannot be changed. The "+i.Pull.BaseRef+" branch has been deleted.")
	}
	i.Open, i.ClosedAt, i.ClosedBy, i.UpdatedAt = true, time.Time{}, "", s.now()
	s.adoptHead(c.repo, i, from.git.Ref("refs/heads/"+i.Pull.HeadRef))
	s.emitPull(c.repo, i, "reopened", c.who.account, obj{})
	return nil
}

// mayEdit lets authors and those with write access change an issue or pull request.
func (c *call) mayEdit(i *Issue) error {
	if c.who.isApp() || strings.EqualFold(c.who.account.Login, i.Author) || c.s.roleOf(c.who.account, c.repo).atLeast(RoleTriage) {
		return nil
	}
	return refuse(http.StatusForbidden, "Must have admin rights to Repository.")
}

// edit changes title and body and notes in changes what they were.
func (i *Issue) edit(title, body *string, changes obj) {
	if title != nil && *title != i.Title {
		changes["title"] = obj{"from": i.Title}
		i.Title = *title
	}
	if body != nil && *body != i.Body {
		changes["body"] = obj{"from": i.Body}
		i.Body = *body
	}
}

func (s *Server) pullFiles(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	cmp, err := c.repo.git.Compare(c.repo.pullBase(i), i.Pull.HeadSHA)
	if err != nil {
		return nil, err
	}
	files, err := c.repo.diffCommits(c, cmp.MergeBase, i.Pull.HeadSHA)
	if err != nil {
		return nil, err
	}
	return ok(shapes(page(c, files[:min(3000, len(files))]), func(f bare.FileChange) obj { return c.repo.fileShape(f, i.Pull.HeadSHA) }))
}

// pullBase is what a pull request is compared with: the base's head while it is open, then the head it had.
func (r *repository) pullBase(i *Issue) string {
	if tip := r.git.Ref("refs/heads/" + i.Pull.BaseRef); i.Open && tip != "" {
		return tip
	}
	return i.Pull.BaseSHA
}

func (s *Server) pullCommits(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	cmp, err := c.repo.git.Compare(c.repo.pullBase(i), i.Pull.HeadSHA)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(cmp.Ahead)
	slices.Reverse(all)
	return ok(shapes(page(c, all[:min(250, len(all))]), c.repo.commitShape)) // GitHub lists 250 at most
}

func (s *Server) isMerged(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	if !i.Pull.Merged {
		return nil, &notFound
	}
	return noContent()
}

// updatePullBranch merges the base into the head, as the button "Update branch" does.
func (s *Server) updatePullBranch(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct {
		Expected string `json:"expected_head_sha"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Expected != "" && in.Expected != i.Pull.HeadSHA {
		return nil, refuse(http.StatusUnprocessableEntity, "expected head sha didn’t match current head ref.")
	}
	from, base := s.headRepo(i), c.repo.git.Ref("refs/heads/"+i.Pull.BaseRef)
	if from != c.repo || base == "" {
		return nil, refuse(http.StatusForbidden, "the head is in a repository that cannot be written to")
	}
	if up, err := c.repo.git.Contains(i.Pull.HeadSHA, base); err != nil || up {
		return nil, refuse(http.StatusUnprocessableEntity, "There are no new commits on the base branch.")
	}
	tree, err := c.repo.git.Merge(c.r.Context(), i.Pull.HeadSHA, base)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "merge conflict between base and head")
	}
	sha, err := c.repo.git.WriteCommit(bare.Commit{Tree: tree, Parents: []string{i.Pull.HeadSHA, base}, Author: s.signature(c.who.account), Committer: s.web(),
		Message: "Merge branch '" + i.Pull.BaseRef + "' into " + i.Pull.HeadRef})
	if err != nil {
		return nil, err
	}
	if err := s.change(c.repo, change{ref: "refs/heads/" + i.Pull.HeadRef, old: i.Pull.HeadSHA, new: sha, by: c.who}); err != nil {
		return nil, refError(err, http.StatusUnprocessableEntity)
	}
	return accepted(obj{"message": "Updating pull request branch.", "url": c.repo.html("/pull/%d", i.Number)})
}
