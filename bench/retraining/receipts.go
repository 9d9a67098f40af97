package retraining

import "hone/internal/backtest"

// Coverage counts whole receipts of retrains by where what they won back lies: in the
// interval of 80 % that was foretold, below it or above.
type Coverage struct {
	Held  int `json:"held"`
	Below int `json:"below"`
	Above int `json:"above"`
}

// Of is how many receipts there are.
func (c Coverage) Of() int { return c.Held + c.Below + c.Above }

// Plus adds two counts.
func (c Coverage) Plus(d Coverage) Coverage {
	return Coverage{c.Held + d.Held, c.Below + d.Below, c.Above + d.Above}
}

// receipts counts those of Hone's rule at a price. Champions that came back are left out:
// nothing was trained for them.
func receipts(g *backtest.Grid, price float64) (c Coverage) {
	_, runs := rule.Runs(g, price)
	for _, r := range runs {
		x := r.Receipt
		switch {
		case x == nil || !x.Over || r.Decision.Reuse != "":
		case x.Gain < x.Forecast.Lower:
			c.Below++
		case x.Gain > x.Forecast.Upper:
			c.Above++
		default:
			c.Held++
		}
	}
	return c
}
