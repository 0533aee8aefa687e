package fakegithub

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// call is a request on its way through the stand-in.
type call struct {
	s      *Server
	r      *http.Request
	path   string // without prefix, escaped
	route  *route
	params map[string]string
	query  url.Values
	body   []byte
	who    *actor
	repo   *repository // of paths with {owner}/{repo}
	link   string      // Link header, set by page
	lose   bool        // the reply is to be lost
	// futureRule answers hold a rule of a type that GitHub's description does not have, because a test asked for it.
	futureRule bool
}

// answer is a response of a handler. A nil body is an empty response.
type answer struct {
	status int
	body   any
	raw    []byte // instead of body
	kind   string // content type, when not JSON
	header http.Header
}

func ok(v any) (*answer, error)       { return &answer{status: http.StatusOK, body: v}, nil }
func created(v any) (*answer, error)  { return &answer{status: http.StatusCreated, body: v}, nil }
func accepted(v any) (*answer, error) { return &answer{status: http.StatusAccepted, body: v}, nil }
func noContent() (*answer, error)     { return &answer{status: http.StatusNoContent}, nil }

// refusal is an answer of 400 or more.
type refusal struct {
	status  int
	message string
	errors  []any
	header  http.Header
}

func (e *refusal) Error() string { return fmt.Sprintf("%d %s", e.status, e.message) }

func (e *refusal) body() obj {
	o := obj{"message": e.message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(e.status)}
	if e.errors != nil {
		o["errors"] = e.errors
	}
	return o
}

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

// invalid is GitHub's 422 about a field; code is missing, missing_field, invalid, already_exists or custom.
func invalid(resource, field, code, message string) error {
	e := obj{"resource": resource, "field": field, "code": code}
	if message != "" {
		e["message"] = message
	}
	return &refusal{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{e}}
}

// decode reads the JSON body into in. An empty body leaves it alone.
func (c *call) decode(in any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, in); err != nil {
		if !json.Valid(c.body) {
			return refuse(http.StatusBadRequest, "Problems parsing JSON")
		}
		return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%v", err)
	}
	return nil
}

// has tells whether the body has a field, for fields where absence means something.
func (c *call) has(field string) bool {
	var in map[string]json.RawMessage
	if json.Unmarshal(c.body, &in) != nil {
		return false
	}
	_, ok := in[field]
	return ok
}

// int64 is a number out of the path; what is no number is not found.
func (c *call) int64(name string) (int64, error) {
	n, err := strconv.ParseInt(c.params[name], 10, 64)
	if err != nil {
		return 0, &notFound
	}
	return n, nil
}

// page cuts a list to what the query asks for (30 by default, at most 100) and remembers the links to the rest.
func page[T any](c *call, all []T) []T {
	size, at := c.pageSize(), max(1, atoi(c.query.Get("page")))
	last := max(1, (len(all)+size-1)/size)
	c.setLinks(at, last)
	from := min(len(all), (at-1)*size)
	return all[from:min(len(all), from+size)]
}

func (c *call) pageSize() int {
	size := atoi(c.query.Get("per_page"))
	if size < 1 {
		size = 30
	}
	return min(size, 100)
}

func (c *call) setLinks(at, last int) {
	var links []string
	add := func(rel string, n int) {
		q := url.Values{}
		for k, v := range c.query {
			q[k] = v
		}
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, c.s.baseURL, c.path, q.Encode(), rel))
	}
	if at > 1 {
		add("prev", at-1)
	}
	if at < last {
		add("next", at+1)
		add("last", last)
	}
	if at > 1 {
		add("first", 1)
	}
	c.link = strings.Join(links, ", ")
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// shapes renders a list; never null.
func shapes[T any](list []T, shape func(T) obj) []obj {
	out := make([]obj, 0, len(list))
	for _, x := range list {
		out = append(out, shape(x))
	}
	return out
}

func ts(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func tsOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return ts(t)
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:]) + `"`
}

// encode writes JSON as GitHub does, without escaping HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("fakegithub built a value that is no JSON: %v", err)) // a bug in this package
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
