package webhooks_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/webhooks"
)

var update = flag.Bool("update", false, "write the golden file instead of comparing with it")

const examplesDir = "test/node_modules/@octokit/webhooks-examples/"

type example struct {
	name, label string // event; event/activity[number]
	body        []byte
}

// examples are GitHub's own payloads.
func examples(t testing.TB, server string) []example {
	var list []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(fixture(t, examplesDir+server+"/index.json"), &list); err != nil {
		t.Fatal(err)
	}
	var out []example
	for _, e := range list {
		for i, body := range e.Examples {
			var p struct{ Action string }
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatal(err)
			}
			label := e.Name
			if p.Action != "" {
				label += "/" + p.Action
			}
			out = append(out, example{e.Name, fmt.Sprintf("%s[%d]", label, i), body})
		}
	}
	return out
}

// Every payload GitHub gives as an example comes through the endpoint, and what is taken from it stands in the golden
// file, one line each.
func TestExamples(t *testing.T) {
	var lines strings.Builder
	for _, x := range examples(t, "api.github.com") {
		fmt.Fprintf(&lines, "%-42s %s\n", x.label, through(t, x))
	}
	const golden = "testdata/examples.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(lines.String(), "\n")); diff != "" {
		t.Errorf("decisions (-want +got), -update writes them:\n%s", diff)
	}
}

// Payloads of older servers have other fields. None of them may be lost or crash.
func TestExamplesOfOlderServers(t *testing.T) {
	for _, server := range []string{"ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"} {
		for _, x := range examples(t, server) {
			through(t, x)
		}
	}
}

func through(t *testing.T, x example) string {
	t.Helper()
	var s shelf
	if w := serve(t, webhooks.Config{Acceptor: &s}).do(post(x.name, string(x.body), secret)); w.Code != 202 || len(s.stored) != 1 {
		t.Errorf("%s: answered %d, stored %d", x.label, w.Code, len(s.stored))
		return "lost"
	}
	events, err := webhooks.Translate(s.stored[0])
	lane := s.stored[0].Lane()
	switch {
	case err != nil:
		return lane + " " + err.Error()
	case len(events) == 0:
		return lane + " -"
	}
	return lane + " " + describe(events[0])
}

// describe prints what an event says, leaving out what it does not.
func describe(e event.Event) string {
	v := reflect.ValueOf(e)
	return v.Type().Name() + "{" + fields(v) + "}"
}

func fields(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if f.IsZero() {
			continue
		}
		switch x := f.Interface().(type) {
		case event.Origin:
			parts = append(parts, fields(f))
		case forge.Repo:
			parts = append(parts, "repo:"+x.FullName())
		case []forge.Repo:
			for _, r := range x {
				parts = append(parts, name+":"+r.FullName())
			}
		case forge.User:
			parts = append(parts, fmt.Sprintf("%s:%s(%d)", name, x.Login, x.ID))
		case time.Time:
			parts = append(parts, name+":"+x.UTC().Format(time.RFC3339))
		case forge.WorkflowRun, forge.Release:
			parts = append(parts, fields(f))
		case string:
			if strings.HasSuffix(name, "URL") {
				continue
			}
			if isHexDigits(x) {
				x = x[:7]
			}
			parts = append(parts, fmt.Sprintf("%s:%.60q", name, x))
		default:
			parts = append(parts, fmt.Sprintf("%s:%v", name, x))
		}
	}
	return strings.Join(parts, " ")
}

func isHexDigits(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }
