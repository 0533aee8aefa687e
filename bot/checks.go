package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/gitflow"
	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// atSHA is everything that has a say in the checks of a SHA.
type atSHA struct {
	sha        string
	pulls      []store.Pull // open ones
	executions []store.Execution
	releases   []store.Release // the live ones whose head or candidate it is, else the newest
	former     *store.Release  // one whose candidate it was, before its branch moved on
	ahead      *store.Release  // one whose branch came here after its candidate was promoted
	findings   []finding       // of pulls, in their order
	permits    []store.Permit  // of pulls
	followers  []string        // groups of a merge queue whose checks say what those of this SHA say
	group      []queuedHead    // of a merge queue's head: its pull request, and those before it in the queue
	stops      stopList
	push       []gitflow.Violation
	unchanged  bool                   // it changes no component of the repository
	reported   map[string]store.Check // by name, what GitHub was told before
	begun      map[string]bool        // by name, of what was not: it was begun to tell GitHub, before a crash
	secrets    []secretsView          // searches for credentials in what it brings
	// annotations and logs are what the actions of an execution reported.
	annotations map[string][]forge.Annotation
	logs        map[string]string
	analyses    map[string][]executor.Finding
	tests       map[string][]executor.TestReport
	hosts       map[string]string // tables of hosts
}

// told tells whether GitHub has a run of a check, or may have one that a crash left unnoted. It must be true then, even where it would
// not be made now.
func (at *atSHA) told(name string) bool {
	_, noted := at.reported[name]
	return noted || at.begun[name]
}

// checksOf composes the check runs of a SHA: one for each name, a section for everything at that SHA, the worst of them
// as conclusion.
func (s *session) checksOf(ctx context.Context, sha string) ([]forge.CheckRun, error) {
	at, err := s.gather(ctx, sha)
	if err != nil {
		return nil, err
	}
	return s.checksBy(ctx, at)
}

