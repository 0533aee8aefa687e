package fakegithub

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// getRef is GET /git/ref/{ref}: exactly that ref, else 404.
func (s *Server) getRef(c *call) (*answer, error) {
	name := "refs/" + c.params["ref"]
	sha := c.repo.git.Ref(name)
	if sha == "" {
		return nil, &notFound
	}
	return ok(c.repo.refShape(name, sha))
}

func (s *Server) matchingRefs(c *call) (*answer, error) {
	var refs []bare.Ref
	for _, ref := range c.repo.git.Refs("refs/" + c.params["ref"]) {
		if !strings.HasPrefix(ref.Name, "refs/pull/") {
			refs = append(refs, ref)
		}
	}
	return ok(shapes(refs, func(ref bare.Ref) obj { return c.repo.refShape(ref.Name, ref.SHA) }))
}

func (s *Server) createRef(c *call) (*answer, error) {
	var in struct{ Ref, SHA string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case !bare.ValidRef(in.Ref) || strings.HasPrefix(in.Ref, "refs/pull/"):
		return nil, refuse(http.StatusUnprocessableEntity, "Reference name is not valid. It must be fully qualified (ie: refs/heads/master).")
	case c.repo.git.Ref(in.Ref) != "":
		return nil, refuse(http.StatusUnprocessableEntity, "Reference already exists")
	}
	kind, _, err := c.repo.git.Object(in.SHA)
	if err != nil || strings.HasPrefix(in.Ref, "refs/heads/") && kind != bare.KindCommit {
		return nil, refuse(http.StatusUnprocessableEntity, "Object does not exist")
	}
	if err := s.change(c.repo, change{ref: in.Ref, new: in.SHA, by: c.who}); err != nil {
		return nil, c.refRefusal(err)
	}
	a, err := created(c.repo.refShape(in.Ref, in.SHA))
	a.header = http.Header{"Location": {c.repo.url("/git/%s", in.Ref)}}
	return a, err
}

// refRefusal is how /git/refs words that a ref could not be moved.
func (c *call) refRefusal(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) || strings.Contains(err.Error(), "in the way") {
		return refuse(http.StatusUnprocessableEntity, "Reference cannot be created: another reference's name begins with it, or it with another's")
	}
	return refError(err, http.StatusUnprocessableEntity)
}

func (s *Server) updateRef(c *call) (*answer, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	name := "refs/" + c.params["ref"]
	old := c.repo.git.Ref(name)
	if old == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if _, _, err := c.repo.git.Object(in.SHA); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "Object does not exist")
	}
	ch := change{ref: name, old: old, new: in.SHA, by: c.who, force: in.Force, git: c.repo.git}
	if old == in.SHA {
		return ok(c.repo.refShape(name, old))
	}
	if !in.Force && (strings.HasPrefix(name, "refs/tags/") || ch.forced()) {
		return nil, refuse(http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	if err := s.change(c.repo, ch); err != nil {
		return nil, c.refRefusal(err)
	}
	return ok(c.repo.refShape(name, in.SHA))
}

func (s *Server) deleteRef(c *call) (*answer, error) {
	name := "refs/" + c.params["ref"]
	old := c.repo.git.Ref(name)
	if old == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if err := s.change(c.repo, change{ref: name, old: old, by: c.who}); err != nil {
		return nil, c.refRefusal(err)
	}
	return noContent()
}

func (r *repository) tagShape(t *bare.Tag) obj {
	return obj{"node_id": nodeOf("TA", r, t.SHA), "tag": t.Name, "sha": t.SHA, "url": r.url("/git/tags/%s", t.SHA), "message": t.Message,
		"tagger": gitUser(t.Tagger), "object": obj{"sha": t.Object, "type": t.Kind, "url": r.url("/git/%ss/%s", t.Kind, t.Object)},
		"verification": obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}}
}

func (s *Server) getTag(c *call) (*answer, error) {
	t, err := c.repo.git.Tag(c.params["tag_sha"])
	if err != nil {
		return nil, &notFound
	}
	return ok(c.repo.tagShape(t))
}

// who and when as the git endpoints take it.
type gitPerson struct {
	Name, Email string
	Date        *time.Time
}

func (p *gitPerson) signature(otherwise bare.Signature) bare.Signature {
	if p == nil {
		return otherwise
	}
	if p.Name != "" {
		otherwise.Name = p.Name
	}
	if p.Email != "" {
		otherwise.Email = p.Email
	}
	if p.Date != nil {
		otherwise.When = p.Date.Truncate(time.Second)
	}
	return otherwise
}

