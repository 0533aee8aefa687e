package fakegithub

import (
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

func (s *Server) deploymentShape(r *repository, d *Deployment) obj {
	u := r.url("/deployments/%d", d.ID)
	payload := d.Payload
	if payload == nil {
		payload = obj{}
	}
	updated := d.CreatedAt
	if n := len(d.Statuses); n > 0 {
		updated = d.Statuses[n-1].CreatedAt
	}
	return obj{"url": u, "id": d.ID, "node_id": node("DE", d.ID), "task": d.Task, "original_environment": d.Environment, "environment": d.Environment, "description": textOrNil(d.Description),
		"created_at": ts(d.CreatedAt), "updated_at": ts(updated), "statuses_url": u + "/statuses", "repository_url": r.url(""), "creator": s.userOrNil(d.Author), "sha": d.SHA,
		"ref": d.Ref, "payload": payload, "transient_environment": d.Transient, "production_environment": d.Production, "performed_via_github_app": nil}
}

func (s *Server) deploymentStatusShape(r *repository, d *Deployment, x DeploymentStatus) obj {
	u := r.url("/deployments/%d", d.ID)
	return obj{"url": r.url("/deployments/%d/statuses/%d", d.ID, x.ID), "id": x.ID, "node_id": node("DES", x.ID), "state": x.State, "creator": s.userOrNil(x.Author), "description": x.Description,
		"environment": d.Environment, "target_url": x.LogURL, "log_url": x.LogURL, "environment_url": x.EnvironmentURL, "created_at": ts(x.CreatedAt), "updated_at": ts(x.CreatedAt),
		"deployment_url": u, "repository_url": r.url("")}
}

func (s *Server) listDeployments(c *call) (*answer, error) {
	fits := func(param, value string) bool {
		want := c.query.Get(param)
		return want == "" || want == "none" || want == value
	}
	var all []*Deployment
	for _, d := range slices.Backward(c.repo.deployments) {
		if fits("sha", d.SHA) && fits("ref", d.Ref) && fits("task", d.Task) && fits("environment", d.Environment) {
			all = append(all, d)
		}
	}
	return ok(shapes(page(c, all), func(d *Deployment) obj { return s.deploymentShape(c.repo, d) }))
}

func (c *call) deployment() (*Deployment, error) {
	id, err := c.int64("deployment_id")
	if err != nil {
		return nil, err
	}
	for _, d := range c.repo.deployments {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, &notFound
}

func (s *Server) getDeployment(c *call) (*answer, error) {
	d, err := c.deployment()
	if err != nil {
		return nil, err
	}
	return ok(s.deploymentShape(c.repo, d))
}

// createDeployment has GitHub's defaults: unless told otherwise it merges the default branch into the ref (202, and no
// deployment), and demands that every status and check of the commit is green (409).
func (s *Server) createDeployment(c *call) (*answer, error) {
	in := struct {
		Ref, Task, Environment, Description string
		AutoMerge                           *bool     `json:"auto_merge"`
		Contexts                            *[]string `json:"required_contexts"`
		Payload                             any
		Transient                           bool  `json:"transient_environment"`
		Production                          *bool `json:"production_environment"`
	}{Task: "deploy", Environment: "production"}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	sha, err := c.repo.git.Resolve(in.Ref)
	if in.Ref == "" || err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "No ref found for: %s", in.Ref)
	}
	if in.AutoMerge == nil || *in.AutoMerge {
		if a, err := s.autoMerge(c, in.Ref, sha); a != nil || err != nil {
			return a, err
		}
	}
	var contexts []string
	if in.Contexts != nil {
		contexts = append([]string{}, *in.Contexts...)
	}
	if name := s.failing(c.repo, sha, contexts); name != "" {
		no := conflictf("Conflict: Commit status checks failed for %s.", in.Ref).(*refusal)
		no.errors = []any{obj{"contexts": []obj{{"context": name, "state": s.checkState(c.repo, sha, requiredCheck{context: name})}}, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}}
		return nil, no
	}
	d := &Deployment{ID: s.id(), SHA: sha, Ref: in.Ref, Task: in.Task, Environment: in.Environment, Description: in.Description, Payload: in.Payload, Author: c.who.account.Login,
		Production: in.Environment == "production", Transient: in.Transient, CreatedAt: s.now()}
	if in.Production != nil {
		d.Production = *in.Production
	}
	c.repo.deployments = append(c.repo.deployments, d)
	s.emit(c.repo, "deployment", "created", c.who.account, obj{"deployment": s.deploymentShape(c.repo, d), "workflow": nil, "workflow_run": nil})
	return created(s.deploymentShape(c.repo, d))
}

