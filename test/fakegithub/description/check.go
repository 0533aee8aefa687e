package description

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/sluicehq/sluice/test/fakegithub"
)

// CheckCall compares a call and its answer with the description and yields each difference with its kind: request,
// response or unknown-route. Which operation is meant is known from the stand-in's own route, whose path is spelled as
// there. What [fakegithub.Exemptions] lists is left out, and nothing else.
func (d *Description) CheckCall(e fakegithub.Exchange) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		exempt := func(gap fakegithub.Gap) bool { return d.exempt(e.Route, gap) }
		if exempt(fakegithub.GapOperation) {
			return
		}
		if !d.Has(e.Route.Method, e.Route.Path) {
			yield("unknown-route", fmt.Errorf("GitHub's description does not have it"))
			return
		}
		if e.Route.Path == graphPath {
			d.checkGraph(e, yield)
			return
		}
		item := d.doc.Paths.Value(e.Route.Path)
		op := item.GetOperation(e.Route.Method)
		in := &openapi3filter.RequestValidationInput{
			Request: e.Request.Clone(context.Background()), PathParams: e.Params, QueryParams: e.Query,
			Route: &routers.Route{Spec: d.doc, Path: e.Route.Path, PathItem: item, Method: e.Route.Method, Operation: op},
			Options: &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
				RejectWhenRequestBodyNotSpecified: true},
		}
		in.Request.Method = e.Route.Method
		if path, root := e.Params["path"]; root && path == "" && exempt(fakegithub.GapRootFolder) {
			in.PathParams = maps.Clone(e.Params)
			in.PathParams["path"] = "/"
		}
		in.Request.Body, in.Request.ContentLength = io.NopCloser(bytes.NewReader(e.Body)), int64(len(e.Body))
		if in.Request.Header.Get("Content-Type") == "" && len(e.Body) > 0 {
			in.Request.Header.Set("Content-Type", "application/json")
		}
		if !exempt(fakegithub.GapRequest) {
			err := openapi3filter.ValidateRequest(context.Background(), in)
			if err == nil {
				err = unknownFields(op, e.Body, exempt(fakegithub.GapNull))
			}
			if err == nil {
				err = unknownParameters(item, op, e.Query)
			}
			if err != nil && !yield("request", short(err)) {
				return
			}
		}
		if !e.JSON && exempt(fakegithub.GapFormat) || e.FutureRule && exempt(fakegithub.GapFutureRule) || exempt(fakegithub.GapAnswer) {
			return
		}
		if everywhere(e.Status) && op.Responses.Status(e.Status) == nil && exempt(fakegithub.GapStatus) {
			if err := d.refusal(e.Status, e.Answer); err != nil {
				yield("response", short(err))
			}
			return
		}
		res := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: http.Header{}, Options: in.Options}
		if len(e.Answer) > 0 {
			res.Header.Set("Content-Type", "application/json")
		}
		res.SetBodyBytes(e.Answer)
		err := openapi3filter.ValidateResponse(context.Background(), res)
		if err != nil && e.Status >= 400 && strings.Contains(err.Error(), "matches more than one oneOf") && exempt(fakegithub.GapOverlap) {
			return
		}
		if err != nil {
			yield("response", short(err))
		}
	}
}

// exempt tells whether something is not compared.
func (d *Description) exempt(r fakegithub.Route, gap fakegithub.Gap) bool {
	return slices.ContainsFunc(d.exemptions, func(x fakegithub.Exemption) bool {
		return x.Gap == gap && (x.Path == "" || x.Path == r.Path && x.Method == r.Method)
	})
}

// short drops the schemas that kin-openapi prints into its errors.
func short(err error) error {
	var keep []string
	skip := false
	for line := range strings.Lines(err.Error()) {
		text := strings.TrimSpace(line)
		switch {
		case text == "Schema:":
			skip = true
		case text == "Value:":
			skip = true
		case strings.HasPrefix(text, "Error at") || strings.Contains(text, " | "):
			skip = false
		}
		if !skip && text != "" {
			keep = append(keep, text)
		}
	}
	text := strings.Join(keep, "; ")
	if len(text) > 2000 {
		text = text[:2000] + "…"
	}
	return fmt.Errorf("%s", text)
}