// checksBy is checksOf for a SHA of which everything is known.
func (s *session) checksBy(ctx context.Context, at *atSHA) (out []forge.CheckRun, err error) {
	if len(at.group) > 0 {
		out, err = s.groupChecks(ctx, at)
	} else {
		out, err = s.ownChecks(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	if s.repo.Observe {
		for i := range out {
			out[i] = observed(out[i])
		}
	}
	return out, nil
}

// ownChecks are the checks of a SHA that is no merge queue's.
func (s *session) ownChecks(ctx context.Context, at *atSHA) (out []forge.CheckRun, err error) {
	if len(at.pulls) > 0 {
		out = append(out, s.branchCheck(at), s.configCheck(at))
	} else if run, ok := s.pushCheck(at); ok {
		out = append(out, run)
	}
	if run, ok := s.pipelineCheck(at); ok {
		if err := s.showEntry(ctx, at, &run); err != nil {
			return nil, err
		}
		out = append(out, run)
	}
	promotion, ok, err := s.promotionCheck(ctx, at)
	if ok {
		out = append(out, promotion)
	}
	return out, err
}

// observed is a check that says what it found and holds nobody up.
func observed(run forge.CheckRun) forge.CheckRun {
	switch {
	case run.Conclusion == forge.Success:
	case run.Conclusion == forge.Failure || run.Conclusion == forge.TimedOut || run.Conclusion == forge.Cancelled:
		run.Title, run.Buttons = "observe: would fail: "+run.Title, nil
	default:
		run.Title, run.Buttons = "observe: would wait: "+run.Title, nil
	}
	return completed(run, forge.Success)
}

func (s *session) gather(ctx context.Context, sha string) (*atSHA, error) {
	at := &atSHA{sha: sha, reported: map[string]store.Check{}, begun: map[string]bool{}, annotations: map[string][]forge.Annotation{}, logs: map[string]string{}, analyses: map[string][]executor.Finding{},
		tests: map[string][]executor.TestReport{}, hosts: map[string]string{}}
	err := s.b.Store.Read(ctx, func(tx *store.Tx) error {
		r, err := s.readAt(ctx, tx, at)
		if err != nil {
			return err
		}
		at.executions = current(allowedForks(r.executions, at), r.heads)
		if err := s.gatherGroup(ctx, tx, at, r.group); err != nil {
			return err
		}
		if err := gatherReports(at, r.runs); err != nil {
			return err
		}
		if err := s.gatherSecrets(at, r.scans); err != nil {
			return err
		}
		for i, release := range r.releases {
			if release.SHA == sha || release.HeadSHA == sha && release.SHA == "" {
				at.addRelease(release)
			}
			if release.SHA != sha && release.HeadSHA == sha && release.Status != store.ReleaseOpen {
				at.ahead = &r.releases[i]
			}
			for _, x := range r.executions { // of which those that count here may be another branch's
				if x.ReleaseID == release.ID {
					at.former = &r.releases[i]
				}
			}
		}
		return nil
	})
	return at, err
}

// addRelease adds a release whose head or candidate a SHA is: all that are live, and of others the last, while none is.
func (at *atSHA) addRelease(r store.Release) {
	live := len(at.releases) > 0 && at.releases[0].Status.Live()
	switch {
	case r.Status.Live() && live:
		at.releases = append(at.releases, r)
	case r.Status.Live() || !live:
		at.releases = []store.Release{r}
	}
}

// allowedForks leaves out what ran for commits of forks that are not allowed any more.
func allowedForks(all []store.Execution, at *atSHA) []store.Execution {
	return slices.DeleteFunc(all, func(x store.Execution) bool {
		return ofFork(&x) && !slices.ContainsFunc(at.pulls, func(p store.Pull) bool {
			return p.Number == x.Pull && permit(at.permits, permitFork, p) != nil
		})
	})
}

// gatherReports takes annotations from what the actions of executions reported, and the end of the log of what failed.
func gatherReports(at *atSHA, runs []store.ActionRun) error {
	for _, run := range runs {
		i := slices.IndexFunc(at.executions, func(x store.Execution) bool { return x.ID == run.ExecutionID })
		if i < 0 || len(run.Report) == 0 {
			continue
		}
		x := at.executions[i]
		var r executor.Report
		if err := json.Unmarshal(run.Report, &r); err != nil {
			return fmt.Errorf("report of %s: %w", run.ID, err)
		}
		for _, a := range r.Annotations {
			at.annotations[x.ID] = append(at.annotations[x.ID], forge.Annotation(a))
		}
		at.analyses[x.ID] = append(at.analyses[x.ID], r.Findings...)
		at.tests[x.ID] = append(at.tests[x.ID], r.Tests...)
		if len(r.Hosts) > 0 {
			action, _, _ := x.State.Action(run.ID)
			at.hosts[x.ID] += hostsTable(action.Name, r.Hosts)
		}
		if r.Status == pipeline.Failed && r.Log != "" {
			action, _, _ := x.State.Action(run.ID)
			at.logs[x.ID] += fmt.Sprintf("### The end of the log of %s\n\n%s\n", code(action.Name), codeBlock("", lastLines(r.Log, logTail)))
		}
	}
	return nil
}

// logTail is how much of a failed action's log a check shows, in bytes.
const logTail = 12 << 10

// lastLines is the end of a log, whole lines.
func lastLines(log string, size int) string {
	if len(log) <= size {
		return log
	}
	_, rest, _ := strings.Cut(log[len(log)-size:], "\n")
	return rest
}

// current leaves out executions that a later one of the same kind and branch at the same SHA has taken the place of, those
// that only move what was built, and those of branches that have moved on, if there is one of a branch that has not.
func current(all []store.Execution, heads []store.Branch) []store.Execution {
	at := map[string]string{}
	for _, h := range heads {
		at[h.Name] = h.SHA
	}
	var out, here []store.Execution
	for i, x := range all {
		if x.Kind == kindRestore || x.Kind == pipeline.KindProduction {
			continue
		}
		later := false
		for _, y := range all[i+1:] {
			later = later || y.Kind == x.Kind && y.Branch == x.Branch && y.Component == x.Component
		}
		if later {
			continue
		}
		out = append(out, x)
		if at[x.Branch] == x.SHA || ofFork(&x) {
			here = append(here, x)
		}
	}
	if len(here) > 0 {
		return here
	}
	return out
}

func completed(run forge.CheckRun, c forge.Conclusion) forge.CheckRun {
	run.Status, run.Conclusion = "completed", c
	return run
}

// pipelineCheck tells where the pipelines of a SHA are. It succeeds when the last stage before the approval succeeded.
func (s *session) pipelineCheck(at *atSHA) (forge.CheckRun, bool) {
	run := forge.CheckRun{Name: CheckPipeline, SHA: at.sha}
	if len(at.executions) == 0 {
		if len(at.pulls) == 0 {
			return run, false
		}
		return s.noPipeline(run, at), true
	}
	var text strings.Builder
	several := s.worstFirst(at)
	for i, x := range at.executions {
		status, conclusion, o := s.resultOf(at, x)
		if o != nil {
			text.WriteString(overriddenText(o))
		}
		if i == 0 {
			run.Status, run.Conclusion = status, conclusion
			run.Title = pipelineTitle(x, conclusion, s)
			if o != nil {
				run.Title = "Overridden by " + o.By.Login
			}
			if several && x.Component == "" { // with a component the title names that
				run.Title = x.Branch + ": " + run.Title
			}
			run.DetailsURL = fmt.Sprintf("%s/%s/%s/executions/%s", s.b.PublicURL, s.repo.Owner, s.repo.Name, x.ID)
		}
		fmt.Fprintf(&text, "### %s pipeline of %s at %s\n\n", strings.TrimSpace(x.Component+" "+x.Kind), code(x.Branch), short(x.SHA))
		text.WriteString(pipeline.Table(x.State, s.b.Now()) + "\n")
		if x.Image != "" {
			fmt.Fprintf(&text, "Image: %s", code(x.Image))
			if x.State.Image.Digest != "" {
				fmt.Fprintf(&text, ", digest %s", code(x.State.Image.Digest))
			}
			text.WriteString("\n\n")
		}
		text.WriteString(overridableText(&x))
		if given := givenText(&x); given != "" {
			fmt.Fprintf(&text, "Variables: %s.\n\n", given)
		}
		if x.OrganizationSHA != "" {
			fmt.Fprintf(&text, "Defaults and pipeline models of the organization at %s.\n\n", code(short(x.OrganizationSHA)))
		}
		text.WriteString(testsTable(at.tests[x.ID]))
		text.WriteString(at.hosts[x.ID])
		text.WriteString(findingsTable(at.analyses[x.ID]))
		run.Annotations = append(run.Annotations, at.annotations[x.ID]...)
		run.Text += at.logs[x.ID]
	}
	run.Summary = text.String()
	switch {
	case len(at.releases) > 1: // a button could only be for one of them
	case run.Status != "completed":
		run.Buttons = offered(buttonCancel)
	case run.Conclusion == forge.Failure || run.Conclusion == forge.Cancelled || run.Conclusion == forge.TimedOut:
		run.Buttons = offered(buttonRetry)
	}
	return run, true
}

// resultOf is an execution in GitHub's words, and what lets it pass, if it did not by itself.
func (s *session) resultOf(at *atSHA, x store.Execution) (status string, c forge.Conclusion, over *store.Permit) {
	status, c = pipelineResult(x)
	if o := s.overridingLine(at, x.Branch); o != nil && c != forge.Success {
		return "completed", forge.Success, o
	}
	return status, c, nil
}

// worstFirst puts the executions at a SHA in the order in which a check tells them, and tells whether they are of several
// branches.
func (s *session) worstFirst(at *atSHA) (several bool) {
	rank := func(x store.Execution) int {
		status, c, _ := s.resultOf(at, x)
		return severity(status, c)
	}
	slices.SortStableFunc(at.executions, func(x, y store.Execution) int { return rank(y) - rank(x) })
	return slices.ContainsFunc(at.executions, func(x store.Execution) bool { return x.Branch != at.executions[0].Branch })
}

// noPipeline reports for a pull request whose head has no pipeline.
func (s *session) noPipeline(run forge.CheckRun, at *atSHA) forge.CheckRun {
	worst := -1
	var out forge.CheckRun
	for _, p := range at.pulls {
		one := s.noPipelineOf(run, p)
		if at.unchanged && p.HeadRepoID == s.repo.ID {
			one = run
			one.Title, one.Summary = "No component of the repository is changed", "No file of this head belongs to a component, so there is nothing to build."
			one = completed(one, forge.Success)
		}
		if o := at.overriding(CheckPipeline, p); o != nil {
			one.Title, one.Summary, one.Buttons = "Overridden by "+o.By.Login, overriddenText(o)+one.Summary, nil
			one = completed(one, forge.Success)
		}
		if rank := severity(one.Status, one.Conclusion); rank > worst {
			worst, out = rank, one
		}
	}
	return out
}

func (s *session) noPipelineOf(run forge.CheckRun, p store.Pull) forge.CheckRun {
	if p.HeadRepoID != s.repo.ID {
		run.Title = "Nothing runs for a fork until somebody with write access allows it"
		run.Summary = fmt.Sprintf("Somebody with write access who has read the change says %s: the pipeline then runs for this commit only, never on Sluice's own host, and deploys nothing.", code("/ok-to-test "+p.HeadSHA))
		return completed(run, forge.ActionRequired)
	}
	b := s.classify(p.HeadBranch)
	switch b.Kind {
	case gitflow.KindBackmerge, gitflow.KindFinish, gitflow.KindIgnored, gitflow.KindProduction, gitflow.KindDevelopment:
		run.Title = fmt.Sprintf("A %s branch has no pipeline of its own", b.Kind)
		return completed(run, forge.Success)
	}
	if s.repo.Observe {
		run.Title = "No pipeline is run"
		return completed(run, forge.ActionRequired)
	}
	// It was there before Sluice was, or its name keeps it from being a release.
	run.Title = "No pipeline ran for this commit yet"
	run.Summary = "Push a commit, or start the pipeline with the button."
	for _, f := range b.Flaws {
		run.Summary += "\n\n" + f.Text.Markdown(code)
	}
	run.Buttons = offered(buttonStart)
	return completed(run, forge.ActionRequired)
}

// pipelineResult is an execution in GitHub's words, as far as the approval.
func pipelineResult(x store.Execution) (status string, c forge.Conclusion) {
	switch before := x.State.BeforeApproval(); before {
	case pipeline.Waiting:
		return "queued", ""
	case pipeline.InProgress:
		return "in_progress", ""
	case pipeline.Succeeded:
		return "completed", forge.Success
	case pipeline.Stopped, pipeline.Superseded, pipeline.Skipped:
		return "completed", forge.Cancelled
	default:
		return "completed", forge.Failure
	}
}

// severity orders results: the worst one is shown.
func severity(status string, c forge.Conclusion) int {
	switch {
	case c == forge.Failure || c == forge.TimedOut:
		return 5
	case c == forge.ActionRequired:
		return 4
	case c == forge.Cancelled:
		return 3
	case status == "in_progress":
		return 2
	case status == "queued":
		return 1
	}
	return 0
}

func pipelineTitle(x store.Execution, c forge.Conclusion, s *session) string {
	of := ""
	if x.Component != "" {
		of = x.Component + ": "
	}
	if c == forge.Success {
		return of + fmt.Sprintf("Passed in %s", took(passedIn(x)))
	}
	return of + pipeline.Why(x.State, s.b.Now())
}
