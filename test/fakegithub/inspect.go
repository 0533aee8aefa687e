package fakegithub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// commitOrder is a commit somebody makes on a branch.
type commitOrder struct {
	branch, message string
	files           map[string]string // empty content deletes
}

// build writes the commit of an order on top of its branch, or of the default branch when that does not exist.
func (s *Server) build(r *repository, o commitOrder, author *Account) (old, sha string, err error) {
	old = r.git.Ref("refs/heads/" + o.branch)
	parent := old
	if parent == "" {
		parent = r.git.Ref("refs/heads/" + r.defaultBranch)
	}
	x := bare.Commit{Tree: bare.EmptyTree, Message: o.message + "\n", Author: s.signature(author), Committer: s.signature(author)}
	if parent != "" {
		p, err := r.git.Commit(parent)
		if err != nil {
			return "", "", err
		}
		x.Tree, x.Parents = p.Tree, []string{parent}
	}
	if x.Tree, err = r.git.PutFiles(x.Tree, o.files); err != nil {
		return "", "", err
	}
	if x.Tree == bare.EmptyTree {
		if _, err := r.git.Write(bare.KindTree, nil); err != nil {
			return "", "", err
		}
	}
	sha, err = r.git.WriteCommit(x)
	return old, sha, err
}

func (s *Server) commitFiles(_ context.Context, login, repo string, o commitOrder) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, who := s.repoNamed(repo), s.account(login)
	if r == nil || who == nil {
		return "", fmt.Errorf("there is no repository %s or no user %s", repo, login)
	}
	if !s.roleOf(who, r).atLeast(RoleWrite) {
		return "", fmt.Errorf("Permission to %s.git denied to %s", repo, login) //nolint:staticcheck // git's words
	}
	old, sha, err := s.build(r, o, who)
	if err != nil {
		return "", err
	}
	return sha, s.change(r, change{ref: "refs/heads/" + o.branch, old: old, new: sha, by: &actor{account: who}})
}

// Seed commits files without rules and webhooks, for set-up; the branch is created, from the default branch where that
// has a commit. Empty content deletes a file. It returns the commit's SHA.
func (r *Repo) Seed(branch, message string, files map[string]string) (sha string, err error) {
	r.with(func(x *repository) {
		var old string
		if old, sha, err = r.s.build(x, commitOrder{branch, message, files}, r.s.account(x.owner)); err == nil {
			err = x.git.UpdateRef("refs/heads/"+branch, old, sha)
		}
	})
	return sha, err
}

// SetRef moves or creates a ref without rules and webhooks, for set-up; an empty SHA deletes it.
func (r *Repo) SetRef(ref, sha string) error {
	g := r.state().git
	return g.UpdateRef(ref, g.Ref(ref), sha)
}

// SHA resolves a branch, tag (peeled), full ref or SHA to a commit; empty when there is none.
func (r *Repo) SHA(rev string) string {
	sha, err := r.state().git.Resolve(rev)
	if err != nil {
		return ""
	}
	return sha
}

// Sign makes a commit one whose signature is verified.
func (r *Repo) Sign(sha string) {
	r.with(func(st *repository) { st.signed[sha] = true })
}

// Branches maps branch names to SHAs.
func (r *Repo) Branches() map[string]string { return r.refs("refs/heads/") }

// Tags maps tag names to the SHAs of their commits.
func (r *Repo) Tags() map[string]string { return r.refs("refs/tags/") }

func (r *Repo) refs(prefix string) map[string]string {
	g := r.state().git
	out := map[string]string{}
	for _, ref := range g.Refs(prefix) {
		sha, err := g.Peel(ref.SHA)
		if err != nil {
			sha = ref.SHA // a tag of something else than a commit
		}
		out[strings.TrimPrefix(ref.Name, prefix)] = sha
	}
	return out
}

// Parents are the parents of a commit.
func (r *Repo) Parents(sha string) []string {
	c, err := r.state().git.Commit(sha)
	if err != nil {
		return nil
	}
	return slices.Clone(c.Parents)
}

