package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pipeline"
	"github.com/sluicehq/sluice/store"
)

// Logs has what actions have written.
type Logs interface {
	// Log returns what an action has written from a place on, most bytes at most: whole lines, without secrets. A place is
	// what LogPart.Next was, or "" for the beginning. ErrLogElsewhere: the place is in a log that is not on this host.
	Log(ctx context.Context, run store.ActionRun, from string, most int) (LogPart, error)
}

// ErrLogElsewhere says that a log that was read before is not on this host.
var ErrLogElsewhere = errors.New("the log is on another replica, or was removed")

// LogPart is some of a log.
type LogPart struct {
	Text    []byte
	LeftOut int64  // bytes before Text that are not kept
	Next    string // where to go on
	// Ended says that Text is the last there will be.
	Ended bool
	// Note says why this is not the whole log, in a sentence.
	Note string
}

// ActionLog is the log of an action, from a place on.
type ActionLog struct {
	Execution string          `json:"execution"`
	Stage     string          `json:"stage"`
	Action    string          `json:"action"`
	ID        string          `json:"id,omitempty"` // of the attempt; empty before it begins
	Attempt   int             `json:"attempt"`
	Uses      string          `json:"uses"`
	Status    pipeline.Status `json:"status"`
	Summary   string          `json:"summary,omitempty"`
	URL       string          `json:"url,omitempty"` // http or https
	// Text are whole lines, without what steers a terminal. Where something is not kept a line says so.
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // where to go on
	// Ended says that the attempt is over and nothing comes after Text.
	Ended bool `json:"ended"`
	// Note says why this is not the whole log.
	Note string `json:"note,omitempty"`

	Repo      string    `json:"-"`
	Branch    string    `json:"-"`
	Path      string    `json:"-"` // of the execution
	EventsURL string    `json:"-"` // what comes next, as a stream
	MoreURL   string    `json:"-"` // what comes next, as a page; empty once it has ended
	Others    []LogLink `json:"-"` // logs of the execution
}

// LogLink leads to the log of an action.
type LogLink struct {
	Name, Path string
	Status     pipeline.Status
	Current    bool
}

// How much of a log is read at once, in bytes.
const (
	logChunk = 64 << 10
	logReply = 1 << 20
)

// actionLog reads the log of an action: as much as there is, up to logReply.
func (s *Server) actionLog(ctx context.Context, v *visit) (any, error) {
	return s.readLog(ctx, v, logReply)
}

func (s *Server) readLog(ctx context.Context, v *visit, most int) (ActionLog, error) {
	r, err := s.repoOf(ctx, v.person, v.param("owner"), v.param("repo"))
	if err != nil {
		return ActionLog{}, err
	}
	number := 0
	if text := v.query.Get("attempt"); text != "" {
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return ActionLog{}, &problem{status: http.StatusBadRequest, title: "The request could not be read", text: "The parameter attempt counts from 1."}
		}
	}
	var x store.Execution
	var run *store.ActionRun
	var at pickedAction
	err = s.opts.Store.Read(ctx, func(tx *store.Tx) (err error) {
		run = nil
		if x, err = executionIn(ctx, tx, r, v.param("id")); err != nil {
			return err
		}
		if !sound(x.State) {
			return &problem{status: http.StatusInternalServerError, title: "The record of this execution is damaged", text: "Its actions cannot be shown."}
		}
		if at, err = pickAction(x.State, v.query.Get("action"), number); err != nil || at.attempt.ID == "" {
			return err
		}
		found, err := tx.ActionRun(ctx, at.attempt.ID)
		if err == nil {
			run = &found
		}
		return ignoreMissing(err)
	})
	if err != nil {
		return ActionLog{}, err
	}
	log := ActionLog{
		Execution: x.ID, Stage: at.stage, Action: at.definition.Name, ID: at.attempt.ID, Attempt: at.attempt.Number, Uses: at.definition.Uses,
		Status: at.attempt.Status, Summary: at.attempt.Summary, Next: v.query.Get("from"),
	}
	if webURL(at.attempt.URL) {
		log.URL = at.attempt.URL
	}
	if err := s.fillLog(ctx, &log, run, v, most); err != nil {
		return ActionLog{}, err
	}
	over := at.attempt.Status.Final() || at.attempt.ID == "" && x.State.Status.Final()
	log.Ended = log.Ended && over
	s.scribe(r, v).around(&log, x)
	return log, nil
}

// fillLog reads the text.
func (s *Server) fillLog(ctx context.Context, log *ActionLog, run *store.ActionRun, v *visit, most int) error {
	switch {
	case run == nil && log.Uses == pipeline.UsesApproval:
		log.Note, log.Ended = "An approval has no log.", true
		return nil
	case run == nil || s.opts.Logs == nil:
		log.Ended = true
		return nil
	}
	colours := v.query.Get("colors") == "1" && v.person.access != nil // for terminals; a page has no use for them
	var text strings.Builder
	for text.Len() < most && !log.Ended {
		part, err := s.opts.Logs.Log(ctx, *run, log.Next, min(logChunk, most))
		if errors.Is(err, ErrLogElsewhere) {
			return &problem{
				status: http.StatusServiceUnavailable, title: "The log is on another replica", cause: err,
				text: "It was written on a host that shares no data folder with this one, or it was removed since. Ask again, or ask that replica.",
			}
		}
		if err != nil {
			return err
		}
		if part.LeftOut > 0 {
			fmt.Fprintf(&text, "… %d bytes left out …\n", part.LeftOut)
		}
		text.WriteString(logText(string(part.Text), colours))
		log.Next, log.Ended, log.Note = part.Next, part.Ended, part.Note
		if len(part.Text) == 0 {
			break
		}
	}
	log.Text = text.String()
	return nil
}

// around adds what the page shows besides the log.
func (w scribe) around(log *ActionLog, x store.Execution) {
	log.Repo, log.Branch, log.Path = w.fullName(), x.Branch, w.path("executions", x.ID)
	for _, stage := range x.State.Stages {
		for _, a := range stage.Actions {
			log.Others = append(log.Others, LogLink{
				Name: stage.Name + "/" + a.Name, Path: w.logPath(x.ID, stage.Name, a.Name), Status: a.Status, Current: stage.Name == log.Stage && a.Name == log.Action,
			})
		}
	}
	which := log.ID
	if which == "" {
		which = log.Stage + "/" + log.Action
	}
	next := url.Values{"action": {which}, "from": {log.Next}}.Encode()
	log.EventsURL = log.Path + "/log/events?" + next
	if !log.Ended {
		log.MoreURL = log.Path + "/log?" + next
	}
}

// logPath is the page of the log of an action.
func (w scribe) logPath(execution, stage, action string) string {
	return w.path("executions", execution, "log") + "?" + url.Values{"action": {stage + "/" + action}}.Encode()
}
