package checks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/executor"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/pipeline"
)

type state int

const (
	pending state = iota
	passed
	failed
)

// result is what somebody reported under a name.
type result struct {
	name  string
	appID int64 // 0 for commit statuses, which do not tell
	state state
	url   string
}

// stateOfRun: skipped and neutral count as passed, as they do for GitHub's own rules.
func stateOfRun(run forge.CheckRun) state {
	if run.Status != "completed" {
		return pending
	}
	switch run.Conclusion {
	case forge.Success, "neutral", "skipped":
		return passed
	}
	return failed
}

func stateOfStatus(s string) state {
	switch s {
	case "success":
		return passed
	case "failure", "error":
		return failed
	}
	return pending
}

// waiting decides, from what is known now. It asks nobody.
type waiting struct {
	appID        int64
	waited       time.Duration
	required     []forge.RequiredCheck
	here, before []result
}

// ruleChecks is GitHub's name for a rule that requires checks.
const ruleChecks = "required_status_checks"

// require takes the required checks out of the rules; Sluice's own are left out. A rule of required checks that cannot be read is
// an error: nobody knows what it asks for.
func (w *waiting) require(rules []forge.Rule) error {
	for _, rule := range rules {
		if rule.Type == ruleChecks && !rule.Known {
			return executor.Permanentf("what the rule %s of the branch requires (%s) cannot be read by this version of Sluice: name the checks in the "+
				"branch's protection, or update Sluice", ruleChecks, rule.Ruleset)
		}
		for _, c := range rule.RequiredChecks {
			ours := strings.HasPrefix(c.Context, "sluice/") || w.appID != 0 && c.AppID == w.appID
			if !ours && !slices.Contains(w.required, c) {
				w.required = append(w.required, c)
			}
		}
	}
	return nil
}

// find looks for what was reported under a required check. One that is pinned to an App is answered by that App's
// check runs only: a commit status does not tell who set it, and anybody with write access can set one.
func (w *waiting) find(c forge.RequiredCheck) (found []result) {
	for _, r := range w.here {
		if r.name == c.Context && (c.AppID == 0 || c.AppID == r.appID) {
			found = append(found, r)
		}
	}
	return found
}

// tally sorts names by how they stand.
type tally struct {
	passed, failed, pending, missing []string
	url                              string // of the first that failed, else of the first that is pending
}

func (t *tally) add(name string, found []result) {
	if len(found) == 0 {
		t.missing = append(t.missing, name)
		return
	}
	worst := found[0]
	for _, r := range found[1:] {
		if r.state == failed || r.state == pending && worst.state == passed {
			worst = r
		}
	}
	switch worst.state {
	case failed:
		if len(t.failed) == 0 && worst.url != "" {
			t.url = worst.url
		}
		t.failed = append(t.failed, name)
	case pending:
		if t.url == "" {
			t.url = worst.url
		}
		t.pending = append(t.pending, name)
	default:
		t.passed = append(t.passed, name)
	}
}

func (w *waiting) report() executor.Report {
	if len(w.required) > 0 {
		var t tally
		for _, c := range w.required {
			t.add(c.Context, w.find(c))
		}
		return t.report(t.missing, "required ")
	}
	names := make([]string, 0, len(w.before)+len(w.here))
	for _, r := range w.before {
		names = append(names, r.name)
	}
	for _, r := range w.here {
		names = append(names, r.name)
	}
	slices.Sort(names)
	var t tally
	for _, name := range slices.Compact(names) {
		t.add(name, w.find(forge.RequiredCheck{Context: name}))
	}
	switch {
	case len(names) == 0 && w.waited >= quiet:
		return executor.Report{Status: pipeline.Succeeded, Summary: "no other checks report"}
	case len(w.before) == 0 && w.waited < quiet && len(t.failed) == 0:
		return executor.Report{
			Status: pipeline.InProgress, PollAfter: min(pollSoon, quiet-w.waited), URL: t.url,
			Summary: "waits for others to report",
		}
	case len(t.pending) == 0 && len(t.missing) > 0 && w.waited >= giveUp && len(t.failed) == 0:
		gone := t.missing
		t.missing = nil
		report := t.report(nil, "")
		report.Summary += fmt.Sprintf("; reported on the previous head and not on this one: %s", list(gone))
		return report
	}
	return t.report(t.missing, "")
}

func (t *tally) report(missing []string, sort string) executor.Report {
	waitsFor := slices.Concat(t.pending, missing)
	switch {
	case len(t.failed) > 0:
		return executor.Report{Status: pipeline.Failed, Summary: fmt.Sprintf("%sfailed: %s", sort, list(t.failed)), URL: t.url}
	case len(waitsFor) > 0:
		return executor.Report{
			Status: pipeline.InProgress, PollAfter: poll, URL: t.url,
			Summary: fmt.Sprintf("%d of %d passed; waits for %s%s", len(t.passed), len(t.passed)+len(waitsFor), sort, list(waitsFor)),
		}
	case len(t.passed) == 0:
		return executor.Report{Status: pipeline.Succeeded, Summary: "no other checks report"}
	}
	return executor.Report{Status: pipeline.Succeeded, Summary: fmt.Sprintf("%spassed: %s", sort, list(t.passed))}
}

// list names a few and counts the others.
func list(names []string) string {
	const few = 8
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}
