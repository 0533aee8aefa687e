package description

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// What does not fit GitHub's schema is objected to in questions and in answers, however deep it is.
func TestWhatIsObjectedToInGraphQL(t *testing.T) {
	d, err := LoadAPI("../../node_modules")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the schema is not installed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const (
		sha     = "0123456789012345678901234567890123456789"
		commit  = `query($o: String!, $n: String!) { repository(owner: $o, name: $n) { c0: object(oid: "` + sha + `") { ...wanted } } } fragment wanted on Commit { oid authoredDate authors(first: 2) { totalCount nodes { user { login } } } associatedPullRequests(first: 1) { nodes { author { __typename login } } } }`
		shop    = `{"o":"acme","n":"shop"}`
		right   = `{"data":{"repository":{"c0":{"oid":"` + sha + `","authoredDate":"2026-01-02T03:04:05Z","authors":{"totalCount":1,"nodes":[{"user":null}]},"associatedPullRequests":{"nodes":[{"author":{"__typename":"Bot","login":"b"}}]}}}}}`
		enqueue = `mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { mergeQueueEntry { state } } }`
		pull    = `{"input":{"pullRequestId":"PR_1"}}`
		review  = `query($id: ID!) { node(id: $id) { ... on PullRequestReview { lastEditedAt reactionGroups { content viewerHasReacted } } } }`
		id      = `{"id":"PRR_1"}`
		none    = `{"data":{"node":null},"errors":[{"type":"NOT_FOUND","path":["node"],"message":"gone","locations":[{"line":1,"column":2}]}]}`
		unread  = `{"errors":[{"message":"cannot be read"}]}`
	)
	type answer struct{ was, is string }
	for name, c := range map[string]struct {
		query, variables string
		status           int
		answer           string
		change           answer // of what is right
		want             string // empty for no objection
	}{
		"right":                         {commit, shop, 200, right, answer{}, ""},
		"a change":                      {enqueue, pull, 200, `{"data":{"enqueuePullRequest":{"mergeQueueEntry":{"state":"QUEUED"}}}}`, answer{}, ""},
		"refused":                       {review, id, 200, none, answer{}, ""},
		"a type that has none of it":    {review, id, 200, `{"data":{"node":{}}}`, answer{}, ""},
		"nobody may ask":                {review, id, 401, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest"}`, answer{}, ""},
		"no GraphQL":                    {`query {`, `{}`, 200, unread, answer{}, "request: "},
		"two operations":                {`query a { viewer { login } } query b { viewer { login } }`, `{}`, 200, unread, answer{}, "2 operations"},
		"unknown field":                 {`query { viewer { mood } }`, `{}`, 200, unread, answer{}, `Cannot query field "mood" on type "User"`},
		"unknown argument":              {`query { viewer { pullRequests(mood: 1) { totalCount } } }`, `{}`, 200, unread, answer{}, `Unknown argument "mood"`},
		"variable that is missing":      {review, `{}`, 200, none, answer{}, "variable.id must be defined"},
		"variable that is not declared": {review, `{"id":"PRR_1","mood":1}`, 200, none, answer{}, "no variable $mood"},
		"variable of a wrong type":      {commit, `{"o":"acme","n":["shop"]}`, 200, right, answer{}, "variable.n"},
		"unknown field of an input":     {enqueue, `{"input":{"pullRequestId":"PR_1","mood":1}}`, 200, unread, answer{}, "mood"},
		"missing field of an input":     {enqueue, `{"input":{}}`, 200, unread, answer{}, "pullRequestId"},
		"data of what cannot be asked":  {`query { viewer { mood } }`, `{}`, 200, `{"data":{"viewer":{"mood":"good"}}}`, answer{}, "though the document is not valid"},
		"neither data nor errors":       {review, id, 200, `{}`, answer{}, "neither data nor errors"},
		"field beside data":             {review, id, 200, none, answer{`{"data"`, `{"mood":1,"data"`}, "mood"},
		"field of an error":             {review, id, 200, none, answer{`"gone"`, `"gone","mood":1`}, "mood"},
		"error without words":           {review, id, 200, none, answer{`"gone"`, `""`}, "it has no message"},
		"not asked for":                 {commit, shop, 200, right, answer{`"oid"`, `"message":"m","oid"`}, "repository.c0: message is not asked for"},
		"asked for and missing":         {commit, shop, 200, right, answer{`"totalCount":1,`, ``}, "repository.c0.authors.totalCount is missing"},
		"null that is not allowed":      {commit, shop, 200, right, answer{`"totalCount":1`, `"totalCount":null`}, "totalCount is null"},
		"text for a number":             {commit, shop, 200, right, answer{`"totalCount":1`, `"totalCount":"1"`}, "which is no Int"},
		"part of a number":              {commit, shop, 200, right, answer{`"totalCount":1`, `"totalCount":1.5`}, "which is no Int"},
		"number for text":               {commit, shop, 200, right, answer{`"login":"b"`, `"login":7`}, "nodes[0].author.login is 7, which is no String"},
		"no SHA":                        {commit, shop, 200, right, answer{sha + `","authored`, `main","authored`}, "which is no GitObjectID"},
		"no time":                       {commit, shop, 200, right, answer{`2026-01-02T03:04:05Z`, `yesterday`}, "which is no DateTime"},
		"no list":                       {commit, shop, 200, right, answer{`[{"user":null}]`, `{"user":null}`}, "want a list"},
		"no object":                     {commit, shop, 200, right, answer{`{"user":null}`, `"ann"`}, "want an object"},
		"type that it cannot be":        {commit, shop, 200, right, answer{`"Bot"`, `"Commit"`}, "__typename"},
		"state that no enumeration has": {enqueue, pull, 200, `{"data":{"enqueuePullRequest":{"mergeQueueEntry":{"state":"BORED"}}}}`, answer{}, "which is no MergeQueueEntryState"},
		"refusal that says nothing":     {review, id, 502, `{}`, answer{}, "it has no message"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(c.answer, c.change.was, c.change.is, 1)
			if c.change != (answer{}) && text == c.answer {
				t.Fatal("nothing is changed")
			}
			body, err := json.Marshal(map[string]any{"query": c.query, "variables": json.RawMessage(c.variables)})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(objections(d, fakegithub.Exchange{
				Route: fakegithub.Route{Method: "POST", Path: graphPath}, Body: body, Status: c.status, Answer: []byte(text), JSON: true,
			}), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("objected to %q, want %q", got, c.want)
			}
		})
	}
}
