package monitor_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"hone"
	"hone/internal/monitor"
)

var binary = hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}

// answers are scores that are wrong with the probability given.
func answers(r *rand.Rand, label string, wrong float64) []float64 {
	p := float64(label[0] - '0')
	if r.Float64() < wrong {
		p = 1 - p
	}
	return []float64{0.1 + 0.8*p}
}

// add counts a row of nobody in particular.
func add(d *monitor.Duel, label string, a, b []float64, price, weight float64) {
	d.Add(monitor.Row{Label: label, A: a, B: b, Price: price, Weight: weight})
}

func TestDuelCounts(t *testing.T) {
	t.Parallel()
	d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
	if p := d.Paired(); p.N != 0 || p.PValue != 1 || p.Better != 1 || p.Worse != 1 || p.Bound != 1 {
		t.Errorf("an empty duel is %+v", p)
	}
	one := func(label string, a, b float64) { add(d, label, []float64{a}, []float64{b}, 0, 1) }
	one("1", 0.9, 0.9)
	if p := d.Paired(); p.N != 1 || p.Lower != -1 || p.Upper != 1 {
		t.Errorf("after one row: %+v", p)
	}
	one("1", 0.9, 0.1)  // A gain.
	one("0", 0.9, 0.1)  // A flip.
	one("1", 0.1, 0.9)  // A flip.
	one("1", 0.1, 0.1)  // Both wrong.
	one("2", 0.9, 0.1)  // Nobody knows this class: both wrong.
	one("0", 0.1, 0.49) // Both right.
	one("0", 0.2, 0.9)  // A gain.
	one("0", 0.7, 0.2)  // A flip.
	p := d.Paired()
	if p.N != 9 || p.Flips != 3 || p.Gains != 2 || math.Abs(p.Candidate-5.0/9) > 1e-12 || math.Abs(p.Champion-4.0/9) > 1e-12 || math.Abs(p.Diff-1.0/9) > 1e-12 {
		t.Errorf("got %+v", p)
	}
	if p.PValue < 0.999999 || !(p.Lower < p.Diff && p.Diff < p.Upper) { // 3 of 5 says nothing.
		t.Errorf("p value %v, interval %v to %v", p.PValue, p.Lower, p.Upper)
	}
	// Student's interval with 8 degrees of freedom: the squares of the differences add
	// up to 5. So few rows are held to be alike: 59 of them count as 14.
	sd := math.Sqrt((5 - 9*(1.0/81)) / 8)
	if want := 2.306004135204166 * sd / 3 * math.Sqrt(59.0/14); math.Abs((p.Upper-p.Lower)/2-want) > 1e-6 {
		t.Errorf("the interval is ± %v, want ± %v", (p.Upper-p.Lower)/2, want)
	}
}

func TestDuelEqualVersions(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	d := monitor.NewDuel(hone.Loss{Kind: hone.Log}, hone.LogBound, binary, binary)
	for range 500 {
		s := []float64{r.Float64()}
		add(d, strconv.Itoa(r.IntN(2)), s, s, 0, 1)
	}
	if p := d.Paired(); p.Better != 1 || p.Worse != 1 || p.Diff != 0 || p.Flips+p.Gains != 0 || p.N != 500 {
		t.Errorf("the same answers: %+v", p)
	}
	// As good as each other, but not the same: over 200 duels looked at after each
	// of 1000 rows, either e-value reaches 20 in about one of twenty at most.
	worse, better := 0, 0
	for range 200 {
		d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
		most, least := 0.0, 0.0
		for range 1000 {
			label := strconv.Itoa(r.IntN(2))
			add(d, label, answers(r, label, 0.2), answers(r, label, 0.2), 0, 1)
			p := d.Paired()
			most, least = max(most, p.Worse), max(least, p.Better)
		}
		if most >= 20 {
			worse++
		}
		if least >= 20 {
			better++
		}
	}
	if worse > 12 || better > 12 {
		t.Errorf("of 200 equal versions %d were found worse and %d better", worse, better)
	}
}

// TestDuelFindsWorse holds that a version that errs ten points more is found
// within 1000 rows, in half of all duels within 300, and one that is better is
// never called worse.
func TestDuelFindsWorse(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	soon, late := 0, 0
	for range 100 {
		d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
		other := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
		found := 0
		for n := range 1000 {
			label := strconv.Itoa(r.IntN(2))
			a, b := answers(r, label, 0.2), answers(r, label, 0.1)
			add(d, label, a, b, 0, 1)
			add(other, label, b, a, 0, 1)
			if found == 0 && d.Paired().Worse >= 20 {
				found = n + 1
			}
		}
		if found > 0 && found <= 300 {
			soon++
		}
		if found == 0 {
			late++
		}
		p, q := d.Paired(), other.Paired()
		if p.Worse != q.Better || p.Better != q.Worse || math.Abs(p.Diff+q.Diff) > 1e-12 || p.Flips != q.Gains || p.Better > 20 {
			t.Fatalf("turned round, %+v is %+v", p, q)
		}
	}
	if soon < 50 || late > 2 {
		t.Errorf("found in %d of 100 duels within 300 rows, not at all in %d", soon, late)
	}
}

