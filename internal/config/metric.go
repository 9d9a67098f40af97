package config

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"hone"
)

var metricName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// owned reads the owner's metrics by name.
func (d *decoder) owned(n *node, out *map[string]hone.Metric, path string) {
	if !d.want(n, mapping, path, "{profit: {command: [python, profit.py], direction: higher}}") {
		return
	}
	*out = map[string]hone.Metric{}
	for _, p := range n.pairs {
		name, sub := p.key.text, join(path, p.key.text)
		d.places[sub] = place{p.key, p.value}
		_, twice := (*out)[name]
		switch {
		case twice:
			d.fail(p.key, path, "give one another name", "the metric %q is there twice", name)
			continue
		case !metricName.MatchString(name):
			d.fail(p.key, path, "", "the metric name %q must have 1 to 40 lower-case letters, digits and _, and begin with a letter", clip(name, 50))
			continue
		case slices.Contains(gateMetrics, name):
			d.fail(p.key, path, "choose another name", "%q is a metric of Hone's own", name)
			continue
		}
		var m hone.Metric
		d.value(p.value, reflect.ValueOf(&m).Elem(), sub, "Model.metrics")
		(*out)[name] = m
	}
}

// metrics holds the owner's metrics against the features that they name.
func (c *checker) metrics() {
	for _, name := range slices.Sorted(maps.Keys(c.m.Metrics)) {
		key := "metrics." + name
		if len(c.m.Metrics[name].Command) == 0 && !c.failedUnder(key) {
			c.fault(key+".command", "write command: [python, profit.py]", "the metric %q has no command", name)
		}
		for _, column := range c.m.Metrics[name].Columns {
			c.feature(column, key+".columns")
		}
	}
}

// general is the name that stands for all metrics of its kind: that of an F1 of any
// class, or of any quantile.
func general(metric string) string {
	if _, ok := hone.Quantile(metric); ok {
		return ofQuantile
	}
	if _, ok := hone.ClassOf(metric); ok {
		return ofClass
	}
	return metric
}

// gauge tells whether a gate can hold a candidate to a metric.
func (c *checker) gauge(metric, key string) bool {
	if _, own := c.m.Metrics[metric]; own {
		return true
	}
	if metric != "" && !slices.Contains(gateMetrics, general(metric)) {
		hint := didYouMean(metric, append(slices.Sorted(maps.Keys(c.m.Metrics)), gateMetrics...))
		if strings.HasPrefix(metric, "pinball") {
			hint = "write " + ofQuantile + " for the quantile 0.9"
		}
		c.fault(key, hint, "unknown metric %q", clip(metric, 40))
		return false
	}
	others := []string{"latency_p99", "memory", permutedTwin, regressionTests}
	switch c.m.Task {
	case hone.Binary:
		others = append(others, "ece", "negative_flips", calibration)
	case hone.Multiclass:
		others = append(others, "brier", ofClass, "ece", "negative_flips", calibration)
	case hone.Regression:
		others = append(others, ofQuantile)
	}
	return c.fits(metric, key, others...)
}

// named holds gates that have a test of their own: each takes one limit, or none.
func (c *checker) named(g hone.Gate, key string, has func(string) bool) {
	other := g.MinChange != nil || g.Max != nil || g.Min != nil || has("slices") || has("max_failures")
	switch {
	case g.Metric == permutedTwin && (other || g.MaxRegression != nil):
		c.fault(key, "write {metric: permuted_twin}", "permuted_twin takes nothing else")
	case g.Metric == permutedTwin:
	case other || g.MaxRegression == nil:
		c.fault(key, "write {metric: calibration, max_regression: 0.002}", "calibration takes max_regression alone")
	case *g.MaxRegression < 0 || *g.MaxRegression > 2:
		c.fault(key+".max_regression", "it lies between 0 and 2", "a Brier score can never be worse by %v", *g.MaxRegression)
	}
}
