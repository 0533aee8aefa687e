package fakegithub

import (
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/lazyregexp"
	"github.com/sluicehq/sluice/test/fakegithub/bare"
)

// workflowFiles are the names in .github/workflows of the default branch; a workflow's ID follows from its place.
func (r *repository) workflowFiles() []string {
	sha := r.git.Ref("refs/heads/" + r.defaultBranch)
	var out []string
	for p := range workflows(r.git, sha) {
		if ext := path.Ext(p); ext == ".yml" || ext == ".yaml" {
			out = append(out, path.Base(p))
		}
	}
	slices.Sort(out)
	return out
}

// workflowID is the number of a workflow; names keep theirs.
func (r *repository) workflowID(name string) int64 {
	if at := slices.Index(r.workflowNames, name); at >= 0 {
		return r.id*1000 + int64(at)
	}
	r.workflowNames = append(r.workflowNames, name)
	return r.id*1000 + int64(len(r.workflowNames)-1)
}

func (c *call) workflow() (string, error) {
	want := c.params["workflow_id"]
	for _, name := range c.repo.workflowFiles() {
		if name == want || fmt.Sprint(c.repo.workflowID(name)) == want {
			return name, nil
		}
	}
	return "", &notFound
}

// yamlLine reads a top-level value of a workflow file.
func yamlLine(text, key string) string {
	m := regexp.MustCompile(`(?m)^` + key + `:[ \t]*(.+?)[ \t]*$`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return strings.Trim(m[1], `"'`)
}

func (r *repository) workflowText(sha, name string) (string, bool) {
	x, err := r.git.Commit(sha)
	if err != nil {
		return "", false
	}
	e, err := r.git.Lookup(x.Tree, ".github/workflows/"+name)
	if err != nil {
		return "", false
	}
	_, data, err := r.git.Object(e.SHA)
	return string(data), err == nil
}

func (r *repository) workflowName(name string) string {
	text, _ := r.workflowText(r.git.Ref("refs/heads/"+r.defaultBranch), name)
	if title := yamlLine(text, "name"); title != "" {
		return title
	}
	return ".github/workflows/" + name
}

func (r *repository) workflowShape(name string) obj {
	id := r.workflowID(name)
	return obj{"id": id, "node_id": node("W", id), "name": r.workflowName(name), "path": ".github/workflows/" + name, "state": "active", "created_at": ts(r.created),
		"updated_at": ts(r.created), "url": r.url("/actions/workflows/%d", id), "html_url": r.html("/blob/%s/.github/workflows/%s", r.defaultBranch, name),
		"badge_url": r.html("/workflows/%s/badge.svg", name)}
}

func (s *Server) listWorkflows(c *call) (*answer, error) {
	all := c.repo.workflowFiles()
	return ok(obj{"total_count": len(all), "workflows": shapes(page(c, all), c.repo.workflowShape)})
}

func (s *Server) getWorkflow(c *call) (*answer, error) {
	name, err := c.workflow()
	if err != nil {
		return nil, err
	}
	return ok(c.repo.workflowShape(name))
}

var inputRE = lazyregexp.New(`\$\{\{\s*(?:github\.event\.)?inputs\.([A-Za-z0-9_-]+)\s*\}\}`)

// dispatch starts a run by hand. The workflow must exist on the default branch and have the trigger on the ref.
func (s *Server) dispatch(c *call) (*answer, error) {
	name, err := c.workflow()
	if err != nil {
		return nil, err
	}
	var in struct {
		Ref     string
		Inputs  map[string]any
		Details bool `json:"return_run_details"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	branch := strings.TrimPrefix(in.Ref, "refs/heads/")
	sha, err := c.repo.git.Resolve(branch)
	if in.Ref == "" || err != nil || bare.IsSHA(in.Ref) {
		return nil, refuse(http.StatusUnprocessableEntity, "No ref found for: %s", in.Ref)
	}
	text, found := c.repo.workflowText(sha, name)
	if !found || !strings.Contains(text, "workflow_dispatch") {
		return nil, refuse(http.StatusUnprocessableEntity, "Workflow does not have 'workflow_dispatch' trigger")
	}
	if len(in.Inputs) > 25 {
		return nil, refuse(http.StatusUnprocessableEntity, "you may only define up to 25 `inputs` for a `workflow_dispatch` event")
	}
	inputs := map[string]string{}
	for k, v := range in.Inputs {
		if !regexp.MustCompile(`(?m)^\s+` + regexp.QuoteMeta(k) + `:`).MatchString(text) {
			return nil, refuse(http.StatusUnprocessableEntity, "Unexpected inputs provided: [%q]", k)
		}
		inputs[k] = fmt.Sprint(v)
	}
	title := inputRE.ReplaceAllStringFunc(yamlLine(text, "run-name"), func(m string) string { return inputs[inputRE.FindStringSubmatch(m)[1]] })
	if title == "" {
		title = c.repo.workflowName(name)
	}
	w := &WorkflowRun{ID: s.id(), Number: len(c.repo.runs) + 1, Attempt: 1, Repo: c.repo.fullName(), Workflow: name, Title: title, Event: "workflow_dispatch", Branch: branch, SHA: sha,
		Status: "queued", Actor: c.who.account.Login, Inputs: inputs, CreatedAt: s.now(), UpdatedAt: s.now()}
	c.repo.runs = append(c.repo.runs, w)
	s.startRun(c.repo, w)
	if in.Details {
		return ok(obj{"workflow_run_id": w.ID, "run_url": c.repo.url("/actions/runs/%d", w.ID), "html_url": c.repo.html("/actions/runs/%d", w.ID)})
	}
	return noContent()
}

func (s *Server) startRun(r *repository, w *WorkflowRun) {
	s.emitRun(r, w, "requested")
	s.runs.start(&Repo{s: s, id: r.id}, *w)
}

func (s *Server) emitRun(r *repository, w *WorkflowRun, action string) {
	s.emit(r, "workflow_run", action, s.account(w.Actor), obj{"workflow_run": s.runShape(r, w), "workflow": r.workflowShape(w.Workflow)})
}

func (s *Server) runShape(r *repository, w *WorkflowRun) obj {
	u := r.url("/actions/runs/%d", w.ID)
	var conclusion any = textOrNil(w.Conclusion)
	return obj{"id": w.ID, "name": r.workflowName(w.Workflow), "node_id": node("WFR", w.ID), "check_suite_id": w.ID + 1_000_000, "check_suite_node_id": node("CS", w.ID+1_000_000),
		"head_branch": w.Branch, "head_sha": w.SHA, "path": ".github/workflows/" + w.Workflow, "run_number": w.Number, "run_attempt": w.Attempt, "event": w.Event, "display_title": w.Title,
		"status": w.Status, "conclusion": conclusion, "workflow_id": r.workflowID(w.Workflow), "url": u, "html_url": r.html("/actions/runs/%d", w.ID), "pull_requests": s.pullsAt(r, w.SHA),
		"created_at": ts(w.CreatedAt), "updated_at": ts(w.UpdatedAt), "run_started_at": ts(w.CreatedAt), "actor": s.userOrNil(w.Actor), "triggering_actor": s.userOrNil(w.Actor),
		"jobs_url": u + "/jobs", "logs_url": u + "/logs", "check_suite_url": r.url("/check-suites/%d", w.ID+1_000_000), "artifacts_url": u + "/artifacts", "cancel_url": u + "/cancel",
		"rerun_url": u + "/rerun", "previous_attempt_url": nil, "workflow_url": r.url("/actions/workflows/%d", r.workflowID(w.Workflow)), "head_commit": r.simpleCommit(w.SHA),
		"repository": r.shape(), "head_repository": r.shape(), "referenced_workflows": []obj{}}
}

func (s *Server) listRuns(c *call) (*answer, error) {
	workflow := ""
	if c.params["workflow_id"] != "" {
		name, err := c.workflow()
		if err != nil {
			return nil, err
		}
		workflow = name
	}
	fits := func(param, value string) bool { return c.query.Get(param) == "" || c.query.Get(param) == value }
	var all []*WorkflowRun
	for _, w := range slices.Backward(c.repo.runs) {
		if (workflow == "" || w.Workflow == workflow) && fits("branch", w.Branch) && fits("event", w.Event) && fits("head_sha", w.SHA) && fits("actor", w.Actor) &&
			(fits("status", w.Status) || fits("status", w.Conclusion)) && createdFits(c.query.Get("created"), ts(w.CreatedAt)) {
			all = append(all, w)
		}
	}
	return ok(obj{"total_count": len(all), "workflow_runs": shapes(page(c, all), func(w *WorkflowRun) obj { return s.runShape(c.repo, w) })})
}

// createdFits is GitHub's date search: >=2026-01-02, a..b, or the day itself.
func createdFits(want, have string) bool {
	switch from, to, between := strings.Cut(want, ".."); {
	case want == "":
		return true
	case between:
		return (from == "*" || have >= from) && (to == "*" || have[:min(len(have), len(to))] <= to)
	case strings.HasPrefix(want, ">="):
		return have >= want[2:]
	case strings.HasPrefix(want, "<="):
		return have[:min(len(have), len(want)-2)] <= want[2:]
	case strings.HasPrefix(want, ">"):
		return have > want[1:]
	case strings.HasPrefix(want, "<"):
		return have < want[1:]
	}
	return strings.HasPrefix(have, want)
}

func (c *call) run() (*WorkflowRun, error) {
	id, err := c.int64("run_id")
	if err != nil {
		return nil, err
	}
	for _, w := range c.repo.runs {
		if w.ID == id {
			return w, nil
		}
	}
	return nil, &notFound
}

func (s *Server) getRun(c *call) (*answer, error) {
	w, err := c.run()
	if err != nil {
		return nil, err
	}
	return ok(s.runShape(c.repo, w))
}

func (s *Server) cancelRun(c *call) (*answer, error) {
	w, err := c.run()
	if err != nil {
		return nil, err
	}
	if w.Status == "completed" {
		return nil, conflictf("Cannot cancel a workflow run that is completed.")
	}
	w.Cancelled, w.UpdatedAt = true, s.now()
	w.Status, w.Conclusion = "completed", "cancelled"
	s.emitRun(c.repo, w, "completed")
	return accepted(obj{})
}

func (s *Server) rerunRun(c *call) (*answer, error) {
	w, err := c.run()
	if err != nil {
		return nil, err
	}
	if w.Status != "completed" {
		return nil, refuse(http.StatusForbidden, "This workflow run cannot be retried: it is already running")
	}
	w.Attempt++
	w.Status, w.Conclusion, w.Cancelled, w.UpdatedAt = "queued", "", false, s.now()
	s.startRun(c.repo, w)
	return created(obj{})
}

// SetRun moves a workflow run on and sends workflow_run in_progress or completed. Conclusion is for completed. A run
// that is completed already stays as it is, and no webhook is sent.
func (r *Repo) SetRun(id int64, status, conclusion string) error {
	err := fmt.Errorf("%s has no workflow run %d", r.FullName(), id)
	r.with(func(x *repository) {
		for _, w := range x.runs {
			if w.ID != id {
				continue
			}
			err = nil
			if w.Status == "completed" {
				return
			}
			w.Status, w.Conclusion, w.UpdatedAt = status, conclusion, r.s.now()
			if status == "in_progress" || status == "completed" {
				r.s.emitRun(x, w, status)
			}
		}
	})
	return err
}
