package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// buttons says what could be asked for about an execution, by somebody who is signed in. Whether this person may is
// decided when they ask, by the Actor.
func (s *Server) buttons(ctx context.Context, tx *store.Tx, p *person, w scribe, x store.Execution) (*Buttons, error) {
	if s.opts.Actor == nil || !p.signedIn() || w.repo.Gone != "" || !sound(x.State) {
		return nil, nil //nolint:nilnil // there is nothing to press
	}
	holds, err := heldBy(ctx, tx, x)
	if err != nil {
		return nil, err
	}
	stoppable := !x.Status.Final()
	b := &Buttons{
		Post: w.path("executions", x.ID, "act"), CSRF: p.csrf, Version: x.Version, SHA: x.SHA, Digest: x.State.Digest(),
		Cancel: stoppable && x.State.Stopping == nil, Abandon: stoppable && x.State.Stopping != nil || holds != "", Holds: holds,
		Retry: x.Status == pipeline.Failed || x.Status == pipeline.Stopped,
	}
	if stage, _, ok := x.State.Overridable(); ok && !isReturn(x) { // no release or pull request is at a return
		b.Override, b.Ended = stage, x.State.EndedAt.UTC().Format(time.RFC3339Nano)
	}
	if line, ok := w.waiting(x); ok {
		_, a, open := x.State.OpenApproval()
		b.Approve, b.Reject, b.Environment, b.Approval = open, open, line.Environment, a.ID
		b.Promote = x.ReleaseID != ""
	}
	for _, st := range x.State.Stages {
		switch {
		case x.Status.Final() || !st.StartedAt.IsZero() || x.Kind == kindRestore:
		case st.Disabled != nil:
			b.Enable = append(b.Enable, st.Name)
		default:
			b.Disable = append(b.Disable, st.Name)
		}
	}
	return b, nil
}

// isReturn tells whether an execution puts an earlier version back.
func isReturn(x store.Execution) bool {
	return x.Kind == kindRestore || strings.HasPrefix(x.Origin, "rollback ")
}

// heldBy is the environment that an execution which has ended keeps from others, because nobody knows what became of its deployment
// there; empty: there is none.
func heldBy(ctx context.Context, tx *store.Tx, x store.Execution) (environment string, err error) {
	if !x.Status.Final() {
		return "", nil
	}
	open, err := tx.OpenDeployments(ctx, x.RepoID)
	for _, d := range open {
		if d.ExecutionID == x.ID {
			return d.Environment, err
		}
	}
	return "", err
}

// cancelling is the command that ends what an execution does: of a promotion and of the deployment to production, the promotion's.
func cancelling(x store.Execution) string {
	if x.Kind == pipeline.KindProduction && !isReturn(x) || x.State.Promoting() {
		return "/cancel promotion"
	}
	return "/cancel"
}

// addButtons puts the button by which a return is tried again on environments where one has failed.
func (s *Server) addButtons(ctx context.Context, tx *store.Tx, p *person, w scribe, envs []Environment) error {
	for i, e := range envs {
		if e.StrandedExecution == "" {
			continue
		}
		x, err := tx.Execution(ctx, e.StrandedExecution)
		if err != nil {
			return err
		}
		b, err := s.buttons(ctx, tx, p, w, x)
		if err != nil {
			return err
		}
		if b != nil {
			envs[i].Buttons = &Buttons{Post: b.Post, CSRF: b.CSRF, Return: w.path(), Retry: b.Retry}
		}
	}
	return nil
}

// merge puts the buttons of another execution on a page: those of the newest that has any.
func (s *Server) merge(have, more *Buttons, returnTo string) *Buttons {
	if have.Any() || !more.Any() {
		return have
	}
	more.Return = returnTo
	return more
}

// Transitions tells whether there are stages that the execution has not entered.
func (b *Buttons) Transitions() bool { return b != nil && len(b.Disable)+len(b.Enable) > 0 }

// offers tells whether the button of a command is there; stage is the one that a transition leads into, or whose
// condition is overridden.
func (b *Buttons) offers(command, stage string) bool {
	if b == nil {
		return false
	}
	switch command {
	case "disable":
		return slices.Contains(b.Disable, stage)
	case "enable":
		return slices.Contains(b.Enable, stage)
	case "approve":
		return b.Approve
	case "reject":
		return b.Reject
	case "promote":
		return b.Promote
	case "retry":
		return b.Retry
	case "cancel":
		return b.Cancel
	case "abandon":
		return b.Abandon
	case "override":
		return b.Override != "" && b.Override == stage
	}
	return false
}

