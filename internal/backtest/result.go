package backtest

import (
	"time"

	"hone"
)

// Result is what came of a backtest.
type Result struct {
	Model    string    `json:"model"`
	Task     hone.Task `json:"task"`
	Loss     hone.Loss `json:"loss"`
	Metric   string    `json:"metric"` // The headline: accuracy or mae.
	Trainer  string    `json:"trainer"`
	Rows     int       `json:"rows"`
	Labelled int       `json:"labelled"`
	// Answered are the rows that champions answered, in batches of the same size.
	Answered int `json:"answered"`
	Batches  int `json:"batches"`
	Batch    int `json:"batch_rows"`
	Window   int `json:"window_rows"`
	// Currency of all amounts; empty where they are in units of the loss.
	Currency string    `json:"currency,omitempty"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Untimed  bool      `json:"untimed,omitempty"`
	// Times are when the batches begin.
	Times    []time.Time `json:"times"`
	Policies []Outcome   `json:"policies"`
	// Prices of a retrain, and what is best at each; the first is the one that the
	// model is configured with, where it is among them.
	Prices   []At     `json:"prices"`
	Notes    []string `json:"notes"`
	Sentence string   `json:"sentence"`
}

// Outcome is what one policy did.
type Outcome struct {
	Policy string `json:"policy"`
	Words  string `json:"words"`
	// Triggers are what configures it, or with Near what comes near; empty where nothing
	// does.
	Triggers string `json:"triggers,omitempty"`
	Near     bool   `json:"near,omitempty"`
	// Foreign is set where nothing configures it: it is shown, and never recommended.
	Foreign bool `json:"foreign,omitempty"`
	// Staged is set where candidates went through the model's gates, rollout and probation:
	// it shows what these cost and save, and is not recommended beside the trigger alone.
	Staged   bool `json:"staged,omitempty"`
	Retrains int  `json:"retrains"`
	Reuses   int  `json:"reuses"` // Former champions that came back.
	// Staleness is the sum of the declared loss of all answers whose label is known.
	Staleness float64 `json:"staleness"`
	Moves     []Swap  `json:"moves"`
	// LossByBatch and MetricByBatch are means a labelled row; null where no row of the
	// batch has a label.
	LossByBatch   []*float64 `json:"loss_by_batch"`
	MetricByBatch []*float64 `json:"metric_by_batch"`
	Mean          float64    `json:"mean_metric"`

	course course
}

// aside tells whether an outcome is only shown to compare with.
func (o Outcome) aside() bool { return o.Foreign || o.Staged }

// Swap is a champion that took over.
type Swap struct {
	Batch    int       `json:"batch"`    // That it answers first, from 0.
	Champion int       `json:"champion"` // The batch before which it was trained.
	At       time.Time `json:"at"`
	Reuse    bool      `json:"reuse,omitempty"` // It had served before.
	Sentence string    `json:"sentence,omitempty"`
}

// At is what policies come to at one price of a retrain.
type At struct {
	Price float64 `json:"price"`
	// Optimum is the least cost of somebody who knows the rows to their end and never
	// goes back to a former champion. OptimumReuse is the least that was found for one
	// who may, and the true least is not below OptimumBound.
	Optimum         float64    `json:"optimum"`
	OptimumRetrains int        `json:"optimum_retrains"`
	OptimumReuse    float64    `json:"optimum_with_reuse"`
	OptimumBound    float64    `json:"optimum_with_reuse_bound"`
	Policies        []Standing `json:"policies"`
	Recommended     string     `json:"recommended"`
	// Likely is the share of the resampled stretches in which the recommended policy
	// costs no more than any other that can be configured.
	Likely   float64 `json:"recommended_is_cheapest"`
	Sentence string  `json:"sentence"`
}

// Standing is what one policy costs at one price. Of the objective of a model it has
// staleness and training: the price of each retrain, and a twentieth of it for each former
// champion that came back. Labels that people are asked for, and answers that are refused,
// are no part of recorded rows.
type Standing struct {
	Policy    string  `json:"policy"`
	Objective float64 `json:"objective"`
	// Lower and Upper are the 90 % interval of the objective, by blocks of batches.
	Lower    float64 `json:"objective_lower"`
	Upper    float64 `json:"objective_upper"`
	Training float64 `json:"training"`
	// Ratio and Regret are against the optimum without former champions.
	Ratio  float64 `json:"of_optimum"`
	Regret float64 `json:"regret"`
	// More is what it costs more than the recommended policy, with its 90 % interval.
	More      float64 `json:"more"`
	MoreLower float64 `json:"more_lower"`
	MoreUpper float64 `json:"more_upper"`
}

// standing of a policy at this price.
func (a At) standing(policy string) Standing {
	for _, s := range a.Policies {
		if s.Policy == policy {
			return s
		}
	}
	return Standing{}
}

// policy of a name.
func (r Result) policy(name string) Outcome {
	for _, p := range r.Policies {
		if p.Policy == name {
			return p
		}
	}
	return Outcome{}
}
