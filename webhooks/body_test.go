package webhooks_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/event"
	"github.com/sluicehq/sluice/webhooks"
)

func inFlight(t testing.TB, e endpoint) float64 {
	t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "sluice_webhook_in_flight_bytes" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no gauge of the bytes in flight")
	return 0
}

// Bodies of every size round the steps of the buffer come through unchanged, announced or not.
func TestBodySizes(t *testing.T) {
	var s shelf
	e := serve(t, webhooks.Config{Acceptor: &s})
	for _, size := range []int{2, 4096, 65535, 65536, 65537, 131072, 131073, 1 << 20, webhooks.MaxBody} {
		for _, announced := range []bool{true, false} {
			if !announced && size == webhooks.MaxBody {
				continue // TestOneByteTooMany reads that much
			}
			body := `{"a":"` + strings.Repeat("x", max(0, size-8)) + `"}`
			if size == 2 {
				body = `{}`
			}
			r := post("push", body, secret)
			if !announced {
				r.ContentLength = -1
			}
			s.stored = nil
			if w := e.do(r); w.Code != 202 || string(s.stored[0].Body) != body {
				t.Errorf("%d bytes, announced %t: answered %d", size, announced, w.Code)
			}
		}
	}
	if got := inFlight(t, e); got != 0 {
		t.Errorf("%v bytes are still held", got)
	}
}

func TestOneByteTooMany(t *testing.T) {
	body := `{"a":"` + strings.Repeat("x", webhooks.MaxBody-7) + `"}`
	for _, length := range []int64{int64(len(body)), -1} {
		r := post("push", body, secret)
		r.ContentLength = length
		if w := serve(t, webhooks.Config{}).do(r); w.Code != 413 {
			t.Errorf("length %d: answered %d", length, w.Code)
		}
	}
}

// Who announces 25 MiB and sends nothing gets no more than a first piece.
func TestAnnouncingTakesNoMemory(t *testing.T) {
	e := serve(t, webhooks.Config{})
	reader, writer := io.Pipe()
	r := request("push", reader, vector)
	r.ContentLength = webhooks.MaxBody
	done := make(chan int)
	go func() { done <- e.do(r).Code }()
	if _, err := writer.Write([]byte("{")); err != nil { // returns once it was read
		t.Fatal(err)
	}
	if got := inFlight(t, e); got != 64<<10 {
		t.Errorf("%v bytes are held", got)
	}
	_ = writer.CloseWithError(io.ErrUnexpectedEOF)
	if code := <-done; code != 400 {
		t.Errorf("answered %d", code)
	}
}

// When all memory for bodies is taken, a request waits two seconds and is then told to come again.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		a := blocking{hold}
		e := serve(t, webhooks.Config{Acceptor: a, MaxInFlight: webhooks.MaxBody, Timeout: time.Hour})
		pieces := webhooks.MaxBody / (64 << 10)
		var wait sync.WaitGroup
		for range pieces {
			wait.Go(func() {
				if w := e.do(post("push", hello, secret)); w.Code != 202 {
					t.Errorf("one that came in time: answered %d", w.Code)
				}
			})
		}
		synctest.Wait()
		started := time.Now()
		w := e.do(post("push", hello, secret))
		if w.Code != 503 || w.Header().Get("Retry-After") != "10" || time.Since(started) != 2*time.Second {
			t.Errorf("answered %d after %v, Retry-After %q", w.Code, time.Since(started), w.Header().Get("Retry-After"))
		}
		var late int
		wait.Go(func() { late = e.do(post("push", hello, secret)).Code })
		synctest.Wait()
		close(hold)
		wait.Wait()
		if late != 202 {
			t.Errorf("one that waited for room: answered %d", late)
		}
	})
}

