package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"hone/internal/stat"
)

// table makes rows of 20 numeric and 5 categorical features, each an
// autoregressive series of its own.
type table struct {
	r     *rand.Rand
	rho   float64
	state [25]float64
}

func newTable(seed uint64, rho float64) *table {
	t := &table{r: rand.New(rand.NewPCG(seed, 1)), rho: rho}
	for i := range t.state {
		t.state[i] = t.r.NormFloat64()
	}
	return t
}

func (t *table) next(i int) float64 {
	t.state[i] = t.rho*t.state[i] + math.Sqrt(1-t.rho*t.rho)*t.r.NormFloat64()
	return t.state[i]
}

// category turns a normal value into one of k names, the first ones rarer.
func category(x float64, k int, names []string) string {
	u := 0.5 * math.Erfc(-x/math.Sqrt2)
	return names[min(k-1, int(float64(k)*math.Sqrt(u)))]
}

// profileTable profiles 5,000 rows of a table, and window counts the next 1,000.
func profileTable(tab *table) (out [25]*stat.Profile) {
	for f := range out {
		num, cat := make([]float64, 5000), make([]string, 5000)
		for i := range num {
			num[i] = tab.next(f)
			cat[i] = category(num[i], categories(f), names)
		}
		out[f] = stat.NewNumeric(num)
		if f >= 20 {
			out[f] = stat.NewNames(cat)
		}
	}
	return out
}

func window(tab *table, f int, p *stat.Profile) *stat.Counts {
	c := p.Window()
	for range 1000 {
		if x := tab.next(f); f < 20 {
			c.AddNumber(x)
		} else {
			c.AddName(category(x, categories(f), names))
		}
	}
	return c
}

// categories is how many values a feature of the table has, if it is one of the last five.
func categories(f int) int { return [5]int{2, 3, 5, 10, 50}[max(0, f-20)] }

var names = func() (out []string) {
	for i := range 50 {
		out = append(out, "k"+strconv.Itoa(i))
	}
	return out
}()

func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	// rates returns the share of 300 windows that Simes at 0.001 flags, with the
	// correction for dispersion and without, and of features called drifted by size.
	rates := func(rho float64) (corrected, raw, sized float64) {
		const references, windows = 12, 25
		for ref := range references {
			tab := newTable(uint64(100+ref), rho)
			profiles := profileTable(tab)
			for range windows {
				var p, pRaw []float64
				for f, profile := range profiles {
					got := profile.Compare(window(tab, f, profile))
					if got.Severity != "none" {
						sized++
					}
					p, pRaw = append(p, got.P, got.MissingP), append(pRaw, got.PRaw, got.MissingPRaw)
				}
				if stat.Simes(p) < 0.001 {
					corrected++
				}
				if stat.Simes(pRaw) < 0.001 {
					raw++
				}
			}
		}
		const n = references * windows
		return corrected / n, raw / n, sized / n
	}
	corrected, raw, sized := rates(0)
	if corrected > 0.01 || raw > 0.01 || sized > 0 {
		t.Errorf("independent rows: %v corrected, %v raw, %v by size; want at most 1 %% and none by size", corrected, raw, sized)
	}
	corrected, raw, _ = rates(0.5)
	if corrected > 0.01 {
		t.Errorf("AR(1) 0.5: %v of windows flagged; want at most 1 %%", corrected)
	}
	if raw < 0.06 {
		t.Errorf("AR(1) 0.5: %v flagged without correction; the test shows nothing", raw)
	}
}

func TestPower(t *testing.T) {
	t.Parallel()
	const windows = 60
	r := rand.New(rand.NewPCG(7, 7))
	// found is the share of windows in which Holm over 25 tests at 0.001 names the one feature that moved.
	found := func(refRows int, shift float64) float64 {
		ref := make([]float64, refRows)
		for i := range ref {
			ref[i] = r.NormFloat64()
		}
		p := stat.NewNumeric(ref)
		hits := 0.0
		for range windows {
			c := p.Window()
			for range 1000 {
				c.AddNumber(r.NormFloat64() + shift)
			}
			tests := make([]float64, 25)
			for i := range tests {
				tests[i] = 0.5
			}
			tests[3] = p.Compare(c).P
			if got := stat.Holm(tests, 0.001); got[3] {
				hits++
			}
		}
		return hits / windows
	}
	if got := found(10000, 0.3); got < 0.9 {
		t.Errorf("0.3 sigma found in %v of windows; want at least 90 %%", got)
	}
	if got := found(400, 0.5); got < 0.9 { // Too short for a correction.
		t.Errorf("0.5 sigma against a short reference found in %v of windows; want at least 90 %%", got)
	}
	if got := found(10000, 0); got > 0 {
		t.Errorf("found %v without drift", got)
	}
}

