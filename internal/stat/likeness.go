package stat

import "math"

// lags is how far apart two rows may be and still be compared.
const lags = 60

// Before anything is known of a stream, its rows are taken to be as alike as if
// ten of them counted as one, and that belief weighs as much as five rows.
const priorRows, priorAlike = 5, 10

// Likeness tells how alike the rows of a stream are that follow each other, such
// as those of one day or of one batch: ten rows that all say the same because they
// are one event must not count as ten. It keeps 60 lags, whatever the length. The
// zero value is ready.
type Likeness struct {
	n           int
	sum, square float64
	products    [lags + 1]float64 // By lag.
	newest      [lags]float64     // As a ring.
}

// Add takes one finite value.
func (l *Likeness) Add(x float64) {
	for k := 1; k <= min(lags, l.n) && x != 0; k++ {
		l.products[k] += x * l.newest[(l.n-k)%lags]
	}
	l.newest[l.n%lags] = x
	l.n++
	l.sum += x
	l.square += x * x
}

// Rows is how many rows count as one, at least 1: what the variance of a sum of
// rows is over what it would be if they were independent. It adds up the
// correlations of pairs of lags for as long as they are positive and fall
// (C. J. Geyer, Statistical Science 7, 1992), a little more for what so few rows
// leave open, and the belief for rows that have not come.
func (l *Likeness) Rows() float64 {
	const none = priorRows * priorAlike
	n := float64(l.n)
	mean := l.sum / max(1, n)
	variance := l.square/max(1, n) - mean*mean
	if variance <= 0 {
		return (n + none) / (n + priorRows)
	}
	sum, last, used := 1.0, math.Inf(1), 0
	for k := 1; k+1 < min(lags+1, l.n, max(4, l.n/5)); k += 2 {
		pair := l.correlation(k, mean, variance) + l.correlation(k+1, mean, variance)
		if pair <= 0 {
			break
		}
		last = min(last, pair)
		sum += 2 * last
		used = k + 1
	}
	sum = max(1, sum) * (1 + math.Sqrt(float64(used)/n))
	return (n*sum + none) / (n + priorRows)
}

func (l *Likeness) correlation(k int, mean, variance float64) float64 {
	return (l.products[k]/float64(l.n-k) - mean*mean) / variance
}
