package stat

import (
	"cmp"
	"math"
	"slices"

	"hone/internal/stat/distance"
)

// Comparison says how a window differs from the reference. P values answer
// whether it is chance, PSI and its excess how big it is; only both together
// are worth a person's attention.
type Comparison struct {
	Stat   float64 `json:"stat"`             // Chi-squared of homogeneity, bins with fewer than 5 expected merged.
	DOF    int     `json:"dof"`              // Its degrees of freedom; 0 where one bin was left.
	PRaw   float64 `json:"p_raw"`            // Its p-value if rows were independent.
	P      float64 `json:"p"`                // Corrected for Lambda; PRaw where that is unknown.
	Lambda float64 `json:"lambda,omitempty"` // Dispersion of the reference that P was corrected by; 0 is unknown.

	MissingPRaw float64 `json:"missing_p_raw"` // P-value of the shares of missing values if rows were independent.
	MissingP    float64 `json:"missing_p"`     // Corrected for gaps that come in bursts, where the reference shows that.
	MissingRef  float64 `json:"missing_ref"`   // Share of the reference that is missing.
	MissingCur  float64 `json:"missing_cur"`   // Share of the window that is missing.

	PSI       float64 `json:"psi"`        // Population stability index, half a value added to each bin.
	ExcessPSI float64 `json:"excess_psi"` // PSI less what two samples of these sizes differ by chance.
	KS        float64 `json:"ks"`         // Largest gap between the distribution functions at fine edges; 0 for names.
	JS        float64 `json:"js_base2"`   // Jensen-Shannon distance with logarithms of base 2, from 0 to 1.
	Hellinger float64 `json:"hellinger"`  // Hellinger distance, from 0 to 1.
	LInfinity float64 `json:"l_infinity"` // Largest change of the share of one bin.
	// Wasserstein is how far, on average, a value must move to make the window of
	// the reference, in the feature's own unit, and in its standard deviations; 0
	// for names, and the latter where the reference does not vary. Read off the bins
	// it is right to a few hundredths of a deviation, to a tenth for long tails.
	Wasserstein   float64 `json:"wasserstein"`
	WassersteinSD float64 `json:"wasserstein_sd"`
	Outside       float64 `json:"outside"` // Share of the window outside the reference's range, or rare or unseen in it.

	Severity string `json:"severity"`       // "none", "small" from 0.05 excess PSI, "large" from 0.1.
	Note     string `json:"note,omitempty"` // Why nothing was compared, where nothing was.
}

// Compare holds a window against the reference. It never fails: where there is
// nothing to compare every p-value is 1 and Note says why.
func (p *Profile) Compare(c *Counts) Comparison {
	r := Comparison{P: 1, PRaw: 1, MissingP: 1, MissingPRaw: 1, Severity: "none"}
	if !p.fits(c) {
		r.Note = "counted on other bins"
		return r
	}
	ref, cur := p.coarse(p.Ref), p.coarse(c.Bins)
	n, m := total(ref), total(cur)
	p.compareMissing(&r, n, c.Missing, m)
	if n == 0 || m == 0 {
		r.Note = "too little data"
		return r
	}
	r.Stat, r.DOF = chiSquared(ref, cur, p.Kind == kindQuantiles, 5)
	if r.DOF > 0 {
		r.PRaw = distance.ChiSquaredTail(r.Stat, r.DOF)
		r.correct(p, ref, cur)
	}
	r.measure(p, c, ref, cur)
	out := cur[len(cur)-1]
	if p.Kind == kindQuantiles {
		out += cur[0]
	}
	r.Outside = float64(out) / float64(m)
	switch {
	case r.ExcessPSI >= 0.1:
		r.Severity = "large"
	case r.ExcessPSI >= 0.05:
		r.Severity = "small"
	}
	return r
}

// measure tells how far the window is from the reference, whatever chance would do.
func (r *Comparison) measure(p *Profile, c *Counts, ref, cur []int) {
	r.PSI, r.ExcessPSI = distance.PSI(ref, cur)
	r.JS = distance.JensenShannon(ref, cur, 2)
	r.Hellinger, r.LInfinity = distance.Hellinger(ref, cur), distance.LInfinity(ref, cur)
	if p.Kind == kindNames {
		return
	}
	r.KS = distance.BinnedKS(p.Ref, c.Bins)
	r.Wasserstein = min(p.wasserstein(c), math.MaxFloat64)
	if p.SD > 0 {
		r.WassersteinSD = min(r.Wasserstein/p.SD, math.MaxFloat64)
	}
}

