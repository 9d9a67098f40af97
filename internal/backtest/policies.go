package backtest

import (
	"hone/internal/frame"
	"hone/internal/stat"
	"hone/internal/stat/change"
)

// Policy says who answers when, where a retrain has this price. At each batch it sees
// the labels that have come by its end.
type Policy func(g *Grid, price float64) []Move

// Never keeps the first champion.
func Never(*Grid, float64) []Move { return nil }

// Every retrains after every k batches.
func Every(k int) Policy {
	return func(g *Grid, _ float64) (out []Move) {
		for m := k; m < g.Batches(); m += k {
			out = append(out, Move{At: m, Champion: m})
		}
		return out
	}
}

// BestPeriod is the k of Every that turned out best. It knows the future.
func BestPeriod(g *Grid, price float64) (best []Move) {
	for k := 1; k < g.Batches(); k++ {
		if out := Every(k)(g, price); g.Cost(out, price) < g.Cost(best, price) {
			best = out
		}
	}
	return best
}

// watch is a policy that looks at one champion after the other: begin is asked for
// one anew, and what it returns is told of each batch, and says whether to retrain.
func watch(begin func(g *Grid, m int, price float64) func(batch int) bool) Policy {
	return func(g *Grid, price float64) (out []Move) {
		look := begin(g, 0, price)
		for b := range g.Batches() - 1 {
			if look(b) {
				out = append(out, Move{At: b + 1, Champion: b + 1})
				look = begin(g, b+1, price)
			}
		}
		return out
	}
}

// come are the rows from one batch on whose labels came during another, in the order
// in which these came.
func (g *Grid) come(from, batch int) (rows []int) {
	begin := g.at(from)
	for _, i := range g.arrived[g.upTo(g.at(batch)):g.upTo(g.at(batch+1))] {
		if i >= begin {
			rows = append(rows, i)
		}
	}
	return rows
}

// rate is what champion m loses a row, of some rows.
func (g *Grid) rate(m int, rows []int) (a float64) {
	weight := 0.0
	for _, i := range rows {
		a += g.lost(m, i)
		weight += g.weight(i)
	}
	return a / max(weight, 1e-9)
}

// fresh is how many batches tell what a champion is like when it is new.
const fresh = 3

// levels hands on what is lost a row of each batch, once it is known what the
// champion was like when it was new. Both are shares of the most that a row can lose.
func levels(decide func(price float64) func(rate, new float64, rows int) bool) Policy {
	return watch(func(g *Grid, m int, price float64) func(int) bool {
		then, seen, sum := decide(price/g.unit()), 0, 0.0
		return func(batch int) bool {
			rows := g.come(m, batch)
			if len(rows) == 0 {
				return false
			}
			rate := g.rate(m, rows) / g.unit()
			if seen < fresh {
				seen++
				sum += rate
				return false
			}
			return then(rate, sum/fresh, len(rows))
		}
	})
}

// Worse retrains once a batch loses so many points a row more than the champion did
// when it was new: of a loss that counts errors, errors in 100 rows.
func Worse(points float64) Policy {
	return levels(func(float64) func(rate, new float64, rows int) bool {
		return func(rate, new float64, _ int) bool { return rate > new+points/100 }
	})
}

// Avoidable retrains once the losses beyond those of the new champion add up to the
// price, as in Modyn (Böther et al., SIGMOD 2025).
func Avoidable() Policy {
	return levels(func(price float64) func(rate, new float64, rows int) bool {
		lost := 0.0
		return func(rate, new float64, rows int) bool {
			lost += (rate - new) * float64(rows)
			return lost >= price
		}
	})
}

// CUSUM retrains once the cumulated excess over the new champion's errors, less k
// errors a hundred rows, is above h errors (Page, Biometrika 1954).
func CUSUM(k, h float64) Policy {
	return levels(func(float64) func(rate, new float64, rows int) bool {
		sum := 0.0
		return func(rate, new float64, rows int) bool {
			sum = max(0, sum+(rate-new-k/100)*float64(rows))
			return sum > h
		}
	})
}

// ADWIN retrains once the level of the losses has changed for the worse (Bifet and
// Gavaldà, SDM 2007).
func ADWIN() Policy {
	return watch(func(g *Grid, m int, _ float64) func(int) bool {
		d := change.NewADWIN(0.002, 32)
		return func(batch int) (fires bool) {
			for _, i := range g.come(m, batch) {
				if f, found := d.Add(min(1, g.lost(m, i)/g.unit())); found && f.After > f.Before {
					fires = true
				}
			}
			return fires
		}
	})
}

// PSI retrains once a feature's population stability index between the training rows
// and a batch is above a limit. It needs no labels. Texts are passed over.
func PSI(limit float64) Policy {
	return watch(func(g *Grid, m int, _ float64) func(int) bool {
		profiles := g.profiles(m)
		return func(batch int) bool {
			rows := g.Rows.Slice(g.at(batch), g.at(batch+1))
			for c, p := range profiles {
				if p == nil {
					continue
				}
				w := p.Window()
				for _, x := range rows.Cols[c].Num {
					w.AddNumber(x)
				}
				for _, x := range rows.Cols[c].Str {
					w.AddName(x)
				}
				if p.Compare(w).PSI > limit {
					return true
				}
			}
			return false
		}
	})
}

// profiles of what champion m was trained on, by column; nil for texts.
func (g *Grid) profiles(m int) []*stat.Profile {
	rows := pick(g.Rows, g.champions[m].set)
	out := make([]*stat.Profile, len(rows.Schema))
	for c, f := range rows.Schema {
		switch f.Kind {
		case frame.Number:
			out[c] = stat.NewNumeric(rows.Cols[c].Num)
		case frame.Category:
			out[c] = stat.NewNames(rows.Cols[c].Str)
		}
	}
	return out
}

// Hone retrains by the product's rule with its defaults.
func Hone() Policy { return Whole(Rule{Kept: 5, Receipts: true}) }
