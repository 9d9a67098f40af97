package config

import (
	"math"
	"reflect"
	"slices"
	"strings"

	"hone"
	"hone/internal/frame"
)

// schema reads a mapping of names to kinds, in the order of the file.
func (d *decoder) schema(n *node, out *frame.Schema, path string) {
	if !d.want(n, mapping, path, "{amount: number, country: category}") {
		return
	}
	for _, p := range n.pairs {
		name, sub := p.key.text, join(path, p.key.text)
		d.places[sub] = place{p.key, p.key}
		var kind string
		switch {
		case name == "" || len(name) > 200 || strings.TrimSpace(name) != name || !printable(name):
			d.fail(p.key, sub, "", "the feature name %q must have 1 to 200 characters, on one line, without space at its ends", clip(name, 40))
			continue
		case out.Index(name) >= 0:
			d.fail(p.key, sub, "keep one", "the feature %q is there twice", name)
			continue
		case p.value.isNull():
			d.fail(p.key, sub, "write "+clip(name, 40)+": number, category or text", "the feature %q has no kind", clip(name, 40))
		case p.value.shape != scalar:
			d.fail(p.value, sub, "write number, category or text", "the kind of the feature %q is %s", clip(name, 40), p.value.says())
		case !slices.Contains(kinds, p.value.text):
			d.fail(p.value, sub, kindHint(p.value.text), "unknown kind %q of the feature %q", clip(p.value.text, 40), clip(name, 40))
		default:
			kind = p.value.text
		}
		// A feature of no kind stays known by its name, so that one slip is
		// reported once.
		*out = append(*out, frame.Field{Name: name, Kind: frame.Kind(kind)})
	}
}

func kindHint(got string) string {
	other := map[string]string{
		"int": "number", "integer": "number", "float": "number", "double": "number", "numeric": "number", "real": "number",
		"bool": "category", "boolean": "category", "enum": "category", "string": "category", "str": "category",
		"categorical": "category", "factor": "category",
	}
	if k, ok := other[strings.ToLower(got)]; ok {
		return "did you mean \"" + k + "\"?"
	}
	return didYouMean(got, kinds)
}

// loss reads a word, or a mapping whose keys tell the kind.
func (d *decoder) loss(n *node, out *hone.Loss, path string) {
	if n.shape == scalar {
		switch {
		case slices.Contains(lossWords, n.text):
			out.Kind = hone.LossKind(n.text)
		case n.text == "cost":
			d.fail(n, path, "write {false_negative: 50, false_positive: 1}", "the loss cost wants its prices")
		case n.text == "column":
			d.fail(n, path, "write {column: amount}", "the loss column wants the feature that prices a row")
		default:
			d.fail(n, path, didYouMean(n.text, lossWords), "unknown loss %q", clip(n.text, 40))
		}
		return
	}
	before := len(d.problems)
	d.object(n, reflect.ValueOf(out).Elem(), path)
	if out.Kind != "" || len(d.problems) > before {
		return
	}
	switch {
	case n.get("column") != nil:
		out.Kind = hone.ByColumn
	case n.get("false_negative") != nil || n.get("false_positive") != nil:
		out.Kind = hone.Cost
	}
}

// modifiers are the keys that may stand beside the one rule of a trigger.
var modifiers = []string{"consecutive", "warm_up"}

// trigger reads a mapping of exactly one rule, and what modifies it.
func (d *decoder) trigger(n *node, out *hone.Trigger, path string) {
	if !d.want(n, mapping, path, "a mapping such as {data_volume: 50000}") {
		return
	}
	known := fieldsOf(reflect.TypeFor[hone.Trigger]()).index
	rules, other := 0, 0
	for _, p := range n.pairs {
		_, is := known[p.key.text]
		switch {
		case !is:
			other++ // It is told below.
		case !slices.Contains(modifiers, p.key.text):
			rules++
		}
	}
	switch {
	case rules > 1:
		d.fail(n, path, "begin each trigger with a dash of its own", "a trigger has one rule, not %d", rules)
	case rules == 0 && other == 0:
		d.fail(n, path, "write {data_volume: 50000}", "a trigger has no rule")
	}
	d.object(n, reflect.ValueOf(out).Elem(), path)
}

// gate reads one gate. Its metric is looked up first, for the numbers are in
// the metric's unit.
func (d *decoder) gate(n *node, out *hone.Gate, path string) {
	if !d.want(n, mapping, path, "a mapping such as {metric: latency_p99, max: 20ms}") {
		return
	}
	rest := *n
	rest.pairs = slices.DeleteFunc(slices.Clone(n.pairs), func(p pair) bool { return p.key.text == regressionTests })
	file := n.get(regressionTests)
	if m := n.get("metric"); m != nil && m.shape == scalar {
		d.metric = m.text
	}
	if file != nil {
		d.metric = regressionTests
	}
	d.object(&rest, reflect.ValueOf(out).Elem(), path)
	d.metric = ""
	switch {
	case file != nil && n.get("metric") != nil:
		d.fail(n.get("metric"), path, "give each a gate of its own", "regression_tests stands beside a metric")
	case file == nil && n.get("metric") == nil:
		d.fail(n, path, "known: "+strings.Join(gateMetrics, ", "), "the key %q is missing", "metric")
	case file != nil:
		sub := join(path, regressionTests)
		d.places[sub] = place{file, file}
		var name string
		if file.isNull() {
			d.fail(file, sub, "", "regression_tests wants a file")
			return
		}
		d.str(file, reflect.ValueOf(&name).Elem(), sub, "DatasetSpec.anchor")
		if name != "" {
			out.Metric = regressionTests
			d.anchors = append(d.anchors, file)
		}
	}
}

// bounds of a metric's values, for what a limit on it may be.
func metricRange(metric string) (low, high float64) {
	switch general(metric) {
	case "accuracy", "auc", "pr_auc", "f1", "macro_f1", ofClass, "brier", "ece", "negative_flips":
		return 0, 1
	case "kappa":
		return -1, 1
	case lossChange:
		return math.Inf(-1), math.Inf(1)
	}
	return 0, math.Inf(1)
}
