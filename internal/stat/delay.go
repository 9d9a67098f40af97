package stat

import (
	"cmp"
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
	maxMatureWeight = 10
	minCurve        = 50 // Rows that a kind has for a curve of its own.
	knives          = 20 // Groups of which each is left out once.
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

// MatureMean is the mean over all rows, those included whose labels are still to
// come, and its 95 % interval by the jackknife. Each row whose label has come stands
// for its like whose labels have not: it weighs 1 over the share of labels of its
// kind that come by its age, at most 10. Rows whose labels come late are so counted
// as often as they are. It is unknown, all not a number, under 200 rows.
func MatureMean(rows []Arrived) (mean, lower, upper float64) {
	if len(rows) < 200 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Arrived) int { return cmp.Compare(a.Age, b.Age) })
	mean = matureMean(rows)
	var out Moments
	left := make([]Arrived, 0, len(rows))
	for k := range knives {
		left = left[:0]
		for i, r := range rows {
			if i%knives != k {
				left = append(left, r)
			}
		}
		out.Add(matureMean(left))
	}
	se := math.Sqrt(out.Variance()) * (knives - 1) / math.Sqrt(knives)
	half := -studentQuantile(0.025, knives-1) * se
	return mean, mean - half, mean + half
}

func matureMean(rows []Arrived) float64 {
	by := map[string][]Arrived{}
	for _, r := range rows {
		by[r.Kind] = append(by[r.Kind], r)
	}
	curves := map[string]DelayCurve{"": NewDelayCurve(rows)}
	for kind, of := range by {
		if len(of) >= minCurve && kind != "" {
			curves[kind] = NewDelayCurve(of)
		}
	}
	var sum, mass float64
	for _, r := range rows {
		c, ok := curves[r.Kind]
		if !ok {
			c = curves[""]
		}
		w := min(maxMatureWeight, 1/c.At(r.Age))
		sum, mass = sum+w*r.Value, mass+w
	}
	return sum / mass
}
