package trigger

import (
	"cmp"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/say"
)

// Wish is a run that a model would begin now.
type Wish struct {
	Model string
	// Gain is what it wins back for sure: the lower bound of recoverable loss, in the
	// currency; 0 where that is not known. Price is what it costs.
	Gain, Price float64
	// First is set where no version of the model serves yet.
	First bool
}

// Fund is the budget that models share, as a decision on one of them sees it.
type Fund struct {
	Budget   hone.SharedBudget
	Currency string
	// Paid is what runs of all models cost, newest first.
	Paid []Paid
	// Others are the wishes of the other models.
	Others []Wish
}

// Choice is what becomes of a wish.
type Choice struct {
	Wish
	Granted bool
	// After is the model that goes first, where the budget has room for this one and not
	// for both, or is waited for by one that wins back more.
	After string
	// Never is set where a run costs more than the budget ever has.
	Never bool
	// Until is when there will be room, where the budget is spent.
	Until time.Time
}

// Pick spends a budget on wishes, those first that win back most for sure for their price:
// of all ways to spend it none wins back more, but for the one wish that is cut off at the
// end (Dantzig's bound for the knapsack). The best that has no room now is waited for, so
// that cheap ones do not starve it. A model without a version goes before all others.
func Pick(b hone.SharedBudget, paid []Paid, wishes []Wish, now time.Time) []Choice {
	out := make([]Choice, len(wishes))
	for i, w := range wishes {
		out[i].Wish = w
	}
	slices.SortFunc(out, func(a, b Choice) int { return before(a.Wish, b.Wish) })
	all, last, held := slices.Clone(paid), "", ""
	for i := range out {
		c := &out[i]
		left, never := roomIn(b, all, c.Price, now), roomIn(b, nil, c.Price, now)
		alone := roomIn(b, paid, c.Price, now)
		switch {
		case !never.fits:
			c.Never = true
		case !alone.fits:
			c.Until = alone.until
			held = cmp.Or(held, c.Model)
		case held != "":
			c.After = held
		case !left.fits:
			c.After, held = last, c.Model
		default:
			c.Granted, last = true, c.Model
			all = slices.Insert(all, 0, Paid{At: now, Cost: c.Price})
		}
	}
	return out
}

// before orders wishes: the best first.
func before(a, b Wish) int {
	if a.First != b.First {
		if a.First {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.worth(), a.worth()), cmp.Compare(a.Model, b.Model))
}

// worth is what a wish wins back for its price.
func (w Wish) worth() float64 {
	if w.Price <= 0 {
		return math.Inf(1)
	}
	return w.Gain / w.Price
}

// roomIn tells whether a cost has room under both caps of a shared budget.
func roomIn(b hone.SharedBudget, paid []Paid, cost float64, now time.Time) room {
	out := room{fits: true}
	for _, part := range []struct {
		most    float64
		stretch time.Duration
	}{{b.PerDay, day24}, {b.PerMonth, month}} {
		if part.most <= 0 {
			continue
		}
		r := roomFor(paid, cost, part.most, part.stretch, now)
		out.fits = out.fits && r.fits
		out.until = later(out.until, r.until)
	}
	return out
}

// Want is the run that a model would begin now if it shared no budget, where there is one.
func Want(in Input, now time.Time) (Wish, bool) {
	in.Fund = nil
	l := &look{in: in, now: now, streaks: map[string]int{}}
	best := strongest(l.triggers())
	if best == nil || slices.ContainsFunc(guards(in, best, now), func(f finding) bool { return f.Fired }) {
		return Wish{}, false
	}
	return wish(in, *best), true
}

// wish is a run that is put down to a finding.
func wish(in Input, by finding) Wish {
	gain := 0.0
	if by.reuse != "" {
		gain = by.Value
	} else if lower, _, n, _ := BestSuffix(in.Ticks); n > 0 {
		_, inLoss := RetrainCost(in.Model, in.Runs)
		gain = Trust(inLoss, in.Runs) * lower
	}
	return Wish{Model: in.Model.Name, Gain: in.Model.Costs.PerLoss() * max(0, gain), Price: runCost(in.Model, in.Runs, by.reuse), First: !in.HasChampion}
}

// fundAgain is how soon a model that waits for the shared budget looks again: what others do,
// and what the budget is, may change at any time.
const fundAgain = 5 * time.Minute

// shared holds a run back that the budget of all models has no room for, or that another
// goes before. A person's force passes it, and counts.
func shared(in Input, by finding, now time.Time) finding {
	f := finding{Reason: hone.Reason{Guard: "shared_budget"}}
	own := wish(in, by)
	choices := Pick(in.Fund.Budget, in.Fund.Paid, append(slices.Clone(in.Fund.Others), own), now)
	c := choices[slices.IndexFunc(choices, func(c Choice) bool { return c.Model == own.Model })]
	f.Value, f.Limit = own.Price, cmp.Or(in.Fund.Budget.PerDay, in.Fund.Budget.PerMonth)
	f.Sentence = in.Fund.say(own.Price, now)
	f.Fired = !c.Granted
	f.until = now.Add(fundAgain)
	switch {
	case c.Never:
		f.start = "a run costs " + say.Amount(own.Price, in.Fund.Currency) + ", more than the shared budget ever has."
	case c.After != "":
		f.start = "the shared budget goes to " + c.After + " first."
	case !c.Granted:
		f.start = "the shared budget is spent until " + day(c.Until) + "."
		if c.Until.Before(f.until) {
			f.until = c.Until
		}
	}
	if f.Fired {
		f.Sentence += " " + capital(f.start)
	}
	if f.Fired && by.Trigger == hone.OnManual && in.Manual.Force {
		f.Fired = false
		f.Sentence += " It is forced, and counts all the same."
	}
	return f
}

// say tells what is spent of a budget.
func (f Fund) say(price float64, now time.Time) string {
	out := "A run costs " + say.Amount(price, f.Currency) + ", and models share a budget"
	for _, part := range []struct {
		most    float64
		stretch time.Duration
		words   string
	}{{f.Budget.PerDay, day24, "24 hours"}, {f.Budget.PerMonth, month, "30 days"}} {
		if part.most > 0 {
			r := roomFor(f.Paid, price, part.most, part.stretch, now)
			out += ", of which " + say.Num(r.spent) + " of " + say.Amount(part.most, f.Currency) + " are spent in " + part.words
		}
	}
	return out + "."
}
