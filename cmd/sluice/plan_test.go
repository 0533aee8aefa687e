package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// A payload that lacks what decisions about its event need is told so, and not that nothing depends on the event.
func TestPlanSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		event, body string
		want        int
		says        []string
	}{
		{"pull_request", `{}`, exitFailed, []string{"action, repository, number, pull_request", "not what GitHub documents"}},
		{"pull_request", `{"action":"opened"}`, exitFailed, []string{"repository.id", "pull_request.head.sha"}},
		{"issue_comment", `{}`, exitFailed, []string{"action, repository, issue, comment"}},
		{"push", `{}`, exitFailed, []string{"repository.id", "ref"}},
		{"delete", `{}`, exitFailed, []string{"ref_type, repository, ref"}},
		{"pull_request", `{"action":"labeled"}`, exitDone, []string{"nothing in the flow depends on this activity"}},
		{"star", `{}`, exitDone, []string{`nothing in the flow depends on "star"`}},
		{"pull_request", `{`, exitFailed, []string{"would be refused with 400"}},
	} {
		status, out, problems := shell(t, c.body, "plan", "--event", c.event, "--payload", "-")
		for _, says := range c.says {
			if status != c.want || !strings.Contains(out+problems, says) {
				t.Errorf("%s %s: status %d, want %d and %q:\n%s%s", c.event, c.body, status, c.want, says, out, problems)
			}
		}
	}
	status, out, _ := shell(t, `{}`, "plan", "--event", "pull_request", "--payload", "-", "--json")
	var report planReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != exitFailed || len(report.Decisions) != 1 ||
		!strings.Contains(report.Decisions[0].Nothing, "action, repository, number, pull_request") {
		t.Errorf("as JSON: status %d, %v: %s", status, err, out)
	}
}
