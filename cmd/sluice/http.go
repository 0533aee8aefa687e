package main

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newEcho is echo without what its defaults would print or trust: addresses come from the connection, errors are one
// line of JSON without details.
func newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	return e
}

// publicServer serves webhooks and pages.
func (s *server) publicServer() *http.Server {
	e := newEcho()
	s.hooks.Register(e)
	s.pages.Register(e)
	return s.withPages(hardened(e))
}

// hardened sets the timeouts of a server on a public address.
func hardened(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 120 * time.Second, MaxHeaderBytes: 64 << 10,
	}
}

// health answers the probes.
type health struct {
	server   *server
	draining atomic.Bool
}

// adminServer serves metrics and health, on an address of its own.
func (s *server) adminServer(h *health) *http.Server {
	e := newEcho()
	e.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", h.ready)
	s.access.routes(e, s.store)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{})))
	return hardened(e)
}

// ready tells whether the server should be sent requests: it is not stopping, and the database takes writes.
func (h *health) ready(c echo.Context) error {
	if h.draining.Load() {
		return c.String(http.StatusServiceUnavailable, "stopping\n")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 3*time.Second)
	defer cancel()
	if err := h.server.store.Ready(ctx); err != nil {
		h.server.log.ErrorContext(ctx, "not ready", "err", err)
		return c.String(http.StatusServiceUnavailable, strings.ReplaceAll(err.Error(), "\n", "; ")+"\n")
	}
	return c.String(http.StatusOK, "ok\n")
}

// measure exports the queue's figures and the process's.
func (s *server) measure() {
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), queueMetrics{s})
}

// queueMetrics reads the queue's figures when they are asked for.
type queueMetrics struct{ s *server }

// The figures.
func queueDescriptions() map[string]*prometheus.Desc {
	d := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sluice_queue_"+name, help, nil, nil)
	}
	return map[string]*prometheus.Desc{
		"waiting":   d("waiting", "Items and jobs that are due."),
		"scheduled": d("scheduled", "Items and jobs that are due later."),
		"dead":      d("dead_letters", "Items and jobs that were given up; see sluice replay."),
		"busy":      d("busy_lanes", "Lanes being worked on."),
		"oldest":    d("oldest_delivery_seconds", "Age of the oldest delivery that is not handled."),
		"done":      d("done_total", "Items and jobs that ended well in this process."),
		"retried":   d("retried_total", "Attempts that failed and are repeated."),
		"panicked":  d("panicked_total", "Attempts that panicked."),
	}
}

// Describe implements prometheus.Collector.
func (q queueMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range queueDescriptions() {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (q queueMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	d := queueDescriptions()
	stats, err := q.s.queue.Stats(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(d["waiting"], err)
		return
	}
	gauge := func(name string, v float64) {
		out <- prometheus.MustNewConstMetric(d[name], prometheus.GaugeValue, v)
	}
	counter := func(name string, v int64) {
		out <- prometheus.MustNewConstMetric(d[name], prometheus.CounterValue, float64(v))
	}
	gauge("waiting", float64(stats.Waiting))
	gauge("scheduled", float64(stats.Scheduled))
	gauge("dead", float64(stats.Dead))
	gauge("busy", float64(stats.LanesBusy))
	gauge("oldest", stats.OldestWaiting.Seconds())
	counter("done", stats.Done)
	counter("retried", stats.Retried)
	counter("panicked", stats.Panicked)
}
