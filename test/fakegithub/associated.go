package fakegithub

import (
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// commitPulls lists the pull requests a commit came with: those merged with it when the default branch has it, else
// the open ones that contain it.
func (s *Server) commitPulls(c *call) (*answer, error) {
	sha, err := c.repo.git.Resolve(c.params["commit_sha"])
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params["commit_sha"])
	}
	return ok(shapes(page(c, c.repo.pullsWith(sha)[sha]), func(i *Issue) obj { return s.simplePull(c.repo, i) }))
}

// pullsWith are the pull requests that commits came with, newest first.
func (r *repository) pullsWith(shas ...string) map[string][]*Issue {
	out := map[string][]*Issue{}
	for _, i := range slices.Backward(r.sortedIssues()) {
		if i.Pull == nil || !i.Open && !i.Pull.Merged {
			continue
		}
		cmp, err := r.git.Compare(r.pullBase(i), i.Pull.HeadSHA)
		if err != nil {
			continue // the base is gone
		}
		for _, sha := range shas {
			if slices.Contains(cmp.Ahead, sha) || i.Pull.MergeSHA == sha {
				out[sha] = append(out[sha], i)
			}
		}
	}
	return out
}

func (s *Server) branchesWhereHead(c *call) (*answer, error) {
	var all []bare.Ref
	for _, ref := range c.repo.git.Refs("refs/heads/") {
		if ref.SHA == c.params["commit_sha"] {
			all = append(all, ref)
		}
	}
	return ok(shapes(all, func(ref bare.Ref) obj {
		name := strings.TrimPrefix(ref.Name, "refs/heads/")
		return obj{"name": name, "commit": obj{"sha": ref.SHA, "url": c.repo.url("/commits/%s", ref.SHA)}, "protected": s.protected(c.repo, name)}
	}))
}

func (s *Server) getBlob(c *call) (*answer, error) {
	sha := c.params["file_sha"]
	kind, data, err := c.repo.git.Object(sha)
	if err != nil || kind != bare.KindBlob {
		return nil, &notFound
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return &answer{status: http.StatusOK, raw: data, kind: "application/vnd.github.raw+json; charset=utf-8"}, nil
	}
	return ok(obj{"sha": sha, "node_id": nodeOf("B", c.repo, sha), "size": len(data), "url": c.repo.url("/git/blobs/%s", sha), "content": wrapped(data), "encoding": "base64"})
}

func (s *Server) createBlob(c *call) (*answer, error) {
	var in struct{ Content, Encoding string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	data := []byte(in.Content)
	if in.Encoding == "base64" {
		var err error
		if data, err = unwrapped(in.Content); err != nil {
			return nil, refuse(http.StatusUnprocessableEntity, "content is not valid Base64")
		}
	}
	sha, err := c.repo.git.Write(bare.KindBlob, data)
	if err != nil {
		return nil, err
	}
	return created(obj{"sha": sha, "url": c.repo.url("/git/blobs/%s", sha)})
}

func (s *Server) repoTeams(c *call) (*answer, error) {
	var all []*Team
	for slug := range c.repo.teams {
		if t := s.teams[teamKey(c.repo.owner, slug)]; t != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *Team) int { return int(a.ID - b.ID) })
	return ok(shapes(page(c, all), func(t *Team) obj {
		o := s.teamShape(t)
		o["permission"] = map[Role]string{RoleRead: "pull", RoleTriage: "triage", RoleWrite: "push", RoleMaintain: "maintain", RoleAdmin: "admin"}[c.repo.teams[t.Slug]]
		return o
	}))
}

// putCollaborator gives a role at once: invitations are accepted by themselves here.
func (s *Server) putCollaborator(c *call) (*answer, error) {
	in := struct{ Permission string }{"push"}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	role, known := map[string]Role{"pull": RoleRead, "triage": RoleTriage, "push": RoleWrite, "maintain": RoleMaintain, "admin": RoleAdmin}[in.Permission]
	if !known || s.account(c.params["username"]) == nil {
		return nil, invalid("Repository", "permission", "invalid", "")
	}
	s.grant(c.repo, c.params["username"], role)
	return noContent()
}

func (s *Server) deleteCollaborator(c *call) (*answer, error) {
	s.grant(c.repo, c.params["username"], RoleNone)
	return noContent()
}

func (s *Server) suspend(c *call) (*answer, error)   { return s.setSuspended(c, true) }
func (s *Server) unsuspend(c *call) (*answer, error) { return s.setSuspended(c, false) }

func (s *Server) setSuspended(c *call, suspended bool) (*answer, error) {
	i, err := c.installationOfApp()
	if err != nil {
		return nil, err
	}
	i.Suspended = suspended
	return noContent()
}
