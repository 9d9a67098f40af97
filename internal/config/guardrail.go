package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
)

// guardMetrics are what a guardrail can hold a candidate to besides the owner's own
// metrics, each with the limits that it takes.
var guardMetrics = map[string][]string{
	hone.LatencyP99: {"max"},
	hone.ErrorRate:  {"max", "max_increase"},
	hone.ScoreMean:  {"max_change"},
	hone.ClassShare: {"max_change"},
}

// guardrail reads one guardrail. Its metric is looked up first, for the numbers are in
// the metric's unit.
func (d *decoder) guardrail(n *node, out *hone.Guardrail, path string) {
	if !d.want(n, mapping, path, "a mapping such as {metric: error_rate, max_increase: 0.5%}") {
		return
	}
	metric, feedback := n.get("metric"), n.get("feedback")
	if metric != nil && metric.shape == scalar {
		d.metric = metric.text
		if near := say.Nearest(metric.text, slices.Sorted(maps.Keys(guardMetrics))); near != "" {
			d.metric = near // A slip in the name is no slip in the unit.
		}
	}
	d.object(n, reflect.ValueOf(out).Elem(), path)
	d.metric = ""
	if limit := n.get("max_regression"); limit != nil && limit.shape == scalar && (metric != nil || out.Feedback == string(hone.Score)) {
		_, out.Relative = parsePercent(limit.text)
	}
	switch {
	case metric != nil && feedback != nil:
		d.fail(feedback, path, "give each a guardrail of its own", "feedback stands beside a metric")
	case metric == nil && feedback == nil:
		d.fail(n, path, "write {metric: error_rate, max_increase: 0.5%} or {feedback: thumb, max_regression: 2%}", "a guardrail has neither a metric nor feedback")
	}
}

// guardrails holds the owner's guardrails against the rest of the model.
func (c *checker) guardrails() {
	seen := map[string]bool{}
	for i, g := range c.m.Rollout.Guardrails {
		key := fmt.Sprintf("rollout.guardrails[%d]", i)
		if c.failedUnder(key) || !c.guardMetric(g, key) || !c.guardLimit(g, key) || !c.guardKeys(g, key) {
			continue
		}
		name := g.Gate() + " " + g.Class
		if seen[name] {
			c.fault(key, "keep one", "the guardrail %s is there twice", strings.TrimSpace(name))
		}
		seen[name] = true
	}
}

// guardMetric tells whether there is such a metric, for such a task.
func (c *checker) guardMetric(g hone.Guardrail, key string) bool {
	_, own := c.m.Metrics[g.Metric]
	switch {
	case g.Metric == "" || own:
		return true
	case guardMetrics[g.Metric] == nil:
		known := append(slices.Sorted(maps.Keys(guardMetrics)), slices.Sorted(maps.Keys(c.m.Metrics))...)
		hint := didYouMean(g.Metric, known)
		if slices.Contains(gateMetrics, g.Metric) {
			hint = "a gate can hold a candidate to it; known here: " + strings.Join(known, ", ")
		}
		c.fault(key+".metric", hint, "unknown metric %q of a guardrail", clip(g.Metric, 40))
		return false
	case g.Metric == hone.ScoreMean && c.m.Task == hone.Multiclass:
		c.fault(key+".metric", "use class_share, with the class to watch", "a multiclass model has no one score")
		return false
	case g.Metric == hone.ClassShare && c.m.Task == hone.Regression:
		c.fault(key+".metric", "use score_mean", "a regression model has no classes")
		return false
	}
	return true
}

