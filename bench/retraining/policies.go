package retraining

import (
	"math"

	"hone/internal/frame"
	"hone/internal/learn/residual"
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
			out = append(out, Move{m, m})
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
				out = append(out, Move{b + 1, b + 1})
				look = begin(g, b+1, price)
			}
		}
		return out
	}
}

// come are the rows of champion m whose labels came during a batch.
func (g *Grid) come(m, batch int) (from, to int) {
	begin := (g.First + m) * g.Batch
	to = (g.First+batch+1)*g.Batch - g.Delay
	return max(begin, to-g.Batch), max(begin, to)
}

// rate is the share of wrong answers of champion m among rows, and how many these are.
func (g *Grid) rate(m, from, to int) (share float64, n int) {
	begin := (g.First + m) * g.Batch
	for i := from; i < to; i++ {
		if (g.Scores[m][i-begin] > 0.5) != (g.Targets[i] == 1) {
			share++
		}
	}
	return share / float64(max(1, to-from)), to - from
}

// fresh is how many batches tell what a champion is like when it is new.
const fresh = 3

// levels hands the share of errors of each batch on, once it is known what the
// champion was like when it was new.
func levels(decide func(price float64) func(rate, new float64, rows int) bool) Policy {
	return watch(func(g *Grid, m int, price float64) func(int) bool {
		then, seen, sum := decide(price), 0, 0.0
		return func(batch int) bool {
			from, to := g.come(m, batch)
			if to == from {
				return false
			}
			rate, n := g.rate(m, from, to)
			if seen < fresh {
				seen++
				sum += rate
				return false
			}
			return then(rate, sum/fresh, n)
		}
	})
}

// Worse retrains once a batch has so many points more errors than the champion had
// when it was new.
func Worse(points float64) Policy {
	return levels(func(float64) func(rate, new float64, rows int) bool {
		return func(rate, new float64, _ int) bool { return rate > new+points/100 }
	})
}

// Avoidable retrains once the errors beyond those of the new champion add up to the
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

// ADWIN retrains once the level of errors has changed for the worse (Bifet and
// Gavaldà, SDM 2007).
func ADWIN() Policy {
	return watch(func(g *Grid, m int, _ float64) func(int) bool {
		d, begin := change.NewADWIN(0.002, 32), (g.First+m)*g.Batch
		return func(batch int) (fires bool) {
			from, to := g.come(m, batch)
			for i := from; i < to; i++ {
				x := 0.0
				if (g.Scores[m][i-begin] > 0.5) != (g.Targets[i] == 1) {
					x = 1
				}
				if f, found := d.Add(x); found && f.After > f.Before {
					fires = true
				}
			}
			return fires
		}
	})
}

// PSI retrains once a feature's population stability index between the training rows
// and a batch is above a limit. It needs no labels.
func PSI(limit float64) Policy {
	return watch(func(g *Grid, m int, _ float64) func(int) bool {
		begin := (g.First + m) * g.Batch
		var profiles []*stat.Profile
		for _, c := range g.Rows.Slice(begin-g.Delay-g.Window*g.Batch, begin-g.Delay).Cols {
			profiles = append(profiles, stat.NewNumeric(c.Num))
		}
		return func(batch int) bool {
			at := (g.First + batch) * g.Batch
			for c, p := range profiles {
				w := p.Window()
				for _, x := range g.Rows.Cols[c].Num[at : at+g.Batch] {
					w.AddNumber(x)
				}
				if p.Compare(w).PSI > limit {
					return true
				}
			}
			return false
		}
	})
}

// Hone retrains by the product's rule, as it stands: the probe of each champion tells
// what a retrain would win back, and the best suffix of that is held against the
// price. It has neither former champions nor receipts.
func Hone() Policy { return Whole(Rule{}) }

// probeOptions are those of the champion that begins at a row.
func (g *Grid) probeOptions(begin int) residual.Options {
	o := residual.Options{Schema: g.Rows.Schema, Width: 1, Task: residual.Binary}
	for _, c := range g.Rows.Slice(begin-g.Delay-g.Window*g.Batch, begin-g.Delay).Cols {
		mean, sd := moments(c)
		o.Mean, o.SD = append(o.Mean, mean), append(o.SD, sd)
	}
	return o
}

func moments(c frame.Column) (mean, sd float64) {
	n := float64(len(c.Num))
	for _, x := range c.Num {
		mean += x / n
	}
	for _, x := range c.Num {
		sd += (x - mean) * (x - mean) / n
	}
	return mean, math.Sqrt(sd)
}
