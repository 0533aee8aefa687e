package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/internal/pgtest"
)

// BenchmarkServeBurst sends 24,000 deliveries of 25 KB over 64 connections to sluice serve, a process of its own, and tells
// how much more memory that has resident at its peak than it had when idle, with whatever the garbage collector, the
// database and the queue that works them off take.
func BenchmarkServeBurst(b *testing.B) {
	const burst = 24_000
	for _, db := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", func(testing.TB) string { return "" }}, {"postgres", pgtest.URL}} {
		b.Run(db.name, func(b *testing.B) {
			for b.Loop() {
				f := newFlow(b, db.url(b))
				if err := f.seed(true, false, map[string]string{"README.md": "# shop\n"}); err != nil {
					b.Fatal(err)
				}
				if err := f.serve(); err != nil {
					b.Fatal(err)
				}
				if err := f.idle(); err != nil {
					b.Fatal(err)
				}
				idle := f.memory("VmRSS")
				f.burst(burst)
				if err := f.until("every delivery to be handled", func() (string, bool) {
					m, err := f.figures()
					if err != nil {
						return err.Error(), false
					}
					return fmt.Sprint(m["sluice_queue_done_total"]), m["sluice_queue_done_total"] >= burst && m["sluice_queue_waiting"] == 0
				}); err != nil {
					b.Fatal(err)
				}
				peak := f.memory("VmHWM")
				if err := f.healthy(); err != nil {
					b.Error(err)
				}
				b.ReportMetric(float64(idle)/1024, "MiB-idle")
				b.ReportMetric(float64(peak-idle)/1024, "MiB-above-idle")
				f.crash()
			}
			b.ReportMetric(burst, "deliveries/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// memory is a figure of the server's memory in KiB, as Linux keeps them: VmRSS is resident now, VmHWM at most until now.
func (f *flow) memory(name string) int {
	f.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.server.cmd.Process.Pid))
	if err != nil {
		f.tb.Skipf("memory is read where Linux shows it: %v", err)
	}
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(text)
	if found == nil {
		f.tb.Fatalf("no %s in\n%s", name, text)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		f.tb.Fatal(err)
	}
	return kib
}

// burst sends so many deliveries, each with an ID of its own, of an event from which nothing follows for 25 repositories.
func (f *flow) burst(n int) {
	const connections, repositories = 64, 25
	var bodies [repositories][]byte
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `{"action":"started","repository":{"id":%d,"name":"r","owner":{"login":"acme"}},"sender":{"id":1,"login":"ann"},"text":%q}`,
			1_000_000+i, strings.Repeat(fmt.Sprintf("line %d of many. ", i), 1500))
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				p := parcel{server: "http://" + f.server.public, event: "watch", id: fmt.Sprintf("00000000-0000-4000-9000-%012x", i), body: bodies[i%repositories]}
				req, err := p.request(context.Background())
				if err != nil {
					f.tb.Error(err)
					return
				}
				res, err := client.Do(req)
				if err != nil {
					f.tb.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					f.tb.Errorf("status %d", res.StatusCode)
					return
				}
			}
		})
	}
	senders.Wait()
}
