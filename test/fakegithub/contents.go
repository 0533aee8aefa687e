package fakegithub

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// Limits of the contents API: up to 1 MB the content comes along, up to 100 MB only raw.
const (
	inlineLimit = 1 << 20
	rawLimit    = 100 << 20
)

func (s *Server) getContents(c *call) (*answer, error) {
	rev := c.query.Get("ref")
	if rev == "" {
		rev = c.repo.defaultBranch
	}
	sha, err := c.repo.git.Resolve(strings.TrimPrefix(rev, "refs/heads/"))
	if err != nil {
		return nil, refuse(http.StatusNotFound, "No commit found for the ref %s", rev)
	}
	x, err := c.repo.git.Commit(sha)
	if err != nil {
		return nil, err
	}
	where := strings.Trim(c.params["path"], "/")
	e, err := c.repo.git.Lookup(x.Tree, where)
	if err != nil {
		return nil, &notFound
	}
	e.Name = path.Base(where)
	if e.Kind() == bare.KindTree {
		entries, err := c.repo.git.Tree(e.SHA)
		if err != nil {
			return nil, err
		}
		return ok(shapes(entries[:min(1000, len(entries))], func(e bare.Entry) obj {
			return c.entry(e, strings.TrimPrefix(where+"/"+e.Name, "/"), rev)
		}))
	}
	return c.file(e, where, rev)
}

// entry is a line of a folder.
func (c *call) entry(e bare.Entry, where, rev string) obj {
	p := (&url.URL{Path: where}).EscapedPath()
	self := c.repo.url("/contents/%s?ref=%s", p, url.QueryEscape(rev))
	o := obj{"name": e.Name, "path": where, "sha": e.SHA, "size": 0, "url": self, "html_url": c.repo.html("/blob/%s/%s", rev, p), "git_url": c.repo.url("/git/blobs/%s", e.SHA),
		"download_url": c.repo.html("/raw/%s/%s", rev, p), "type": "file"}
	switch e.Mode {
	case "40000":
		o["type"], o["download_url"], o["html_url"], o["git_url"] = "dir", nil, c.repo.html("/tree/%s/%s", rev, p), c.repo.url("/git/trees/%s", e.SHA)
	case "120000":
		o["type"] = "symlink"
	case "160000":
		o["type"], o["download_url"], o["html_url"], o["git_url"] = "submodule", nil, nil, nil
	}
	if e.Kind() == bare.KindBlob {
		if _, data, err := c.repo.git.Object(e.SHA); err == nil {
			o["size"] = len(data)
		}
	}
	o["_links"] = obj{"self": self, "git": o["git_url"], "html": o["html_url"]}
	return o
}

func (c *call) file(e bare.Entry, where, rev string) (*answer, error) {
	o := c.entry(e, where, rev)
	if e.Mode == "160000" {
		o["submodule_git_url"] = ""
		return ok(o)
	}
	_, data, err := c.repo.git.Object(e.SHA)
	if err != nil {
		return nil, err
	}
	raw := strings.Contains(c.r.Header.Get("Accept"), "raw")
	switch {
	case len(data) > rawLimit || len(data) > inlineLimit && e.Mode == "120000":
		return nil, &refusal{status: http.StatusForbidden, message: "This API returns blobs up to 100 MB in size.", errors: []any{obj{"resource": "Blob", "field": "data", "code": "too_large"}}}
	case raw:
		return &answer{status: http.StatusOK, raw: data, kind: "application/vnd.github.raw+json; charset=utf-8"}, nil
	case e.Mode == "120000":
		o["target"] = string(data)
	case len(data) > inlineLimit:
		o["content"], o["encoding"] = "", "none"
	default:
		o["content"], o["encoding"] = wrapped(data), "base64"
	}
	return ok(o)
}

// wrapped is base64 in lines of 60, as GitHub sends it.
func wrapped(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(text) > 60 {
		b.WriteString(text[:60] + "\n")
		text = text[60:]
	}
	return b.String() + text + "\n"
}

// unwrapped reads Base64 with line breaks.
func unwrapped(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
}

type contentsOrder struct {
	Message, Content, SHA, Branch string
	Author, Committer             *gitPerson
}

func (s *Server) putContents(c *call) (*answer, error) {
	var in contentsOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	data, err := unwrapped(in.Content)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	blob, err := c.repo.git.Write(bare.KindBlob, data)
	if err != nil {
		return nil, err
	}
	return c.editFile(in, blob)
}