// createTag makes a tag object; the ref is another call.
func (s *Server) createTag(c *call) (*answer, error) {
	var in struct {
		Tag, Message, Object, Type string
		Tagger                     *gitPerson
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	kind, _, err := c.repo.git.Object(in.Object)
	if err != nil || kind != in.Type || in.Tag == "" {
		return nil, invalid("Tag", "object", "invalid", "")
	}
	t := bare.Tag{Object: in.Object, Kind: in.Type, Name: in.Tag, Message: in.Message, Tagger: in.Tagger.signature(s.signature(c.who.account))}
	if t.SHA, err = c.repo.git.WriteTag(t); err != nil {
		return nil, err
	}
	return created(c.repo.tagShape(&t))
}

func (s *Server) getGitCommit(c *call) (*answer, error) {
	o, err := c.repo.gitCommitShape(c.params["commit_sha"])
	if err != nil {
		return nil, &notFound
	}
	return ok(o)
}

func (s *Server) createCommit(c *call) (*answer, error) {
	var in struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *gitPerson
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if _, err := c.repo.git.Tree(in.Tree); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	for _, p := range in.Parents {
		if _, err := c.repo.git.Commit(p); err != nil {
			return nil, refuse(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
		}
	}
	author := in.Author.signature(s.signature(c.who.account))
	committer := author
	if c.who.isApp() && in.Author == nil { // GitHub commits for Apps, and signs
		committer = s.web()
	}
	x := bare.Commit{Tree: in.Tree, Parents: in.Parents, Message: in.Message, Author: author, Committer: in.Committer.signature(committer)}
	sha, err := c.repo.git.WriteCommit(x)
	if err != nil {
		return nil, err
	}
	o, err := c.repo.gitCommitShape(sha)
	if err != nil {
		return nil, err
	}
	return created(o)
}

func (s *Server) getTree(c *call) (*answer, error) {
	sha, err := c.repo.git.Resolve(c.params["tree_sha"])
	if err == nil {
		x, err := c.repo.git.Commit(sha)
		if err != nil {
			return nil, &notFound
		}
		sha = x.Tree
	} else {
		sha = c.params["tree_sha"]
	}
	return c.tree(sha, http.StatusOK, c.query.Get("recursive") != "")
}

func (c *call) tree(sha string, status int, deep bool) (*answer, error) {
	r := c.repo
	list := []obj{}
	var walk func(sha, prefix string) error
	walk = func(sha, prefix string) error {
		entries, err := r.git.Tree(sha)
		if err != nil {
			return err
		}
		for _, e := range entries {
			mode := strings.Repeat("0", 6-len(e.Mode)) + e.Mode
			o := obj{"path": prefix + e.Name, "mode": mode, "type": e.Kind(), "sha": e.SHA, "url": r.url("/git/%ss/%s", e.Kind(), e.SHA)}
			if e.Kind() == bare.KindBlob {
				_, data, err := r.git.Object(e.SHA)
				if err != nil {
					return err
				}
				o["size"] = len(data)
			}
			list = append(list, o)
			if deep && e.Kind() == bare.KindTree {
				if err := walk(e.SHA, prefix+e.Name+"/"); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(sha, ""); err != nil {
		return nil, &notFound
	}
	return &answer{status: status, body: obj{"sha": sha, "url": r.url("/git/trees/%s", sha), "truncated": false, "tree": list}}, nil
}

func (s *Server) createTree(c *call) (*answer, error) {
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	tree := bare.EmptyTree
	if in.BaseTree != "" {
		if tree = in.BaseTree; !bare.IsSHA(tree) {
			return nil, refuse(http.StatusUnprocessableEntity, "base_tree is not a valid tree oid")
		}
		if x, err := c.repo.git.Commit(tree); err == nil {
			tree = x.Tree
		}
	}
	for _, f := range in.Tree {
		e := bare.Entry{Mode: strings.TrimLeft(f.Mode, "0")}
		switch {
		case f.Content != nil:
			sha, err := c.repo.git.Write(bare.KindBlob, []byte(*f.Content))
			if err != nil {
				return nil, err
			}
			e.SHA = sha
		case f.SHA != nil:
			e.SHA = *f.SHA
		}
		var err error
		if tree, err = c.repo.git.Put(tree, f.Path, e); err != nil {
			return nil, refuse(http.StatusUnprocessableEntity, "tree.path contains a malformed path component: %v", err)
		}
	}
	if tree == bare.EmptyTree {
		if _, err := c.repo.git.Write(bare.KindTree, nil); err != nil {
			return nil, err
		}
	}
	return c.tree(tree, http.StatusCreated, false)
}
