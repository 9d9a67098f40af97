package trigger_test

import (
	"math"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

func TestWeigh(t *testing.T) {
	t.Parallel()
	from, until := start.Add(10*day), start.Add(17*day)
	at := func(days time.Duration, cost float64, spent *hone.Spent) hone.Run {
		return hone.Run{State: hone.Closed, Started: start.Add(days * day), Decision: hone.Decision{Cost: cost}, Spent: spent}
	}
	tally := trigger.Tally{Lost: 40, Rows: 900, Asked: 30, Refused: 2, Degraded: 3}
	costs := hone.Costs{Currency: "EUR", Loss: 0.5, CoreHour: 1, Label: 0.2, Fault: 2}
	f := func(name string, price hone.Price, costs hone.Costs, runs []hone.Run, staleness, training, labels, availability float64) {
		t.Helper()
		m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: price}})
		m.Costs = costs
		o := trigger.Weigh(m, runs, tally, from, until)
		sum := staleness + training + labels + availability
		if o.Staleness != staleness || math.Abs(o.Training-training) > 1e-9 || o.Labels != labels || o.Availability != availability || math.Abs(o.Sum-sum) > 1e-9 {
			t.Errorf("%s: got %+v", name, o)
		}
	}
	runs := []hone.Run{at(18, 30, nil), at(12, 30, nil), at(11, 1.5, nil), at(9, 30, nil)}
	f("at the price of each", 30, costs, runs, 20, 31.5, 6, 10)
	f("in units of the loss", 30, hone.Costs{}, runs, 40, 31.5, 0, 0)
	// The labels that a run asked for count when they were asked for, and only once.
	f("as measured", hone.AutoPrice, costs, []hone.Run{at(12, 30, &hone.Spent{CoreHours: 1, Labels: 30, LabelsCost: 6, Cost: 11})}, 20, 5, 6, 10)

	m := model(lossTrigger(30))
	m.Costs = costs
	want := "The objective is 67.5 EUR: staleness 20 (900 labelled rows), training 31.5 (2 runs), labels 6 (30 asked for), availability 10 (2 refused, 3 degraded)."
	if o := trigger.Weigh(m, runs, tally, from, until); o.Sentence != want {
		t.Errorf("it says %q", o.Sentence)
	}
}

func TestRisen(t *testing.T) {
	t.Parallel()
	f := func(want int, values ...float64) {
		t.Helper()
		var out []hone.Signal
		for i, v := range values {
			out = append(out, hone.Signal{At: start.Add(time.Duration(i) * day), Value: v})
		}
		if got := trigger.Risen(out, start.Add(2*day), start.Add(5*day)); got != want {
			t.Errorf("%v: got %d, want %d", values, got, want)
		}
	}
	f(0)
	f(0, 5, 5, 5, 5, 5, 9)
	f(4, 5, 5, 6, 6, 9, 12)
	f(7, 0, 5, 8, 1, 4, 12) // It began anew.
	f(3, 5, 8, 3)           // And before the first.
}
