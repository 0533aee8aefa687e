package fakegithub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// change is the move of a ref. Old empty: it is created; new empty: it is deleted.
type change struct {
	ref, old, new string
	by            *actor
	// force allows a move to a commit that does not contain the old one.
	force bool
	// pull is the pull request whose merge makes the change, if any; method is how it is merged.
	pull   *Issue
	method string
	// queue tells that the merge queue makes the change.
	queue bool
	// git is where to look objects up: the repository, or its view with a push in quarantine.
	git *bare.Repo
}

// branch is the short name of a changed branch, empty for other refs.
func (c change) branch() string {
	name, ok := strings.CutPrefix(c.ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

func (c change) forced() bool {
	if c.old == "" || c.new == "" {
		return false
	}
	contains, err := c.git.Contains(c.new, c.old)
	return err == nil && !contains
}

// violationsError lists the rules that refuse a change.
type violationsError struct{ problems []string }

func (e *violationsError) Error() string {
	return "Repository rule violations found\n\n" + strings.Join(e.problems, "\n\n") + "\n\n"
}

// change moves a ref when the rules allow it, and tells everybody. Refused by rules it is a *violationsError, moved
// meanwhile a *bare.StaleError.
func (s *Server) change(r *repository, c change) error {
	if c.git == nil {
		c.git = r.git
	}
	if err := s.permit(r, c); err != nil {
		return err
	}
	if err := r.git.UpdateRef(c.ref, c.old, c.new); err != nil {
		return err
	}
	c.git = r.git
	s.tell(r, c)
	return nil
}

// permit asks the rules of the ref and what holds for everybody.
func (s *Server) permit(r *repository, c change) error {
	var problems []string
	if c.new == "" && c.branch() == r.defaultBranch {
		problems = append(problems, "Cannot delete this branch: it is the default branch.")
	}
	if r.archived {
		problems = append(problems, "Repository was archived so is read-only.")
	}
	if file := s.workflowFile(r, c); file != "" {
		return refuse(http.StatusForbidden, "refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", file)
	}
	problems = append(problems, s.ruleProblems(r, c)...)
	if len(problems) > 0 {
		return &violationsError{problems}
	}
	return nil
}

// workflowFile is a workflow that a change alters though it is made by an App without the permission for it. What some
// branch has already is not altered.
func (s *Server) workflowFile(r *repository, c change) string {
	if !c.by.isApp() || c.new == "" || c.by.install == nil || c.by.permits("workflows", "write") {
		return ""
	}
	now := workflows(c.git, c.new)
	if len(now) == 0 {
		return ""
	}
	for _, ref := range append(r.git.Refs("refs/heads/"), r.git.Refs("refs/tags/")...) {
		for path, sha := range workflows(r.git, ref.SHA) {
			if now[path] == sha {
				delete(now, path)
			}
		}
	}
	for path := range now {
		return path
	}
	return ""
}

func workflows(g *bare.Repo, sha string) map[string]string {
	peeled, err := g.Peel(sha)
	if err != nil {
		return nil
	}
	c, err := g.Commit(peeled)
	if err != nil {
		return nil
	}
	e, err := g.Lookup(c.Tree, ".github/workflows")
	if err != nil || e.Kind() != bare.KindTree {
		return nil
	}
	files, err := g.Tree(e.SHA)
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for _, f := range files {
		out[".github/workflows/"+f.Name] = f.SHA
	}
	return out
}

// tell does and tells what follows from a ref that has moved.
func (s *Server) tell(r *repository, c change) {
	sender := accountOf(c.by)
	r.pushed = s.now()
	kind, name := "branch", c.branch()
	if name == "" {
		var isTag bool
		if name, isTag = strings.CutPrefix(c.ref, "refs/tags/"); !isTag {
			return // refs that GitHub tells nobody about
		}
		kind = "tag"
	}
	if kind == "branch" {
		r.activities = append(r.activities, &activity{id: s.id(), change: c, kind: c.activity(), at: s.now()})
	}
	s.emit(r, "push", "", sender, s.pushPayload(r, c))
	switch {
	case c.old == "":
		s.emit(r, "create", "", sender, obj{"ref": name, "ref_type": kind, "full_ref": c.ref, "master_branch": r.defaultBranch,
			"description": textOrNil(r.description), "pusher_type": "user"})
	case c.new == "":
		s.emit(r, "delete", "", sender, obj{"ref": name, "ref_type": kind, "full_ref": c.ref, "pusher_type": "user"})
	}
	if kind == "branch" {
		if c.new != "" {
			s.openSuites(r, name, c.old, c.new, sender)
		}
		s.branchMoved(r, name, c, sender)
	}
}

func zeroIfEmpty(sha string) string {
	if sha == "" {
		return bare.Zero
	}
	return sha
}

func (s *Server) pushPayload(r *repository, c change) obj {
	sender := accountOf(c.by)
	if sender == nil {
		sender = s.account(r.owner)
	}
	repo := r.shape()
	repo["created_at"], repo["pushed_at"], repo["updated_at"] = r.created.Unix(), r.pushed.Unix(), ts(r.pushed)
	repo["stargazers"], repo["master_branch"] = 0, r.defaultBranch
	owner := s.user(s.account(r.owner))
	owner["name"], owner["email"] = r.owner, nil
	repo["owner"] = owner
	if s.account(r.owner).Type == "Organization" {
		repo["organization"] = r.owner
	}
	commits := []any{}
	var head any
	if tip, err := c.git.Peel(c.new); err == nil && c.new != "" {
		head = s.pushCommit(r, tip)
		for _, sha := range s.newCommits(c.git, c.old, tip) {
			commits = append(commits, s.pushCommit(r, sha))
		}
	}
	u := r.html("/compare/%.12s...%.12s", zeroIfEmpty(c.old), zeroIfEmpty(c.new))
	return obj{"ref": c.ref, "before": zeroIfEmpty(c.old), "after": zeroIfEmpty(c.new), "repository": repo,
		"pusher":  obj{"name": sender.Login, "email": sender.Email},
		"created": c.old == "", "deleted": c.new == "", "forced": c.forced(), "base_ref": nil, "compare": u, "commits": commits, "head_commit": head}
}

// newCommits are the commits a push brings, oldest first: at most 20, as in GitHub's payloads, and of a new branch only
// the tip.
func (s *Server) newCommits(g *bare.Repo, old, tip string) []string {
	if old == "" {
		return []string{tip}
	}
	cmp, err := g.Compare(old, tip)
	if err != nil {
		return nil
	}
	var out []string
	for i := min(len(cmp.Ahead), 20) - 1; i >= 0; i-- {
		out = append(out, cmp.Ahead[i])
	}
	return out
}

func (s *Server) pushCommit(r *repository, sha string) obj {
	c, err := r.git.Commit(sha)
	if err != nil {
		return nil
	}
	person := func(p bare.Signature) obj {
		o := obj{"name": p.Name, "email": p.Email, "date": p.When.Format("2006-01-02T15:04:05-07:00")}
		if a := s.byEmail(p.Email); a != nil {
			o["username"] = a.Login
		}
		return o
	}
	added, removed, modified := []string{}, []string{}, []string{}
	for path, change := range s.touched(r, c) {
		switch change {
		case 'A':
			added = append(added, path)
		case 'D':
			removed = append(removed, path)
		default:
			modified = append(modified, path)
		}
	}
	return obj{"id": sha, "tree_id": c.Tree, "distinct": true, "message": strings.TrimRight(c.Message, "\n"), "timestamp": c.Committer.When.Format("2006-01-02T15:04:05-07:00"),
		"url": r.html("/commit/%s", sha), "author": person(c.Author), "committer": person(c.Committer), "added": added, "removed": removed, "modified": modified}
}

// touched compares a commit with its first parent, file by file: A added, D deleted, M modified.
func (s *Server) touched(r *repository, c *bare.Commit) map[string]byte {
	from := bare.EmptyTree
	if len(c.Parents) > 0 {
		p, err := r.git.Commit(c.Parents[0])
		if err != nil {
			return nil
		}
		from = p.Tree
	}
	out := map[string]byte{}
	_ = r.git.Changed(from, c.Tree, func(path string, kind byte) { out[path] = kind }) // what cannot be read is left out
	return out
}

// refError words why a ref could not be moved, for the REST API.
func refError(err error, status int) error {
	var violations *violationsError
	var stale *bare.StaleError
	switch {
	case errors.As(err, &violations):
		return refuse(status, "%s", violations.Error())
	case errors.As(err, &stale):
		return refuse(http.StatusConflict, "%s", fmt.Sprintf("is at %s but expected %s", zeroIfEmpty(stale.Have), zeroIfEmpty(stale.Want)))
	}
	return err
}