// TestDuelOfAlikeRows holds that rows which say the same because they are one
// event do not count as many: of equal versions whose differences stay for several
// rows one in fifty at most is found worse, and a version that errs ten points more
// is found all the same. The seeds are not those that the constants of the likeness
// were chosen on. The full counts are those of HONE_TEST_LONG=1.
func TestDuelOfAlikeRows(t *testing.T) {
	t.Parallel()
	seeds := 200
	if os.Getenv("HONE_TEST_LONG") != "" {
		seeds = 2000
	} else if testing.Short() {
		seeds = 20
	}
	// f plays duels of 2000 rows: one version alone is wrong on a share of them, the
	// other on another, and each row is as the one before with probability stay.
	f := func(name string, stay, worse, better, least, most float64) {
		t.Helper()
		found := 0
		for seed := range uint64(seeds) {
			r := rand.New(rand.NewPCG(seed, 41))
			d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
			a, b := 0.9, 0.9
			for n := range 2000 {
				if n == 0 || r.Float64() >= stay {
					a, b = 0.9, 0.9
					switch x := r.Float64(); {
					case x < worse:
						a = 0.1
					case x < worse+better:
						b = 0.1
					}
				}
				if add(d, "1", []float64{a}, []float64{b}, 0, 1); n%20 == 19 && d.Paired().Worse >= 20 {
					found++
					break
				}
			}
		}
		got := float64(found) / float64(seeds)
		err := func(p float64) float64 { return 3 * math.Sqrt(p*(1-p)/float64(seeds)) }
		t.Logf("%s: %.1f %% of %d", name, 100*got, seeds)
		if got > most+err(most) || got < least-err(least) {
			t.Errorf("%s: %.1f %% of %d were found worse, want %.0f to %.0f %%, give or take three standard errors", name, 100*got, seeds, 100*least, 100*most)
		}
	}
	f("equal, each row by itself", 0, 0.1, 0.1, 0, 0.02)
	f("equal, with a correlation of 0.5", 0.5, 0.1, 0.1, 0, 0.02)
	f("equal, with a correlation of 0.8", 0.8, 0.1, 0.1, 0, 0.02)
	f("ten points worse", 0, 0.15, 0.05, 0.99, 1)
	f("ten points worse, with a correlation of 0.5", 0.5, 0.15, 0.05, 0.95, 1)
}

// TestDuelByLabel holds that versions may number the classes differently.
func TestDuelByLabel(t *testing.T) {
	t.Parallel()
	a := hone.Signature{Task: hone.Multiclass, Classes: []string{"cat", "dog", "owl"}}
	b := hone.Signature{Task: hone.Multiclass, Classes: []string{"dog", "cat"}}
	d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, a, b)
	for _, label := range []string{"cat", "dog", "owl"} {
		scoresA, scoresB := make([]float64, 3), make([]float64, 2)
		scoresA[int(a.Target(label))] = 1
		if y := b.Target(label); y >= 0 {
			scoresB[int(y)] = 1
		}
		add(d, label, scoresA, scoresB, 0, 1)
	}
	if p := d.Paired(); p.N != 3 || p.Candidate != 0 || p.Flips != 0 || p.Gains != 1 {
		t.Errorf("got %+v; only the owl tells them apart", p)
	}
}

func TestDuelBoundAndPrices(t *testing.T) {
	t.Parallel()
	value := hone.Signature{Task: hone.Regression}
	d := monitor.NewDuel(hone.Loss{Kind: hone.Squared}, 4, value, value)
	add(d, "10", []float64{0}, []float64{9}, 0, 1)      // 100 is cut to 4; against 1.
	add(d, "10", []float64{10}, []float64{1e300}, 0, 1) // 0 against 4.
	add(d, "no number", []float64{0}, []float64{9}, 0, 1)
	if p := d.Paired(); p.N != 2 || p.Candidate != 2 || p.Champion != 2.5 || p.Diff != -0.5 || p.Gains != 1 || p.Flips != 0 {
		t.Errorf("got %+v", p)
	}
	priced := monitor.NewDuel(hone.Loss{Kind: hone.ByColumn, Column: "amount"}, 50, binary, binary)
	add(priced, "1", []float64{0.1}, []float64{0.9}, 30, 1)
	add(priced, "1", []float64{0.1}, []float64{0.9}, 300, 1)
	add(priced, "1", []float64{0.1}, []float64{0.9}, math.NaN(), 1) // No price, no loss.
	if p := priced.Paired(); p.N != 2 || p.Candidate != 40 || p.Champion != 0 || p.Flips != 2 {
		t.Errorf("got %+v", p)
	}
	free := monitor.NewDuel(hone.Loss{Kind: hone.Absolute}, 0, value, value) // Without a bound nothing can be bet.
	for range 100 {
		add(free, "1", []float64{5}, []float64{1}, 0, 1)
	}
	if p := free.Paired(); p.Worse != 1 || p.Better != 1 || p.Diff != 4 {
		t.Errorf("got %+v", p)
	}
}

// TestDuelWeights holds that rows by weight are what as many rows were: the loss is
// that of all cases, though labels come for few of the kind that one version fails.
func TestDuelWeights(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	d := monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, binary, binary)
	for range 20000 {
		kind := r.IntN(2)
		p := []float64{1, 0.1}[kind]
		if r.Float64() > p {
			continue
		}
		label := strconv.Itoa(r.IntN(2))
		add(d, label, answers(r, label, []float64{0.05, 0.4}[kind]), answers(r, label, []float64{0.1, 0.2}[kind]), 0, 1/p)
	}
	p := d.Paired()
	if math.Abs(p.Candidate-0.225) > 0.02 || math.Abs(p.Champion-0.15) > 0.02 || p.Lower < 0.04 || p.Upper > 0.11 || p.Worse < 20 {
		t.Errorf("by weight: %+v; want 0.225 against 0.15", p)
	}
	if p.Effective < 2000 || p.Effective > 8000 {
		t.Errorf("%v effective rows of %d", p.Effective, p.N)
	}
}
