package hone

import (
	"maps"
	"slices"
	"time"
)

// Guardrail is one of the owner's guards of a rollout, besides the default ones. It
// has one limit.
type Guardrail struct {
	// Metric is latency_p99, error_rate, score_mean (of the score that a binary model
	// gives, or of a regression model's answers), class_share, or one of the model's
	// own metrics.
	Metric string `json:"metric,omitempty" yaml:"metric"`
	// Feedback is thumb or score: what people send of the answers, in place of a
	// metric.
	Feedback string `json:"feedback,omitempty" yaml:"feedback"`
	// Class is the answer that class_share counts.
	Class string `json:"class,omitempty" yaml:"class"`
	// Direction is higher or lower: which of the scores that people send are better.
	// Default higher.
	Direction Direction `json:"direction,omitempty" yaml:"direction"`
	// Max is the most that latency_p99, a duration, or error_rate, a share, may be.
	Max *float64 `json:"max,omitempty" yaml:"max"`
	// MaxIncrease is the most by which error_rate may be above the champion's, in
	// place of the 0.1 points of the default guard.
	MaxIncrease *float64 `json:"max_increase,omitempty" yaml:"max_increase"`
	// MaxChange is the most by which score_mean or class_share may differ from the
	// champion's, either way.
	MaxChange *float64 `json:"max_change,omitempty" yaml:"max_change"`
	// MaxRegression is the most by which an own metric or feedback may be worse than
	// the champion's: a share of thumbs that are down; else a number in its unit, or
	// with % a share of the champion's own mean.
	MaxRegression *float64 `json:"max_regression,omitempty" yaml:"max_regression"`
	// Relative tells that MaxRegression is a share of the champion's mean.
	Relative bool `json:"relative,omitempty" yaml:"-"`
	// Age at which the feedback on an answer counts: what had been sent by then, on
	// both sides alike. Default 0: the first that comes counts as it comes.
	Age Duration `json:"age,omitempty" yaml:"age"`
	// MinRows is the least number of measured rows, or of answers with feedback, that
	// a step waits for. Default 0: it goes on without them, and says so.
	MinRows int `json:"min_rows,omitempty" yaml:"min_rows"`
}

// What guardrails can hold a candidate to, besides the model's own metrics and
// feedback.
const (
	LatencyP99 = "latency_p99"
	ErrorRate  = "error_rate"
	ScoreMean  = "score_mean"
	ClassShare = "class_share"
)

// Gate is the guardrail's name among verdicts.
func (g Guardrail) Gate() string {
	name := g.Metric
	if name == "" {
		name = g.Feedback
	}
	switch {
	case g.Max != nil:
		return name + ".max"
	case g.MaxIncrease != nil:
		return name + ".max_increase"
	case g.MaxChange != nil:
		return name + ".max_change"
	}
	return name + ".max_regression"
}

// Limit is the guardrail's one limit.
func (g Guardrail) Limit() float64 {
	for _, limit := range []*float64{g.Max, g.MaxIncrease, g.MaxChange, g.MaxRegression} {
		if limit != nil {
			return *limit
		}
	}
	return 0
}

// Guardrails are the owner's, and one for each of the model's own metrics that has
// none: it may be as much worse as a gate on it allows, else not at all.
func (m Model) Guardrails() []Guardrail {
	out := append([]Guardrail(nil), m.Rollout.Guardrails...)
	has := map[string]bool{}
	for _, g := range out {
		has[g.Metric] = true
	}
	for _, name := range m.MetricNames() {
		if has[name] {
			continue
		}
		limit := 0.0
		for _, g := range m.Gates {
			if g.Metric == name && g.MaxRegression != nil {
				limit = *g.MaxRegression
			}
		}
		out = append(out, Guardrail{Metric: name, MaxRegression: &limit})
	}
	return out
}

// LatencyLimit is how long an answer may take by the owner's gates and guardrails, 0
// where they do not say. Below it no answer is slow, whatever the champion's take: a
// model that is scored in process may be followed by a server.
func (m Model) LatencyLimit() time.Duration {
	most := 0.0
	for _, g := range m.Gates {
		if g.Metric == LatencyP99 && g.Max != nil {
			most = max(most, *g.Max)
		}
	}
	for _, g := range m.Rollout.Guardrails {
		if g.Metric == LatencyP99 && g.Max != nil {
			most = max(most, *g.Max)
		}
	}
	return time.Duration(most * float64(time.Second))
}

// MetricNames are the model's own metrics, sorted.
func (m Model) MetricNames() []string { return slices.Sorted(maps.Keys(m.Metrics)) }

// Spread is the sum and the sum of squares of values that came so far.
type Spread struct {
	N      int     `json:"n"`
	Sum    float64 `json:"sum"`
	Square float64 `json:"square"`
	// Alike is how many of them count as one; 0 where each stands for itself.
	Alike float64 `json:"alike,omitempty"`
}

// Mean of the values; 0 where there are none.
func (s Spread) Mean() float64 {
	if s.N == 0 {
		return 0
	}
	return s.Sum / float64(s.N)
}

// Reading is what was measured for one guardrail. Canary and Control are the values
// of both sides. Where both answered the same rows, Paired is by how much the canary
// is worse, row by row, beyond Margin; for a change either way it is how much
// more the canary gives.
type Reading struct {
	Gate    string  `json:"gate"`
	Class   string  `json:"class,omitempty"`
	Canary  Spread  `json:"canary"`
	Control Spread  `json:"control"`
	Paired  Spread  `json:"paired"`
	Margin  float64 `json:"margin,omitempty"`
	// Trouble says why it could not be measured the last time.
	Trouble string `json:"trouble,omitempty"`
	// Waiting counts rows whose labels have matured and that are not measured yet.
	Waiting int `json:"waiting,omitempty"`
}

// Opinion is a score or thumb, with the prediction that it is about.
type Opinion struct {
	Prediction
	Kind     FeedbackKind
	Value    string
	Received time.Time // When Hone stored it.
	Journal  int64     // Its number in the journal of feedback.
}