func (s *Server) deleteContents(c *call) (*answer, error) {
	var in contentsOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.editFile(in, "")
}

// editFile commits one file, or its deletion when blob is empty.
func (c *call) editFile(in contentsOrder, blob string) (*answer, error) {
	if in.Branch == "" {
		in.Branch = c.repo.defaultBranch
	}
	g, ref, where := c.repo.git, "refs/heads/"+in.Branch, strings.Trim(c.params["path"], "/")
	tip := g.Ref(ref)
	tree := bare.EmptyTree
	var parents []string
	switch {
	case tip != "":
		x, err := g.Commit(tip)
		if err != nil {
			return nil, err
		}
		tree, parents = x.Tree, []string{tip}
	case len(g.Refs("refs/heads/")) > 0:
		return nil, refuse(http.StatusNotFound, "Branch %s not found", in.Branch)
	}
	old, err := g.Lookup(tree, where)
	exists := err == nil
	switch {
	case exists && in.SHA == "":
		return nil, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n\"sha\" wasn't supplied.")
	case exists && in.SHA != old.SHA, !exists && in.SHA != "" && blob != "":
		return nil, refuse(http.StatusConflict, "%s does not match %s", where, in.SHA)
	case !exists && blob == "":
		return nil, &notFound
	}
	e := bare.Entry{Mode: "100644", SHA: blob}
	if exists {
		e.Mode = old.Mode
	}
	if tree, err = g.Put(tree, where, e); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "path contains a malformed path component")
	}
	if tree == bare.EmptyTree {
		if _, err := g.Write(bare.KindTree, nil); err != nil {
			return nil, err
		}
	}
	author := in.Author.signature(c.s.signature(c.who.account))
	sha, err := g.WriteCommit(bare.Commit{Tree: tree, Parents: parents, Message: in.Message, Author: author, Committer: in.Committer.signature(c.s.web())})
	if err != nil {
		return nil, err
	}
	if err := c.s.change(c.repo, change{ref: ref, old: tip, new: sha, by: c.who}); err != nil {
		var stale *bare.StaleError
		if errors.As(err, &stale) {
			return nil, refuse(http.StatusConflict, "%s is at %s but expected %s", where, stale.Have, stale.Want)
		}
		return nil, refError(err, http.StatusConflict)
	}
	commit, err := c.repo.gitCommitShape(sha)
	if err != nil {
		return nil, err
	}
	var content any
	if blob != "" {
		e.Name = path.Base(where)
		content = c.entry(e, where, in.Branch)
	}
	status := http.StatusOK
	if !exists {
		status = http.StatusCreated
	}
	return &answer{status: status, body: obj{"content": content, "commit": commit}}, nil
}

// merge is POST /merges: 201 with the merge commit, 204 when base has it all, 404 for unknown names, 409 for conflicts.
func (s *Server) merge(c *call) (*answer, error) {
	var in struct {
		Base, Head string
		Message    string `json:"commit_message"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	g, ref := c.repo.git, "refs/heads/"+in.Base
	tip := g.Ref(ref)
	if tip == "" {
		return nil, refuse(http.StatusNotFound, "Base does not exist")
	}
	head, err := g.Resolve(in.Head)
	if err != nil {
		return nil, refuse(http.StatusNotFound, "Head does not exist")
	}
	if done, err := g.Contains(tip, head); err != nil || done {
		if err != nil {
			return nil, err
		}
		return noContent()
	}
	tree, err := g.Merge(c.r.Context(), tip, head)
	var conflict *bare.ConflictError
	if errors.As(err, &conflict) {
		return nil, refuse(http.StatusConflict, "Merge conflict")
	}
	if err != nil {
		return nil, err
	}
	if in.Message == "" {
		in.Message = "Merge " + in.Head + " into " + in.Base
	}
	sha, err := g.WriteCommit(bare.Commit{Tree: tree, Parents: []string{tip, head}, Message: in.Message, Author: s.signature(c.who.account), Committer: s.web()})
	if err != nil {
		return nil, err
	}
	if err := s.change(c.repo, change{ref: ref, old: tip, new: sha, by: c.who}); err != nil {
		return nil, refError(err, http.StatusConflict)
	}
	return created(c.repo.commitShape(sha))
}
