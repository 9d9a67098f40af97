package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hone/internal/gateway"
	"hone/internal/op"
)

// metrics serves what Prometheus reads.
func (a *App) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(a))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// gatewayMetrics serves what Prometheus reads of a gateway of its own.
func gatewayMetrics(g *Gateway) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*gatewayCollector)(g))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// gatewayCollector reads a gateway's counters as they stand.
type gatewayCollector Gateway

func (c *gatewayCollector) Describe(ch chan<- *prometheus.Desc) { describe(ch, served) }

func (c *gatewayCollector) Collect(ch chan<- prometheus.Metric) {
	stored, lost, _, _ := c.spool.Stats()
	collectServed(ch, c.gateway.Stats(), stored, lost)
}

// collector reads the gateway's counters and each model's signals as they stand.
type collector App

var (
	requests  = prometheus.NewDesc("hone_requests_total", "Prediction requests.", []string{"model"}, nil)
	rows      = prometheus.NewDesc("hone_predictions_total", "Rows answered.", []string{"model"}, nil)
	failed    = prometheus.NewDesc("hone_request_errors_total", "Requests that got no answer.", []string{"model"}, nil)
	fallbacks = prometheus.NewDesc("hone_fallbacks_total", "Rows that the champion answered because a challenger failed.", []string{"model"}, nil)
	shed      = prometheus.NewDesc("hone_log_shed_total", "Rows answered and not taken by the log, whose queue was full.", []string{"model"}, nil)
	logged    = prometheus.NewDesc("hone_log_rows_total", "Rows of all models given to the log since the start: stored, or shed because it was full or could not write.", []string{"result"}, nil)
	duration  = prometheus.NewDesc("hone_request_seconds", "Time to answer a request.", []string{"model"}, nil)
	signalled = prometheus.NewDesc("hone_signal", "A signal's value.", []string{"model", "signal", "slice"}, nil)
	needs     = prometheus.NewDesc("hone_model_needs_person", "1 while a model needs a person.", []string{"model"}, nil)
	drained   = prometheus.NewDesc("hone_spool_rows_total", "Rows taken over from a gateway of its own.", []string{"gateway"}, nil)
	spooled   = prometheus.NewDesc("hone_spool_bytes", "Bytes in the spool of a gateway of its own.", []string{"gateway"}, nil)
	damaged   = prometheus.NewDesc("hone_spool_damaged_bytes_total", "Bytes of a spool that could not be read, and were set aside.", []string{"gateway"}, nil)
	loopRuns  = prometheus.NewDesc("hone_model_run_open", "1 while a run is under way.", []string{"model"}, nil)
)

var (
	served = []*prometheus.Desc{requests, rows, failed, fallbacks, shed, logged, duration}
	looped = []*prometheus.Desc{signalled, needs, loopRuns, drained, spooled, damaged}
)

func describe(ch chan<- *prometheus.Desc, list []*prometheus.Desc) {
	for _, d := range list {
		ch <- d
	}
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, served)
	describe(ch, looped)
}

// collectServed sends what every gateway counts.
func collectServed(ch chan<- prometheus.Metric, stats []gateway.ModelStats, stored, lost int64) {
	for _, s := range stats {
		count := func(d *prometheus.Desc, n int64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), s.Model)
		}
		count(requests, s.Requests)
		count(rows, s.Rows)
		count(failed, s.Errors)
		count(fallbacks, s.Fallbacks)
		count(shed, s.Shed)
		buckets, seen := map[float64]uint64{}, uint64(0)
		for i, b := range s.Latency.Bounds {
			seen += uint64(s.Latency.Counts[i])
			buckets[b.Seconds()] = seen
		}
		ch <- prometheus.MustNewConstHistogram(duration, uint64(s.Latency.Count), s.Latency.Sum.Seconds(), buckets, s.Model)
	}
	ch <- prometheus.MustNewConstMetric(logged, prometheus.CounterValue, float64(stored), "stored")
	ch <- prometheus.MustNewConstMetric(logged, prometheus.CounterValue, float64(lost), "shed")
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	stored, lost, _, _ := c.db.LogStats()
	collectServed(ch, c.gateway.Stats(), stored, lost)
	for _, s := range c.drain.Stats() {
		ch <- prometheus.MustNewConstMetric(drained, prometheus.CounterValue, float64(s.Rows), s.Gateway)
		ch <- prometheus.MustNewConstMetric(spooled, prometheus.GaugeValue, float64(s.Waiting), s.Gateway)
		ch <- prometheus.MustNewConstMetric(damaged, prometheus.CounterValue, float64(s.Damaged), s.Gateway)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, name := range c.loop.Models() {
		v, err := c.loop.View(name)
		if err != nil {
			continue
		}
		for _, s := range v.Signals {
			if s.Unknown == "" {
				gauge(signalled, s.Value, name, s.Name, s.Slice)
			}
		}
		mood, _ := op.Sentence(v)
		gauge(needs, truth(mood == op.Attention), name)
		gauge(loopRuns, truth(v.Run != nil), name)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
