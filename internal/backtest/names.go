package backtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hone"
	"hone/internal/say"
	"hone/internal/trigger"
)

// The kinds of policy by which they are asked for, with a number behind a colon where
// they take one.
const (
	kindConfigured = "configured"
	kindNever      = "never"
	kindEvery      = "every"
	kindVolume     = "volume"
	kindPSI        = "psi"
	kindADWIN      = "adwin"
	kindWorse      = "performance"
	kindLoss       = "recoverable_loss"
	kindAlone      = "no_reuse"
	kindStaged     = "stages"
)

// kinds of policy, in the order of the help; takes says what the number is.
var kinds = []struct{ name, takes string }{
	{kindConfigured, ""}, {kindNever, ""}, {kindEvery, "batches"}, {kindVolume, "labels"}, {kindPSI, "a limit"}, {kindADWIN, ""},
	{kindWorse, "points"}, {kindLoss, "a price"}, {kindAlone, "a price"}, {kindStaged, "a price"},
}

// entry is a policy that takes part.
type entry struct {
	name  string
	words string
	// triggers are those of a configuration that does so, or nearly; empty where none
	// does.
	triggers string
	near     bool // They come near, and are not what was played.
	// foreign is set where no configuration does so.
	foreign bool
	// staged is set where candidates go through gates, rollout and probation.
	staged bool
	// price at which it decides; 0 where it knows none.
	price float64
	// course is what it comes to on a grid, where a retrain has a price in units of the loss.
	course func(g *Grid, price float64) course
}

// moving is the course of a policy that moves between batches.
func moving(p Policy) func(*Grid, float64) course {
	return func(g *Grid, price float64) course { return g.course(p(g, price)) }
}

// wanted reads the names of policies. Without any it is the usual ones.
func (d *desk) wanted(o Options, price float64) ([]entry, error) {
	names := o.Policies
	if len(names) == 0 {
		names = d.usual(price)
	}
	var out []entry
	seen := map[string]bool{}
	for _, name := range names {
		kind, x, err := parse(name)
		if err != nil {
			return nil, err
		}
		e := d.make(kind, x)
		if !seen[e.name] {
			out = append(out, e)
		}
		seen[e.name] = true
	}
	return out, nil
}

// usual are the policies where nobody says which.
func (d *desk) usual(price float64) []string {
	out := []string{kindConfigured, kindNever}
	for _, k := range []int{24, 12, 6, 3} { // Of a run of 120 batches: every 5, 10, 20 and 40.
		out = append(out, fmt.Sprintf("%s:%d", kindEvery, max(1, d.g.Batches()/k)))
	}
	out = append(out, fmt.Sprintf("%s:%d", kindVolume, round(d.labelled/8)), kindPSI+":0.2", kindADWIN, kindWorse+":3")
	for _, p := range usualPrices(price) {
		if !d.onlyLoss(p) {
			out = append(out, fmt.Sprintf("%s:%s", kindLoss, plain(p)))
		}
	}
	return append(out, fmt.Sprintf("%s:%s", kindAlone, plain(price)), fmt.Sprintf("%s:%s", kindStaged, plain(price)))
}

// onlyLoss tells whether what is configured is just recoverable loss at a price.
func (d *desk) onlyLoss(price float64) bool {
	ts := d.model.Triggers
	return len(ts) == 1 && ts[0].RecoverableLoss != nil && ts[0].RecoverableLoss.Reuse == 5 && ts[0].RecoverableLoss.RetrainCost == hone.Price(price)
}

// round keeps two digits of a number.
func round(n int) int {
	unit := 1
	for n/unit >= 100 {
		unit *= 10
	}
	return max(1, n/unit*unit)
}

