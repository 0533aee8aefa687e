package githubapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/forge"
)

// The merge queue is not in the REST API. These are the documents sent to GraphQL.
const (
	enqueueMutation = `mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { mergeQueueEntry { id } } }`
	queuedQuery     = `query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { pullRequest(number: $number) { isInMergeQueue } } }`
	entriesQuery    = `query($owner: String!, $name: String!, $branch: String!) { repository(owner: $owner, name: $name) { mergeQueue(branch: $branch) { entries(first: 100) { nodes { headCommit { oid } baseCommit { oid } pullRequest { number } } } } } }`
)

// Enqueue puts a pull request into the merge queue of its base, only if its head is sha. Being there already is success.
// *forge.RefusedError when it is not ready for the queue or its head is another.
func (r *Repo) Enqueue(ctx context.Context, number int, sha string) error {
	var pull struct {
		Node string `json:"node_id"`
	}
	if _, err := r.call(ctx, "GET", r.path("pulls", itoa(int64(number))), nil, &pull); err != nil {
		return err
	}
	err := r.graph(ctx, enqueueMutation, map[string]any{"input": map[string]any{"pullRequestId": pull.Node, "expectedHeadOid": sha}}, nil)
	var refused *forge.RefusedError
	if errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Message), "already in the queue") {
		return nil
	}
	return err
}

// Queued tells whether a pull request is in a merge queue.
func (r *Repo) Queued(ctx context.Context, number int) (bool, error) {
	var out struct {
		Repository struct {
			Pull struct {
				Queued bool `json:"isInMergeQueue"`
			} `json:"pullRequest"`
		} `json:"repository"`
	}
	err := r.graph(ctx, queuedQuery, map[string]any{"owner": r.owner, "name": r.name, "number": number}, &out)
	return out.Repository.Pull.Queued, err
}

// QueueEntries lists the groups in the merge queue of a branch, the next to be merged first; at most the first hundred. None where
// there is no queue.
func (r *Repo) QueueEntries(ctx context.Context, branch string) ([]forge.QueueEntry, error) {
	type commit struct {
		OID string `json:"oid"`
	}
	var out struct {
		Repository struct {
			Queue struct {
				Entries struct {
					Nodes []struct {
						Head commit `json:"headCommit"`
						Base commit `json:"baseCommit"`
						Pull struct {
							Number int `json:"number"`
						} `json:"pullRequest"`
					} `json:"nodes"`
				} `json:"entries"`
			} `json:"mergeQueue"`
		} `json:"repository"`
	}
	err := r.graph(ctx, entriesQuery, map[string]any{"owner": r.owner, "name": r.name, "branch": branch}, &out)
	var entries []forge.QueueEntry
	for _, e := range out.Repository.Queue.Entries.Nodes {
		entries = append(entries, forge.QueueEntry{Pull: e.Pull.Number, HeadSHA: e.Head.OID, BaseSHA: e.Base.OID})
	}
	return entries, err
}

// graph sends a document to GitHub's GraphQL API and reads the data of the answer.
func (r *Repo) graph(ctx context.Context, document string, variables map[string]any, into any) error {
	out := struct {
		Data   any          `json:"data"`
		Errors []graphError `json:"errors"`
	}{Data: into}
	if strings.HasPrefix(document, "query") {
		ctx = query(ctx)
	}
	const what = "POST /graphql"
	body := map[string]any{"query": document, "variables": variables}
	if _, err := r.app.send(ctx, r.gh, what, "POST", r.app.graphURL, body, &out); err != nil {
		return err
	}
	if len(out.Errors) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, out.Errors[0].as(r.app.o.Now()))
}

// graphError is an error in an answer of GraphQL, whose HTTP status is 200 all the same.
type graphError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// as is the error in the words of package forge.
func (e graphError) as(now time.Time) error {
	message := redact(cutEnd(strings.Join(strings.Fields(e.Message), " "), maxMessage))
	switch e.Type {
	case "NOT_FOUND":
		return fmt.Errorf("%w (%s)", forge.ErrNotFound, message)
	case "RATE_LIMITED":
		return &forge.RateLimitError{Until: now.Add(secondaryWait)}
	case "FORBIDDEN", "INSUFFICIENT_SCOPES":
		return &forge.RefusedError{Status: http.StatusForbidden, Message: message, Permission: true}
	case "":
		if strings.Contains(e.Message, "Something went wrong") { // GitHub's words for a failure of its own
			return &forge.TemporaryError{Err: errors.New(message)}
		}
	}
	return &forge.RefusedError{Status: http.StatusUnprocessableEntity, Message: message}
}
