package dashboard

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/forge"
	"github.com/sluicehq/sluice/store"
)

// openAPI is the OpenAPI description of what is below /api/v1/.
//
//go:embed openapi.json
var openAPI []byte //nolint:gochecknoglobals // embedded

func (s *Server) description(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/json; charset=utf-8", openAPI)
}

// TokenOwner is who a token belongs to, and what it is good for.
type TokenOwner struct {
	ID        int64     `json:"id"`
	Login     string    `json:"login"`
	Token     string    `json:"token"` // its ID, no secret
	Name      string    `json:"name"`
	Scope     string    `json:"scope"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s *Server) tokenOwner(c echo.Context) error {
	p, err := s.caller(c)
	if err != nil {
		return err
	}
	if p.access == nil {
		return errNoToken
	}
	t := p.access
	return s.writeJSON(c, http.StatusOK, TokenOwner{
		ID: t.Owner.ID, Login: t.Owner.Login, Token: t.ID, Name: t.Name, Scope: string(t.Scope), ExpiresAt: t.ExpiresAt,
	})
}

// CommandRequest is a command given through the API.
type CommandRequest struct {
	// Command is its name ("release start"), or the whole of it as it would be typed in a comment; Args are added to it.
	Command string   `json:"command"`
	Args    []string `json:"args,omitempty"`
	// Pull or Release (a version) say what it is about. Neither: the release or hotfix that is open, where there is one
	// only.
	Pull    int    `json:"pull,omitempty"`
	Release string `json:"release,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// Operation is a command that was given through the API, and what came of it.
type Operation struct {
	ID      string                `json:"id"`
	Repo    string                `json:"repo"` // owner/name
	Command string                `json:"command"`
	By      string                `json:"by"`
	Status  store.OperationStatus `json:"status"`
	// Reply is what people are told, in Markdown. It may be empty when the command is done.
	Reply     string    `json:"reply"`
	Path      string    `json:"path"` // to ask again
	CreatedAt time.Time `json:"created_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

func (w scribe) operation(o store.Operation) Operation {
	return Operation{
		ID: o.ID, Repo: w.fullName(), Command: o.Command, By: o.By.Login, Status: o.Status, Reply: o.Reply,
		Path: "/api/v1/repos" + w.path("operations", o.ID), CreatedAt: o.CreatedAt, EndedAt: o.EndedAt,
	}
}

// limits of a request.
const (
	maxCommand = 4000 // bytes of the whole line
	maxKey     = 200  // bytes of an idempotency key
)

// command hands a command in. It is answered at once, with the operation to ask for; who may give it is decided when
// its turn comes in the repository's lane, by the rules that hold for comments.
func (s *Server) command() echo.HandlerFunc {
	return s.guard(func(c echo.Context) error {
		if c.Request().Method != http.MethodPost {
			return s.wrongMethod(c, "POST")
		}
		p, err := s.holder(c, "that may act", store.ScopeAct)
		if err != nil {
			return err
		}
		if s.opts.Actor == nil {
			return notFound("Nobody carries out commands here.")
		}
		ctx := c.Request().Context()
		r, err := s.repoOf(ctx, p, c.Param("owner"), c.Param("repo"))
		if err != nil {
			return err
		}
		o, err := readCommand(c)
		if err != nil {
			return err
		}
		o.RepoID, o.By, o.Via, o.TokenID = r.ID, p.user, "api", p.access.ID
		if o.ID, err = operationID(c.Request(), p.user, r); err != nil {
			return err
		}
		return s.handIn(ctx, c, r, o)
	})
}

func (s *Server) handIn(ctx context.Context, c echo.Context, r store.Repo, o store.Operation) error {
	got, err := s.opts.Actor.Post(ctx, o)
	var wrong *CommandError
	if errors.As(err, &wrong) {
		return &problem{status: http.StatusUnprocessableEntity, title: "The command is written wrongly", text: sentence(wrong.Problem), usage: wrong.Usage}
	}
	if err != nil {
		return err
	}
	if got.Command != o.Command || got.Pull != o.Pull || got.Version != o.Version || got.By.ID != o.By.ID || got.RepoID != o.RepoID {
		return &problem{
			status: http.StatusConflict, title: "The Idempotency-Key was used before",
			text: "It was for another command. A new command needs a new key.",
		}
	}
	w := scribe{repo: r}
	s.opts.Log.InfoContext(ctx, "command", "repo", w.fullName(), "operation", got.ID, "login", o.By.Login, "token", o.TokenID)
	out := w.operation(got)
	c.Response().Header().Set("Location", out.Path)
	return s.writeJSON(c, http.StatusAccepted, out)
}

// sentence makes one of an error's text.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// readCommand reads the body of a request into the command's line and what it is about.
func readCommand(c echo.Context) (o store.Operation, err error) {
	bad := func(text string) error {
		return &problem{status: http.StatusBadRequest, title: "The request could not be read", text: text}
	}
	r := c.Request()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return o, &problem{status: http.StatusUnsupportedMediaType, title: "The request is not JSON", text: "Send application/json."}
	}
	var q CommandRequest
	dec := json.NewDecoder(http.MaxBytesReader(c.Response(), r.Body, maxForm))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return o, bad(sentence(strings.TrimPrefix(err.Error(), "json: ")))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return o, bad("There is more than one JSON value.")
	}
	line := strings.Join(append([]string{"/" + strings.TrimPrefix(q.Command, "/")}, q.Args...), " ")
	if q.DryRun {
		line += " --dry-run"
	}
	switch {
	case strings.TrimSpace(q.Command) == "":
		return o, bad("The field command is missing.")
	case len(line) > maxCommand:
		return o, bad(fmt.Sprintf("The command is longer than %d bytes.", maxCommand))
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return o, bad("A command is one line, without control characters.")
	case q.Pull < 0:
		return o, bad("The number of a pull request is positive.")
	case q.Pull != 0 && q.Release != "":
		return o, bad("Name a pull request or a release, not both.")
	}
	return store.Operation{Command: line, Pull: q.Pull, Version: q.Release}, nil
}

// operationID makes the operation's ID of the request's idempotency key, so that the same key is the same operation for
// one person in one repository; "" without a key.
func operationID(r *http.Request, who forge.User, repo store.Repo) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return "", nil
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", &problem{
			status: http.StatusBadRequest, title: "The Idempotency-Key cannot be used",
			text: fmt.Sprintf("It has at most %d printable ASCII characters; a UUID is a good one.", maxKey),
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", who.ID, repo.ID, key))
	return "k" + hex.EncodeToString(sum[:16]), nil
}

// operation reads what came of a command. Only who gave it is told.
func (s *Server) operation(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	var o store.Operation
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		o, err = tx.Operation(ctx, v.param("id"))
		return err
	})
	if err == nil && (o.RepoID != r.ID || o.By.ID != v.person.user.ID) {
		err = store.ErrNotFound
	}
	return s.scribe(r, v).operation(o), err
}

// AuditEntries are decisions about a repository, in order. After is what to ask for the next ones with; 0: there are no
// more.
type AuditEntries struct {
	Entries []AuditRecord `json:"entries"`
	After   int64         `json:"after"`
}

// AuditRecord is a decision with what it was based on.
type AuditRecord struct {
	AuditEntry
	Evidence json.RawMessage `json:"evidence,omitempty"`
	PrevHash string          `json:"prev_hash"`
}

// audit reads the audit log of a repository, for those who may maintain it.
func (s *Server) audit(ctx context.Context, v *visit) (any, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return nil, err
	}
	if !v.person.local {
		role, err := s.access.role(ctx, r, v.person.user)
		if err != nil {
			return nil, err
		}
		if !role.AtLeast(forge.RoleMaintain) {
			return nil, &problem{status: http.StatusForbidden, title: "The audit log is for release managers", text: fmt.Sprintf("It needs the role maintain, and yours here is %s.", role)}
		}
	}
	after, limit, err := auditRange(v.query)
	if err != nil {
		return nil, err
	}
	out := AuditEntries{Entries: []AuditRecord{}}
	var entries []store.AuditEntry
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		entries, err = tx.AuditLog(ctx, r.ID, after, limit)
		return err
	})
	for _, e := range entries {
		out.Entries = append(out.Entries, AuditRecord{AuditEntry: auditEntry(e), Evidence: e.Evidence, PrevHash: e.PrevHash})
	}
	if len(entries) == limit {
		out.After = entries[limit-1].Seq
	}
	return out, err
}

// auditRange reads after and limit.
func auditRange(q url.Values) (after int64, limit int, err error) {
	limit = rowsOnPage
	if text := q.Get("after"); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return 0, 0, &problem{status: http.StatusBadRequest, title: "The request could not be read", text: "The parameter after is a whole number."}
		}
	}
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > auditPage {
			return 0, 0, &problem{status: http.StatusBadRequest, title: "The request could not be read", text: fmt.Sprintf("The parameter limit is from 1 to %d.", auditPage)}
		}
	}
	return after, limit, nil
}
