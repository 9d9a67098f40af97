package stat

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
)

// Arrived is a row whose label has come.
type Arrived struct {
	Value float64 // What is averaged.
	Kind  string  // Rows of one kind get their labels alike, such as those of one label.
	Delay float64 // From the answer to the label.
	Age   float64 // From the answer until now, at least Delay.
}

const (
	minMature = 200
	minCurve  = 50 // Rows that a kind has for a curve of its own.
	knives    = 20 // Groups of which each is left out once.
	// oldPart of the rows reach the horizon: of labels that take longer, too few could
	// have been seen to say how many there are.
	oldPart = 10
	// begun is the share of the labels of each kind that has come of the youngest rows
	// that count, so that none of them stands for more than ten.
	begun = 0.1
	// mostLater is how many labels of a kind may come after the horizon: beyond, the
	// mean would rest on what nobody has seen.
	mostLater = 0.2
	// lateMiss is how often the limit of what may come later may be wrong. The rest of
	// the five percent in which an interval may miss is for all else: together they are
	// no more, however the two depend on each other.
	lateMiss = 0.01
)

// DelayCurve is the share of labels that have come by an age, of those that come by
// the oldest age seen. Rows whose label has not come are not needed: that they are
// lacking is what is corrected.
type DelayCurve struct {
	ages   []float64 // Rising.
	shares []float64
}

// NewDelayCurve fits the curve by the product limit in reversed time: a label with
// a delay of u is seen among the rows that were as old as u and had it by then.
// Source: D. Lynden-Bell, MNRAS 155 (1971); the estimate of E. Kaplan, P. Meier,
// JASA 53 (1958), for rows that are cut off at the right. It takes O(n log n).
func NewDelayCurve(rows []Arrived) DelayCurve {
	delays, ages := make([]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		delays[i], ages[i] = r.Delay, max(r.Age, r.Delay)
	}
	slices.Sort(delays)
	slices.Sort(ages)
	return newDelayCurve(delays, ages)
}

// newDelayCurve takes both rising.
func newDelayCurve(delays, ages []float64) DelayCurve {
	var c DelayCurve
	share := 1.0
	for end := len(delays); end > 0; {
		u := delays[end-1]
		begin := sort.SearchFloat64s(delays[:end], u)
		// At risk are those with a delay up to u that are as old as u at least: a row
		// younger than u has a smaller delay too.
		risk := float64(end - sort.SearchFloat64s(ages, u))
		c.ages, c.shares = append(c.ages, u), append(c.shares, share)
		if came := float64(end - begin); came < risk {
			share *= 1 - came/risk
		}
		end = begin
	}
	slices.Reverse(c.ages)
	slices.Reverse(c.shares)
	return c
}

// At reads the curve: 0 before the first label came.
func (c DelayCurve) At(age float64) float64 {
	i, found := slices.BinarySearch(c.ages, age)
	switch {
	case found:
		return c.shares[i]
	case i == 0:
		return 0
	}
	return c.shares[i-1]
}

// reach is the youngest age by which a share of the labels has come.
func (c DelayCurve) reach(share float64) float64 {
	i, _ := slices.BinarySearch(c.shares, share)
	return c.ages[min(i, len(c.ages)-1)]
}

// left is the share of labels that have not come by half of the horizon, if those
// come at a steady rate from then on: with r of the labels left at half, r² are left
// at the horizon, and of those that come by then r/(1+r) come in the second half. A
// rate that falls leaves more.
func (c DelayCurve) left(horizon float64) float64 {
	late := 1 - c.At(horizon/2)
	return min(1, late/(1-late))
}

// Mature is a mean that counts answers whose labels are still to come. All of Mean
// and its 95 % interval are not numbers where it is unknown.
type Mature struct {
	Mean, Lower, Upper float64
	// Horizon is the delay up to which labels are seen to come: the age that a tenth of
	// the rows reach.
	Horizon float64
	// Later is the share of the labels of the slowest kind that come after it at most:
	// the upper limit at 99 %, where they come at a steady rate.
	Later float64
}