// Simes combines p-values into one for "nothing at all moved". It is 1 where
// there are none. Source: R. J. Simes, Biometrika 73 (1986).
func Simes(p []float64) float64 {
	sorted := cleanP(p)
	slices.Sort(sorted)
	out := 1.0
	for i, x := range sorted {
		out = min(out, x*float64(len(p))/float64(i+1))
	}
	return out
}

// Holm says of each p-value whether it stands at level alpha when all of them
// are asked at once. Source: S. Holm, Scand. J. Statist. 6 (1979).
func Holm(p []float64, alpha float64) []bool {
	clean := cleanP(p)
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(clean[a], clean[b]) })
	out := make([]bool, len(p))
	for rank, i := range order {
		if clean[i] > alpha/float64(len(p)-rank) {
			break
		}
		out[i] = true
	}
	return out
}

// cleanP copies p-values; one that is not a number is no evidence.
func cleanP(p []float64) []float64 {
	out := slices.Clone(p)
	for i, x := range out {
		if math.IsNaN(x) {
			out[i] = 1
		}
	}
	return out
}

func (p *Profile) fits(c *Counts) bool {
	return c != nil && len(p.Ref) == p.size() && len(c.Bins) == len(p.Ref) && (c.profile == p || c.On == p.fingerprint())
}

// chiSquared tests two rows of counts for homogeneity, after merging bins whose
// smaller expected count is under the least.
func chiSquared(a, b []int, ordered bool, least float64) (stat float64, dof int) {
	if ordered {
		a, b = mergeOrdered(a, b, least)
	} else {
		a, b = mergeRare(a, b, least)
	}
	if len(a) < 2 {
		return 0, 0
	}
	na, nb := float64(total(a)), float64(total(b))
	n := na + nb
	for i := range a {
		t := float64(a[i] + b[i])
		ea, eb := t*na/n, t*nb/n
		da, db := float64(a[i])-ea, float64(b[i])-eb
		stat += da*da/ea + db*db/eb
	}
	return stat, len(a) - 1
}

// smaller is the share of the smaller row; times the count of a bin it is that
// bin's smaller expected count.
func smaller(a, b []int) float64 {
	na, nb := total(a), total(b)
	return float64(min(na, nb)) / float64(na+nb)
}

// mergeOrdered merges small bins into the neighbour towards the middle.
func mergeOrdered(a, b []int, least float64) (x, y []int) {
	s := smaller(a, b)
	x, y = slices.Clone(a), slices.Clone(b)
	for i := 0; len(x) > 1 && i < len(x); {
		if float64(x[i]+y[i])*s >= least {
			i++
			continue
		}
		j := i - 1
		if 2*i < len(x) && i+1 < len(x) {
			j = i + 1
		}
		x[j] += x[i]
		y[j] += y[i]
		x, y = slices.Delete(x, i, i+1), slices.Delete(y, i, i+1)
		i = max(0, min(i, j)-1)
	}
	return x, y
}

// mergeRare merges all small bins into one, and that into the last of the
// others while it is still small.
func mergeRare(a, b []int, least float64) (x, y []int) {
	s := smaller(a, b)
	restA, restB := 0, 0
	for i := range a {
		if float64(a[i]+b[i])*s >= least {
			x, y = append(x, a[i]), append(y, b[i])
		} else {
			restA, restB = restA+a[i], restB+b[i]
		}
	}
	if restA+restB > 0 {
		x, y = append(x, restA), append(y, restB)
	}
	for k := len(x) - 1; k > 0 && float64(x[k]+y[k])*s < least; k-- {
		x[k-1] += x[k]
		y[k-1] += y[k]
		x, y = x[:k], y[:k]
	}
	return x, y
}

// compareMissing tests the two by two table of missing and present values, n
// and m of which were present.
func (p *Profile) compareMissing(r *Comparison, n, missing, m int) {
	rows := [2]float64{float64(p.Missing + n), float64(missing + m)}
	cols := [2]float64{float64(p.Missing + missing), float64(n + m)}
	r.MissingRef, r.MissingCur = share(p.Missing, n), share(missing, m)
	if rows[0] == 0 || rows[1] == 0 || cols[0] == 0 || cols[1] == 0 {
		return
	}
	stat := 0.0
	for i, row := range [2][2]int{{p.Missing, n}, {missing, m}} {
		for j, count := range row {
			e := rows[i] * cols[j] / (rows[0] + rows[1])
			stat += (float64(count) - e) * (float64(count) - e) / e
		}
	}
	r.MissingPRaw = distance.ChiSquaredTail(stat, 1)
	r.correctShares(p, stat, p.Missing, missing, p.Missing+n, missing+m)
}

func share(part, rest int) float64 {
	if part+rest == 0 {
		return 0
	}
	return float64(part) / float64(part+rest)
}
