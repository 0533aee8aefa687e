package webhooks

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of the intake. All series exist from the start, so that a rate is right from the first
// request, and their number is fixed: no label is taken from a request as it stands.
type metrics struct {
	results  map[string]prometheus.Counter // by answer.result
	events   map[string]prometheus.Counter // by event name; otherEvent for names GitHub's client library does not know
	keys     []prometheus.Counter          // by index of the secret that fitted
	seconds  prometheus.Histogram
	inFlight prometheus.Gauge
}

const otherEvent = "other"

func newMetrics(reg prometheus.Registerer, keys int) (*metrics, error) {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_webhook_requests_total", Help: "Requests to the webhook endpoints by what they were answered.",
	}, []string{"result"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_webhook_events_total", Help: "Deliveries with a valid signature, or secret, by the name of the event.",
	}, []string{"event"})
	byKey := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_webhook_signatures_total",
		Help: "Valid signatures by the secret they were made with, counted from 1: once the last one stays still it can be removed.",
	}, []string{"secret"})
	m := &metrics{
		results: map[string]prometheus.Counter{}, events: map[string]prometheus.Counter{},
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_webhook_seconds", Help: "Time from the headers of a delivery to its answer; GitHub gives up after 10 s.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_webhook_in_flight_bytes", Help: "Memory set aside for bodies being received.",
		}),
	}
	for _, a := range answers {
		m.results[a.result] = results.WithLabelValues(a.result)
	}
	for _, name := range append(github.MessageTypes(), NameSNS, NameEventBridge, otherEvent) {
		m.events[name] = events.WithLabelValues(name)
	}
	for i := range keys {
		m.keys = append(m.keys, byKey.WithLabelValues(strconv.Itoa(i+1)))
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{results, events, byKey, m.seconds, m.inFlight} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) answered(a answer, took time.Duration) {
	m.results[a.result].Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) event(name string) {
	c, ok := m.events[name]
	if !ok {
		c = m.events[otherEvent]
	}
	c.Inc()
}