func TestPowerOnYesOrNo(t *testing.T) {
	t.Parallel()
	const windows = 60
	tab := newTable(11, 0.5)
	answer := func(above float64) string {
		if tab.next(0) > above {
			return "yes"
		}
		return "no"
	}
	var ref []string
	for range 5000 {
		ref = append(ref, answer(0.52)) // 30 % yes.
	}
	p := stat.NewNames(ref)
	found := func(above, level float64) (corrected, raw int) {
		for range windows {
			c := p.Window()
			for range 1000 {
				c.AddName(answer(above))
			}
			got := p.Compare(c)
			if got.P < level {
				corrected++
			}
			if got.PRaw < level {
				raw++
			}
		}
		return corrected, raw
	}
	if got, _ := found(0.06, 0.001/25); got < windows*9/10 { // 48 % yes.
		t.Errorf("18 points more found in %d of %d windows", got, windows)
	}
	if got, raw := found(0.52, 0.01); got > 3 || raw <= got {
		t.Errorf("nothing moved: %d of %d windows flagged at 1 %%, and %d without correction", got, windows, raw)
	}
}

func TestGapsInBursts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(21, 4))
	// One row in ten is missing, in outages of 20 rows on average.
	down := false
	next := func() float64 {
		if down {
			down = r.Float64() > 1.0/20
		} else {
			down = r.Float64() < 1.0/180
		}
		if down {
			return math.NaN()
		}
		return r.NormFloat64()
	}
	ref := make([]float64, 20000)
	for i := range ref {
		ref[i] = next()
	}
	p := stat.NewNumeric(ref)
	corrected, raw := 0, 0
	for range 200 {
		c := p.Window()
		for range 1000 {
			c.AddNumber(next())
		}
		got := p.Compare(c)
		if got.MissingP < 0.001 {
			corrected++
		}
		if got.MissingPRaw < 0.001 {
			raw++
		}
	}
	if corrected > 2 || raw < 50 {
		t.Errorf("of 200 windows with the usual outages %d are flagged, %d without correction; want at most 2, and more than 50", corrected, raw)
	}
	c := p.Window()
	for i := range 1000 {
		x := next()
		if i%2 == 0 {
			x = math.Inf(1)
		}
		c.AddNumber(x)
	}
	if got := p.Compare(c); got.MissingP > 1e-4 || got.MissingCur < 0.5 {
		t.Errorf("half of the values gone: %+v", got)
	}
}

