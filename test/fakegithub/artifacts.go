package fakegithub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// runArtifact is what a workflow run hands on.
type runArtifact struct {
	id      int64
	run     int64
	name    string
	archive []byte // zip
	expired bool
	at      time.Time
}

// artifactPath is where archives are kept: not below the API, and open to whoever knows the address.
const artifactPath = "/_artifact-archives/"

// AddArtifact gives a run an artifact, its archive a zip. It can be done before and after the run has completed.
func (r *Repo) AddArtifact(run int64, name string, archive []byte) {
	r.with(func(x *repository) {
		x.artifacts = append(x.artifacts, &runArtifact{id: r.s.id(), run: run, name: name, archive: archive, at: r.s.now()})
	})
}

// ExpireArtifacts takes the archives of a run away, as GitHub does after some time.
func (r *Repo) ExpireArtifacts(run int64) {
	r.with(func(x *repository) {
		for _, a := range x.artifacts {
			a.expired = a.expired || a.run == run
		}
	})
}

func (s *Server) listArtifacts(c *call) (*answer, error) {
	w, err := c.run()
	if err != nil {
		return nil, err
	}
	var all []*runArtifact
	for _, a := range slices.Backward(c.repo.artifacts) {
		if a.run == w.ID && (c.query.Get("name") == "" || c.query.Get("name") == a.name) {
			all = append(all, a)
		}
	}
	return ok(obj{"total_count": len(all), "artifacts": shapes(page(c, all), func(a *runArtifact) obj {
		u := c.repo.url("/actions/artifacts/%d", a.id)
		return obj{"id": a.id, "node_id": node("MDg6QXJ0aWZhY3Q", a.id), "name": a.name, "size_in_bytes": len(a.archive), "url": u, "archive_download_url": u + "/zip",
			"expired": a.expired, "created_at": ts(a.at), "updated_at": ts(a.at), "expires_at": ts(a.at.Add(90 * 24 * time.Hour)),
			"workflow_run": obj{"id": w.ID, "repository_id": c.repo.id, "head_repository_id": c.repo.id, "head_branch": w.Branch, "head_sha": w.SHA}}
	})})
}

// downloadArtifact sends to the archive, as GitHub does.
func (s *Server) downloadArtifact(c *call) (*answer, error) {
	id, err := c.int64("artifact_id")
	if err != nil || c.params["archive_format"] != "zip" {
		return nil, &notFound
	}
	for _, a := range c.repo.artifacts {
		if a.id != id {
			continue
		}
		if a.expired {
			return nil, refuse(http.StatusGone, "Artifact has expired")
		}
		return &answer{status: http.StatusFound, header: http.Header{"Location": {s.baseURL + artifactPath + fmt.Sprint(c.repo.id, "-", a.id)}}}, nil
	}
	return nil, &notFound
}

// serveArchive gives an archive away. Whoever shows a token there has shown it to somebody else than GitHub.
func (s *Server) serveArchive(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "InvalidAuthenticationInfo", http.StatusBadRequest)
		return
	}
	for _, x := range s.repos {
		for _, a := range x.artifacts {
			if strings.TrimPrefix(r.URL.Path, artifactPath) == fmt.Sprint(x.id, "-", a.id) {
				w.Header().Set("Content-Type", "application/zip")
				_, _ = w.Write(a.archive)
				return
			}
		}
	}
	http.NotFound(w, r)
}
