package fakegithub

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

func (s *Server) listCommits(c *call) (*answer, error) {
	rev := c.query.Get("sha")
	if rev == "" {
		rev = c.repo.defaultBranch
	}
	if len(c.repo.git.Refs("refs/heads/")) == 0 {
		return nil, refuse(http.StatusConflict, "Git Repository is empty.")
	}
	sha, err := c.repo.git.Resolve(rev)
	if err != nil {
		return nil, &notFound
	}
	var all []string
	if path := c.query.Get("path"); path != "" {
		all, err = c.repo.git.LogPath(sha, path)
	} else {
		all, err = c.repo.git.Log(sha)
	}
	if err != nil {
		return nil, err
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since")) // absent or wrong: no bound
	until, _ := time.Parse(time.RFC3339, c.query.Get("until"))
	author := c.query.Get("author")
	all = slices.DeleteFunc(slices.Clone(all), func(sha string) bool {
		x, err := c.repo.git.Commit(sha)
		if err != nil || x.Committer.When.Before(since) || !until.IsZero() && x.Committer.When.After(until) {
			return true
		}
		a := s.byEmail(x.Author.Email)
		return author != "" && x.Author.Email != author && (a == nil || !strings.EqualFold(a.Login, author))
	})
	return ok(shapes(page(c, all), c.repo.commitShape))
}

// getCommit is one commit with its files; Accept: …sha gives its name only.
func (s *Server) getCommit(c *call) (*answer, error) {
	sha, err := c.repo.git.Resolve(strings.TrimPrefix(c.params["ref"], "refs/"))
	if err != nil {
		if !bare.IsSHA(c.params["ref"]) {
			return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params["ref"])
		}
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params["ref"])
	}
	if strings.Contains(c.r.Header.Get("Accept"), ".sha") {
		return &answer{status: http.StatusOK, raw: []byte(sha), kind: "application/vnd.github.sha"}, nil
	}
	x, err := c.repo.git.Commit(sha)
	if err != nil {
		return nil, err
	}
	from := bare.EmptyTree
	if len(x.Parents) > 0 {
		p, err := c.repo.git.Commit(x.Parents[0])
		if err != nil {
			return nil, err
		}
		from = p.Tree
	}
	files, err := c.repo.git.Diff(c.r.Context(), from, x.Tree)
	if err != nil {
		return nil, err
	}
	o := c.repo.commitShape(sha)
	add, del := sum(files)
	o["stats"] = obj{"additions": add, "deletions": del, "total": add + del}
	o["files"] = shapes(page(c, files), func(f bare.FileChange) obj { return c.repo.fileShape(f, sha) })
	return ok(o)
}

func sum(files []bare.FileChange) (additions, deletions int) {
	for _, f := range files {
		additions += f.Additions
		deletions += f.Deletions
	}
	return additions, deletions
}

// compare is GET /compare/{base}...{head}: commits oldest first, 250 unless paged, files (at most 300) on the first page.
func (s *Server) compare(c *call) (*answer, error) {
	baseName, headName, found := strings.Cut(c.params["basehead"], "...")
	dots := "..."
	if !found {
		baseName, headName, found = strings.Cut(c.params["basehead"], "..")
		dots = ".."
	}
	if !found {
		return nil, &notFound
	}
	base, err := c.side(baseName)
	if err != nil {
		return nil, err
	}
	head, err := c.side(headName)
	if err != nil {
		return nil, err
	}
	g := c.repo.git
	cmp, err := g.Compare(base, head)
	if err != nil {
		return nil, err
	}
	if cmp.MergeBase == "" {
		return nil, refuse(http.StatusNotFound, "No common ancestor between %s and %s.", baseName, headName)
	}
	from := cmp.MergeBase
	if dots == ".." {
		from = base
	}
	ahead := slices.Clone(cmp.Ahead)
	slices.Reverse(ahead)
	at := max(1, atoi(c.query.Get("page")))
	if c.query.Get("page") == "" && c.query.Get("per_page") == "" {
		ahead = ahead[max(0, len(ahead)-250):] // without paging GitHub gives the last 250
	} else {
		ahead = page(c, ahead)
	}
	o := obj{"url": c.repo.url("/compare/%s", c.params["basehead"]), "html_url": c.repo.html("/compare/%s", c.params["basehead"]),
		"permalink_url": c.repo.html("/compare/%s:%.7s...%s:%.7s", c.repo.owner, base, c.repo.owner, head), "diff_url": c.repo.html("/compare/%s.diff", c.params["basehead"]),
		"patch_url": c.repo.html("/compare/%s.patch", c.params["basehead"]), "base_commit": c.repo.commitShape(base), "merge_base_commit": c.repo.commitShape(cmp.MergeBase),
		"status": cmp.Status(), "ahead_by": len(cmp.Ahead), "behind_by": len(cmp.Behind), "total_commits": len(cmp.Ahead), "commits": shapes(ahead, c.repo.commitShape)}
	if at == 1 {
		files, err := c.repo.diffCommits(c, from, head)
		if err != nil {
			return nil, err
		}
		o["files"] = shapes(files[:min(300, len(files))], func(f bare.FileChange) obj { return c.repo.fileShape(f, head) })
	}
	return ok(o)
}

