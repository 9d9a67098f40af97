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
	// the upper limit at 95 %, where they come at a steady rate.
	Later float64
}

// MatureMean is the mean over all rows, those included whose labels are still to
// come. Each row whose label has come stands for its like whose labels have not: it
// weighs 1 over the share of labels of its kind that come by its age. Rows whose
// labels come late are so counted as often as they are. Rows so young that less than
// a tenth of a kind's labels could have come say nothing, and are left out of all
// kinds alike, which leaves the mean what it is.
//
// How many labels take longer than the oldest rows are old cannot be seen. The mean
// counts as many as a steady rate lets expect, and the interval holds both this and
// that none come at all; the curves' own error is in it by the jackknife, which fits
// them anew without each group of rows. It is unknown under 200 rows, and where more
// than a fifth of the labels of a kind may come that late.
func MatureMean(rows []Arrived) Mature {
	out := Mature{Mean: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	if len(rows) < minMature {
		return out
	}
	m := newMaturing(rows)
	mean, seen, still := m.means(m.rows)
	var jack [3]Moments
	left := make([]Arrived, 0, len(m.rows))
	for k := range knives {
		left = left[:0]
		for i, r := range m.rows {
			if i%knives != k {
				left = append(left, r)
			}
		}
		a, b, c := m.means(left)
		jack[0].Add(a)
		jack[1].Add(b)
		jack[2].Add(c)
	}
	wide := func(i int, alpha float64) float64 {
		return -studentQuantile(alpha, knives-1) * (knives - 1) * math.Sqrt(jack[i].Variance()/knives)
	}
	still = min(1, still+wide(2, 0.05))
	if out.Horizon, out.Later = m.horizon, still*still; out.Later > mostLater {
		return out
	}
	far, near := wide(0, 0.025), wide(1, 0.025)
	out.Mean, out.Lower, out.Upper = mean, min(mean-far, seen-near), max(mean+far, seen+near)
	return out
}

// maturing is what is settled once, for all rows and for those that a knife leaves.
type maturing struct {
	rows              []Arrived // By age; none with a delay beyond the horizon.
	own               map[string]bool
	horizon, youngest float64
}

func newMaturing(rows []Arrived) *maturing {
	m := &maturing{rows: slices.Clone(rows), own: map[string]bool{}}
	for i, r := range m.rows {
		m.rows[i].Age = max(r.Age, r.Delay)
	}
	slices.SortStableFunc(m.rows, func(a, b Arrived) int { return cmp.Compare(a.Age, b.Age) })
	m.horizon = m.rows[len(m.rows)-1-len(m.rows)/oldPart].Age
	m.rows = slices.DeleteFunc(m.rows, func(r Arrived) bool { return r.Delay > m.horizon })
	kinds := map[string]int{}
	for _, r := range m.rows {
		kinds[r.Kind]++
	}
	for kind, n := range kinds {
		m.own[kind] = n >= minCurve
	}
	for _, c := range m.curves(m.rows) {
		m.youngest = max(m.youngest, c.reach(begun))
	}
	return m
}

// key is the kind whose curve serves a row: "" stands for all.
func (m *maturing) key(r Arrived) string {
	if m.own[r.Kind] {
		return r.Kind
	}
	return ""
}

// curves fits one curve a kind, and one to all rows for kinds that are rare.
func (m *maturing) curves(rows []Arrived) map[string]DelayCurve {
	by := map[string][]Arrived{}
	for _, r := range rows {
		by[m.key(r)] = append(by[m.key(r)], r)
	}
	out := map[string]DelayCurve{}
	for key, of := range by {
		if key == "" {
			of = rows
		}
		out[key] = NewDelayCurve(of)
	}
	return out
}

// means weighs the rows: with the labels that are expected after the horizon, and
// with those alone that are seen to come. Still is what the slowest kind has left at
// half of the horizon.
func (m *maturing) means(rows []Arrived) (all, seen, still float64) {
	type part struct{ sum, mass float64 }
	curves, parts := m.curves(rows), map[string]part{}
	for _, r := range rows {
		if key := m.key(r); r.Age >= m.youngest {
			p, w := parts[key], 1/curves[key].At(r.Age)
			parts[key] = part{p.sum + w*r.Value, p.mass + w}
		}
	}
	var far, near part
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		p, left := parts[key], curves[key].left(m.horizon)
		come := 1 - min(0.9, left*left)
		near = part{near.sum + p.sum, near.mass + p.mass}
		far = part{far.sum + p.sum/come, far.mass + p.mass/come}
		still = max(still, left)
	}
	return far.sum / far.mass, near.sum / near.mass, still
}