// usualPrices are a price and two beside it.
func usualPrices(price float64) []float64 {
	third, _ := strconv.ParseFloat(strconv.FormatFloat(price/3, 'g', 2, 64), 64)
	return []float64{third, price, price * 3}
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// parse reads the name of a policy: its kind, and the number where it takes one.
func parse(name string) (kind string, x float64, err error) {
	kind, text, given := strings.Cut(strings.TrimSpace(name), ":")
	kind = strings.ReplaceAll(kind, "-", "_")
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
		if k.name != kind {
			continue
		}
		x, err := strconv.ParseFloat(text, 64)
		whole := k.takes == "batches" || k.takes == "labels"
		switch {
		case k.takes == "" && given:
			return kind, 0, invalid(fmt.Sprintf("the policy %s takes no number", kind), "write "+kind)
		case k.takes != "" && (err != nil || !(x > 0) || math.IsInf(x, 0) || whole && x != math.Trunc(x)):
			return kind, 0, invalid(fmt.Sprintf("the policy %q does not say how many", name), fmt.Sprintf("write %s:N, where N is %s", kind, k.takes))
		}
		return kind, x, nil
	}
	hint := "there are " + strings.Join(names, ", ")
	if near := say.Nearest(kind, names); near != "" {
		hint = fmt.Sprintf("did you mean %s? ", near) + hint
	}
	return kind, 0, invalid(fmt.Sprintf("there is no policy %q", name), hint)
}

func invalid(message, hint string) error {
	return &hone.Error{Code: hone.Invalid, Message: message, Hint: hint}
}

// make makes the policy of a kind.
func (d *desk) make(kind string, x float64) entry {
	e := entry{name: kind}
	if x > 0 {
		e.name += ":" + plain(x)
	}
	n := say.Num(x)
	var play Policy
	switch kind {
	case kindConfigured:
		e.words, play, e.price = "as configured", d.follow(d.model.Triggers...), d.configuredPrice()
	case kindNever:
		e.words, play = "never", Never
	case kindEvery:
		e.name = fmt.Sprintf("%s:%d", kind, int(x))
		e.words, play = fmt.Sprintf("every %s rows (%d batches)", say.Whole(int(x)*d.g.Batch), int(x)), Every(int(x))
		e.triggers, e.near = fmt.Sprintf("data_volume: %d", int(x)*d.g.Batch), true
	case kindVolume:
		e.name = fmt.Sprintf("%s:%d", kind, int(x))
		e.words, play = "every "+say.Whole(int(x))+" labels", d.follow(hone.Trigger{DataVolume: int(x)})
		e.triggers = fmt.Sprintf("data_volume: %d", int(x))
	case kindPSI:
		e.words, play = "PSI over "+n, PSI(x)
		e.triggers, e.near = fmt.Sprintf(`when: "drift.max > %s"`, plain(x)), true
	case kindADWIN:
		e.words, play = "ADWIN on the loss", ADWIN()
		e.triggers, e.near = "performance: {metric: loss.change, above: 0}", true
	case kindWorse:
		e.words, play, e.foreign = "loss up by "+n+" points", Worse(x), true
	case kindLoss:
		e.words, play, e.price = "recoverable loss at "+n, d.follow(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.Price(x), Reuse: 5}}), x
		e.triggers = fmt.Sprintf("recoverable_loss: {retrain_cost: %s}", plain(x))
	case kindAlone:
		e.words, play, e.price = "recoverable loss at "+n+", without reuse", d.follow(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.Price(x), Reuse: -1}}), x
		e.triggers = fmt.Sprintf("recoverable_loss: {retrain_cost: %s, reuse: -1}", plain(x))
	case kindStaged:
		e.words, e.price, e.staged = "recoverable loss at "+n+", through gates, rollout and probation", x, true
		e.triggers = fmt.Sprintf("recoverable_loss: {retrain_cost: %s}", plain(x))
		e.course = d.staged
	}
	if play != nil {
		e.course = moving(play)
	}
	return e
}

// configuredPrice is what the model says a retrain costs; 0 where it does not.
func (d *desk) configuredPrice() float64 {
	price, _ := trigger.RetrainCost(d.model, nil)
	return price
}

// settle puts the first of the prices that are asked for, else the usual one, where the
// model is to measure what a retrain costs: no run is made here.
func (d *desk) settle(prices []float64) {
	price := append(slices.Clone(prices), defaultPrice)[0]
	settled, some := trigger.Settle(d.model, price)
	if some {
		d.note("What a retrain costs is measured on runs (retrain_cost: auto), and a backtest makes none: %s are taken.", say.Amount(price, d.model.Costs.Currency))
	}
	d.model = settled
}

// unplayed says which of the configured triggers are never asked here.
func (d *desk) unplayed() {
	if trigger.Has(d.model, hone.OnEvent) {
		d.note("What was announced is no part of the rows: triggers on events never fire here.")
	}
	if trigger.Has(d.model, hone.OnPolicy) {
		d.note("The configuration stays as it is: triggers on changes of policy never fire here.")
	}
}
