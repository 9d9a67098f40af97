package config

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // A machine without the database must read the same file alike.

	"github.com/adhocore/gronx"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat/change"
)

var modelName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

func checkName(d *decoder, key *node, path string) {
	if !modelName.MatchString(key.text) {
		d.fail(key, path, "", "the model name %q must have 1 to 63 lower-case letters, digits, - and _, and begin with a letter or digit", clip(key.text, 70))
	}
}

// checker holds a model, defaults filled in, against what its parts demand of
// one another. What could not be read is zero, and is passed over.
type checker struct {
	*decoder
	m    *hone.Model
	path string
}

func (c *checker) fault(key, hint, format string, args ...any) {
	c.failAt(join(c.path, key), hint, format, args...)
}

func (c *checker) model() {
	if len(c.m.Features) == 0 && c.has(join(c.path, "features")) && !c.failedUnder("features") {
		c.fault("features", "name at least one, such as {amount: number}", "there is no feature")
	}
	c.delivery()
	c.label()
	c.loss()
	c.costs()
	c.detector()
	c.slices()
	c.dataset()
	c.validation()
	c.trainer()
	c.upstreams()
	c.triggers(c.m.Triggers, "triggers", 0)
	c.budget()
	c.metrics()
	for i := range c.m.Gates {
		c.gate(i)
	}
	c.guardrails()
	if c.m.FourEyes && c.m.Approval != hone.Manual {
		c.fault("four_eyes", "write approval: manual", "four_eyes wants somebody to approve")
	}
	if s := c.m.Rollout.StickyBy; s != "" {
		c.feature(s, "rollout.sticky_by")
	}
}

func (c *checker) failedUnder(key string) bool {
	return len(c.problemsAt(join(c.path, key))) > 0
}

// feature returns the kind of a feature, and says so when there is none such.
func (c *checker) feature(name, key string) (frame.Kind, bool) {
	if i := c.m.Features.Index(name); i >= 0 {
		return c.m.Features[i].Kind, true
	}
	if len(c.m.Features) == 0 {
		return "", false
	}
	hint := "it is the label; only features are known when a prediction is made"
	if name != c.m.Label.Name {
		names := make([]string, len(c.m.Features))
		for i, f := range c.m.Features {
			names[i] = f.Name
		}
		hint = didYouMean(name, names)
	}
	c.fault(key, hint, "unknown feature %q", clip(name, 40))
	return "", false
}

func (c *checker) label() {
	l := &c.m.Label
	if l.Name != "" && c.m.Features.Index(l.Name) >= 0 {
		c.fault("features."+l.Name, "take it out of the features", "the label %q is among the features", l.Name)
	}
	if c.m.Task == hone.Binary {
		if canonical, ok := c.m.CanonicalLabel(l.Positive); ok {
			l.Positive = canonical
		} else {
			c.fault("label.positive", "", "positive must have at most 256 characters")
		}
	} else if c.has(join(c.path, "label.positive")) && c.m.Task != "" {
		c.fault("label.positive", "take it out", "only a binary model has a positive class")
	}
	if l.Delay > 0 && c.m.Retention <= l.Delay {
		key := "retention"
		if !c.has(join(c.path, key)) {
			key = "label.delay"
		}
		c.fault(key, "set retention to more than label.delay", "retention %s is over before labels count, after %s", c.m.Retention, l.Delay)
	}
	if c.has(join(c.path, "label.absent_means")) || c.has(join(c.path, "label.after")) {
		c.absence()
	}
	c.windows()
}

// windows holds how late predictions may come against how long a window is.
func (c *checker) windows() {
	late, every := c.has(join(c.path, "monitor.late")), c.has(join(c.path, "monitor.every"))
	switch m := c.m.Monitor; {
	case c.failedUnder("monitor.late") || c.failedUnder("monitor.every"):
	case late && !every:
		c.fault("monitor.late", "add every: 1h, or take it out", "late is of windows by time, and these are by rows")
	case every && c.has(join(c.path, "monitor.window")):
		c.fault("monitor.window", "take one of them out", "windows are by rows or by time, and every says by time")
	case every && time.Duration(m.Every) < time.Minute:
		c.fault("monitor.every", "write 1m or more", "every is shorter than a minute")
	case late && m.Late > 24*m.Every:
		c.fault("monitor.late", "write at most 24 times every", "windows would wait too long")
	}
}

