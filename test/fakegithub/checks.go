package fakegithub

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// suite is the check suite of an App at a commit, made when there is none.
func (s *Server) suite(r *repository, appID int64, sha string) (x *CheckSuite, made bool) {
	for _, x := range r.suites {
		if x.AppID == appID && x.SHA == sha {
			return x, false
		}
	}
	x = &CheckSuite{ID: s.id(), AppID: appID, SHA: sha, HeadBranch: s.branchAt(r, sha), CreatedAt: s.now()}
	r.suites = append(r.suites, x)
	return x, true
}

// branchAt is a branch whose head a commit is, empty when there is none.
func (s *Server) branchAt(r *repository, sha string) string {
	for _, ref := range r.git.Refs("refs/heads/") {
		if ref.SHA == sha {
			return ref.Name[len("refs/heads/"):]
		}
	}
	return ""
}

// openSuites makes a suite for each App that may write checks, and asks it for its checks.
func (s *Server) openSuites(r *repository, branch, before, sha string, sender *Account) {
	for _, i := range s.installations() {
		if !s.covers(i, r) || i.Permissions["checks"] != "write" {
			continue
		}
		x, made := s.suite(r, i.AppID, sha)
		if made {
			x.HeadBranch = branch
			s.emitTo(i.AppID, r, "check_suite", "requested", sender, obj{"check_suite": s.suiteEvent(r, x, before)})
		}
	}
}

// pullsAt are the open pull requests of this repository whose head a commit is; forks give none.
func (s *Server) pullsAt(r *repository, sha string) []obj {
	out := []obj{}
	for _, i := range r.openPulls(func(i *Issue) bool { return i.Pull.HeadSHA == sha && s.headRepo(i) == r }) {
		side := func(ref, sha string) obj {
			return obj{"ref": ref, "sha": sha, "repo": obj{"id": r.id, "url": r.url(""), "name": r.name}}
		}
		out = append(out, obj{"id": i.Pull.ID, "number": i.Number, "url": r.url("/pulls/%d", i.Number), "head": side(i.Pull.HeadRef, i.Pull.HeadSHA), "base": side(i.Pull.BaseRef, i.Pull.BaseSHA)})
	}
	return out
}

func (s *Server) checkShape(r *repository, x *CheckRun) obj {
	var details any = textOrNil(x.DetailsURL)
	app := s.apps[x.AppID]
	if details == nil {
		details = "https://example.com"
	}
	u := r.url("/check-runs/%d", x.ID)
	return obj{"id": x.ID, "node_id": node("CR", x.ID), "head_sha": x.SHA, "external_id": x.ExternalID, "url": u, "html_url": r.html("/runs/%d", x.ID), "details_url": details,
		"status": x.Status, "conclusion": textOrNil(x.Conclusion), "started_at": tsOrNil(x.StartedAt), "completed_at": tsOrNil(x.CompletedAt), "name": x.Name,
		"output":      obj{"title": textOrNil(x.Title), "summary": textOrNil(x.Summary), "text": textOrNil(x.Text), "annotations_count": len(x.Annotations), "annotations_url": u + "/annotations"},
		"check_suite": obj{"id": x.SuiteID}, "app": s.integration(app), "pull_requests": s.pullsAt(r, x.SHA)}
}

// suiteState is a suite's status and conclusion, computed from its latest runs.
func (s *Server) suiteState(r *repository, x *CheckSuite) (status, conclusion string, runs int) {
	var own []*CheckRun
	for _, run := range r.checksAt[x.SHA] {
		if run.SuiteID == x.ID {
			own = append(own, run)
		}
	}
	own = latestChecks(own)
	if len(own) == 0 {
		return "queued", "", 0
	}
	status, conclusion = "completed", "success"
	rank := []string{"success", "neutral", "skipped", "stale", "cancelled", "action_required", "timed_out", "failure"}
	for _, run := range own {
		if run.Status != "completed" {
			return "in_progress", "", len(own)
		}
		if slices.Index(rank, run.Conclusion) > slices.Index(rank, conclusion) {
			conclusion = run.Conclusion
		}
	}
	return status, conclusion, len(own)
}