// MatureMean is the mean over all rows, those included whose labels are still to
// come. Each row whose label has come stands for its like whose labels have not: it
// weighs 1 over the share of labels of its kind that come by its age. Rows whose
// labels come late are so counted as often as they are. Rows so young that less than
// a tenth of a kind's labels could have come say nothing, and are left out of all
// kinds alike, which leaves the mean what it is.
//
// How many labels take longer than the oldest rows are old cannot be seen: the mean is
// known up to that alone. It counts as many as a steady rate lets expect, and the
// interval reaches from none at all to the most that such a rate allows. Source: C.
// Manski, Partial Identification of Probability Distributions (2003). The curves' own
// error is in it by the jackknife, which fits them anew without each group of rows.
// The mean is unknown under 200 rows, and where more than a fifth of the labels of a
// kind may come that late.
func MatureMean(rows []Arrived) Mature {
	out := Mature{Mean: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	if len(rows) < minMature {
		return out
	}
	m := newMaturing(rows)
	seen, still := m.mean(-1, 0)
	var jackSeen, jackStill Moments
	for k := range knives {
		a, b := m.mean(k, 0)
		jackSeen.Add(a)
		jackStill.Add(b)
	}
	wide := func(m Moments, alpha float64) float64 {
		return -studentQuantile(alpha, knives-1) * (knives - 1) * math.Sqrt(m.Variance()/knives)
	}
	most := min(1, still+wide(jackStill, lateMiss))
	if out.Horizon, out.Later = m.horizon, most*most; out.Later > mostLater {
		return out
	}
	out.Mean, _ = m.mean(-1, 1)
	end := seen
	if still > 0 {
		end, _ = m.mean(-1, most/still)
	}
	half := wide(jackSeen, (0.05-lateMiss)/2)
	out.Lower, out.Upper = min(seen, end)-half, max(seen, end)+half
	return out
}

// maturing is what is settled once, for all rows and for those that a knife leaves.
type maturing struct {
	rows              []Arrived // By age; none with a delay beyond the horizon.
	kinds             []kind
	horizon, youngest float64
}

// kind are rows that share a curve, and those that it is fitted to: the same, but
// for kinds that are too rare, which together use the curve of all rows. They are
// positions among the rows, by age.
type kind struct{ rows, fit, fitByDelay []int }

func newMaturing(rows []Arrived) *maturing {
	m := &maturing{rows: slices.Clone(rows)}
	for i, r := range m.rows {
		m.rows[i].Age = max(r.Age, r.Delay)
	}
	slices.SortStableFunc(m.rows, func(a, b Arrived) int { return cmp.Compare(a.Age, b.Age) })
	m.horizon = m.rows[len(m.rows)-1-len(m.rows)/oldPart].Age
	m.rows = slices.DeleteFunc(m.rows, func(r Arrived) bool { return r.Delay > m.horizon })
	by, all, rare := map[string][]int{}, []int{}, []int{}
	for i, r := range m.rows {
		by[r.Kind], all = append(by[r.Kind], i), append(all, i)
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if of := by[name]; len(of) >= minCurve {
			m.add(of, of)
		} else {
			rare = append(rare, of...)
		}
	}
	if len(rare) > 0 {
		m.add(rare, all)
	}
	for i := range m.kinds {
		m.youngest = max(m.youngest, m.curve(&m.kinds[i], -1).reach(begun))
	}
	return m
}

func (m *maturing) add(rows, fit []int) {
	byDelay := slices.Clone(fit)
	slices.SortStableFunc(byDelay, func(a, b int) int { return cmp.Compare(m.rows[a].Delay, m.rows[b].Delay) })
	m.kinds = append(m.kinds, kind{rows, fit, byDelay})
}

// curve fits a kind's curve to the rows that the knife leaves; -1 leaves all.
func (m *maturing) curve(k *kind, knife int) DelayCurve {
	delays, ages := make([]float64, 0, len(k.fit)), make([]float64, 0, len(k.fit))
	for at, i := range k.fit {
		if i%knives != knife {
			ages = append(ages, m.rows[i].Age)
		}
		if j := k.fitByDelay[at]; j%knives != knife {
			delays = append(delays, m.rows[j].Delay)
		}
	}
	return newDelayCurve(delays, ages)
}

// mean weighs the rows that the knife leaves, with the given part of what each kind
// has left at half of the horizon still to come. Still is how much that is, of the
// slowest kind.
func (m *maturing) mean(knife int, part float64) (mean, still float64) {
	var sum, mass float64
	for i := range m.kinds {
		k := &m.kinds[i]
		c := m.curve(k, knife)
		left := c.left(m.horizon)
		still = max(still, left)
		come := 1 - min(0.9, part*left*part*left)
		for _, at := range k.rows {
			if r := m.rows[at]; at%knives != knife && r.Age >= m.youngest {
				w := 1 / (c.At(r.Age) * come)
				sum, mass = sum+w*r.Value, mass+w
			}
		}
	}
	return sum / mass, still
}