// autoMerge merges the default branch into a branch that lacks some of it; nil when there is nothing to do.
func (s *Server) autoMerge(c *call, ref, sha string) (*answer, error) {
	g, name := c.repo.git, "refs/heads/"+ref
	main := g.Ref("refs/heads/" + c.repo.defaultBranch)
	if g.Ref(name) != sha || main == "" {
		return nil, nil // no branch
	}
	if has, err := g.Contains(sha, main); err != nil || has {
		return nil, err
	}
	tree, err := g.Merge(c.r.Context(), sha, main)
	if err != nil {
		return nil, conflictf("Conflict merging %s into %s.", c.repo.defaultBranch, ref)
	}
	merged, err := g.WriteCommit(bare.Commit{Tree: tree, Parents: []string{sha, main}, Author: s.signature(c.who.account), Committer: s.web(), Message: "Merge " + c.repo.defaultBranch + " into " + ref})
	if err != nil {
		return nil, err
	}
	if err := s.change(c.repo, change{ref: name, old: sha, new: merged, by: c.who}); err != nil {
		return nil, refError(err, http.StatusConflict)
	}
	return accepted(obj{"message": "Auto-merged " + c.repo.defaultBranch + " into " + ref + " on deployment."})
}

func (s *Server) deleteDeployment(c *call) (*answer, error) {
	d, err := c.deployment()
	if err != nil {
		return nil, err
	}
	if st := d.State(); len(c.repo.deployments) > 1 && st != "inactive" && st != "failure" && st != "error" {
		return nil, refuse(http.StatusUnprocessableEntity, "We cannot delete an active deployment unless it is the only deployment in a given environment.")
	}
	c.repo.deployments = slices.DeleteFunc(c.repo.deployments, func(x *Deployment) bool { return x == d })
	return noContent()
}

func (s *Server) listDeploymentStatuses(c *call) (*answer, error) {
	d, err := c.deployment()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(d.Statuses)
	slices.Reverse(all)
	return ok(shapes(page(c, all), func(x DeploymentStatus) obj { return s.deploymentStatusShape(c.repo, d, x) }))
}

// createDeploymentStatus makes earlier, non-transient deployments of the environment inactive on success.
func (s *Server) createDeploymentStatus(c *call) (*answer, error) {
	d, err := c.deployment()
	if err != nil {
		return nil, err
	}
	var in struct {
		State, Description, Environment string
		EnvironmentURL                  string `json:"environment_url"`
		LogURL                          string `json:"log_url"`
		TargetURL                       string `json:"target_url"`
		AutoInactive                    *bool  `json:"auto_inactive"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}, in.State) {
		return nil, invalid("DeploymentStatus", "state", "custom", "state is not included in the list")
	}
	if len([]rune(in.Description)) > 140 {
		return nil, invalid("DeploymentStatus", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	if in.LogURL == "" {
		in.LogURL = in.TargetURL
	}
	if in.Environment != "" {
		d.Environment = in.Environment
	}
	s.setDeployment(c, d, DeploymentStatus{State: in.State, Description: in.Description, EnvironmentURL: in.EnvironmentURL, LogURL: in.LogURL})
	added := d.Statuses[len(d.Statuses)-1]
	if in.State == "success" && (in.AutoInactive == nil || *in.AutoInactive) {
		for _, x := range c.repo.deployments {
			if x != d && x.ID < d.ID && x.Environment == d.Environment && !x.Transient && x.State() == "success" {
				s.setDeployment(c, x, DeploymentStatus{State: "inactive"})
			}
		}
	}
	return created(s.deploymentStatusShape(c.repo, d, added))
}

func (s *Server) setDeployment(c *call, d *Deployment, x DeploymentStatus) {
	x.ID, x.Author, x.CreatedAt = s.id(), c.who.account.Login, s.now()
	d.Statuses = append(slices.Clone(d.Statuses), x)
	s.emit(c.repo, "deployment_status", "created", c.who.account, obj{"deployment_status": s.deploymentStatusShape(c.repo, d, x), "deployment": s.deploymentShape(c.repo, d),
		"check_run": nil, "workflow": nil, "workflow_run": nil})
}

// environments are those that deployments have named, and those that were set up.
func (r *repository) environments() []string {
	names := slices.Clone(r.envs)
	for _, d := range r.deployments {
		if !slices.Contains(names, d.Environment) {
			names = append(names, d.Environment)
		}
	}
	return names
}

func (r *repository) environmentShape(name string) obj {
	id := r.id*100 + int64(slices.Index(r.environments(), name))
	return obj{"id": id, "node_id": node("EN", id), "name": name, "url": r.url("/environments/%s", name), "html_url": r.html("/deployments/activity_log?environments_filter=%s", name),
		"created_at": ts(r.created), "updated_at": ts(r.created), "protection_rules": []obj{}, "deployment_branch_policy": nil}
}

func (s *Server) listEnvironments(c *call) (*answer, error) {
	all := c.repo.environments()
	return ok(obj{"total_count": len(all), "environments": shapes(page(c, all), c.repo.environmentShape)})
}

func (s *Server) getEnvironment(c *call) (*answer, error) {
	if !slices.Contains(c.repo.environments(), c.params["environment_name"]) {
		return nil, &notFound
	}
	return ok(c.repo.environmentShape(c.params["environment_name"]))
}

func (s *Server) putEnvironment(c *call) (*answer, error) {
	if name := c.params["environment_name"]; !slices.Contains(c.repo.environments(), name) {
		c.repo.envs = append(c.repo.envs, name)
	}
	return ok(c.repo.environmentShape(c.params["environment_name"]))
}
