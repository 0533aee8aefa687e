package fakegithub

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

func (s *Server) releaseShape(r *repository, x *Release) obj {
	u := r.url("/releases/%d", x.ID)
	html := r.html("/releases/tag/%s", url.PathEscape(x.Tag))
	var tarball, zipball any = r.url("/tarball/%s", x.Tag), r.url("/zipball/%s", x.Tag)
	if x.Draft {
		html, tarball, zipball = r.html("/releases/tag/untagged-%d", x.ID), nil, nil
	}
	return obj{"url": u, "assets_url": u + "/assets", "upload_url": u + "/assets{?name,label}", "html_url": html, "id": x.ID, "author": s.userOrNil(x.Author), "node_id": node("RE", x.ID),
		"tag_name": x.Tag, "target_commitish": x.Target, "name": textOrNil(x.Name), "draft": x.Draft, "prerelease": x.Prerelease, "created_at": ts(x.CreatedAt), "updated_at": ts(x.CreatedAt),
		"published_at": tsOrNil(x.Published), "assets": []obj{}, "tarball_url": tarball, "zipball_url": zipball, "body": x.Body, "immutable": false}
}

func (s *Server) listReleases(c *call) (*answer, error) {
	var all []*Release
	for _, x := range slices.Backward(c.repo.releases) {
		if !x.Draft || c.who.isApp() || s.roleOf(accountOf(c.who), c.repo).atLeast(RoleWrite) {
			all = append(all, x)
		}
	}
	return ok(shapes(page(c, all), func(x *Release) obj { return s.releaseShape(c.repo, x) }))
}

func (s *Server) latestRelease(c *call) (*answer, error) {
	for _, x := range slices.Backward(c.repo.releases) {
		if x.mayBeLatest() {
			return ok(s.releaseShape(c.repo, x))
		}
	}
	return nil, &notFound
}

// mayBeLatest tells whether a release counts when the latest one is asked for: the newest of those that do is it.
func (x *Release) mayBeLatest() bool { return !x.Draft && !x.Prerelease && !x.NotLatest }

func (s *Server) releaseByTag(c *call) (*answer, error) {
	for _, x := range c.repo.releases {
		if x.Tag == c.params["tag"] && !x.Draft {
			return ok(s.releaseShape(c.repo, x))
		}
	}
	return nil, &notFound
}

func (c *call) release() (*Release, error) {
	id, err := c.int64("release_id")
	if err != nil {
		return nil, err
	}
	for _, x := range c.repo.releases {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, &notFound
}

func (s *Server) getRelease(c *call) (*answer, error) {
	x, err := c.release()
	if err != nil {
		return nil, err
	}
	return ok(s.releaseShape(c.repo, x))
}

type releaseOrder struct {
	Tag        *string `json:"tag_name"`
	Target     *string `json:"target_commitish"`
	Name, Body *string
	Draft      *bool
	Prerelease *bool
	Generate   bool    `json:"generate_release_notes"`
	MakeLatest *string `json:"make_latest"`
}

func (o releaseOrder) fill(x *Release) {
	for to, from := range map[*string]*string{&x.Tag: o.Tag, &x.Target: o.Target, &x.Name: o.Name, &x.Body: o.Body} {
		if from != nil {
			*to = *from
		}
	}
	if o.Draft != nil {
		x.Draft = *o.Draft
	}
	if o.Prerelease != nil {
		x.Prerelease = *o.Prerelease
	}
	if o.MakeLatest != nil {
		x.NotLatest = *o.MakeLatest == "false"
	}
}

// createRelease makes the tag, at the target or the default branch, when it does not exist and the release is no draft.
func (s *Server) createRelease(c *call) (*answer, error) {
	var in releaseOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Tag == nil || *in.Tag == "" {
		return nil, invalid("Release", "tag_name", "missing_field", "")
	}
	if slices.ContainsFunc(c.repo.releases, func(x *Release) bool { return x.Tag == *in.Tag && !x.Draft }) {
		return nil, invalid("Release", "tag_name", "already_exists", "")
	}
	x := &Release{ID: s.id(), Target: c.repo.defaultBranch, Author: c.who.account.Login, CreatedAt: s.now()}
	in.fill(x)
	if in.Generate {
		x.Body = s.notes(c.repo, x.Tag, "")
	}
	if err := s.publish(c, x); err != nil {
		return nil, err
	}
	c.repo.releases = append(c.repo.releases, x)
	s.emitRelease(c, x, "created")
	if !x.Draft {
		s.emitRelease(c, x, "published")
		s.emitRelease(c, x, "released")
	}
	return created(s.releaseShape(c.repo, x))
}

// publish sees to the tag of a release that is no draft.
func (s *Server) publish(c *call, x *Release) error {
	if x.Draft {
		return nil
	}
	x.Published = s.now()
	ref := "refs/tags/" + x.Tag
	if c.repo.git.Ref(ref) != "" {
		return nil
	}
	sha, err := c.repo.git.Resolve(x.Target)
	if err != nil {
		return invalid("Release", "target_commitish", "invalid", "")
	}
	if !bare.ValidRef(ref) {
		return invalid("Release", "tag_name", "invalid", "tag_name is not a valid tag")
	}
	if err := s.change(c.repo, change{ref: ref, new: sha, by: c.who}); err != nil {
		return refError(err, http.StatusUnprocessableEntity)
	}
	return nil
}

func (s *Server) emitRelease(c *call, x *Release, action string) {
	s.emit(c.repo, "release", action, c.who.account, obj{"release": s.releaseShape(c.repo, x)})
}

func (s *Server) updateRelease(c *call) (*answer, error) {
	x, err := c.release()
	if err != nil {
		return nil, err
	}
	var in releaseOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	draft := x.Draft
	in.fill(x)
	if err := s.publish(c, x); err != nil {
		x.Draft = draft
		return nil, err
	}
	if draft && !x.Draft {
		s.emitRelease(c, x, "published")
		s.emitRelease(c, x, "released")
	} else {
		s.emit(c.repo, "release", "edited", c.who.account, obj{"release": s.releaseShape(c.repo, x), "changes": obj{}})
	}
	return ok(s.releaseShape(c.repo, x))
}

// deleteRelease leaves the tag.
func (s *Server) deleteRelease(c *call) (*answer, error) {
	x, err := c.release()
	if err != nil {
		return nil, err
	}
	c.repo.releases = slices.DeleteFunc(c.repo.releases, func(y *Release) bool { return x == y })
	s.emitRelease(c, x, "deleted")
	return noContent()
}

func (s *Server) generateNotes(c *call) (*answer, error) {
	var in struct {
		Tag      string `json:"tag_name"`
		Previous string `json:"previous_tag_name"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return ok(obj{"name": in.Tag, "body": s.notes(c.repo, in.Tag, in.Previous)})
}

func (s *Server) notes(r *repository, tag, previous string) string {
	var b strings.Builder
	b.WriteString("## What's Changed\n")
	for _, i := range r.sortedIssues() {
		if i.Pull != nil && i.Pull.Merged {
			fmt.Fprintf(&b, "* %s by @%s in %s\n", i.Title, i.Author, r.html("/pull/%d", i.Number))
		}
	}
	if previous != "" {
		fmt.Fprintf(&b, "\n**Full Changelog**: %s\n", r.html("/compare/%s...%s", previous, tag))
	}
	return b.String()
}
