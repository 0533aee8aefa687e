package fakegithub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// mergePull is PUT /pulls/{n}/merge: 405 when it cannot be merged, 409 when the head is not the one named.
func (s *Server) mergePull(c *call) (*answer, error) {
	i, err := c.pull()
	if err != nil {
		return nil, err
	}
	var in struct {
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
		SHA     string
		Method  string `json:"merge_method"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Method == "" {
		in.Method = "merge"
	}
	p := i.Pull
	base := c.repo.git.Ref("refs/heads/" + p.BaseRef)
	switch allowed := map[string]bool{"merge": c.repo.mergeCommits, "squash": c.repo.squash, "rebase": c.repo.rebase}; {
	case p.Merged:
		return nil, refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case !i.Open || base == "" || p.Draft:
		return nil, refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case in.SHA != "" && in.SHA != p.HeadSHA:
		return nil, refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case !allowed[in.Method]:
		return nil, refuse(http.StatusMethodNotAllowed, "%s merges are not allowed on this repository.", strings.ToUpper(in.Method[:1])+in.Method[1:])
	}
	sha, err := s.mergeCommit(c, i, base, in.Method, in.Title, in.Message)
	var conflict *bare.ConflictError
	if errors.As(err, &conflict) {
		return nil, refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	if err != nil {
		return nil, err
	}
	ch := change{ref: "refs/heads/" + p.BaseRef, old: base, new: sha, by: c.who, pull: i, method: in.Method, git: c.repo.git}
	if err := s.permit(c.repo, ch); err != nil {
		return nil, refError(err, http.StatusMethodNotAllowed)
	}
	if err := c.repo.git.UpdateRef(ch.ref, ch.old, ch.new); err != nil {
		return nil, refuse(http.StatusConflict, "Base branch was modified. Review and try the merge again.")
	}
	p.BaseSHA = base
	s.tell(c.repo, ch)
	s.markMerged(c.repo, i, sha, c.who.account)
	if from := s.headRepo(i); c.repo.deleteOnMerge && from == c.repo && p.HeadRef != c.repo.defaultBranch {
		if err := s.change(c.repo, change{ref: "refs/heads/" + p.HeadRef, old: p.HeadSHA, by: c.who}); err != nil {
			s.opts.Log.Info("the merged branch stays", "branch", p.HeadRef, "err", err)
		}
	}
	return ok(obj{"sha": sha, "merged": true, "message": "Pull Request successfully merged"})
}

// mergeCommit builds what the base will point at.
func (s *Server) mergeCommit(c *call, i *Issue, base, method, title, message string) (string, error) {
	g, p := c.repo.git, i.Pull
	author, web := s.signature(c.who.account), s.web()
	if method == "rebase" {
		return g.Rebase(c.r.Context(), base, p.HeadSHA, author)
	}
	tree, err := g.Merge(c.r.Context(), base, p.HeadSHA)
	if err != nil {
		return "", err
	}
	x := bare.Commit{Tree: tree, Parents: []string{base, p.HeadSHA}, Author: author, Committer: web}
	if method == "squash" {
		x.Parents = []string{base}
		if title == "" {
			title = fmt.Sprintf("%s (#%d)", i.Title, i.Number)
		}
	} else {
		if title == "" {
			owner, _, _ := strings.Cut(p.HeadRepo, "/")
			title = fmt.Sprintf("Merge pull request #%d from %s/%s", i.Number, owner, p.HeadRef)
		}
		if message == "" {
			message = i.Title
		}
	}
	x.Message = title
	if message != "" {
		x.Message += "\n\n" + message
	}
	return g.WriteCommit(x)
}
