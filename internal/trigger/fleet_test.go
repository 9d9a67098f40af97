package trigger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/trigger"
)

func TestPick(t *testing.T) {
	t.Parallel()
	now := start.Add(100 * day)
	paid := func(costs ...float64) (out []trigger.Paid) {
		for i, c := range costs { // An hour apart, newest first.
			out = append(out, trigger.Paid{At: now.Add(-time.Duration(i+1) * time.Hour), Cost: c})
		}
		return out
	}
	wish := func(model string, gain, price float64) trigger.Wish {
		return trigger.Wish{Model: model, Gain: gain, Price: price}
	}
	first := wish("new", 0, 5)
	first.First = true
	a, b, c := wish("a", 30, 10), wish("b", 40, 10), wish("c", 10, 4)
	f := func(name string, budget hone.SharedBudget, paid []trigger.Paid, wishes []trigger.Wish, want ...string) {
		t.Helper()
		var got []string
		for _, c := range trigger.Pick(budget, paid, wishes, now) {
			s := c.Model
			switch {
			case c.Granted:
				s += " goes"
			case c.Never:
				s += " never"
			case c.After != "":
				s += " after " + c.After
			default:
				s += fmt.Sprintf(" in %v", c.Until.Sub(now))
			}
			got = append(got, s)
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: %s; want %s", name, strings.Join(got, ", "), strings.Join(want, ", "))
		}
	}
	f("room for all", hone.SharedBudget{PerDay: 24}, nil, []trigger.Wish{a, b, c}, "b goes", "a goes", "c goes")
	f("the best for its price", hone.SharedBudget{PerDay: 10}, nil, []trigger.Wish{a, b, c}, "b goes", "a after b", "c after a")
	f("it has no cap", hone.SharedBudget{}, paid(1000), []trigger.Wish{a, b}, "b goes", "a goes")
	f("it is spent", hone.SharedBudget{PerDay: 12}, paid(2, 5), []trigger.Wish{b, c}, "b in 22h0m0s", "c after b")
	f("cheap ones do not starve the best", hone.SharedBudget{PerDay: 12}, paid(5), []trigger.Wish{b, c}, "b in 23h0m0s", "c after b")
	f("what never fits holds nobody", hone.SharedBudget{PerDay: 8}, nil, []trigger.Wish{b, c}, "b never", "c goes")
	f("a month's", hone.SharedBudget{PerDay: 20, PerMonth: 30}, []trigger.Paid{{At: now.Add(-29 * day), Cost: 25}}, []trigger.Wish{a}, "a in 24h0m0s")
	f("who has no version first", hone.SharedBudget{PerDay: 10}, nil, []trigger.Wish{b, first}, "new goes", "b after new")
	f("the same for both", hone.SharedBudget{PerDay: 10}, nil, []trigger.Wish{wish("z", 0, 9), wish("y", 0, 9)}, "y goes", "z after y")
	f("what costs nothing", hone.SharedBudget{PerDay: 1}, paid(1), []trigger.Wish{wish("free", 0, 0)}, "free goes")
}

// TestPickHoldsItsBudget holds that what is granted never passes a cap, and that leaving
// the greedy order wins back no more than the one wish that is cut off.
func TestPickHoldsItsBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := start.Add(100 * day)
		b := hone.SharedBudget{PerDay: float64(rapid.IntRange(1, 40).Draw(t, "day")), PerMonth: float64(rapid.IntRange(1, 80).Draw(t, "month"))}
		var wishes []trigger.Wish
		for i := range rapid.IntRange(0, 6).Draw(t, "wishes") {
			wishes = append(wishes, trigger.Wish{Model: fmt.Sprint("m", i), Gain: float64(rapid.IntRange(0, 50).Draw(t, "gain")), Price: float64(rapid.IntRange(1, 20).Draw(t, "price"))})
		}
		most := min(b.PerDay, b.PerMonth)
		spent, won, largest := 0.0, 0.0, 0.0
		for _, c := range trigger.Pick(b, nil, wishes, now) {
			if c.Granted {
				spent, won = spent+c.Price, won+c.Gain
			}
			if !c.Never {
				largest = max(largest, c.Gain)
			}
		}
		if spent > most {
			t.Fatalf("%v are granted of %v", spent, most)
		}
		for set := range 1 << len(wishes) {
			cost, gain := 0.0, 0.0
			for i, w := range wishes {
				if set>>i&1 == 1 {
					cost, gain = cost+w.Price, gain+w.Gain
				}
			}
			if cost <= most && gain > won+largest {
				t.Fatalf("%b wins back %v, and what was picked %v", set, gain, won)
			}
		}
	})
}