// absence holds what the lack of a label means against the rest.
func (c *checker) absence() {
	l := &c.m.Label
	means, after := c.has(join(c.path, "label.absent_means")), c.has(join(c.path, "label.after"))
	canonical, ok := c.m.CanonicalLabel(l.AbsentMeans)
	switch {
	case c.failedUnder("label.absent_means") || c.failedUnder("label.after") || c.m.Task == "":
		return
	case !after:
		c.fault("label.absent_means", "add after: 60d, the age from which it does", "absent_means does not say when a label is absent")
	case !means:
		c.fault("label.after", "add absent_means: 0, or take it out", "after does not say what an absent label means")
	case c.m.Task == hone.Regression:
		c.fault("label.absent_means", "take it out", "the lack of a label can mean a class, and a regression model has none")
	case !ok:
		c.fault("label.absent_means", "", "%q is no class of a %s model", clip(l.AbsentMeans, 40), c.m.Task)
	case c.m.Task == hone.Binary && canonical == l.Positive:
		c.fault("label.absent_means", "name the other class, such as 0", "%q is the positive class, which is the one that is reported", canonical)
	case l.After <= 0:
		c.fault("label.after", "write how long a label may take, such as 60d", "after must be more than 0")
	case l.After < l.Delay:
		c.fault("label.after", "set it to label.delay or more", "a label would be missed after %s, before it counts at all, after %s", l.After, l.Delay)
	case c.m.Retention <= l.After:
		key := "retention"
		if !c.has(join(c.path, key)) {
			key = "label.after"
		}
		c.fault(key, "set retention to more than label.after", "retention %s is over before the lack of a label counts, after %s", c.m.Retention, l.After)
	}
	l.AbsentMeans = canonical
}

func (c *checker) loss() {
	l := c.m.Loss
	if c.m.Task == "" || c.failedUnder("loss") {
		return
	}
	prices := c.has(join(c.path, "loss.false_negative")) || c.has(join(c.path, "loss.false_positive"))
	number := l.Kind == hone.Squared || l.Kind == hone.Absolute
	switch {
	case number != (c.m.Task == hone.Regression):
		fit := "zero_one, log, prices, or a column"
		if c.m.Task == hone.Regression {
			fit = "squared or absolute"
		}
		c.fault("loss", "use "+fit, "the loss %s does not fit a %s model", l.Kind, c.m.Task)
	case (l.Kind == hone.Cost || l.Kind == hone.Log && prices) && c.m.Task != hone.Binary:
		c.fault("loss", "use zero_one, log, or a column", "false_negative and false_positive price the errors of a binary model")
	case l.Threshold != 0 && c.m.Task != hone.Binary:
		c.fault("loss.threshold", "take it out", "only a binary model has a threshold")
	case l.Kind != hone.Cost && l.Kind != hone.Log && prices:
		c.fault("loss", "take out kind, or the prices", "the loss %s takes no false_negative or false_positive", l.Kind)
	case l.Kind != hone.ByColumn && l.Column != "":
		c.fault("loss.column", "take out one of them", "the loss %s takes no column", l.Kind)
	case l.Kind == hone.Cost || prices:
		c.prices()
	case l.Kind == hone.ByColumn && l.Column == "":
		c.fault("loss.column", "name the feature that prices a row", "the key %q is missing", "column")
	case l.Kind == hone.ByColumn:
		if kind, ok := c.feature(l.Column, "loss.column"); ok && kind != frame.Number && kind != "" {
			c.fault("loss.column", "", "the column %q that prices a row must be a number, not %s", l.Column, kind)
		}
	}
}

// detector refuses one that only counts errors where the loss is more than that.
func (c *checker) detector() {
	if c.m.Monitor.Detector == change.NameDDM && c.m.Loss.Kind != hone.ZeroOne && c.m.Loss.Kind != "" {
		c.fault("monitor.detector", "write detector: adwin, or take it out", "ddm only counts errors, and the loss %s is more than that", c.m.Loss.Kind)
	}
}

func (c *checker) prices() {
	for _, key := range []string{"false_negative", "false_positive"} {
		if !c.has(join(c.path, "loss."+key)) {
			c.fault("loss."+key, "price both errors", "the key %q is missing", key)
			return
		}
	}
	if c.m.Loss.FalseNegative == 0 && c.m.Loss.FalsePositive == 0 {
		c.fault("loss", "give at least one error a price", "no error costs anything")
	}
}

