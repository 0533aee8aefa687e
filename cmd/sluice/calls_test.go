package main

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// The most calls of the API that the verdict on a pull request may take, its report among them. A conditional call that is
// answered 304 costs nothing of GitHub's limit.
const (
	coldVerdict = 6
	warmVerdict = 2 // unconditional, when nothing it depends on has moved
)

// A verdict is cheap: thousands of pull requests share 5,000 calls an hour.
func TestCallsOfVerdict(t *testing.T) {
	n := newNear(t, "")
	branch, _ := n.push()
	n.idle()

	from := n.hub.LastCall()
	number := n.open(branch)
	n.idle()
	cold := n.verdict(from)
	t.Logf("cold: %d calls\n%s", len(cold), listed(cold))
	if len(cold) == 0 || len(cold) > coldVerdict {
		t.Errorf("a verdict takes %d calls, want at most %d:\n%s", len(cold), coldVerdict, listed(cold))
	}

	from = n.hub.LastCall()
	if err := n.hub.As("dev").EditPull(t.Context(), flowRepo, number, map[string]any{"title": "Sell even more"}); err != nil {
		t.Fatal(err)
	}
	n.idle()
	var paid []fakegithub.Call
	warm := n.verdict(from)
	for _, c := range warm {
		if c.Status != 304 {
			paid = append(paid, c)
		}
	}
	t.Logf("warm: %d calls, of which GitHub counts %d\n%s", len(warm), len(paid), listed(warm))
	if len(warm) == 0 || len(paid) > warmVerdict {
		t.Errorf("a verdict on what has not moved takes %d calls that count, want at most %d:\n%s", len(paid), warmVerdict, listed(warm))
	}
}

// verdict are the App's calls after one, until the check on the pull request is reported or nothing more comes.
func (n *near) verdict(after int) []fakegithub.Call {
	var out []fakegithub.Call
	for _, c := range n.hub.Calls(fakegithub.CallFilter{After: after}) {
		if c.Actor == "dev" {
			continue
		}
		out = append(out, c)
		if c.Route == createCheck && strings.Contains(string(c.Body), `"sluice/branch"`) {
			break
		}
	}
	return out
}

func listed(calls []fakegithub.Call) string {
	var b strings.Builder
	for _, c := range calls {
		b.WriteString(c.Method + " " + c.Path + " " + map[bool]string{true: "(304)"}[c.Status == 304] + "\n")
	}
	return b.String()
}
