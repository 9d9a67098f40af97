package trigger_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

// billed is a run that is over and cost so much.
func billed(cost float64) hone.Run {
	return hone.Run{State: hone.Closed, Spent: &hone.Spent{CoreHours: 1, Cost: cost}}
}

func TestRetrainCost(t *testing.T) {
	t.Parallel()
	auto := hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.AutoPrice}}
	euro := hone.Costs{Currency: "EUR", Loss: 0.5, CoreHour: 1}
	f := func(name string, costs hone.Costs, rule hone.Trigger, runs []hone.Run, amount, inLoss float64) {
		t.Helper()
		m := model(rule)
		m.Costs = costs
		if got, loss := trigger.RetrainCost(m, runs); got != amount || loss != inLoss {
			t.Errorf("%s: got %v, %v in loss; want %v, %v", name, got, loss, amount, inLoss)
		}
	}
	open, untrained := billed(500), billed(500)
	open.State, untrained.Spent.LabelsCost = hone.Canary, 500
	f("as configured", hone.Costs{}, lossTrigger(30), nil, 30, 30)
	f("in a currency", euro, lossTrigger(30), []hone.Run{billed(7)}, 30, 60)
	f("inside a combination", euro, hone.Trigger{Any: hone.Triggers{drifted(0.3), lossTrigger(30)}}, nil, 30, 60)
	f("nothing says it", euro, drifted(0.3), nil, 0, 0)
	f("nothing was measured", euro, auto, nil, 100, 200)
	f("measured", euro, auto, []hone.Run{billed(10), billed(20)}, 15, 30)
	f("what trained, and is over", euro, auto, []hone.Run{open, untrained, billed(10), billed(20)}, 15, 30)
	var many []hone.Run
	for i := range 30 {
		many = append(many, billed(float64(i+1)))
	}
	f("the last ten", euro, auto, many, 5.5, 11)
}

// TestAutoPriceDecides holds that the rule goes by what runs cost, and says what it took.
func TestAutoPriceDecides(t *testing.T) {
	t.Parallel()
	f := func(says string, starts bool, runs ...hone.Run) {
		t.Helper()
		m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.AutoPrice}})
		m.Costs, m.Guards = hone.Costs{Currency: "EUR", Loss: 0.5, CoreHour: 1}, hone.Guards{MaxPerDay: 9, MaxPerMonth: 9}
		in := input(m)
		in.Ticks, in.Runs = ticks(10, 1, 5), runs
		d := trigger.Decide(in, start.Add(100*day))
		if d.Start != starts || !strings.Contains(d.Reasons[0].Sentence, says) {
			t.Errorf("started %v: %s; want %v, %q", d.Start, d.Reasons[0].Sentence, starts, says)
		}
		if want, _ := trigger.RetrainCost(m, runs); starts && d.Cost != want && len(runs) > 0 {
			t.Errorf("it is to cost %v, want %v", d.Cost, want)
		}
	}
	f("it costs 200 (100 EUR, the default while no run has trained)", false)
	f("it costs 20 (10 EUR, what its last run cost)", true, billed(10))
	f("it costs 30 (15 EUR, the mean of its last 2 runs)", true, billed(10), billed(20))
	f("it costs 80 (40 EUR, the mean of its last 2 runs)", false, billed(60), billed(20))
}

// TestRunCost holds what a run counts for in budgets and reports.
func TestRunCost(t *testing.T) {
	t.Parallel()
	f := func(name string, price hone.Price, budget float64, r hone.Run, want float64) {
		t.Helper()
		m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: price}})
		m.Guards.Budget.RunCost = budget
		if got := trigger.RunCost(m, r, []hone.Run{r}); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	began := func(r hone.Run, cost float64) hone.Run { r.Decision.Cost = cost; return r }
	open := began(billed(7), 30)
	open.State = hone.Training
	f("at the price of its time", 30, 0, began(billed(7), 25), 25)
	f("from before there was one", 30, 0, billed(7), 30)
	f("as measured", hone.AutoPrice, 0, began(billed(7), 25), 7)
	f("while it is open at least what it is to cost", hone.AutoPrice, 0, open, 30)
	open.Spent.Cost = 70
	f("or what it has cost already", hone.AutoPrice, 0, open, 70)
	f("by the budget", hone.AutoPrice, 9, began(billed(7), 9), 9)
}

// TestBudgetByMeasure holds that a budget counts what runs cost where that is measured.
func TestBudgetByMeasure(t *testing.T) {
	t.Parallel()
	now := start.Add(100 * day)
	m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.AutoPrice}})
	m.Guards = hone.Guards{MaxPerDay: 9, MaxPerMonth: 9, Budget: hone.Budget{PerDay: 50}}
	f := func(starts bool, again time.Duration, costs ...float64) {
		t.Helper()
		in := input(m)
		in.Ticks = ticks(1000, 1, 5)
		for i, c := range costs {
			r := billed(c)
			r.Started = now.Add(-time.Duration(i+1) * time.Hour)
			r.Ended = r.Started
			in.Runs = append(in.Runs, r)
		}
		d := trigger.Decide(in, now)
		if d.Start != starts || !starts && !d.Again.Equal(now.Add(again)) {
			t.Errorf("%v: started %v: %s; again %v", costs, d.Start, d.Sentence, d.Again)
		}
	}
	f(true, 0)                     // The first shows what one costs.
	f(true, 0, 10, 20)             // 30 are spent, and one costs 15.
	f(false, 22*time.Hour, 20, 30) // 50 are spent, and one costs 25.
}

// TestCompareInCurrency holds that a report has all in the currency.
func TestCompareInCurrency(t *testing.T) {
	t.Parallel()
	m := model(lossTrigger(30))
	m.Costs = hone.Costs{Currency: "EUR", Loss: 0.5}
	r := hone.Run{State: hone.Closed, Champion: "v1", Candidate: "v2", Ending: hone.Promoted, Started: start.Add(day), Decision: hone.Decision{Trigger: hone.OnLoss, Cost: 30},
		Receipt: &hone.Receipt{Gain: 80, Rows: 100, Forecast: hone.Forecast{Rows: 100, Measured: 80}, Over: true}}
	c := trigger.Compare(m, nil, []hone.Run{r}, start, start.Add(7*day))
	if c.Currency != "EUR" || c.Price != 30 || c.Cost != 30 || c.WonBack != 40 {
		t.Errorf("got %+v", c)
	}
	if !strings.Contains(c.Sentence, "for 30 EUR; by its receipt it won back 40") {
		t.Errorf("it says %q", c.Sentence)
	}
	v := trigger.Value(m, r, []hone.Run{r}, hone.Receipt{Gain: 80, Rows: 50, Forecast: hone.Forecast{Rows: 100, Gain: 60}})
	if v.Cost != 30 || v.Worth != 40 || v.Promised != 15 || v.Currency != "EUR" {
		t.Errorf("the receipt has %+v", v)
	}
}