func (c *checker) slices() {
	for i, name := range c.m.Slices {
		key := fmt.Sprintf("slices[%d]", i)
		if slices.Index(c.m.Slices, name) < i && name != "" {
			c.fault(key, "keep one", "the slice %q is there twice", name)
			continue
		}
		if kind, ok := c.feature(name, key); name != "" && ok && kind != frame.Category && kind != "" {
			c.fault(key, "declare it as category if its values are few", "a slice must be a category, and %q is a %s", name, kind)
		}
	}
}

func (c *checker) dataset() {
	ds := &c.m.Dataset
	c.eras(ds.Eras)
	if ds.MaxRows < ds.MinRows {
		c.fault("dataset.max_rows", "", "max_rows %d is less than min_rows %d", ds.MaxRows, ds.MinRows)
	}
	if ds.Window == "auto" || ds.Window == "all" {
		return
	}
	rows, ok := parseNumber(ds.Window)
	if !ok || rows < 1 || rows != float64(int64(rows)) || rows > 1e12 {
		c.fault("dataset.window", didYouMean(ds.Window, []string{"auto", "all"}), "window wants auto, all or a number of rows, not %q", clip(ds.Window, 40))
		return
	}
	if rows < float64(ds.MinRows) {
		c.fault("dataset.window", "", "a window of %d rows is less than min_rows %d", int64(rows), ds.MinRows)
	}
	ds.Window = strconv.FormatInt(int64(rows), 10)
}

// texts tells an owner of nothing but texts that trees read none.
func (c *checker) texts() {
	text := func(f frame.Field) bool { return f.Kind == frame.Text }
	if c.m.Train.Trainer == "gbdt" && len(c.m.Features) > 0 && !slices.ContainsFunc(c.m.Features, func(f frame.Field) bool { return !text(f) }) {
		c.fault("train.trainer", "use linear, or a command of your own", "gbdt reads numbers and categories, and every feature is a text")
	}
}

// upstreams holds each server to be named once, by no more than where it is.
func (c *checker) upstreams() {
	seen := map[string]bool{}
	for i, u := range c.m.Upstreams {
		key := fmt.Sprintf("upstreams[%d].url", i)
		at, err := url.Parse(u.URL)
		switch {
		case c.failedUnder(key):
		case err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Hostname() == "":
			c.fault(key, "write https://scores.example, or http:// for a server without TLS", "this is no address of a server")
		case at.User != nil || at.RawQuery != "" || at.Fragment != "" || at.Path != "" && at.Path != "/":
			c.fault(key, "write scheme, host and port alone; what goes with each call belongs into headers", "the url has more than where the server is")
		case at.Scheme == "http" && len(u.Headers) > 0 && !u.Private:
			c.fault(key, "write https://, or private: true where nobody else sees the network", "headers would go in the clear")
		case seen[at.Scheme+at.Host]:
			c.fault(key, "keep one", "this server is there twice")
		}
		if err == nil {
			seen[at.Scheme+at.Host] = true
		}
	}
}

// taskMetrics says which metrics exist for a task.
func taskMetrics(t hone.Task) []string {
	switch t {
	case hone.Binary:
		return []string{"loss", "accuracy", "auc", "pr_auc", "log_loss", "brier", "f1", "kappa", "cost"}
	case hone.Multiclass:
		return []string{"loss", "accuracy", "log_loss", "macro_f1", "kappa"}
	}
	return []string{"loss", "rmse", "mae", "mape"}
}

// fits tells whether the metric exists for the model's task.
func (c *checker) fits(metric, key string, others ...string) bool {
	if metric == "" || c.m.Task == "" {
		return false
	}
	fit := append(taskMetrics(c.m.Task), others...)
	if !slices.Contains(fit, general(metric)) {
		c.fault(key, "known: "+strings.Join(fit, ", "), "the metric %s does not fit a %s model", clip(metric, 40), c.m.Task)
		return false
	}
	if metric == "cost" && !c.m.Loss.Priced() && !c.failedUnder("loss") {
		c.fault(key, "add false_negative and false_positive to loss; beside kind: log the loss stays log loss", "cost wants the prices of wrong answers")
		return false
	}
	return true
}