// Message is a commit's message.
func (r *Repo) Message(sha string) string {
	c, err := r.state().git.Commit(sha)
	if err != nil {
		return ""
	}
	return c.Message
}

// Contains tells whether ancestor is head or one of its ancestors.
func (r *Repo) Contains(head, ancestor string) bool {
	ok, err := r.state().git.Contains(head, ancestor)
	return ok && err == nil
}

// File reads a file at a revision; the error wraps fs.ErrNotExist.
func (r *Repo) File(rev, path string) (string, error) {
	g := r.state().git
	missing := func(err error) error {
		if errors.Is(err, bare.ErrNotFound) {
			return fmt.Errorf("%s at %s: %w", path, rev, fs.ErrNotExist)
		}
		return err
	}
	sha, err := g.Resolve(rev)
	if err != nil {
		return "", missing(err)
	}
	c, err := g.Commit(sha)
	if err != nil {
		return "", missing(err)
	}
	e, err := g.Lookup(c.Tree, path)
	if err != nil {
		return "", missing(err)
	}
	_, data, err := g.Object(e.SHA)
	return string(data), err
}

// AddRuleset adds rules and returns the ruleset's ID.
func (r *Repo) AddRuleset(rs Ruleset) (id int64) {
	r.with(func(x *repository) {
		rs.ID = r.s.id()
		if rs.Name == "" {
			rs.Name = fmt.Sprintf("ruleset %d", rs.ID)
		}
		rs.Bypass = slices.Clone(rs.Bypass)
		rs.defaults()
		x.rulesets = append(x.rulesets, &rs)
		id = rs.ID
	})
	return id
}

// RemoveRuleset removes a ruleset.
func (r *Repo) RemoveRuleset(id int64) {
	r.with(func(x *repository) {
		x.rulesets = slices.DeleteFunc(x.rulesets, func(rs *Ruleset) bool { return rs.ID == id })
	})
}

// copyIssue copies what is shared, so that callers may keep it.
func copyIssue(i *Issue) Issue {
	out := *i
	out.Labels, out.Assignees = slices.Clone(i.Labels), slices.Clone(i.Assignees)
	if i.Pull != nil {
		p := *i.Pull
		p.RequestedReviewers = slices.Clone(p.RequestedReviewers)
		out.Pull = &p
	}
	return out
}

// Issues returns all issues and pull requests by number.
func (r *Repo) Issues() (out []Issue) {
	r.with(func(x *repository) {
		for _, i := range x.sortedIssues() {
			out = append(out, copyIssue(i))
		}
	})
	return out
}

// Issue returns one, with ok false when there is none.
func (r *Repo) Issue(number int) (i Issue, ok bool) {
	r.with(func(x *repository) {
		if found := x.issues[number]; found != nil {
			i, ok = copyIssue(found), true
		}
	})
	return i, ok
}

// PullByHead returns the newest pull request from a branch, with ok false when there is none.
func (r *Repo) PullByHead(branch string) (i Issue, ok bool) {
	for _, x := range r.Issues() {
		if x.Pull != nil && x.Pull.HeadRef == branch {
			i, ok = x, true
		}
	}
	return i, ok
}

// Comments returns the comments on an issue or pull request, or on all (0), oldest first.
func (r *Repo) Comments(number int) (out []Comment) {
	r.with(func(x *repository) {
		out = pick(x.comments, func(c *Comment) bool { return number == 0 || c.Issue == number })
	})
	return out
}

func pick[T any](list []*T, fits func(*T) bool) []T {
	var out []T
	for _, x := range list {
		if fits(x) {
			out = append(out, *x)
		}
	}
	return out
}

// Reactions returns all reactions, oldest first.
func (r *Repo) Reactions() (out []Reaction) {
	r.with(func(x *repository) { out = pick(x.reactions, func(*Reaction) bool { return true }) })
	return out
}

