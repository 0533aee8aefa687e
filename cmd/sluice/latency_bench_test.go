package main

import (
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/bot"
	"github.com/sluicehq/sluice/internal/pgtest"
)

// BenchmarkFirstCheck measures from the 202 of a delivery to the first check on GitHub, which answers at once: of a push
// (its branch's pipeline) and of a pull request (its verdict).
func BenchmarkFirstCheck(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "" }, "postgres": pgtest.URL,
	} {
		b.Run("push/"+name, func(b *testing.B) {
			n := newNear(b, database(b))
			firstChecks(b, n, func() time.Duration {
				_, sha := n.push()
				call := n.check(sha)
				n.idle()
				return call.At.Sub(n.answered("push", ""))
			})
		})
		b.Run("pull/"+name, func(b *testing.B) {
			n := newNear(b, database(b))
			firstChecks(b, n, func() time.Duration {
				branch, sha := n.push()
				n.idle()
				n.open(branch)
				call := n.check(sha + " " + bot.CheckBranch)
				n.idle()
				return call.At.Sub(n.answered("pull_request", "opened"))
			})
		})
	}
}

// firstChecks runs one round after the other, which warms up with the first, and reports the median and the 99th of a
// hundred.
func firstChecks(b *testing.B, n *near, round func() time.Duration) {
	round()
	took := make([]time.Duration, 0, 1024)
	from := n.hub.LastCall()
	for b.Loop() {
		took = append(took, round())
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(float64(n.hub.LastCall()-from)/float64(len(took)), "calls/op")
	b.ReportMetric(0, "ns/op") // most of it is waiting until all is quiet again
}
