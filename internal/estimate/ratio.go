package estimate

const (
	// maxRatio is the most that one row stands for.
	maxRatio = 20
	// MinEffective is how many rows of equal weight the rows before must be worth.
	MinEffective = 200
	// maxTold is how many rows before a learner is fitted to at most.
	maxTold = 5000
)

// Ratio is how much more often inputs such as each row's come now than they came
// before.
type Ratio struct {
	// Weights of the rows before; nil where inputs come as they came.
	Weights []float64
	// Effective is how many rows of equal weight they are worth.
	Effective float64
	// Covered is the share of the inputs of now that have their like among the rows
	// before.
	Covered float64
	// AUC of telling rows of now from rows before: 0.5 where they are alike.
	AUC float64
}

// Shift compares rows of now with rows before: a learner tells them apart, and the
// odds that it gives a row before, which it was not fitted to, are its weight. Of
// very many rows before it is fitted to some. The rows must be in the order of time,
// or in any other that has nothing to do with their values.
func Shift(before, now *Table) Ratio {
	step := max(1, (before.n+maxTold-1)/maxTold)
	told := before.every(step)
	both := told.join(now)
	y := make([]float64, both.n)
	for i := told.n; i < both.n; i++ {
		y[i] = 1
	}
	fit := crossFit(both, y, true)
	r := Ratio{Effective: float64(before.n), Covered: 1, AUC: 0.5}
	if fit.rounds == 0 {
		return r
	}
	r.AUC = auc(fit.out, y)
	p := fit.out
	if step > 1 {
		p = fit.each(before)
		for k := range told.n {
			p[k*step] = fit.out[k]
		}
	}
	r.Weights = make([]float64, before.n)
	var sum, square float64
	for i := range r.Weights {
		w := min(maxRatio, p[i]/(1-p[i])*float64(told.n)/float64(max(now.n, 1)))
		r.Weights[i] = w
		sum, square = sum+w, square+w*w
	}
	r.Effective, r.Covered = sum*sum/square, min(1, sum/float64(before.n))
	return r
}
