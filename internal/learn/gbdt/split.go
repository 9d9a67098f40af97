package gbdt

import (
	"cmp"
	"math"
	"slices"
)

// bitset holds the bins that go left.
type bitset [maxBins / 64]uint64

func (s *bitset) add(bin int)        { s[bin/64] |= 1 << (bin % 64) }
func (s *bitset) has(bin uint8) bool { return s[bin/64]>>(bin%64)&1 == 1 }

// split is one way to part the rows of a leaf.
type split struct {
	gain   float64 // By which the loss falls; 0 where there is none.
	column int
	bin    int // The last bin of a number that goes left.
	left   bitset
	sum    sums // Of what goes left.
	l2     float64
}

// judge weighs the splits of one leaf.
type judge struct {
	o       *Options
	sum     sums
	least   float64 // Second derivatives, in units, that a side must hold.
	perUnit float64 // Rows.
	l1, l2  float64 // In units.
	scale   float64 // Of gains.
	smooth  float64
	catL2   float64
	own     float64 // What the leaf gains unsplit.
}

func newJudge(o *Options, d *derivatives, sum sums, rows int) *judge {
	j := &judge{o: o, sum: sum, l1: o.L1 / d.firstUnit, l2: o.L2 / d.secondUnit,
		smooth: o.CatSmooth / d.secondUnit, catL2: o.CatL2 / d.secondUnit,
		scale: d.firstUnit * d.firstUnit / d.secondUnit}
	j.perUnit = float64(rows) / max(1, sum.second())
	j.least = max(1, o.MinHessian/d.secondUnit, (float64(o.MinRows)-0.5)/j.perUnit)
	j.own = j.gain(sum.first(), sum.second(), j.l2)
	return j
}

// gain of a leaf with these sums, twice what its best answer takes off the loss.
func (j *judge) gain(first, second, l2 float64) float64 {
	over := math.Abs(first) - j.l1
	if over <= 0 {
		return 0
	}
	return over * over / (second + l2)
}

// both is what two leaves gain.
func (j *judge) both(left sums, l2 float64) float64 {
	right := j.sum - left
	return j.gain(left.first(), left.second(), l2) + j.gain(right.first(), right.second(), l2)
}

// worth is what splitting adds, in the unit of the loss.
func (j *judge) worth(gain float64) float64 {
	return (gain - j.own) * j.scale
}

// number finds the best bound of a number's column, and the better side for what is
// missing.
func (j *judge) number(h *histogram, c *column, at int) split {
	best, bin, with := j.own, 0, false
	missing := h[0]
	most := j.sum.second() - j.least
	left := sums(0)
	for b := 1; b < c.bins; b++ {
		if h[b] == 0 {
			continue
		}
		left += h[b]
		if s := left.second(); s >= j.least && s <= most {
			if g := j.both(left, j.l2); g > best && (b < c.bins-1 || missing != 0) {
				best, bin, with = g, b, false
			}
		}
		if missing == 0 || b == c.bins-1 {
			continue
		}
		if s := (left + missing).second(); s >= j.least && s <= most {
			if g := j.both(left+missing, j.l2); g > best {
				best, bin, with = g, b, true
			}
		}
	}
	if bin == 0 {
		return split{}
	}
	s := split{gain: j.worth(best), column: at, bin: bin, l2: j.o.L2}
	for b := 1; b <= bin; b++ {
		s.left.add(b)
		s.sum += h[b]
	}
	// Where no row tells, what is missing goes with the more.
	if with || missing == 0 && 2*s.sum.second() >= j.sum.second() {
		s.left.add(0)
		s.sum += missing
	}
	return s
}

// category finds the best set of values (Fisher, On grouping for maximum
// homogeneity, JASA 1958, with LightGBM's tempers). What is missing goes right.
func (j *judge) category(h *histogram, c *column, at int) split {
	if c.bins-1 <= j.o.CatOneHot {
		return j.oneValue(h, c, at)
	}
	var used []int
	for b := 1; b < c.bins; b++ {
		if h[b].second()*j.perUnit >= j.o.CatSmooth {
			used = append(used, b)
		}
	}
	mean := func(b int) float64 { return h[b].first() / (h[b].second() + j.smooth) }
	slices.SortStableFunc(used, func(a, b int) int { return cmp.Compare(mean(a), mean(b)) })
	up := j.values(h, used, at)
	slices.Reverse(used)
	if down := j.values(h, used, at); down.gain > up.gain {
		return down
	}
	return up
}

func (j *judge) oneValue(h *histogram, c *column, at int) split {
	best, bin := j.own, 0
	for b := 1; b < c.bins; b++ {
		if s := h[b].second(); s < j.least || s > j.sum.second()-j.least {
			continue
		}
		if g := j.both(h[b], j.l2); g > best {
			best, bin = g, b
		}
	}
	if bin == 0 {
		return split{}
	}
	s := split{gain: j.worth(best), column: at, bin: bin, sum: h[bin], l2: j.o.L2}
	s.left.add(bin)
	return s
}

// values takes ever more of the ordered bins to the left.
func (j *judge) values(h *histogram, ordered []int, at int) split {
	best, taken := j.own, 0
	left, group := sums(0), 0.0
	l2 := j.l2 + j.catL2
	var sum sums
	for i, b := range ordered[:min(len(ordered), j.o.CatValues, (len(ordered)+1)/2)] {
		left += h[b]
		group += h[b].second() * j.perUnit
		if left.second() < j.least {
			continue
		}
		right := j.sum.second() - left.second()
		if right < j.least || right*j.perUnit < float64(j.o.CatRows) {
			break
		}
		if group < float64(j.o.CatRows) {
			continue
		}
		group = 0
		if g := j.both(left, l2); g > best {
			best, taken, sum = g, i+1, left
		}
	}
	if taken == 0 {
		return split{}
	}
	s := split{gain: j.worth(best), column: at, sum: sum, l2: j.o.L2 + j.o.CatL2}
	for _, b := range ordered[:taken] {
		s.left.add(b)
	}
	return s
}
