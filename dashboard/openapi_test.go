package dashboard

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
)

// describedAPI is the description, as kin-openapi reads it.
func describedAPI(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

// described checks an answer, and, where the request was taken, the request, against the description.
func (w *world) described(router routers.Router, req *http.Request, body string, r reply) {
	w.t.Helper()
	again := req.Clone(w.t.Context())
	again.URL.Scheme, again.URL.Host, again.Host = "", "", ""
	again.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := router.FindRoute(again)
	if err != nil {
		w.t.Errorf("%s %s is not described: %v", req.Method, req.URL.Path, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if r.status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(w.t.Context(), in); err != nil {
			w.t.Errorf("%s %s was taken, against the description: %v", req.Method, req.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: r.status, Header: r.header, Options: in.Options}
	out.SetBodyBytes(bytes.TrimSpace([]byte(r.body)))
	if err := openapi3filter.ValidateResponse(w.t.Context(), out); err != nil {
		w.t.Errorf("%s %s answers %d, against the description: %v", req.Method, req.URL, r.status, err)
	}
}

// Every route below /api/v1 is described, and nothing else is.
func TestDescriptionIsComplete(t *testing.T) {
	doc, _ := describedAPI(t)
	var want, got []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+path)
		}
	}
	w := newWorld(t, nil)
	e := echo.New()
	w.server.Register(e)
	seen := map[string]bool{}
	for _, r := range e.Routes() {
		path, ok := strings.CutPrefix(r.Path, "/api/v1")
		if !ok || seen[path] {
			continue
		}
		seen[path] = true
		parts := strings.Split(path, "/")
		asked := slices.Clone(parts)
		for i, p := range parts {
			if name, isParam := strings.CutPrefix(p, ":"); isParam {
				parts[i], asked[i] = "{"+name+"}", "x"
			}
		}
		allow := w.api("", http.MethodTrace, strings.Join(asked, "/"), "").header.Get("Allow")
		for method := range strings.SplitSeq(strings.ReplaceAll(allow, " ", ""), ",") {
			if method != http.MethodHead {
				got = append(got, method+" "+strings.Join(parts, "/"))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-described +served):\n%s", diff)
	}
}