// maxReason is how long a reason may be, in characters.
const maxReason = 500

// act hands a command to the Actor and goes back to the page, which shows the reply.
func (s *Server) act(ctx context.Context, c echo.Context, p *person) error {
	if s.opts.Actor == nil {
		return notFound("There is nothing to press here.")
	}
	form := c.Request().PostForm
	r, err := s.repoOf(ctx, p, c.Param("owner"), c.Param("repo"))
	if err != nil {
		return err
	}
	v := &visit{person: p, now: s.opts.Now()}
	w := s.scribe(r, v)
	var x store.Execution
	var b *Buttons
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if x, err = executionIn(ctx, tx, r, c.Param("id")); err != nil {
			return err
		}
		b, err = s.buttons(ctx, tx, p, w, x)
		return err
	})
	if err != nil {
		return err
	}
	// The account as it is now: its login may have changed, and its token may have been taken away, since it signed in.
	user, err := s.opts.Viewer.User(ctx, p.token)
	if err != nil {
		return err
	}
	if user.ID != p.user.ID {
		return ErrSignedOut
	}
	back := returnPath(form, w.path("executions", x.ID))
	command := form.Get("command")
	switch {
	case !b.offers(command, form.Get("stage")):
		return s.tell(ctx, c, back, "That is not possible any more. "+w.row(x).Why, false)
	case form.Get("approval") != b.Approval && (command == "approve" || command == "reject" || command == "promote"):
		return s.tell(ctx, c, back, "The approval you saw is not the one that is open now. Look at the page again and repeat.", false)
	case command == "override" && form.Get("ended") != b.Ended:
		return s.tell(ctx, c, back, "The stage has failed anew since you saw its condition. Look at the page again and repeat.", false)
	}
	line, reason := "/"+command, oneLine(form.Get("reason"))
	switch {
	case command == "reject" && reason == "":
		return s.tell(ctx, c, back, "A rejection needs a reason, for those who mend it.", false)
	case command == "disable" && reason == "":
		return s.tell(ctx, c, back, "Disabling a transition needs a reason, for those who wait.", false)
	case command == "override" && reason == "":
		return s.tell(ctx, c, back, "Overriding a condition needs a reason, for the record.", false)
	case command == "reject":
		line += " " + reason
	case command == "disable":
		line = fmt.Sprintf("/transition disable %s/%s --reason %s", pipelineOf(x), form.Get("stage"), strings.ReplaceAll(reason, "--", "-"))
	case command == "enable":
		line = fmt.Sprintf("/transition enable %s/%s", pipelineOf(x), form.Get("stage"))
	case command == "override":
		line = fmt.Sprintf("/override condition %s --reason %s", b.Override, strings.ReplaceAll(reason, "--", "-"))
	case command == "cancel":
		line = cancelling(x)
	case command == "abandon":
		line = cancelling(x) + " --abandon"
	case command == "retry" && form.Get("scope") == "all":
		line += " all"
	}
	o, err := s.opts.Actor.Act(ctx, store.Operation{RepoID: r.ID, By: user, Via: "dashboard", Command: line, ExecutionID: x.ID})
	if err != nil {
		return err
	}
	reply, ok := o.Reply, o.Status != store.OperationRefused
	s.opts.Log.InfoContext(ctx, "button", "repo", w.fullName(), "execution", x.ID, "command", command, "login", user.Login, "done", ok)
	if reply == "" {
		reply = map[bool]string{true: "Done.", false: "Refused."}[ok]
	}
	return s.tell(ctx, c, back, reply, ok)
}

// pipelineOf names the pipeline of an execution in a command: with the component that it is of, where it is of one.
func pipelineOf(x store.Execution) string {
	return strings.TrimPrefix(x.Component+"/"+x.Kind, "/")
}

// tell leaves a message for the next page and goes there.
func (s *Server) tell(ctx context.Context, c echo.Context, path, message string, good bool) error {
	s.sessions.Put(ctx, keyMessage, message)
	s.sessions.Put(ctx, keyMessageOK, good)
	if err := s.saveSession(ctx, c.Response()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// returnPath is where the form came from.
func returnPath(form url.Values, otherwise string) string {
	if p := localPath(form.Get("return_to")); p != "/" {
		return p
	}
	return otherwise
}

// oneLine makes what somebody typed fit a command's line.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\u2028' || r == '\u2029'
	}), " ")
	if r := []rune(s); len(r) > maxReason {
		s = string(r[:maxReason])
	}
	return s
}
