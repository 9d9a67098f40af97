package change

import "math"

// ADWIN keeps a window of the newest values as long as no cut of it shows two
// levels that differ by more than chance, and drops the older part where one does.
// The window is kept in buckets of 1, 2, 4 … values, at most five of a size, so
// that memory grows with the logarithm of its length. It is blind to how values
// spread beyond their variance: give it values of a bounded range. Source: A. Bifet,
// R. Gavaldà, SDM (2007), with the details of River, which after a change begins
// anew, with an empty window.
type ADWIN struct {
	delta float64
	clock int
	*adwin
}

type adwin struct {
	rows     [][]bucket // Of 2^row values each, the oldest first.
	n, total float64
	m2       float64 // Sum of squared distances from the mean.
}

type bucket struct{ total, m2 float64 }

const (
	perRow  = 5  // Buckets of one size, before two merge.
	minPart = 5  // Values on either side of a cut.
	grace   = 10 // Values before the first look.
)

// NewADWIN finds a change of no change with a chance of about delta a look, and
// looks once in so many values.
func NewADWIN(delta float64, every int) *ADWIN {
	return &ADWIN{delta: delta, clock: every, adwin: &adwin{}}
}

// Add implements Detector.
func (a *ADWIN) Add(x float64) (Found, bool) {
	if !isNumber(x) {
		return Found{}, false
	}
	a.insert(x)
	if a.n <= grace || int(a.n)%a.clock != 0 {
		return Found{}, false
	}
	whole := run{n: a.n, mean: a.total / a.n}
	cut := false
	for a.n > 1 && a.differs(a.delta) {
		a.drop()
		cut = true
	}
	if !cut {
		return Found{}, false
	}
	left := run{n: a.n, mean: a.total / a.n}
	a.adwin = &adwin{}
	return found(whole.since(left), left)
}

func (a *adwin) insert(x float64) {
	if a.n++; a.n > 1 {
		d := x - a.total/(a.n-1)
		a.m2 += (a.n - 1) * d * d / a.n
	}
	a.total += x
	if len(a.rows) == 0 {
		a.rows = append(a.rows, make([]bucket, 0, perRow+1))
	}
	a.rows[0] = append(a.rows[0], bucket{total: x})
	for r, size := 0, 1.0; len(a.rows[r]) > perRow; r, size = r+1, 2*size {
		if r+1 == len(a.rows) {
			a.rows = append(a.rows, make([]bucket, 0, perRow+1))
		}
		one, two := a.rows[r][0], a.rows[r][1]
		d := one.total/size - two.total/size
		a.rows[r+1] = append(a.rows[r+1], bucket{one.total + two.total, one.m2 + two.m2 + size*size*d*d/(2*size)})
		a.rows[r] = a.rows[r][:copy(a.rows[r], a.rows[r][2:])]
	}
}

// differs tells whether some cut between buckets, the oldest first, shows two
// levels. The cut before the newest value is not looked at.
func (a *adwin) differs(delta float64) bool {
	oldN, old := 0.0, 0.0
	newN, recent := a.n, a.total
	spread := a.m2 / a.n
	chance := math.Log(2 * math.Log(a.n) / delta)
	for r := len(a.rows) - 1; r >= 0; r-- {
		size := math.Ldexp(1, r)
		for k, b := range a.rows[r] {
			oldN, newN = oldN+size, newN-size
			old, recent = old+b.total, recent-b.total
			if r == 0 && k == len(a.rows[0])-1 {
				return false
			}
			if newN < minPart || oldN < minPart {
				continue
			}
			m := 1/(oldN-minPart+1) + 1/(newN-minPart+1)
			if math.Abs(old/oldN-recent/newN) > math.Sqrt(2*m*spread*chance)+2.0/3*chance*m {
				return true
			}
		}
	}
	return false
}

// drop forgets the oldest bucket.
func (a *adwin) drop() {
	last := len(a.rows) - 1
	b, size := a.rows[last][0], math.Ldexp(1, last)
	a.rows[last] = a.rows[last][:copy(a.rows[last], a.rows[last][1:])]
	a.n -= size
	a.total -= b.total
	if a.n > 0 {
		d := b.total/size - a.total/a.n
		a.m2 -= b.m2 + size*a.n*d*d/(size+a.n)
	}
	if len(a.rows[last]) == 0 {
		a.rows = a.rows[:last]
	}
}