// guardLimit tells whether the guardrail has one limit, which its metric takes.
func (c *checker) guardLimit(g hone.Guardrail, key string) bool {
	takes, name := guardMetrics[g.Metric], g.Metric
	if takes == nil {
		takes = []string{"max_regression"}
	}
	if name == "" {
		name = g.Feedback
	}
	n := 0
	for _, l := range guardLimits(g) {
		if l.at == nil {
			continue
		}
		n++
		if !slices.Contains(takes, l.key) {
			c.fault(key+"."+l.key, "use "+strings.Join(takes, " or "), "a guardrail on %s takes no %s", name, l.key)
			return false
		}
	}
	if n != 1 {
		c.fault(key, "add "+strings.Join(takes, " or "), "a guardrail on %s has one limit, not %d", name, n)
		return false
	}
	limit := g.Limit()
	shares := g.Relative || g.Metric == hone.ErrorRate || g.Metric == hone.ClassShare || g.Feedback == string(hone.Thumb)
	switch _, own := c.m.Metrics[g.Metric]; {
	case limit < 0, limit == 0 && !own && g.Feedback == "" && g.Metric != hone.ErrorRate:
		c.fault(key, "", "the limit of a guardrail on %s must be more than 0", name)
		return false
	case shares && limit >= 1:
		c.fault(key, "write a share such as 2%", "the limit of a guardrail on %s, %v, is no share", name, limit)
		return false
	}
	return true
}

// guardKeys tells whether the other keys fit what the guardrail looks at.
func (c *checker) guardKeys(g hone.Guardrail, key string) bool {
	has := func(k string) bool { return c.has(join(c.path, key+"."+k)) }
	_, own := c.m.Metrics[g.Metric]
	canonical, known := c.m.CanonicalLabel(g.Class)
	switch {
	case g.Metric == hone.ClassShare && g.Class == "":
		c.fault(key+".class", "name the answer to count, such as class: 1", "class_share does not say which class")
	case g.Metric != hone.ClassShare && has("class"):
		c.fault(key+".class", "take it out", "class is for class_share")
	case g.Class != "" && !known:
		c.fault(key+".class", "", "%q is no class of a %s model", clip(g.Class, 40), c.m.Task)
	case g.Feedback != string(hone.Score) && has("direction"):
		c.fault(key+".direction", "take it out", "direction is for scores that people send; that of a metric stands with the metric")
	case g.Feedback == "" && has("age"):
		c.fault(key+".age", "take it out", "age is for feedback; labels count at label.delay")
	case g.Feedback == "" && !own && has("min_rows"):
		c.fault(key+".min_rows", "use min_requests of the step", "min_rows is for feedback and the model's own metrics")
	case c.m.Rollout.Strategy == "immediate" && !own:
		c.fault(key, "use canary, or take it out", "the strategy immediate has no step to guard")
	default:
		for i := range c.m.Rollout.Guardrails {
			if p := &c.m.Rollout.Guardrails[i]; p.Class == g.Class && g.Class != "" {
				p.Class = canonical
			}
		}
		return true
	}
	return false
}

type limit struct {
	key string
	at  *float64
}

func guardLimits(g hone.Guardrail) []limit {
	return []limit{{"max", g.Max}, {"max_increase", g.MaxIncrease}, {"max_change", g.MaxChange}, {"max_regression", g.MaxRegression}}
}

// guardrailText writes a guardrail as a file may have it.
func guardrailText(g hone.Guardrail) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+": "+value)
		}
	}
	add("metric", g.Metric)
	add("feedback", g.Feedback)
	add("class", g.Class)
	add("direction", string(g.Direction))
	for _, l := range guardLimits(g) {
		if l.at == nil {
			continue
		}
		text := strconv.FormatFloat(*l.at, 'g', -1, 64)
		switch {
		case g.Metric == hone.LatencyP99:
			text = hone.Duration(*l.at * float64(time.Second)).String()
		case g.Relative:
			text = strconv.FormatFloat(*l.at*100, 'g', -1, 64) + "%"
		}
		add(l.key, text)
	}
	if g.Age > 0 {
		add("age", g.Age.String())
	}
	if g.MinRows > 0 {
		add("min_rows", strconv.Itoa(g.MinRows))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
