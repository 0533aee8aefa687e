package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/sluicehq/sluice/test/fakegithub"
)

var (
	markRE     = regexp.MustCompile(`<!-- sluice:(\S+) -->`)
	revisionRE = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)
	numberRE   = regexp.MustCompile(`[0-9]{4,}`)
)

// mark is by what one of our comments is known, its numbers left out.
func mark(body string) string {
	m := markRE.FindStringSubmatch(body)
	if m == nil {
		return body
	}
	name, _, _ := strings.Cut(m[1], ":")
	return numberRE.ReplaceAllString(name, "N")
}

// digits leaves out of a text what differs between two plays of one story.
func digits(text string) string { return revisionRE.ReplaceAllString(text, "R") }

// subject is the first line of a commit's message.
func (f *flow) subject(sha string) string {
	line, _, _ := strings.Cut(f.repo.Message(sha), "\n")
	return digits(line)
}

// tree names the files of a commit.
func (f *flow) tree(sha string) string {
	out, err := f.gitIn(f.repo.Dir(), "dev", "ls-tree", "-r", "--name-only", sha)
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(out), " ")
}

// images lists a registry's tags.
func (f *flow) images(registry string) ([]string, error) {
	tags, err := crane.ListTags(registry+"/"+flowApp, crane.WithContext(f.tb.Context()), crane.Insecure)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil, nil // nothing was ever pushed
	}
	for i, tag := range tags {
		tags[i] = digits(tag)
	}
	return tags, err
}

// nothingTwice looks at everything that was done at GitHub for something that was done twice, and at what was said.
func (f *flow) nothingTwice(t *testing.T) {
	t.Helper()
	f.noEffectTwice(t)
	f.noCheckTwice(t)
}

// noEffectTwice looks at everything that was done at GitHub for something that was done twice.
func (f *flow) noEffectTwice(t *testing.T) {
	t.Helper()
	done := map[string]int{}
	for _, c := range f.hub.Calls(fakegithub.CallFilter{Actor: flowBot}) {
		if !c.Write() || !c.Succeeded() || c.Status == http.StatusNoContent && c.Method == http.MethodPost {
			continue
		}
		if what := effectOf(c); what != "" {
			done[what]++
		}
	}
	for what, n := range done {
		if n > 1 {
			t.Errorf("done %d times: %s", n, what)
		}
	}
}

// noCheckTwice looks for check runs that were left behind, or say what the one before says.
func (f *flow) noCheckTwice(t *testing.T) {
	t.Helper()
	last := map[string]fakegithub.CheckRun{}
	for _, c := range f.repo.CheckRuns("") {
		if c.AppID != f.app.ID {
			continue
		}
		before, ok := last[c.Name+c.SHA]
		if ok && before.Status != "completed" {
			t.Errorf("check run %d of %s at %.7s was left %s, and run %d made beside it", before.ID, c.Name, c.SHA, before.Status, c.ID)
		}
		if ok && before.Title == c.Title && before.Summary == c.Summary && before.Conclusion == c.Conclusion {
			t.Errorf("check run %d of %s at %.7s says the same as run %d before it: %s", c.ID, c.Name, c.SHA, before.ID, c.Title)
		}
		last[c.Name+c.SHA] = c
	}
}

// effectOf names what a call made that must be made once; "" for calls that may be repeated.
func effectOf(c fakegithub.Call) string {
	var body struct {
		Ref, Head, Base, Body, SHA, Payload string
		TagName                             string `json:"tag_name"`
	}
	_ = json.Unmarshal(c.Body, &body) // what does not fit stays empty
	switch c.Method + " " + c.Route {
	case "POST /repos/{owner}/{repo}/git/refs":
		return "ref " + body.Ref
	case "POST /repos/{owner}/{repo}/issues":
		return "issue " + c.Path + digits(markRE.FindString(body.Body))
	case "POST /repos/{owner}/{repo}/pulls":
		return "pull request of " + body.Head + " into " + body.Base
	case "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge":
		return "merge of " + c.Path
	case "POST /repos/{owner}/{repo}/merges":
		return "merge of " + body.Head + " into " + body.Base
	case "POST /repos/{owner}/{repo}/releases":
		return "release " + body.TagName
	case "POST /repos/{owner}/{repo}/deployments":
		return "deployment " + body.Payload
	case "POST /repos/{owner}/{repo}/issues/{issue_number}/comments":
		name := body.Body
		if m := markRE.FindStringSubmatch(body.Body); m != nil {
			name = m[1]
		}
		return fmt.Sprintf("comment %s on %s", name, c.Path)
	case "DELETE /repos/{owner}/{repo}/git/refs/{ref}":
		return "deletion " + c.Path
	}
	return ""
}