func (s *Server) suiteShape(r *repository, x *CheckSuite) obj {
	status, conclusion, runs := s.suiteState(r, x)
	u := r.url("/check-suites/%d", x.ID)
	return obj{"id": x.ID, "node_id": node("CS", x.ID), "head_branch": textOrNil(x.HeadBranch), "head_sha": x.SHA, "status": status, "conclusion": textOrNil(conclusion), "url": u,
		"before": nil, "after": x.SHA, "pull_requests": s.pullsAt(r, x.SHA), "app": s.integration(s.apps[x.AppID]), "repository": r.shape(), "created_at": ts(x.CreatedAt),
		"updated_at": ts(x.CreatedAt), "head_commit": r.simpleCommit(x.SHA), "latest_check_runs_count": runs, "check_runs_url": u + "/check-runs",
		"rerequestable": true, "runs_rerequestable": true}
}

// suiteEvent is a suite as events contain it, without the repository.
func (s *Server) suiteEvent(r *repository, x *CheckSuite, before string) obj {
	o := s.suiteShape(r, x)
	delete(o, "repository")
	app := s.integration(s.apps[x.AppID])
	app["events"] = slices.DeleteFunc(slices.Clone(s.apps[x.AppID].Events), func(e string) bool { return e == "merge_group" }) // GitHub's description lacks it there
	o["app"] = app
	o["before"] = zeroIfEmpty(before)
	return o
}

// checkEvent is a check run as events contain it, with more of its suite.
func (s *Server) checkEvent(r *repository, x *CheckRun) obj {
	o := s.checkShape(r, x)
	for _, suite := range r.suites {
		if suite.ID == x.SuiteID {
			se := s.suiteEvent(r, suite, "")
			for _, k := range []string{"head_commit", "latest_check_runs_count", "check_runs_url", "rerequestable", "runs_rerequestable"} {
				delete(se, k)
			}
			o["check_suite"] = se
		}
	}
	return o
}

// latestChecks keeps of each name in each suite the newest run.
func latestChecks(all []*CheckRun) []*CheckRun {
	type key struct {
		suite int64
		name  string
	}
	last := map[key]*CheckRun{}
	for _, x := range all {
		last[key{x.SuiteID, x.Name}] = x
	}
	return slices.DeleteFunc(slices.Clone(all), func(x *CheckRun) bool { return last[key{x.SuiteID, x.Name}] != x })
}

type checkOrder struct {
	Name        *string
	HeadSHA     string     `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      string     `json:"status"`
	Conclusion  string     `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title, Summary, Text *string
		Annotations          []Annotation
	}
	Actions []CheckAction
}

// textLimit is GitHub's for the summary and the text of a check run, in characters.
const textLimit = 65535

// problem says which of GitHub's limits an order breaks.
func (o checkOrder) problem() error {
	long := func(s *string, limit int) bool { return s != nil && utf8.RuneCountInString(*s) > limit }
	bad := func(field, text string) error { return invalid("CheckRun", field, "invalid", text) }
	if len(o.Actions) > 3 {
		return bad("actions", "No more than 3 actions are allowed")
	}
	for _, a := range o.Actions {
		if long(&a.Label, 20) || long(&a.Description, 40) || long(&a.Identifier, 20) || a.Label == "" || a.Identifier == "" || a.Description == "" {
			return bad("actions", "label and identifier hold 20 characters, description 40")
		}
	}
	if out := o.Output; out != nil {
		switch {
		case long(out.Summary, textLimit), long(out.Text, textLimit):
			return bad("output", fmt.Sprintf("summary and text hold %d characters", textLimit))
		case len(out.Annotations) > 50:
			return bad("annotations", "No more than 50 annotations per request")
		case out.Summary == nil || out.Title == nil:
			return bad("output", "title and summary are required")
		}
		for _, a := range out.Annotations {
			if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "" || !slices.Contains([]string{"notice", "warning", "failure"}, a.Level) {
				return bad("annotations", "an annotation needs path, lines, level and message")
			}
		}
	}
	if o.Status == "completed" && o.Conclusion == "" {
		return bad("conclusion", "conclusion is required when status is completed")
	}
	return nil
}

// fill puts an order into a run.
func (o checkOrder) fill(x *CheckRun, now time.Time) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&x.Name, o.Name)
	set(&x.DetailsURL, o.DetailsURL)
	set(&x.ExternalID, o.ExternalID)
	if o.Output != nil {
		set(&x.Title, o.Output.Title)
		set(&x.Summary, o.Output.Summary)
		x.Text = ""
		set(&x.Text, o.Output.Text)
		x.Annotations = append(slices.Clone(x.Annotations), o.Output.Annotations...)
	}
	if o.StartedAt != nil {
		x.StartedAt = *o.StartedAt
	}
	switch {
	case o.Conclusion != "":
		x.Status, x.Conclusion, x.CompletedAt = "completed", o.Conclusion, now
		if o.CompletedAt != nil {
			x.CompletedAt = *o.CompletedAt
		}
	case o.Status != "":
		x.Status, x.Conclusion, x.CompletedAt = o.Status, "", time.Time{}
	}
	if o.Actions != nil {
		x.Actions = o.Actions
	}
}

func (s *Server) createCheck(c *call) (*answer, error) {
	if !c.who.isApp() {
		return nil, refuse(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	var in checkOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil || *in.Name == "" || in.HeadSHA == "" {
		return nil, invalid("CheckRun", "name", "missing_field", "")
	}
	if err := in.problem(); err != nil {
		return nil, err
	}
	if _, err := c.repo.git.Commit(in.HeadSHA); err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", in.HeadSHA)
	}
	x := s.newCheck(c.repo, c.who.app.ID, in.HeadSHA)
	in.fill(x, s.now())
	s.emitCheck(c.repo, x, "created", c.who.account)
	return created(s.checkShape(c.repo, x))
}

func (s *Server) newCheck(r *repository, appID int64, sha string) *CheckRun {
	suite, _ := s.suite(r, appID, sha)
	x := &CheckRun{ID: s.id(), SuiteID: suite.ID, AppID: appID, SHA: sha, Status: "queued", StartedAt: s.now()}
	r.checks = append(r.checks, x)
	r.checksAt[sha] = append(r.checksAt[sha], x)
	return x
}

// emitCheck tells of a run that was created, completed or asked for, and of its suite when that is complete with it.
func (s *Server) emitCheck(r *repository, x *CheckRun, action string, sender *Account) {
	s.emit(r, "check_run", action, sender, obj{"check_run": s.checkEvent(r, x)})
	if x.Status != "completed" {
		return
	}
	if action == "created" {
		s.emit(r, "check_run", "completed", sender, obj{"check_run": s.checkEvent(r, x)})
	}
	for _, suite := range r.suites {
		if status, _, _ := s.suiteState(r, suite); suite.ID == x.SuiteID && status == "completed" {
			s.emit(r, "check_suite", "completed", sender, obj{"check_suite": s.suiteEvent(r, suite, "")})
		}
	}
	s.moveQueue(r, x.SHA)
}

func (c *call) check() (*CheckRun, error) {
	id, err := c.int64("check_run_id")
	if err != nil {
		return nil, err
	}
	for _, x := range c.repo.checks {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, &notFound
}

func (s *Server) updateCheck(c *call) (*answer, error) {
	x, err := c.check()
	if err != nil {
		return nil, err
	}
	if !c.who.isApp() || c.who.app.ID != x.AppID {
		return nil, refuse(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", x.AppID)
	}
	var in checkOrder
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := in.problem(); err != nil {
		return nil, err
	}
	was := *x
	in.fill(x, s.now())
	x.Updates++
	if x.Status == "completed" && (was.Status != "completed" || was.Conclusion != x.Conclusion) {
		s.emitCheck(c.repo, x, "completed", c.who.account)
	}
	return ok(s.checkShape(c.repo, x))
}

func (s *Server) getCheck(c *call) (*answer, error) {
	x, err := c.check()
	if err != nil {
		return nil, err
	}
	return ok(s.checkShape(c.repo, x))
}

// sha resolves the ref of a path to a commit.
func (c *call) sha() (string, error) {
	sha, err := c.repo.git.Resolve(c.params["ref"])
	if err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.params["ref"])
	}
	return sha, nil
}

func (s *Server) listChecks(c *call) (*answer, error) {
	sha, err := c.sha()
	if err != nil {
		return nil, err
	}
	return s.checkList(c, c.repo.checksAt[sha])
}

func (s *Server) checkList(c *call, all []*CheckRun) (*answer, error) {
	if c.query.Get("filter") != "all" {
		all = latestChecks(all)
	}
	all = slices.DeleteFunc(slices.Clone(all), func(x *CheckRun) bool {
		name, status, app := c.query.Get("check_name"), c.query.Get("status"), c.query.Get("app_id")
		return name != "" && name != x.Name || status != "" && status != x.Status || app != "" && int64(atoi(app)) != x.AppID
	})
	slices.Reverse(all) // newest first
	return ok(obj{"total_count": len(all), "check_runs": shapes(page(c, all), func(x *CheckRun) obj { return s.checkShape(c.repo, x) })})
}

func (s *Server) listAnnotations(c *call) (*answer, error) {
	x, err := c.check()
	if err != nil {
		return nil, err
	}
	return ok(shapes(page(c, x.Annotations), func(a Annotation) obj {
		return obj{"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": nil, "end_column": nil, "annotation_level": a.Level, "title": textOrNil(a.Title),
			"message": a.Message, "raw_details": textOrNil(a.Details), "blob_href": c.repo.url("/git/blobs/%s", x.SHA)}
	}))
}

func (s *Server) rerequestCheck(c *call) (*answer, error) {
	x, err := c.check()
	if err != nil {
		return nil, err
	}
	s.emitTo(x.AppID, c.repo, "check_run", "rerequested", c.who.account, obj{"check_run": s.checkEvent(c.repo, x)})
	return created(obj{})
}

func (c *call) checkSuite() (*CheckSuite, error) {
	id, err := c.int64("check_suite_id")
	if err != nil {
		return nil, err
	}
	for _, x := range c.repo.suites {
		if x.ID == id {
			return x, nil
		}
	}
	return nil, &notFound
}

func (s *Server) getSuite(c *call) (*answer, error) {
	x, err := c.checkSuite()
	if err != nil {
		return nil, err
	}
	return ok(s.suiteShape(c.repo, x))
}

func (s *Server) suiteChecks(c *call) (*answer, error) {
	x, err := c.checkSuite()
	if err != nil {
		return nil, err
	}
	var own []*CheckRun
	for _, run := range c.repo.checksAt[x.SHA] {
		if run.SuiteID == x.ID {
			own = append(own, run)
		}
	}
	return s.checkList(c, own)
}

func (s *Server) rerequestSuite(c *call) (*answer, error) {
	x, err := c.checkSuite()
	if err != nil {
		return nil, err
	}
	s.emitTo(x.AppID, c.repo, "check_suite", "rerequested", c.who.account, obj{"check_suite": s.suiteEvent(c.repo, x, "")})
	return created(obj{})
}

func (s *Server) listSuites(c *call) (*answer, error) {
	sha, err := c.sha()
	if err != nil {
		return nil, err
	}
	var all []*CheckSuite
	for _, x := range c.repo.suites {
		if app := c.query.Get("app_id"); x.SHA == sha && (app == "" || int64(atoi(app)) == x.AppID) {
			all = append(all, x)
		}
	}
	return ok(obj{"total_count": len(all), "check_suites": shapes(page(c, all), func(x *CheckSuite) obj { return s.suiteShape(c.repo, x) })})
}

// clickButton does what a click on a check run's button does.
func (s *Server) clickButton(_ context.Context, login, repo string, id int64, identifier string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, who := s.repoNamed(repo), s.account(login)
	if r == nil || who == nil {
		return fmt.Errorf("there is no repository %s or no user %s", repo, login)
	}
	if !s.roleOf(who, r).atLeast(RoleWrite) {
		return fmt.Errorf("%s sees no buttons in %s: they need write access", login, repo)
	}
	for _, x := range r.checks {
		if x.ID != id {
			continue
		}
		if !slices.ContainsFunc(x.Actions, func(a CheckAction) bool { return a.Identifier == identifier }) {
			return fmt.Errorf("check run %s of %s has no button %q", x.Name, repo, identifier)
		}
		s.emitTo(x.AppID, r, "check_run", "requested_action", who, obj{"check_run": s.checkEvent(r, x), "requested_action": obj{"identifier": identifier}})
		return nil
	}
	return fmt.Errorf("%s has no check run %d", repo, id)
}