func (c *checker) schedule(s *hone.Schedule, key string) {
	if n := len(strings.Fields(s.Cron)); n != 5 {
		c.fault(key+".cron", `write "0 3 * * 1" for Mondays at 3:00`, "cron wants 5 fields (minute, hour, day of month, month, day of week), not %d", n)
	} else if !gronx.IsValid(s.Cron) {
		c.fault(key+".cron", `write "0 3 * * 1" for Mondays at 3:00`, "%q is not a cron expression", clip(s.Cron, 60))
	}
	// What Local is depends on the machine, and a schedule must not.
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
		c.fault(key+".time_zone", "write an IANA name such as Europe/Paris", "unknown time zone %q", clip(s.TimeZone, 40))
	}
}

// reach refuses a limit that the metric can never pass.
func (c *checker) reach(metric string, limit *float64, key string) {
	low, high := metricRange(metric)
	if _, own := c.m.Metrics[metric]; own {
		low, high = math.Inf(-1), math.Inf(1)
	}
	if limit != nil && (*limit < low || *limit > high) {
		c.fault(key, fmt.Sprintf("it lies between %v and %v", low, high), "%s can never be %v", metric, *limit)
	}
}

func (c *checker) gate(i int) {
	g, key := c.m.Gates[i], fmt.Sprintf("gates[%d]", i)
	has := func(k string) bool { return c.has(join(c.path, key+"."+k)) }
	bounds := g.MinChange != nil || g.MaxRegression != nil || g.Max != nil || g.Min != nil
	if c.failedUnder(key) || !c.gauge(g.Metric, key+".metric") {
		return
	}
	if g.Metric == regressionTests {
		switch {
		case bounds || has("slices"):
			c.fault(key, "take the others out", "regression_tests takes max_failures alone")
		case c.m.Dataset.Anchor == "":
			c.fault(key, "write {regression_tests: anchors.jsonl} or set dataset.anchor", "there is no file of anchor cases")
		}
		return
	}
	if g.Metric == calibration || g.Metric == permutedTwin {
		c.named(g, key, has)
		return
	}
	replay := g.Metric == "latency_p99" || g.Metric == "memory"
	switch {
	case has("max_failures"):
		c.fault(key+".max_failures", "take it out", "max_failures is for regression_tests")
	case !bounds:
		c.fault(key, "add min_change, max_regression, max or min", "the gate on %s has no limit", g.Metric)
	case g.Slices != "" && replay:
		c.fault(key+".slices", "take it out", "%s is measured over all requests, not by slice", g.Metric)
	case g.Slices != "" && len(c.m.Slices) == 0:
		c.fault(key+".slices", "add slices: [FEATURE] to the model", "the model has no slices")
	case g.MaxRegression != nil && *g.MaxRegression < 0:
		c.fault(key+".max_regression", "use min_change to ask for an improvement", "max_regression must be at least 0")
	case g.Min != nil && g.Max != nil && *g.Min > *g.Max:
		c.fault(key, "", "min is more than max")
	default:
		c.reach(g.Metric, g.Min, key+".min")
		c.reach(g.Metric, g.Max, key+".max")
	}
}

// steps holds the steps, as they are written, against the strategy.
func (c *checker) steps(r hone.RolloutSpec) {
	weight := 0.0
	for i, s := range r.Steps {
		key := fmt.Sprintf("rollout.steps[%d]", i)
		has := func(k string) bool { return c.has(join(c.path, key+"."+k)) }
		switch {
		case c.failedUnder(key):
		case has("shadow") == has("weight"):
			c.fault(key, "write {shadow: 500} or {weight: 50%}", "a step has either a shadow or a weight")
		case has("shadow") && weight > 0:
			c.fault(key, "move it up", "a shadow step comes before the weights")
		case has("shadow") && has("min_requests"):
			c.fault(key+".min_requests", "take it out", "a shadow step is as long as its shadow says")
		case has("shadow") && r.Strategy == "immediate":
			c.fault(key, "use blue_green for a shadow first", "the strategy immediate has no shadow step")
		case has("weight") && s.Weight <= weight:
			c.fault(key+".weight", "", "weights must rise, and the one before is %s", write(weight, "Step.weight"))
		case has("weight") && s.Weight < 1 && (r.Strategy == "immediate" || r.Strategy == "blue_green"):
			c.fault(key+".weight", "use canary", "the strategy %s goes to 100%% at once", r.Strategy)
		}
		weight = max(weight, s.Weight)
	}
}
