package githubapp

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// deployment is a deployment record. Its payload is whatever JSON its creator sent.
type deployment struct {
	ID          int64           `json:"id"`
	SHA         string          `json:"sha"`
	Environment string          `json:"environment"`
	Payload     json.RawMessage `json:"payload"`
	CreatedAt   time.Time       `json:"created_at"`
}

// payload is the text we sent, or the JSON somebody else did.
func (d deployment) payload() string {
	var text string
	if json.Unmarshal(d.Payload, &text) == nil {
		return text
	}
	return string(d.Payload)
}

// Deployments lists the newest hundred deployment records of an environment for a SHA, newest first; empty is
// any.
func (r *Repo) Deployments(ctx context.Context, environment, sha string) ([]forge.Deployment, error) {
	query := url.Values{}
	if environment != "" {
		query.Set("environment", environment)
	}
	if sha != "" {
		query.Set("sha", sha)
	}
	var list []deployment
	if _, err := r.call(ctx, "GET", page(r.path("deployments")+"?"+query.Encode(), 1), nil, &list); err != nil {
		return nil, err
	}
	var out []forge.Deployment
	for _, d := range list {
		out = append(out, forge.Deployment{ID: d.ID, SHA: d.SHA, Environment: d.Environment, Payload: d.payload(), CreatedAt: d.CreatedAt})
	}
	return out, nil
}

// DeploymentState is what was said of a deployment last; empty: nothing.
func (r *Repo) DeploymentState(ctx context.Context, id int64) (forge.DeploymentState, error) {
	var list []struct {
		ID    int64                 `json:"id"`
		State forge.DeploymentState `json:"state"`
	}
	_, err := r.call(ctx, "GET", page(r.path("deployments", itoa(id), "statuses"), 1), nil, &list)
	newest, state := int64(0), forge.DeploymentState("")
	for _, x := range list {
		if x.ID > newest {
			newest, state = x.ID, x.State
		}
	}
	return state, err
}

// CreateDeployment records a deployment. GitHub's defaults would merge the default branch and demand green checks; both
// are turned off.
func (r *Repo) CreateDeployment(ctx context.Context, sha, environment, description, payload string, production bool) (int64, error) {
	var made deployment
	_, err := r.call(ctx, "POST", r.path("deployments"), map[string]any{
		"ref": sha, "environment": environment, "description": cutEnd(description, maxDescription), "payload": payload,
		"auto_merge": false, "required_contexts": []string{}, "production_environment": production,
	}, &made)
	return made.ID, err
}

// SetDeploymentState adds a status to a deployment. Earlier deployments of an environment that is not for production become
// inactive when it succeeds.
func (r *Repo) SetDeploymentState(ctx context.Context, id int64, state forge.DeploymentState, description, logURL, environmentURL string) error {
	body := map[string]any{"state": state, "description": cutEnd(description, maxDescription), "auto_inactive": true}
	if logURL != "" {
		body["log_url"] = logURL
	}
	if environmentURL != "" {
		body["environment_url"] = environmentURL
	}
	_, err := r.call(ctx, "POST", r.path("deployments", itoa(id), "statuses"), body, nil)
	return err
}
