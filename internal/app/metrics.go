package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hone/internal/op"
)

// metrics serves what Prometheus reads.
func (a *App) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*collector)(a))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
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
	loopRuns  = prometheus.NewDesc("hone_model_run_open", "1 while a run is under way.", []string{"model"}, nil)
)

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requests, rows, failed, fallbacks, shed, logged, duration, signalled, needs, loopRuns} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.gateway.Stats() {
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
	stored, lost, _, _ := c.db.LogStats()
	ch <- prometheus.MustNewConstMetric(logged, prometheus.CounterValue, float64(stored), "stored")
	ch <- prometheus.MustNewConstMetric(logged, prometheus.CounterValue, float64(lost), "shed")
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
