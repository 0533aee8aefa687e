package description

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// What does not fit GitHub's description is objected to, whatever became of the call and however deep it is.
func TestWhatIsObjectedTo(t *testing.T) {
	const (
		repo   = "/repos/{owner}/{repo}"
		pulls  = "GET " + repo + "/pulls"
		check  = "PATCH " + repo + "/check-runs/{check_run_id}"
		rules  = "POST " + repo + "/rulesets"
		no     = `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`
		output = `{"output":{"title":"t","summary":"s","annotations":[{"path":"a","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"`
	)
	params := map[string]string{"owner": "acme", "repo": "shop", "check_run_id": "1", "pull_number": "1", "ref": "heads/x"}
	d, err := LoadAPI("../../node_modules")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the description is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		route, query, body string
		status             int
		answer             string
		want               string // empty for no objection
	}{
		"refused and right":                 {"POST " + repo + "/pulls", "", `{"title":"t","head":"a","base":"b"}`, 404, no, ""},
		"refused without a field":           {"POST " + repo + "/pulls", "", `{"title":"t"}`, 404, no, `property "head" is missing`},
		"refused with an unknown field":     {"POST " + repo + "/pulls", "", `{"title":"t","head":"a","base":"b","mood":1}`, 404, no, "mood"},
		"refused with a wrong type":         {"POST " + repo + "/pulls", "", `{"title":7,"head":"a","base":"b"}`, 502, no, "/title"},
		"unchanged with an unknown query":   {pulls, "mood=1", "", 304, "", "mood is unknown"},
		"body where there is none":          {"DELETE " + repo + "/git/refs/{ref}", "", `{"force":true}`, 404, no, "body not allowed"},
		"known query":                       {pulls, "state=all&sort=updated&per_page=100&page=2", "", 403, no, ""},
		"unknown query":                     {pulls, "states=all", "", 403, no, "states is unknown"},
		"query of another operation":        {"GET " + repo + "/pulls/{pull_number}", "state=all", "", 403, no, "state is unknown"},
		"query no enumeration has":          {pulls, "state=merged", "", 403, no, "state"},
		"query that is no number":           {pulls, "per_page=many", "", 403, no, "per_page"},
		"page too large":                    {pulls, "per_page=101", "", 403, no, `per_page is "101"`},
		"page of nothing":                   {pulls, "per_page=0", "", 403, no, `per_page is "0"`},
		"page before the first":             {pulls, "page=0", "", 403, no, `page is "0"`},
		"query given twice":                 {pulls, "state=all&state=open", "", 403, no, "state is given more than once"},
		"check run":                         {check, "", output + `}]}}`, 404, no, ""},
		"unknown field beside alternatives": {check, "", `{"name":"c","mood":1}`, 404, no, "mood"},
		"unknown field in a field":          {check, "", `{"output":{"summary":"s","mood":1}}`, 404, no, "output.mood"},
		"unknown field in a list":           {check, "", output + `,"mood":1}]}}`, 404, no, "output.annotations[0].mood"},
		"null that is unknown":              {check, "", output + `,"mood":null}]}}`, 404, no, ""},
		"rule":                              {rules, "", `{"name":"r","enforcement":"active","rules":[{"type":"update","parameters":{"update_allows_fetch_and_merge":true}}]}`, 404, no, ""},
		"field of another alternative":      {rules, "", `{"name":"r","enforcement":"active","rules":[{"type":"update","parameters":{"update_allows_fetch_and_merge":true,"required_approving_review_count":1}}]}`, 404, no, "rules[0].parameters.required_approving_review_count"},
		"fields of any name":                {"POST " + repo + "/deployments", "", `{"ref":"a","payload":{"mood":{"deep":1}}}`, 404, no, ""},
		"refusal without message":           {pulls, "", "", 403, `{}`, "no message"},
		"refusal that is no JSON":           {pulls, "", "", 502, `<html>`, "no JSON"},
		"refusal with a number for status":  {pulls, "", "", 404, `{"message":"Not Found","status":404}`, "status"},
		"refusal with unreasonable errors":  {check, "", `{"name":"c"}`, 422, `{"message":"m","documentation_url":"d","errors":[{"field":"name"}]}`, "code"},
		"refusal with reasons":              {check, "", `{"name":"c"}`, 422, `{"message":"m","documentation_url":"d","errors":["it is too long"]}`, ""},
		"unchanged with a body":             {"GET " + repo + "/tags", "", "", 304, `{}`, "has a body"},
		"status GitHub does not give":       {pulls, "", "", 418, no, "not supported"},
	} {
		method, path, _ := strings.Cut(c.route, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://github.test/?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(objections(d, fakegithub.Exchange{
			Request: req, Route: fakegithub.Route{Method: method, Path: path}, Params: params, Query: req.URL.Query(), Body: []byte(c.body),
			Status: c.status, Answer: []byte(c.answer), JSON: true,
		}), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: objected to %q, want %q", name, got, c.want)
		}
	}
}
