package fakegithub

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// repository is the state of a repository, guarded by the server's lock; git guards itself.
type repository struct {
	s    *Server
	id   int64
	git  *bare.Repo
	name string
	// owner is a login as the account spells it.
	owner         string
	private       bool
	archived      bool
	description   string
	defaultBranch string
	parent        int64 // of a fork
	mergeCommits  bool
	squash        bool
	rebase        bool
	deleteOnMerge bool
	autoMerge     bool
	created       time.Time
	pushed        time.Time
	roles         map[string]Role // by login in lower case
	teams         map[string]Role // by slug

	number        int
	issues        map[int]*Issue
	comments      []*Comment
	activities    []*activity // oldest first
	reactions     []*Reaction
	reviews       []*Review
	suites        []*CheckSuite
	checks        []*CheckRun
	checksAt      map[string][]*CheckRun // by SHA
	statuses      []*Status
	deployments   []*Deployment
	releases      []*Release
	rulesets      []*Ruleset
	protections   map[string]*protection // classic, by branch
	runs          []*WorkflowRun
	artifacts     []*runArtifact
	envs          []string        // environments that were set up without a deployment
	workflowNames []string        // in the order in which they were first seen
	groups        map[string]int  // merge groups: SHA to pull request
	moving        map[string]bool // groups that are merged by themselves
	queued        int             // how many groups there were
	labels        map[string]*label
	signed        map[string]bool // commits that somebody signed
}

type label struct {
	ID                       int64
	Name, Color, Description string
}

func (r *repository) fullName() string { return r.owner + "/" + r.name }

func (s *Server) repoNamed(full string) *repository {
	return s.repos[s.names[strings.ToLower(strings.TrimSuffix(full, ".git"))]]
}

func (s *Server) sortedRepos() []*repository {
	return slices.SortedFunc(maps.Values(s.repos), func(a, b *repository) int { return cmp.Compare(a.id, b.id) })
}

// AddRepo creates an empty repository; its owner must exist.
func (s *Server) AddRepo(fullName string, c RepoConfig) (*Repo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	login, name, ok := strings.Cut(fullName, "/")
	owner := s.account(login)
	if !ok || owner == nil || name == "" {
		return nil, fmt.Errorf("cannot create repository %q: want owner/name of an account that exists", fullName)
	}
	if s.repoNamed(fullName) != nil {
		return nil, fmt.Errorf("a repository %s exists", fullName)
	}
	if c.DefaultBranch == "" {
		c.DefaultBranch = "main"
	}
	r := &repository{s: s, id: s.id(), name: name, owner: owner.Login, private: c.Private, description: c.Description, defaultBranch: c.DefaultBranch,
		mergeCommits: !c.NoMergeCommits, squash: !c.NoSquash, rebase: !c.NoRebase, deleteOnMerge: c.DeleteBranchOnMerge, created: s.now(), pushed: s.now(),
		roles: map[string]Role{}, teams: map[string]Role{}, issues: map[int]*Issue{}, checksAt: map[string][]*CheckRun{}, protections: map[string]*protection{}, signed: map[string]bool{},
		groups: map[string]int{}, moving: map[string]bool{}, labels: map[string]*label{}}
	dir := filepath.Join(s.dir, fmt.Sprintf("%d.git", r.id))
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	var err error
	if r.git, err = bare.Init(dir, c.DefaultBranch); err != nil {
		return nil, fmt.Errorf("making the repository %s: %w", fullName, err)
	}
	if err := installHook(dir); err != nil {
		return nil, err
	}
	if c.ForkOf != "" {
		if err := s.fork(r, c.ForkOf); err != nil {
			return nil, err
		}
	}
	s.repos[r.id] = r
	s.names[strings.ToLower(r.fullName())] = r.id
	s.emit(r, "repository", "created", owner, obj{})
	for _, i := range s.installations() {
		if i.Repos == nil && s.covers(i, r) {
			s.emitInstallation(i, "installation_repositories", "added", obj{"repositories_added": []any{r.stub()}, "repositories_removed": []any{}, "repository_selection": "all", "requester": nil})
		}
	}
	return &Repo{s: s, id: r.id}, nil
}

func (s *Server) fork(r *repository, of string) error {
	p := s.repoNamed(of)
	if p == nil {
		return fmt.Errorf("cannot fork %s: there is no such repository", of)
	}
	r.parent, r.defaultBranch = p.id, p.defaultBranch
	if err := r.git.SetHead(p.defaultBranch); err != nil {
		return err
	}
	if err := r.git.ShareObjects(p.git); err != nil {
		return err
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		for _, ref := range p.git.Refs(prefix) {
			if err := r.git.UpdateRef(ref.Name, "", ref.SHA); err != nil {
				return err
			}
		}
	}
	return nil
}

// Repo is a repository. Its methods look and set up; they ask nobody's permission and send webhooks only where said.
type Repo struct {
	s  *Server
	id int64
}

// Repo returns a repository by its full name, or nil.
func (s *Server) Repo(fullName string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.repoNamed(fullName); r != nil {
		return &Repo{s: s, id: r.id}
	}
	return nil
}

// with runs f on the state, under the lock.
func (r *Repo) with(f func(*repository)) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	f(r.s.repos[r.id])
}

// state is for what never changes and what guards itself.
func (r *Repo) state() (x *repository) {
	r.with(func(st *repository) { x = st })
	return x
}

// ID is the repository's ID.
func (r *Repo) ID() int64 { return r.id }

// FullName is owner/name, as it is now.
func (r *Repo) FullName() (name string) {
	r.with(func(x *repository) { name = x.fullName() })
	return name
}

// Dir is the bare repository.
func (r *Repo) Dir() string { return r.state().git.Dir }

// CloneURL is the URL for git, with the user's token in it unless login is empty.
func (r *Repo) CloneURL(login string) string {
	u := r.s.baseURL
	if login != "" {
		scheme, rest, _ := strings.Cut(u, "://")
		u = scheme + "://" + login + ":" + r.s.tokenOf(login) + "@" + rest
	}
	return u + "/" + r.FullName() + ".git"
}

// Grant gives a user a role; RoleNone takes it away. It sends member.
func (r *Repo) Grant(login string, role Role) {
	r.with(func(x *repository) { r.s.grant(x, login, role) })
}

func (s *Server) grant(x *repository, login string, role Role) {
	a, key := s.addUser(login), strings.ToLower(login)
	before := x.roles[key]
	if before == "" {
		before = RoleNone
	}
	if before == role {
		return
	}
	x.roles[key] = role
	payload, action := obj{"member": s.user(a)}, "edited"
	switch {
	case before == RoleNone:
		action = "added"
		payload["changes"] = obj{"permission": obj{"to": lossyWord(role)}, "role_name": obj{"to": string(role)}}
	case role == RoleNone:
		delete(x.roles, key)
		action = "removed"
	default:
		payload["changes"] = obj{"permission": obj{"from": lossy(before), "to": lossy(role)}}
	}
	s.emit(x, "member", action, s.account(x.owner), payload)
}

// lossy is the field permission, which knows only four roles; role_name knows them all.
func lossy(r Role) string {
	switch r {
	case RoleMaintain:
		return "write"
	case RoleTriage:
		return "read"
	}
	return string(r)
}

func lossyWord(r Role) string {
	if w := lossy(r); w != "none" {
		return w
	}
	return "read"
}

// GrantTeam gives a team of the owner a role; RoleNone takes it away.
func (r *Repo) GrantTeam(slug string, role Role) {
	r.with(func(x *repository) {
		if x.teams[slug] = role; role == RoleNone {
			delete(x.teams, slug)
		}
	})
}