func (r *repository) diffCommits(c *call, from, to string) ([]bare.FileChange, error) {
	a, err := r.git.Commit(from)
	if err != nil {
		return nil, err
	}
	b, err := r.git.Commit(to)
	if err != nil {
		return nil, err
	}
	return r.git.Diff(c.r.Context(), a.Tree, b.Tree)
}

// side resolves one end of a comparison; owner:branch names a fork's.
func (c *call) side(rev string) (string, error) {
	owner, branch, cross := strings.Cut(rev, ":")
	if !cross || strings.EqualFold(owner, c.repo.owner) {
		if cross {
			rev = branch
		}
		sha, err := c.repo.git.Resolve(rev)
		if err != nil {
			return "", &notFound
		}
		return sha, nil
	}
	fork := c.s.forkOf(c.repo, owner)
	if fork == nil || !c.s.roleOf(accountOf(c.who), fork).atLeast(RoleRead) {
		return "", &notFound
	}
	sha, err := fork.git.Resolve(branch)
	if err != nil {
		return "", &notFound
	}
	if err := c.repo.git.FetchFrom(c.r.Context(), fork.git, sha); err != nil {
		return "", err
	}
	return sha, nil
}

// forkOf is the fork of a repository that an owner has.
func (s *Server) forkOf(r *repository, owner string) *repository {
	for _, f := range s.sortedRepos() {
		if f.parent == r.id && strings.EqualFold(f.owner, owner) {
			return f
		}
	}
	return nil
}

func (s *Server) listBranches(c *call) (*answer, error) {
	return ok(shapes(page(c, c.repo.git.Refs("refs/heads/")), func(ref bare.Ref) obj {
		name := strings.TrimPrefix(ref.Name, "refs/heads/")
		return obj{"name": name, "commit": obj{"sha": ref.SHA, "url": c.repo.url("/commits/%s", ref.SHA)}, "protected": s.protected(c.repo, name)}
	}))
}

func (s *Server) protected(r *repository, branch string) bool {
	return len(s.rulesFor(r, "refs/heads/"+branch)) > 0
}

func (s *Server) getBranch(c *call) (*answer, error) {
	name := c.params["branch"]
	sha := c.repo.git.Ref("refs/heads/" + name)
	if sha == "" {
		return nil, refuse(http.StatusNotFound, "Branch not found")
	}
	contexts, checks := []string{}, []obj{}
	level := "off"
	for _, rule := range s.rulesFor(c.repo, "refs/heads/"+name) {
		for _, want := range requiredChecks(rule.Rule) {
			level = "everyone"
			contexts = append(contexts, want.context)
			checks = append(checks, obj{"context": want.context, "app_id": appIDOrNil(want.appID)})
		}
	}
	u := c.repo.url("/branches/%s", name)
	return ok(obj{"name": name, "commit": c.repo.commitShape(sha), "_links": obj{"html": c.repo.html("/tree/%s", name), "self": u}, "protected": s.protected(c.repo, name),
		"protection":     obj{"enabled": s.protected(c.repo, name), "required_status_checks": obj{"enforcement_level": level, "contexts": contexts, "checks": checks}},
		"protection_url": u + "/protection"})
}

func appIDOrNil(id int64) any {
	if id <= 0 {
		return nil
	}
	return id
}

func (s *Server) listTags(c *call) (*answer, error) {
	refs := c.repo.git.Refs("refs/tags/")
	slices.Reverse(refs)
	return ok(shapes(page(c, refs), func(ref bare.Ref) obj {
		name := strings.TrimPrefix(ref.Name, "refs/tags/")
		sha, err := c.repo.git.Peel(ref.SHA)
		if err != nil {
			sha = ref.SHA
		}
		return obj{"name": name, "commit": obj{"sha": sha, "url": c.repo.url("/commits/%s", sha)}, "zipball_url": c.repo.url("/zipball/%s", ref.Name),
			"tarball_url": c.repo.url("/tarball/%s", ref.Name), "node_id": nodeOf("REF", c.repo, ref.Name)}
	}))
}