// Reviews returns the reviews of a pull request.
func (r *Repo) Reviews(number int) (out []Review) {
	r.with(func(x *repository) { out = pick(x.reviews, func(v *Review) bool { return v.Pull == number }) })
	return out
}

// CheckRuns returns the check runs at a commit, or all (""), oldest first.
func (r *Repo) CheckRuns(sha string) (out []CheckRun) {
	r.with(func(x *repository) { out = pick(x.checks, func(c *CheckRun) bool { return sha == "" || c.SHA == sha }) })
	return out
}

// Check returns the newest check run of a name at a commit, with ok false when there is none.
func (r *Repo) Check(sha, name string) (c CheckRun, ok bool) {
	for _, x := range r.CheckRuns(sha) {
		if x.Name == name {
			c, ok = x, true
		}
	}
	return c, ok
}

// Suites returns the check suites at a commit, or all ("").
func (r *Repo) Suites(sha string) (out []CheckSuite) {
	r.with(func(x *repository) {
		out = pick(x.suites, func(c *CheckSuite) bool { return sha == "" || c.SHA == sha })
	})
	return out
}

// Statuses returns the commit statuses at a commit, or all (""), oldest first.
func (r *Repo) Statuses(sha string) (out []Status) {
	r.with(func(x *repository) { out = pick(x.statuses, func(c *Status) bool { return sha == "" || c.SHA == sha }) })
	return out
}

// Deployments returns all deployments, oldest first.
func (r *Repo) Deployments() (out []Deployment) {
	r.with(func(x *repository) { out = pick(x.deployments, func(*Deployment) bool { return true }) })
	return out
}

// Releases returns all releases, oldest first.
func (r *Repo) Releases() (out []Release) {
	r.with(func(x *repository) { out = pick(x.releases, func(*Release) bool { return true }) })
	return out
}

// LatestRelease is the tag of the release that GitHub calls the latest; empty: there is none.
func (r *Repo) LatestRelease() (tag string) {
	r.with(func(x *repository) {
		for _, release := range x.releases {
			if release.mayBeLatest() {
				tag = release.Tag
			}
		}
	})
	return tag
}

// WorkflowRuns returns all workflow runs, oldest first.
func (r *Repo) WorkflowRuns() (out []WorkflowRun) {
	r.with(func(x *repository) { out = pick(x.runs, func(*WorkflowRun) bool { return true }) })
	return out
}

// SetCheck reports a check run as another App would: it is created, or brought up to date when that App has one of the
// name at the commit. An empty conclusion means in_progress. An App that is not registered is made up.
func (r *Repo) SetCheck(appID int64, sha, name, conclusion string) (id int64, err error) {
	r.with(func(x *repository) {
		if _, err = x.git.Commit(sha); err != nil {
			return
		}
		app := r.s.madeUpApp(appID)
		var run *CheckRun
		for _, y := range x.checksAt[sha] {
			if y.AppID == appID && y.Name == name {
				run = y
			}
		}
		action := "completed"
		if run == nil {
			run, action = r.s.newCheck(x, appID, sha), "created"
		}
		o := checkOrder{Name: &name, Status: "in_progress", Conclusion: conclusion}
		o.fill(run, r.s.now())
		id = run.ID
		if action == "created" || conclusion != "" {
			r.s.emitCheck(x, run, action, &app.Bot)
		}
	})
	return id, err
}

func (s *Server) madeUpApp(id int64) *App {
	if a := s.apps[id]; a != nil {
		return a
	}
	slug := fmt.Sprintf("app-%d", id)
	if s.account("ghost-org") == nil {
		s.addAccount("ghost-org", "Organization")
	}
	a := &App{ID: id, Slug: slug, Owner: "ghost-org", Permissions: map[string]string{"checks": "write"}, Events: []string{}, Bot: *s.addAccount(slug+"[bot]", "Bot"), CreatedAt: s.now()}
	s.apps[id] = a
	return a
}
