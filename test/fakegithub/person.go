package fakegithub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Person acts as a user: every method is a request to the REST API with the user's token, answered, checked, logged
// and told by webhooks like anyone's, or what a click on the page would do where the API has nothing for it.
type Person struct {
	s     *Server
	login string
	token string
}

// As returns the hands of the user login. Calls of an unknown login are refused with 401.
func (s *Server) As(login string) *Person {
	return &Person{s: s, login: login, token: s.tokenOf(login)}
}

// With acts with any token, such as an installation's.
func (s *Server) With(token string) *Person { return &Person{s: s, token: token} }

// Login is the user's.
func (p *Person) Login() string { return p.login }

// Do sends a request with a JSON body (nil: none) and decodes the answer into out (nil: dropped). An answer of 400
// or more is an *[APIError].
func (p *Person) Do(ctx context.Context, method, path string, body, out any) error {
	var in bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&in).Encode(body); err != nil {
			return fmt.Errorf("encoding the body of %s %s: %w", method, path, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, path, &in)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Accept", "application/vnd.github+json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w := &memoryWriter{header: http.Header{}}
	if err := w.serve(p.s, r); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if w.status >= 400 {
		e := &APIError{Status: w.status, Method: method, Path: path}
		_ = json.Unmarshal(w.body.Bytes(), e) // a body that is no JSON leaves the message empty
		return e
	}
	if out == nil || w.body.Len() == 0 {
		return nil
	}
	return json.Unmarshal(w.body.Bytes(), out)
}

// OpenPull opens a pull request and returns its number. Head may be owner:branch.
func (p *Person) OpenPull(ctx context.Context, repo, head, base, title, body string) (int, error) {
	var out struct{ Number int }
	err := p.Do(ctx, "POST", "/repos/"+repo+"/pulls", map[string]any{"title": title, "head": head, "base": base, "body": body}, &out)
	return out.Number, err
}

// OpenIssue opens an issue and returns its number.
func (p *Person) OpenIssue(ctx context.Context, repo, title, body string) (int, error) {
	var out struct{ Number int }
	err := p.Do(ctx, "POST", "/repos/"+repo+"/issues", map[string]any{"title": title, "body": body}, &out)
	return out.Number, err
}

// EditPull changes fields of a pull request, such as {"base": "development"} or {"state": "closed"}.
func (p *Person) EditPull(ctx context.Context, repo string, number int, fields map[string]any) error {
	return p.Do(ctx, "PATCH", fmt.Sprintf("/repos/%s/pulls/%d", repo, number), fields, nil)
}

// MergePull merges by method (merge, squash or rebase; empty: merge) and returns the SHA the base has then.
func (p *Person) MergePull(ctx context.Context, repo string, number int, method string) (string, error) {
	in := map[string]any{}
	if method != "" {
		in["merge_method"] = method
	}
	var out struct{ SHA string }
	err := p.Do(ctx, "PUT", fmt.Sprintf("/repos/%s/pulls/%d/merge", repo, number), in, &out)
	return out.SHA, err
}

// Comment writes a comment on an issue or pull request and returns its ID.
func (p *Person) Comment(ctx context.Context, repo string, number int, body string) (int64, error) {
	var out struct{ ID int64 }
	err := p.Do(ctx, "POST", fmt.Sprintf("/repos/%s/issues/%d/comments", repo, number), map[string]any{"body": body}, &out)
	return out.ID, err
}

// EditComment replaces a comment's text.
func (p *Person) EditComment(ctx context.Context, repo string, id int64, body string) error {
	return p.Do(ctx, "PATCH", fmt.Sprintf("/repos/%s/issues/comments/%d", repo, id), map[string]any{"body": body}, nil)
}

// DeleteComment deletes a comment.
func (p *Person) DeleteComment(ctx context.Context, repo string, id int64) error {
	return p.Do(ctx, "DELETE", fmt.Sprintf("/repos/%s/issues/comments/%d", repo, id), nil, nil)
}

// Review submits a review: APPROVE, REQUEST_CHANGES or COMMENT. It returns its ID.
func (p *Person) Review(ctx context.Context, repo string, number int, event, body string) (int64, error) {
	var out struct{ ID int64 }
	err := p.Do(ctx, "POST", fmt.Sprintf("/repos/%s/pulls/%d/reviews", repo, number), map[string]any{"event": event, "body": body}, &out)
	return out.ID, err
}