// TestSharedBudgetDecides holds what a decision says of the budget, and whom it holds.
func TestSharedBudgetDecides(t *testing.T) {
	t.Parallel()
	now := start.Add(100 * day)
	f := func(name string, rule hone.Trigger, fund trigger.Fund, manual *trigger.Manual, starts bool, again time.Duration, says string) {
		t.Helper()
		m := model(rule)
		m.Costs, m.Guards = hone.Costs{Currency: "EUR", Loss: 0.5}, hone.Guards{MaxPerDay: 9, MaxPerMonth: 9, Budget: hone.Budget{RunCost: 10}}
		in := input(m)
		in.Ticks, in.Manual = ticks(20, 1, 5), manual // At least 97 units of the loss, 48 EUR.
		fund.Currency = "EUR"
		in.Fund = &fund
		d := trigger.Decide(in, now)
		if d.Start != starts || !strings.Contains(d.Sentence, says) || !starts && !d.Again.Equal(now.Add(again)) {
			t.Errorf("%s: started %v: %s; again %v", name, d.Start, d.Sentence, d.Again.Sub(now))
		}
		if starts && d.Cost != 10 {
			t.Errorf("%s: it is to cost %v", name, d.Cost)
		}
	}
	loss, ada := lossTrigger(10), &trigger.Manual{By: "ada"}
	force := &trigger.Manual{By: "ada", Force: true}
	day20 := hone.SharedBudget{PerDay: 20}
	better, worse := []trigger.Wish{{Model: "better", Gain: 90, Price: 15}}, []trigger.Wish{{Model: "worse", Gain: 9, Price: 15}}
	spent := []trigger.Paid{{At: now.Add(-24*time.Hour + time.Minute), Cost: 15}}
	f("alone", loss, trigger.Fund{Budget: day20}, nil, true, 0, "retrains: ")
	f("the best", loss, trigger.Fund{Budget: day20, Others: worse}, nil, true, 0, "retrains: ")
	f("not the best", loss, trigger.Fund{Budget: day20, Others: better}, nil, false, 5*time.Minute, "the shared budget goes to better first.")
	f("spent", loss, trigger.Fund{Budget: day20, Paid: spent}, nil, false, time.Minute, "the shared budget is spent until ")
	f("by a schedule", hone.Trigger{DataVolume: 10}, trigger.Fund{Budget: day20, Others: better}, nil, false, 5*time.Minute, "goes to better first.")
	f("a person", loss, trigger.Fund{Budget: day20, Others: better}, ada, false, 5*time.Minute, "goes to better first.")
	f("a person by force", loss, trigger.Fund{Budget: day20, Paid: spent}, force, true, 0, "retrains: ada asked for it.")
	f("too dear at any time", loss, trigger.Fund{Budget: hone.SharedBudget{PerMonth: 9}}, nil, false, 5*time.Minute, "a run costs 10 EUR, more than the shared budget ever has.")
}

func TestWant(t *testing.T) {
	t.Parallel()
	now := start.Add(100 * day)
	m := model(lossTrigger(10))
	m.Costs, m.Guards = hone.Costs{Currency: "EUR", Loss: 0.5}, hone.Guards{MaxPerDay: 9, MaxPerMonth: 9}
	in := input(m)
	in.Ticks = ticks(20, 1, 5)
	lower, _, _, _ := trigger.BestSuffix(in.Ticks)
	if w, ok := trigger.Want(in, now); !ok || w.Model != m.Name || w.Gain != lower/2 || w.Price != 10 || w.First {
		t.Errorf("it wants %+v, %v", w, ok)
	}
	in.Runs = []hone.Run{{ID: "m-1", State: hone.Training, Started: now}}
	if w, ok := trigger.Want(in, now); ok {
		t.Errorf("with a run under way it wants %+v", w)
	}
	in.Runs, in.Ticks = nil, nil
	if w, ok := trigger.Want(in, now); ok {
		t.Errorf("for nothing it wants %+v", w)
	}
	in.HasChampion, in.TrainableRows = false, 1000
	if w, ok := trigger.Want(in, now); !ok || !w.First || w.Gain != 0 {
		t.Errorf("a first version wants %+v, %v", w, ok)
	}
}
