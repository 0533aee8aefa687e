package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/store"
	"github.com/sluicehq/sluice/test/fakegithub"
)

// held has GitHub keep the answer to the first report of a check back until release is called, so that a delivery is being
// worked on in its lane. come is closed when that is so.
func (n *near) held() (come <-chan struct{}, release func()) {
	came, held := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	n.tb.Cleanup(release) // or a test that fails before it does never ends
	first := make(chan struct{}, 1)
	first <- struct{}{}
	n.hub.OnCall(func(c fakegithub.Call) {
		n.called(c)
		if c.Method != "POST" || c.Route != createCheck {
			return
		}
		select {
		case <-first:
			close(came)
			<-held
		default:
		}
	})
	return came, release
}

// done counts the deliveries that are handled.
func (n *near) done() (handled, waiting int) {
	n.tb.Helper()
	s, err := store.Open(n.tb.Context(), "sqlite:"+filepath.Join(n.flags.Data, "sluice.db"), store.Options{ReadOnly: true})
	if err != nil {
		n.tb.Fatal(err)
	}
	defer s.Close()
	if err := s.Read(n.tb.Context(), func(tx *store.Tx) error {
		all, err := tx.Deliveries(n.tb.Context(), "", 1000)
		for _, d := range all {
			if d.State == store.DeliveryWaiting {
				waiting++
			} else {
				handled++
			}
		}
		return err
	}); err != nil {
		n.tb.Fatal(err)
	}
	return handled, waiting
}

// stopped waits until a server that was told to stop has ended.
func (n *near) stopped(within time.Duration) {
	n.tb.Helper()
	began := time.Now()
	select {
	case err := <-n.ended:
		if n.ended <- nil; err != nil {
			n.tb.Errorf("the server ended with %v", err)
		}
	case <-time.After(within):
		n.tb.Fatalf("the server is still there after %v", time.Since(began))
	}
}

// A delivery that is being worked on when the server is told to stop is finished. Meanwhile the admin address says that
// the server stops, and nothing more is taken in.
func TestDrainFinishes(t *testing.T) {
	n := newNear(t, "")
	come, release := n.held()
	_, sha := n.push()
	<-come
	before, _ := n.done()
	n.halt()
	readyIs(t, n.admin, http.StatusServiceUnavailable, "stopping")
	if status, _ := probe(t, n.public+"/"); status != 0 {
		t.Errorf("the public address still answers: %d", status)
	}
	select {
	case err := <-n.ended:
		t.Fatalf("it ended with a delivery in work: %v", err)
	default:
	}
	release()
	n.stopped(patience)
	if after, _ := n.done(); after <= before {
		t.Errorf("%d deliveries were handled, and %d before the stop: the one in work was not finished", after, before)
	}
	if got := n.check(sha); got.Method != "POST" {
		t.Errorf("no check was reported: %v", got)
	}
}

// One that does not end in the grace time is called off and stays in the database: the process ends, and the next one goes
// on where it was, doing nothing twice.
func TestDrainHandsOver(t *testing.T) {
	n := newNear(t, "")
	n.halt()
	n.stopped(patience)
	n.grace = time.Second
	n.begin()
	n.idle()
	come, release := n.held()
	_, sha := n.push()
	<-come
	before, _ := n.done()
	n.halt()
	n.stopped(n.grace + 15*time.Second) // on a busy machine; a second and a little otherwise
	after, waiting := n.done()
	if after != before || waiting == 0 {
		t.Errorf("%d deliveries were handled and %d wait, want %d and some", after, waiting, before)
	}
	release()
	n.begin()
	n.idle()
	if _, waiting := n.done(); waiting != 0 {
		t.Errorf("%d deliveries still wait", waiting)
	}
	names := map[string]int{}
	for _, c := range n.hub.Calls(fakegithub.CallFilter{Method: "POST", Route: createCheck}) {
		if strings.Contains(string(c.Body), sha) {
			names[string(c.Body)]++
		}
	}
	if len(names) == 0 {
		t.Error("no check was reported")
	}
	for body, times := range names {
		if times != 1 {
			t.Errorf("%d times: %s", times, body)
		}
	}
}

// Whoever sends a request more slowly than the server may take to stop is cut off, and is no failure of the server.
func TestDrainCutsOff(t *testing.T) {
	n := newNear(t, "")
	n.halt()
	n.stopped(patience)
	n.grace = time.Second
	n.begin()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow, sent := slowBody{ctx.Done()}, make(chan struct{})
	req, err := parcel{server: n.public, event: "ping", id: "00000000-0000-4000-8000-00000000000b", body: []byte("{}")}.request(ctx)
	if err != nil {
		t.Fatal(err)
	}
	req.Body, req.ContentLength = io.NopCloser(slow), -1
	go func() {
		defer close(sent)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	if err := await(t.Context(), patience, "the server to begin to read the request", func() (string, bool) {
		_, metrics := probe(t, n.admin+"/metrics")
		return "", strings.Contains(metrics, "sluice_webhook_in_flight_bytes 65536")
	}); err != nil {
		t.Fatal(err)
	}
	n.halt()
	n.stopped(n.grace + 15*time.Second)
	cancel()
	<-sent
}

// slowBody sends nothing until it is over.
type slowBody struct{ over <-chan struct{} }

// Read implements io.Reader.
func (s slowBody) Read([]byte) (int, error) {
	<-s.over
	return 0, context.Canceled
}

// A build runs on when its server is told to stop, which does not wait for it; the next server finds how it ended, and
// does not begin it again.
func TestDrainLeavesBuilds(t *testing.T) {
	f := newFlow(t, "")
	signs := t.TempDir()
	began, goOn := filepath.Join(signs, "began"), filepath.Join(signs, "go-on")
	if err := f.seed(true, false, map[string]string{
		".github/sluice.yml": "version: 1\npipelines:\n  feature:\n    stages: [{ name: Test, actions: [{ name: unit, uses: buildspec }] }]\n",
		"buildspec.yml":      "version: 0.2\nphases: { build: { commands: ['echo begins >>" + began + "; until test -e " + goOn + "; do sleep 0.1; done'] } }\n",
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.serve(), f.idle()); err != nil {
		t.Fatal(err)
	}
	sha, err := f.push(pushRequest{who: "dev", branch: "feature/apples", message: "feat: sell apples", files: map[string]string{"apples.txt": "1\n"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.until("the build to begin", func() (string, bool) {
		_, err := os.Stat(began)
		return "it has not", err == nil
	}); err != nil {
		t.Fatal(err)
	}
	stopping := time.Now()
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(stopping); took >= stopGrace {
		t.Errorf("the server took %v to stop, which is as long as it waits for what it works on", took)
	}
	if err := os.WriteFile(goOn, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.serve(); err != nil {
		t.Fatal(err)
	}
	if err := f.check(sha, "sluice/pipeline", "success", ""); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(began); err != nil || string(text) != "begins\n" {
		t.Errorf("the build began as often as here are lines: %q, %v", text, err)
	}
}
