package fakegithub

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// byEmail finds the account of a commit's address, as GitHub links commits to users.
func (s *Server) byEmail(email string) *Account {
	local, ok := strings.CutSuffix(email, "@users.noreply.github.com")
	if ok {
		if _, login, plus := strings.Cut(local, "+"); plus {
			local = login
		}
		return s.account(local)
	}
	for _, a := range s.accounts {
		if a.Email != "" && strings.EqualFold(a.Email, email) {
			return a
		}
	}
	return nil
}

// signature is how an actor signs commits that GitHub makes for it.
func (s *Server) signature(a *Account) bare.Signature {
	email := a.Email
	if email == "" {
		email = fmt.Sprintf("%d+%s@users.noreply.github.com", a.ID, a.Login)
	}
	return bare.Signature{Name: a.Login, Email: email, When: s.now()}
}

// web is GitHub itself as a committer.
func (s *Server) web() bare.Signature {
	return bare.Signature{Name: "GitHub", Email: "noreply@github.com", When: s.now()}
}

func gitUser(p bare.Signature) obj { return obj{"name": p.Name, "email": p.Email, "date": ts(p.When)} }

// verified tells whether a commit has a signature that GitHub trusts: its own, or one that somebody's key made.
func (r *repository) verified(sha string, c *bare.Commit) bool {
	return r.signed[sha] || c.Committer.Email == "noreply@github.com"
}

func (r *repository) verification(sha string, c *bare.Commit) obj {
	if r.verified(sha, c) {
		return obj{"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----", "payload": "tree " + c.Tree, "verified_at": ts(c.Committer.When)}
	}
	return obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
}

// commitShape is a commit as compare, lists and branches contain it; nil when it cannot be read.
func (r *repository) commitShape(sha string) obj {
	c, err := r.git.Commit(sha)
	if err != nil {
		return nil
	}
	parents := []obj{}
	for _, p := range c.Parents {
		parents = append(parents, obj{"sha": p, "url": r.url("/commits/%s", p), "html_url": r.html("/commit/%s", p)})
	}
	account := func(p bare.Signature) any {
		if a := r.s.byEmail(p.Email); a != nil {
			return r.s.user(a)
		}
		return nil
	}
	return obj{"sha": sha, "node_id": nodeOf("C", r, sha), "url": r.url("/commits/%s", sha), "html_url": r.html("/commit/%s", sha),
		"comments_url": r.url("/commits/%s/comments", sha), "author": account(c.Author), "committer": account(c.Committer), "parents": parents,
		"commit": obj{"author": gitUser(c.Author), "committer": gitUser(c.Committer), "message": strings.TrimRight(c.Message, "\n"),
			"tree": obj{"sha": c.Tree, "url": r.url("/git/trees/%s", c.Tree)}, "url": r.url("/git/commits/%s", sha), "comment_count": 0, "verification": r.verification(sha, c)}}
}

// gitCommitShape is a commit as /git/commits has it.
func (r *repository) gitCommitShape(sha string) (obj, error) {
	c, err := r.git.Commit(sha)
	if err != nil {
		return nil, err
	}
	parents := []obj{}
	for _, p := range c.Parents {
		parents = append(parents, obj{"sha": p, "url": r.url("/git/commits/%s", p), "html_url": r.html("/commit/%s", p)})
	}
	return obj{"sha": sha, "node_id": nodeOf("C", r, sha), "url": r.url("/git/commits/%s", sha), "html_url": r.html("/commit/%s", sha), "author": gitUser(c.Author),
		"committer": gitUser(c.Committer), "message": strings.TrimRight(c.Message, "\n"), "parents": parents, "verification": r.verification(sha, c),
		"tree": obj{"sha": c.Tree, "url": r.url("/git/trees/%s", c.Tree)}}, nil
}

// simpleCommit is a commit as check suites and merge groups contain it.
func (r *repository) simpleCommit(sha string) obj {
	c, err := r.git.Commit(sha)
	if err != nil {
		return obj{"id": sha, "tree_id": "", "message": "", "timestamp": ts(r.created), "author": nil, "committer": nil}
	}
	person := func(p bare.Signature) obj { return obj{"name": p.Name, "email": p.Email} }
	return obj{"id": sha, "tree_id": c.Tree, "message": strings.TrimRight(c.Message, "\n"), "timestamp": ts(c.Committer.When), "author": person(c.Author), "committer": person(c.Committer)}
}

func nodeOf(kind string, r *repository, name string) string {
	return kind + "_" + strconv.FormatInt(r.id, 36) + "_" + url.QueryEscape(name)
}

func (r *repository) refShape(name, sha string) obj {
	kind := "commit"
	if strings.HasPrefix(name, "refs/tags/") {
		if k, _, err := r.git.Object(sha); err == nil {
			kind = k
		}
	}
	return obj{"ref": name, "node_id": nodeOf("REF", r, name), "url": r.url("/git/%s", name),
		"object": obj{"type": kind, "sha": sha, "url": r.url("/git/%ss/%s", kind, sha)}}
}

func (r *repository) fileShape(f bare.FileChange, sha string) obj {
	p := (&url.URL{Path: f.Path}).EscapedPath()
	o := obj{"sha": f.SHA, "filename": f.Path, "status": f.Status, "additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
		"blob_url": r.html("/blob/%s/%s", sha, p), "raw_url": r.html("/raw/%s/%s", sha, p), "contents_url": r.url("/contents/%s?ref=%s", p, sha)}
	if f.Patch != "" {
		o["patch"] = f.Patch
	}
	if f.Previous != "" {
		o["previous_filename"] = f.Previous
	}
	return o
}
