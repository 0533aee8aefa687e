package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// streamLog is how often a log that grows is looked at.
const streamLog = time.Second

// logEvents streams the log of an action as it grows, from the place that Last-Event-ID names, else the parameter from.
// An event log has some of it, an event end is the last. who tells who asks.
func (s *Server) logEvents(who func(echo.Context) (*person, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := who(c)
		if err != nil {
			return err
		}
		ctx := c.Request().Context()
		v := s.visit(c, p)
		if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
			v.query.Set("from", last)
		}
		log, err := s.readLog(ctx, v, logChunk) // what is wrong with the request is an answer, and no stream
		if err != nil {
			return err
		}
		key := fmt.Sprint(p.user.ID)
		if p.access != nil {
			key += " token" // scripts take no place from pages
		}
		l := s.hub.join(key, func(int64) bool { return false })
		if l == nil {
			c.Response().Header().Set("Retry-After", "60")
			return &problem{status: http.StatusServiceUnavailable, title: "Too many logs are followed", text: "Close some, or wait."}
		}
		defer s.hub.leave(l)
		header := c.Response().Header()
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
		header.Set("X-Accel-Buffering", "no")
		w := &stream{out: c.Response().Writer, control: http.NewResponseController(c.Response().Writer)}
		if err := w.control.SetReadDeadline(time.Time{}); err != nil { // the server's limit is for requests
			return fmt.Errorf("stream a log: %w", err)
		}
		if c.Request().Method == http.MethodHead || !w.write("retry: 2000\n\n") {
			return nil
		}
		s.follow(c, v, w, log)
		return nil
	}
}

// follow writes events until the log, the reader, the server or the time ends it.
func (s *Server) follow(c echo.Context, v *visit, w *stream, log ActionLog) {
	ctx := c.Request().Context()
	look, heartbeat, end := time.NewTicker(streamLog), time.NewTicker(streamHeartbeat), time.NewTimer(streamFor)
	defer look.Stop()
	defer heartbeat.Stop()
	defer end.Stop()
	said, first := log, true
	for {
		news := first || log.Text != "" || log.Status != said.Status || log.Summary != said.Summary || log.Note != said.Note || log.ID != said.ID
		if news || log.Ended {
			event, err := logEvent(log)
			if err != nil || !w.write(event) || log.Ended {
				return
			}
		}
		said, first = log, false
		if log.Text == "" {
			select {
			case <-ctx.Done():
				return
			case <-s.hub.closed:
				return
			case <-end.C:
				return
			case <-heartbeat.C:
				if !w.write(": still here\n\n") {
					return
				}
			case <-look.C:
			}
		}
		v.query.Set("from", log.Next)
		next, err := s.readLog(ctx, v, logChunk) // rights are asked with it
		if err != nil {
			if ctx.Err() == nil {
				s.opts.Log.WarnContext(ctx, "a log that is followed cannot be read", "path", c.Request().URL.Path, "err", err)
			}
			return
		}
		log = next
	}
}

// logEvent writes some of a log as an event. Its ID is where to go on.
func logEvent(log ActionLog) (string, error) {
	raw, err := json.Marshal(log)
	if err != nil {
		return "", err
	}
	name := "log"
	if log.Ended {
		name = "end"
	}
	id := ""
	if log.Next != "" {
		id = "id: " + log.Next + "\n"
	}
	return id + "event: " + name + "\ndata: " + string(raw) + "\n\n", nil
}