// EditReview replaces the text of a review.
func (p *Person) EditReview(ctx context.Context, repo string, number int, id int64, body string) error {
	return p.Do(ctx, "PUT", fmt.Sprintf("/repos/%s/pulls/%d/reviews/%d", repo, number, id), map[string]any{"body": body}, nil)
}

// DismissReview dismisses a review that approves or requests changes.
func (p *Person) DismissReview(ctx context.Context, repo string, number int, id int64, message string) error {
	return p.Do(ctx, "PUT", fmt.Sprintf("/repos/%s/pulls/%d/reviews/%d/dismissals", repo, number, id), map[string]any{"message": message}, nil)
}

// Status sets a commit status.
func (p *Person) Status(ctx context.Context, repo, sha, name, state string) error {
	return p.Do(ctx, "POST", fmt.Sprintf("/repos/%s/statuses/%s", repo, sha), map[string]any{"context": name, "state": state}, nil)
}

// CreateBranch creates a branch at a SHA.
func (p *Person) CreateBranch(ctx context.Context, repo, branch, sha string) error {
	return p.Do(ctx, "POST", "/repos/"+repo+"/git/refs", map[string]any{"ref": "refs/heads/" + branch, "sha": sha}, nil)
}

// CreateTag creates a lightweight tag at a SHA.
func (p *Person) CreateTag(ctx context.Context, repo, tag, sha string) error {
	return p.Do(ctx, "POST", "/repos/"+repo+"/git/refs", map[string]any{"ref": "refs/tags/" + tag, "sha": sha}, nil)
}

// DeleteBranch deletes a branch.
func (p *Person) DeleteBranch(ctx context.Context, repo, branch string) error {
	return p.Do(ctx, "DELETE", "/repos/"+repo+"/git/refs/heads/"+url.PathEscape(branch), nil, nil)
}

// ClickButton presses a button of a check run, which its App hears of as check_run.requested_action. It needs write
// access; an identifier the run does not offer is refused.
func (p *Person) ClickButton(ctx context.Context, repo string, checkRun int64, identifier string) error {
	return p.s.clickButton(ctx, p.login, repo, checkRun, identifier)
}

// RerunCheck presses "Re-run" of a check run (check_run.rerequested). It needs write access.
func (p *Person) RerunCheck(ctx context.Context, repo string, checkRun int64) error {
	return p.Do(ctx, "POST", fmt.Sprintf("/repos/%s/check-runs/%d/rerequest", repo, checkRun), nil, nil)
}

// RerunSuite presses "Re-run all checks" (check_suite.rerequested). It needs write access.
func (p *Person) RerunSuite(ctx context.Context, repo string, suite int64) error {
	return p.Do(ctx, "POST", fmt.Sprintf("/repos/%s/check-suites/%d/rerequest", repo, suite), nil, nil)
}

// Commit puts a commit with the files on a branch and pushes it, subject to the branch's rules; a branch that does not
// exist is created at the default branch. Empty content deletes a file. It returns the commit's SHA.
func (p *Person) Commit(ctx context.Context, repo, branch, message string, files map[string]string) (string, error) {
	return p.s.commitFiles(ctx, p.login, repo, commitOrder{branch: branch, message: message, files: files})
}

// APIError is a refusal as the REST API words it.
type APIError struct {
	Status  int    `json:"-"`
	Method  string `json:"-"`
	Path    string `json:"-"`
	Message string `json:"message"`
	Errors  []any  `json:"errors,omitempty"`
	DocsURL string `json:"documentation_url,omitempty"`
}

func (e *APIError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.Path, e.Status, e.Message)
	for _, x := range e.Errors {
		if m, ok := x.(map[string]any); ok && m["message"] != nil {
			x = m["message"]
		}
		s += fmt.Sprintf(" (%v)", x)
	}
	return s
}

// memoryWriter keeps a response in memory.
type memoryWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// serve turns a cut connection into an error.
func (w *memoryWriter) serve(h http.Handler, r *http.Request) (err error) {
	defer func() {
		switch cut := recover(); cut {
		case nil:
		case http.ErrAbortHandler:
			err = io.ErrUnexpectedEOF
		default:
			panic(cut)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *memoryWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
