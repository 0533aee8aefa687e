package dashboard

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// How a stream of events keeps time.
const (
	streamSettle    = time.Second      // from the first sign of a change to the event: changes come in bursts
	streamAgain     = 5 * time.Second  // to a second event, since the work that was announced takes a moment
	streamHeartbeat = 15 * time.Second // between comments that keep proxies from hanging up
	streamLook      = 30 * time.Second // between events without a sign, for what another replica did
	streamFor       = 10 * time.Minute // after which the browser connects again and rights are asked anew
	streamWrite     = 10 * time.Second // in which a browser must take what is written
	streamsOfOne    = 12               // of one person
)

// hub knows who listens.
type hub struct {
	max    int
	closed chan struct{}

	mu        sync.Mutex
	listeners map[*listener]bool
}

// listener is one open page.
type listener struct {
	key  string // of the person
	sees func(repo int64) bool
	sign chan struct{} // has room for one
}

func newHub(limit int) *hub {
	return &hub{max: limit, closed: make(chan struct{}), listeners: map[*listener]bool{}}
}

func (h *hub) close() { close(h.closed) }

// join adds a listener; nil when there is no room.
func (h *hub) join(key string, sees func(int64) bool) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := 0
	for l := range h.listeners {
		own += truth(l.key == key)
	}
	if len(h.listeners) >= h.max || own >= streamsOfOne {
		return nil
	}
	l := &listener{key: key, sees: sees, sign: make(chan struct{}, 1)}
	h.listeners[l] = true
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// raised tells those who may see the repositories behind the lanes. It does not block.
func (h *hub) raised(lanes []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) == 0 {
		return
	}
	for _, lane := range lanes {
		text, ok := strings.CutPrefix(lane, "repo:")
		id, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			continue
		}
		for l := range h.listeners {
			if !l.sees(id) {
				continue
			}
			select {
			case l.sign <- struct{}{}:
			default: // it has been told
			}
		}
	}
}

// events tells a page when to load itself again. There is nothing in an event but that; a browser that missed some,
// and says so by Last-Event-ID, gets one at once.
func (s *Server) events(c echo.Context) error {
	p, err := s.visitor(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	sees, err := s.readable(ctx, p)
	if err != nil {
		return err
	}
	l := s.hub.join(fmt.Sprint(p.user.ID), sees)
	if l == nil {
		c.Response().Header().Set("Retry-After", "60")
		return &problem{status: http.StatusServiceUnavailable, title: "Too many pages are open", text: "They load anew when you reload them."}
	}
	defer s.hub.leave(l)
	header := c.Response().Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("X-Accel-Buffering", "no")
	w := &stream{out: c.Response().Writer, control: http.NewResponseController(c.Response().Writer), number: s.opts.Now().UnixMilli()}
	if err := w.control.SetReadDeadline(time.Time{}); err != nil { // the server's limit is for requests, and would end this one
		return fmt.Errorf("stream events: %w", err)
	}
	first := ": hello\nretry: 5000\n\n"
	if c.Request().Header.Get("Last-Event-ID") != "" {
		first += w.event()
	}
	if c.Request().Method == http.MethodHead || !w.write(first) {
		return nil
	}
	s.listen(c, l, w)
	return nil
}

// listen writes events until the browser, the server or the time ends it.
func (s *Server) listen(c echo.Context, l *listener, w *stream) {
	done := c.Request().Context().Done()
	heartbeat, look, end := time.NewTicker(streamHeartbeat), time.NewTicker(streamLook), time.NewTimer(streamFor)
	defer heartbeat.Stop()
	defer look.Stop()
	defer end.Stop()
	soon, again := time.NewTimer(streamFor), time.NewTimer(streamFor)
	soon.Stop()
	again.Stop()
	defer soon.Stop()
	defer again.Stop()
	waiting := false
	for {
		ok := true
		select {
		case <-done:
			return
		case <-s.hub.closed:
			return
		case <-end.C:
			return
		case <-l.sign:
			if !waiting {
				waiting = true
				soon.Reset(streamSettle)
			}
			again.Reset(streamAgain)
		case <-soon.C:
			waiting = false
			ok = w.write(w.event())
		case <-again.C:
			ok = w.write(w.event())
		case <-look.C:
			ok = w.write(w.event())
		case <-heartbeat.C:
			ok = w.write(": still here\n\n")
		}
		if !ok {
			return
		}
	}
}

// stream writes to a browser that may have gone.
type stream struct {
	out     http.ResponseWriter
	control *http.ResponseController
	number  int64
}

func (w *stream) event() string {
	w.number++
	return fmt.Sprintf("id: %d\nevent: changed\ndata: {}\n\n", w.number)
}

func (w *stream) write(text string) bool {
	if w.control.SetWriteDeadline(time.Now().Add(streamWrite)) != nil {
		return false
	}
	_, err := w.out.Write([]byte(text))
	return err == nil && w.control.Flush() == nil
}
