package dashboard

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listen opens a stream and returns its lines.
func (w *world) listen(b *http.Client, header ...string) (lines <-chan string, hangUp func(), status int) {
	w.t.Helper()
	return w.listenTo(b, "/events", header...)
}

func (w *world) listenTo(b *http.Client, path string, header ...string) (lines <-chan string, hangUp func(), status int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	out, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		s := bufio.NewScanner(res.Body)
		for s.Scan() {
			out <- s.Text()
		}
	}()
	return out, func() { cancel(); <-done; _ = res.Body.Close() }, res.StatusCode
}

// until reads lines up to one that begins with want.
func until(t *testing.T, lines <-chan string, want string) (line string, ok bool) {
	t.Helper()
	timeout := time.NewTimer(90 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case line, open := <-lines:
			if !open || strings.HasPrefix(line, want) {
				return line, open
			}
		case <-timeout.C:
			t.Errorf("no line %q in time", want)
			return "", false
		}
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t, nil)
	lines, hangUp, status := w.listen(w.signedIn("qa"))
	defer hangUp()
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	until(t, lines, "retry: ")
	w.server.hub.raised([]string{"app", "repo:2", "repo:1"})
	if _, ok := until(t, lines, "event: changed"); !ok {
		t.Error("no event")
	}
}

func TestEventsOfOthers(t *testing.T) {
	h := newHub(10)
	own := h.join("7", func(id int64) bool { return id == shopID })
	if h.raised([]string{"repo:2", "installation:1", "repo:x", "repo:"}); len(own.sign) != 0 {
		t.Error("told of another's repository")
	}
	if h.raised([]string{"repo:1", "repo:1"}); len(own.sign) != 1 {
		t.Error("not told of a change")
	}
}

func TestMissedEvents(t *testing.T) {
	w := newWorld(t, nil)
	lines, hangUp, _ := w.listen(w.signedIn("qa"), "Last-Event-ID", "<nonsense>\x7f"[:10])
	defer hangUp()
	if _, ok := until(t, lines, "event: changed"); !ok {
		t.Error("who missed some is told nothing")
	}
}

func TestEventsAreBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Streams = 2 })
	b := w.signedIn("qa")
	var got []int
	for range 3 {
		_, hangUp, status := w.listen(b)
		defer hangUp()
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{200, 200, 503}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h := newHub(1000)
	for i := range streamsOfOne + 1 {
		if l := h.join("7", nil); (l != nil) != (i < streamsOfOne) {
			t.Errorf("stream %d of one person: let in %t", i+1, l != nil)
		}
	}
	if h.join("8", nil) == nil {
		t.Error("one person keeps others out")
	}
}

func TestEventsEndWithTheServer(t *testing.T) {
	w := newWorld(t, nil)
	lines, hangUp, _ := w.listen(w.signedIn("qa"))
	defer hangUp()
	until(t, lines, "retry: ")
	w.server.Close()
	if line, open := until(t, lines, "nothing begins so"); open {
		t.Errorf("the stream goes on: %q", line)
	}
}

func TestEventsNeedSignIn(t *testing.T) {
	w := newWorld(t, nil)
	_, hangUp, status := w.listen(w.browser())
	defer hangUp()
	if status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
}
