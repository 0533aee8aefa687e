package registry

import (
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// registriesToMeasure are go-containerregistry's, with its blobs on disk, and Debian's.
func registriesToMeasure() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{
		"debian": debian,
		"fake": func(t testing.TB) string {
			return serveWith(t, fake.WithBlobHandler(fake.NewDiskBlobHandler(t.TempDir()))).host
		},
	}
}

// side is one of two ways to do a thing. It is given the number of the round, and prepares what is not to be measured before
// it returns what is.
type side struct {
	name    string
	prepare func(round int) func() error
}

// compare does both sides in turn, the first of them in every other round the second, and reports their medians and how much
// longer the second takes. Machines differ from run to run and from minute to minute: only the ratio of one run means
// anything. On a machine that is busy with other things the ratio of the processor time that this process took says more; it
// holds the registry's as well where that runs in the process.
func compare(b *testing.B, rounds int, sides [2]side) {
	b.Helper()
	var took [2][]time.Duration
	var worked [2]time.Duration
	for round := range rounds * b.N {
		for i := range sides {
			at := (i + round) % 2
			do := sides[at].prepare(round)
			start, before := time.Now(), processorTime()
			if err := do(); err != nil {
				b.Fatalf("%s: %v", sides[at].name, err)
			}
			took[at] = append(took[at], time.Since(start))
			worked[at] += processorTime() - before
		}
	}
	var median [2]time.Duration
	for i := range took {
		slices.Sort(took[i])
		median[i] = took[i][len(took[i])/2]
		b.ReportMetric(float64(median[i].Microseconds())/1000, sides[i].name+"-ms")
	}
	b.ReportMetric(float64(median[1])/float64(median[0]), "ratio")
	b.ReportMetric(float64(worked[1])/float64(worked[0]), "cpu-ratio")
	b.ReportMetric(0, "ns/op") // of both sides together it would say nothing
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPromote promotes 200 MB into an empty repository, and has crane copy the same image: the ratio is to be at most
// 1.15.
func BenchmarkPromote(b *testing.B) {
	for about, host := range registriesToMeasure() {
		b.Run(about, func(b *testing.B) {
			src := putImage(b, host(b)+"/shop:candidate", must(random.Image(40<<20, 5))(b))
			empty := func(b *testing.B) string { return host(b) + "/shop:1.4.0" }
			compare(b, 7, [2]side{
				{"crane", func(int) func() error {
					to := empty(b)
					return func() error { return crane.Copy(src, to) }
				}},
				{"promote", func(int) func() error {
					to := empty(b)
					return func() error {
						_, err := New(Options{}).Promote(b.Context(), src, to)
						return err
					}
				}},
			})
		})
	}
}

// BenchmarkPromoteWithin promotes within a registry, where nothing is to be copied, and puts one manifest by a client that
// begins from nothing as well: the ratio is to be at most 2.
func BenchmarkPromoteWithin(b *testing.B) {
	for about, host := range registriesToMeasure() {
		b.Run(about, func(b *testing.B) {
			at := host(b)
			img := must(random.Image(40<<20, 5))(b)
			src := putImage(b, at+"/shop:candidate", img)
			run := time.Now().UnixNano()
			compare(b, 201, [2]side{
				{"put", func(round int) func() error {
					tag := must(name.NewTag(fmt.Sprintf("%s/shop:put-%d-%d", at, run, round)))(b)
					return func() error {
						transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
						defer transport.CloseIdleConnections()
						return remote.Put(tag, img, remote.WithTransport(transport), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(b.Context()))
					}
				}},
				{"promote", func(round int) func() error {
					return func() error {
						_, err := New(Options{}).Promote(b.Context(), src, fmt.Sprintf("%s/shop:promote-%d-%d", at, run, round))
						return err
					}
				}},
			})
		})
	}
}
