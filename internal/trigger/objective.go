package trigger

import (
	"time"

	"hone"
	"hone/internal/say"
)

// Objective is what a model cost in a stretch of time, in its currency: what triggers,
// gates and rollouts are there to keep small.
type Objective struct {
	// Staleness is what served answers lost by the declared loss, on the rows whose label
	// came to count in the time.
	Staleness float64 `json:"staleness"`
	Rows      int     `json:"labelled_rows"`
	// Training is what the runs that began in the time cost, whoever started them.
	Training float64 `json:"training"`
	Runs     int     `json:"runs"`
	// Labels is what labels cost that people were asked for in the time.
	Labels float64 `json:"labels"`
	Asked  int     `json:"labels_asked"`
	// Availability is what answers cost that were refused, or that the champion gave in
	// the place of a challenger that failed.
	Availability float64 `json:"availability"`
	Refused      int     `json:"refused"`
	Degraded     int     `json:"degraded"`
	Sum          float64 `json:"objective"`
	Sentence     string  `json:"sentence"`
}

// Tally is what happened to a model in a stretch of time, by its log.
type Tally struct {
	// Lost is what Rows labelled answers lost, in units of the loss.
	Lost float64
	Rows int
	// Asked counts the labels that people were asked for.
	Asked int
	// Refused and Degraded count answers, as Objective does.
	Refused, Degraded int
}

// Weigh puts what happened between two moments, and what runs cost that began then, into
// a model's currency.
func Weigh(m hone.Model, runs []hone.Run, t Tally, from, until time.Time) Objective {
	o := Objective{Staleness: m.Costs.PerLoss() * t.Lost, Rows: t.Rows, Labels: m.Costs.Label * float64(t.Asked), Asked: t.Asked,
		Availability: m.Costs.Fault * float64(t.Refused+t.Degraded), Refused: t.Refused, Degraded: t.Degraded}
	for _, r := range runs {
		if r.Started.Before(from) || !r.Started.Before(until) {
			continue
		}
		o.Runs++
		o.Training += trainingCost(m, r, runs)
	}
	o.Sum = o.Staleness + o.Training + o.Labels + o.Availability
	o.Sentence = o.say(m.Costs.Currency)
	return o
}

// trainingCost is what a run cost without the labels that people were asked for, which
// count in the time in which they were.
func trainingCost(m hone.Model, r hone.Run, runs []hone.Run) float64 {
	cost := RunCost(m, r, runs)
	if measured(m) && r.Spent != nil && cost == r.Spent.Cost {
		cost -= r.Spent.LabelsCost
	}
	return cost
}

func (o Objective) say(currency string) string {
	return "The objective is " + say.Amount(o.Sum, currency) +
		": staleness " + say.Num(o.Staleness) + " (" + say.Count(o.Rows, "labelled row", "labelled rows") +
		"), training " + say.Num(o.Training) + " (" + say.Count(o.Runs, "run", "runs") +
		"), labels " + say.Num(o.Labels) + " (" + say.Whole(o.Asked) + " asked for), availability " + say.Num(o.Availability) +
		" (" + say.Whole(o.Refused) + " refused, " + say.Whole(o.Degraded) + " degraded)."
}

// Risen is by how much a count rose between two moments, by its values, oldest first. One
// that is lower than the value before it began anew, and so did the first.
func Risen(values []hone.Signal, from, until time.Time) (n int) {
	before := 0.0
	for _, s := range values {
		if s.Unknown != "" || !s.At.Before(until) {
			continue
		}
		rise := s.Value - before
		if rise < 0 {
			rise = s.Value
		}
		if !s.At.Before(from) {
			n += int(rise)
		}
		before = s.Value
	}
	return n
}