func TestDispersion(t *testing.T) {
	t.Parallel()
	series := func(n int, rho float64) []float64 {
		tab, out := newTable(3, rho), make([]float64, n)
		for i := range out {
			out[i] = tab.next(0)
		}
		return out
	}
	if d := stat.NewNumeric(series(499, 0.9)).Dispersion; d != nil {
		t.Errorf("a reference of 499 rows claims to know its dispersion: %v", d)
	}
	flat := make([]float64, 1000)
	if d := stat.NewNumeric(flat).Dispersion; d != nil {
		t.Errorf("a constant reference claims to know its dispersion: %v", d)
	}
	for _, d := range stat.NewNumeric(series(50000, 0)).Dispersion {
		if d.Lambda < 1 || d.Lambda > 1.3 {
			t.Errorf("independent rows: %+v", d)
		}
	}
	strong := stat.NewNumeric(series(50000, 0.8)).Dispersion
	for i, d := range strong {
		if d.Lambda < 2 {
			t.Errorf("AR(1) 0.8: %+v", d)
		}
		if want := 10 << i; d.Chunks != want || d.Rows != 50000/want {
			t.Errorf("cut %d: got %d chunks of %d rows, want %d", i, d.Chunks, d.Rows, want)
		}
	}
	// Three names give two degrees of freedom, where F has a closed form.
	tab := newTable(5, 0.3)
	abc := func(n int, shift float64) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = category(tab.next(0)+shift, 3, []string{"a", "b", "c"})
		}
		return out
	}
	p := stat.NewNames(abc(5000, 0))
	c := p.Window()
	for _, s := range abc(500, 0.2) {
		c.AddName(s)
	}
	// judged is the p-value under a given dispersion.
	judged := func(d stat.Dispersion) (p1, raw, x float64) {
		t.Helper()
		p.Dispersion = []stat.Dispersion{d}
		got := p.Compare(c)
		if got.DOF != 2 || got.Lambda != d.Largest() {
			t.Fatalf("got %+v with %+v", got, d)
		}
		return got.P, got.PRaw, got.Stat
	}
	got, raw, x := judged(stat.Dispersion{Chunks: 20, Rows: 250, Lambda: 1.4}) // Of an older version.
	d2 := 19 * 2 / 1.4
	near(t, "F tail of the mean", got, math.Pow(1+x/1.4/d2, -d2/2), 1e-9)
	near(t, "chi-squared tail", raw, math.Exp(-x/2), 1e-9)
	got, _, x = judged(stat.Dispersion{Chunks: 201, Rows: 25, Lambda: 1.4, Directions: 2})
	near(t, "F tail of directions alike", got, math.Pow(1+x/(1.4+0.8*0.1)/400, -200), 1e-9)
	got, _, x = judged(stat.Dispersion{Chunks: 201, Rows: 25, Lambda: 1.25, Directions: 2, Top: []float64{1.45, 1.05}})
	r, over := rand.New(rand.NewPCG(8, 8)), 0.0
	const draws = 400_000
	for range draws { // The two directions, each with its own factor, two standard errors larger.
		a, b := r.NormFloat64(), r.NormFloat64()
		if 1.54*a*a+1.06*b*b > x {
			over++
		}
	}
	if want := over / draws; want == 0 || math.Abs(got/want-1) > 0.3 {
		t.Errorf("two directions: %v, by simulation %v", got, want)
	}
}

// Where rows follow each other, an alarm comes no more often than where they do
// not, however few features there are and however many.
func TestStrongCorrelation(t *testing.T) {
	t.Parallel()
	alarms, unfit, tests := 0, 0, 0
	for ref := range 8 {
		tab := newTable(uint64(500+ref), 0.8)
		profiles := profileTable(tab)
		for range 15 {
			var p []float64
			for f, profile := range profiles {
				got := profile.Compare(window(tab, f, profile))
				p = append(p, got.P, got.MissingP)
				tests++
				if got.P < 0.001 {
					unfit++
				}
			}
			if stat.Simes(p) < 0.001 {
				alarms++
			}
		}
	}
	if alarms > 2 || float64(unfit) > 0.004*float64(tests) {
		t.Errorf("%d of 120 windows alarm without drift, and %d of %d p-values are under 0.001", alarms, unfit, tests)
	}
	// What moves far is still seen.
	tab := newTable(600, 0.8)
	series := make([]float64, 10_000)
	for i := range series {
		series[i] = tab.next(0)
	}
	p := stat.NewNumeric(series)
	seen := 0
	for range 20 {
		c := p.Window()
		for range 1000 {
			c.AddNumber(tab.next(0) + 1)
		}
		if p.Compare(c).P < 0.001/25 {
			seen++
		}
	}
	if seen < 18 {
		t.Errorf("a shift by one standard deviation is seen in %d of 20 windows", seen)
	}
}

func TestSimesAndHolm(t *testing.T) {
	t.Parallel()
	f := func(p []float64, want float64) {
		t.Helper()
		near(t, "simes", stat.Simes(p), want, 1e-12)
	}
	f(nil, 1)
	f([]float64{0.3}, 0.3)
	f([]float64{0.04, 0.02, 0.9}, 0.06)
	f([]float64{0.03, 0.03, 0.03}, 0.03)
	f([]float64{math.NaN(), 0.01}, 0.02)
	h := func(p []float64, alpha float64, want ...bool) {
		t.Helper()
		if got := stat.Holm(p, alpha); !slices.Equal(got, want) {
			t.Errorf("Holm(%v, %v) = %v, want %v", p, alpha, got, want)
		}
	}
	h(nil, 0.05)
	h([]float64{0.04, 0.01, 0.02}, 0.05, true, true, true)
	h([]float64{0.03, 0.01, 0.03}, 0.05, false, true, false)
	h([]float64{0.02, 0.03, 0.04}, 0.05, false, false, false)
	h([]float64{math.NaN(), 0.001}, 0.05, false, true)
}