// An Acceptor that does not return is given up before GitHub gives up, and a sender who hangs up stops nothing.
func TestAcceptIsBoundedByTimeNotByTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := serve(t, webhooks.Config{Acceptor: blocking{}})
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		started := time.Now()
		w := e.do(post("push", hello, secret).WithContext(ctx))
		if took := time.Since(started); w.Code != 503 || took != 9*time.Second {
			t.Errorf("answered %d after %v", w.Code, took)
		}
	})
}

// A sender that is slow is given up while there would be time left to store, and the time it took is taken from storing: the
// answer comes within the time of the whole request.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		acceptor webhooks.Acceptor
		timeout  time.Duration
		finishes bool
		code     int
		from, to time.Duration // when the answer comes
	}{
		"never ends":                 {&shelf{}, 4 * time.Second, false, 408, time.Second, 4 * time.Second},
		"ends in time":               {&shelf{}, time.Minute, true, 202, 100 * time.Millisecond, time.Minute},
		"ends, and storing does not": {blocking{}, 5 * time.Second, true, 503, 4 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := serve(t, webhooks.Config{Acceptor: tc.acceptor, Timeout: tc.timeout})
			server := httptest.NewServer(e)
			defer server.Close()
			reader, writer := io.Pipe()
			defer writer.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+webhooks.Path, reader)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = post("push", hello, secret).Header
			r.ContentLength = int64(len(hello))
			go func() {
				_, _ = io.WriteString(writer, hello[:10])
				if tc.finishes {
					<-time.After(100 * time.Millisecond) // a slow sender
					_, _ = io.WriteString(writer, hello[10:])
				}
			}()
			started := time.Now()
			res, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if took := time.Since(started); res.StatusCode != tc.code || took < tc.from || took > tc.to {
				t.Errorf("answered %d after %v, want %d between %v and %v", res.StatusCode, took, tc.code, tc.from, tc.to)
			}
		})
	}
}

// blocking accepts once hold is closed.
type blocking struct{ hold chan struct{} }

func (b blocking) Accept(ctx context.Context, _ event.Delivery) error {
	select {
	case <-b.hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// 200 senders without the secret send 25 MiB each at the same time: 5 GB, of which a small part is ever held.
func TestMemoryBeforeAuthentication(t *testing.T) {
	e := serve(t, webhooks.Config{})
	server := httptest.NewServer(e)
	defer server.Close()
	client := server.Client()

	peak := watchMemory(t)
	codes := make([]int, 200)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+webhooks.Path, io.LimitReader(zeros{}, webhooks.MaxBody))
			if err != nil {
				t.Error(err)
				return
			}
			r.ContentLength = webhooks.MaxBody
			r.Header = request("push", nil, vector).Header
			if i%2 == 0 {
				r.Header.Del("X-Hub-Signature-256")
			}
			res, err := client.Do(r)
			if err != nil {
				return // refused while it was still sending
			}
			codes[i] = res.StatusCode
			_ = res.Body.Close()
		})
	}
	wait.Wait()
	count := map[int]int{}
	for _, code := range codes {
		count[code]++
	}
	if count[401] == 0 || count[0]+count[401]+count[408]+count[503] != len(codes) {
		t.Errorf("answers by code, 0 for none: %v", count)
	}
	const limit = 320 << 20
	if got := peak(); got > limit {
		t.Errorf("memory rose by %d MiB, want at most %d", got>>20, limit>>20)
	} else {
		t.Logf("memory rose by %d MiB, answers by code: %v", got>>20, count)
	}
	if got := inFlight(t, e); got != 0 {
		t.Errorf("%v bytes are still held", got)
	}
}

// watchMemory samples what the process has taken from the system until the returned function is called, which tells
// the largest rise.
func watchMemory(t *testing.T) func() uint64 {
	t.Helper()
	percent := debug.SetGCPercent(100) // as the server has it, whatever the tests are run with
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	debug.FreeOSMemory()
	taken := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64() - s[1].Value.Uint64()
	}
	before, highest := taken(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				highest = max(highest, taken())
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
	return func() uint64 {
		close(stop)
		<-done
		return max(highest, before) - before
	}
}
