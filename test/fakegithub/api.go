package fakegithub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serveAPI answers a REST call: faults, sign-in, limits, permission, handler, validation, log.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, path string) {
	start := time.Now()
	path = s.byID(path)
	c := &call{s: s, r: r, path: path, query: r.URL.Query()}
	c.route, c.params = s.routes.find(r.Method, path)
	if r.Method == http.MethodHead {
		c.route, c.params = s.routes.find(http.MethodGet, path)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	if c.body = body; string(bytes.TrimSpace(body)) == "null" {
		c.body = nil // what Go's encoder makes of no options
	}
	var plain string
	if plain, err = url.PathUnescape(path); err != nil {
		plain = path
	}
	entry := Call{At: s.opts.Now(), Method: r.Method, Path: plain, Query: r.URL.RawQuery, Conditional: r.Header.Get("If-None-Match") != "", Body: body[:min(len(body), 64<<10)]}
	if c.route != nil {
		entry.Route = c.route.path
	}

	s.mu.Lock()
	who, authErr := s.authenticate(r)
	c.who = who
	entry.Actor = who.name()
	watch := s.watch
	s.mu.Unlock()

	entry.Seq = s.log.begin()
	if f, wait := s.faults.take(entry); f != nil {
		entry.Fault = true
		if !s.fail(w, r, f, c, &entry, start) {
			return
		}
	} else if wait != "" {
		s.log.violate(entry, "limit", wait)
	}
	if watch != nil {
		watch(entry)
	}
	out := s.answer(c, authErr)
	s.finish(w, c, out, &entry, start)
}

// answer runs the handler under the lock and turns a refusal into an answer.
func (s *Server) answer(c *call, authErr error) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.handle(c, authErr)
	if err == nil {
		if a.body != nil {
			a.raw, a.body = encode(a.body), nil // now, while nothing can change what it refers to
		}
		return a
	}
	var no *refusal
	if !errors.As(err, &no) {
		no = &refusal{status: http.StatusInternalServerError, message: "Server Error: " + err.Error()}
	}
	return &answer{status: no.status, raw: encode(no.body()), header: no.header}
}

func (s *Server) handle(c *call, authErr error) (*answer, error) {
	if authErr != nil {
		return nil, authErr
	}
	if c.route == nil {
		return nil, &notFound
	}
	if err := s.count(c); err != nil {
		return nil, err
	}
	if c.params["owner"] != "" && c.params["repo"] != "" && strings.HasPrefix(c.route.path, "/repos/") {
		full := c.params["owner"] + "/" + c.params["repo"]
		c.repo = s.repoNamed(full)
		if c.repo == nil {
			return nil, &notFound
		}
		if !strings.EqualFold(c.repo.fullName(), full) {
			if c.route.need.who == inRepo {
				if err := s.admit(c.who, reads("metadata"), c.repo); err != nil {
					return nil, err
				}
			}
			return s.moved(c)
		}
	}
	if err := s.admit(c.who, c.route.need, c.repo); err != nil {
		return nil, err
	}
	if c.repo != nil && c.repo.archived && c.route.need.level == "write" && c.r.Method != http.MethodPatch {
		return nil, refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	return c.route.do(c)
}

// moved redirects from a former name of a repository.
func (s *Server) moved(c *call) (*answer, error) {
	rest := strings.SplitN(c.path, "/", 5)
	to := fmt.Sprintf("%s/repositories/%d", s.baseURL, c.repo.id)
	if len(rest) == 5 {
		to += "/" + rest[4]
	}
	status := http.StatusMovedPermanently
	if c.r.Method != http.MethodGet {
		status = http.StatusTemporaryRedirect
	}
	return &answer{status: status, body: obj{"message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/rest"},
		header: http.Header{"Location": {to}}}, nil
}

// finish sends an answer, checks it against the description and logs the call.
func (s *Server) finish(w http.ResponseWriter, c *call, a *answer, entry *Call, start time.Time) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	h.Set("X-GitHub-Request-Id", fmt.Sprintf("FAKE:%06d", entry.Seq))
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	h.Set("X-GitHub-Api-Version-Selected", "2022-11-28")
	if c.link != "" {
		h.Set("Link", c.link)
	}
	s.rateHeaders(h, c.who)
	kind := a.kind
	if kind == "" {
		kind = "application/json; charset=utf-8"
	}
	if len(a.raw) > 0 {
		h.Set("Content-Type", kind)
	}
	get := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if get && a.status == http.StatusOK {
		tag := etag(a.raw)
		h.Set("ETag", tag)
		h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		h.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP")
		if strings.Contains(c.r.Header.Get("If-None-Match"), strings.TrimPrefix(tag, "W/")) {
			s.uncount(c)
			s.rateHeaders(h, c.who)
			h.Del("Content-Type")
			a = &answer{status: http.StatusNotModified}
		}
	}
	entry.Status = a.status
	s.check(c, a, *entry)
	if c.lose {
		entry.Duration = time.Since(start)
		s.log.end(*entry)
		panic(http.ErrAbortHandler)
	}
	entry.Duration = time.Since(start)
	s.log.end(*entry)
	s.opts.Log.Debug("call", "seq", entry.Seq, "method", entry.Method, "path", entry.Path, "actor", entry.Actor, "status", a.status, "took", entry.Duration)
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(a.raw)))
	}
	w.WriteHeader(a.status)
	if c.r.Method != http.MethodHead {
		_, _ = w.Write(a.raw) // a client that went away is no concern of ours
	}
}

// check looks for violations: unknown routes, and what does not fit GitHub's description.
func (s *Server) check(c *call, a *answer, entry Call) {
	if c.route == nil {
		s.log.violate(entry, "unknown-route", "the stand-in does not have it")
		return
	}
	if s.opts.OpenAPI == nil {
		return
	}
	e := Exchange{
		Request: c.r, Route: Route{c.route.method, c.route.path}, Params: c.params, Query: c.query, Body: c.body,
		Status: a.status, Answer: a.raw, JSON: a.kind == "", FutureRule: c.futureRule,
	}
	for kind, err := range s.opts.OpenAPI.CheckCall(e) {
		s.log.violate(entry, kind, err.Error())
	}
}
