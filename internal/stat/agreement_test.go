package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

// slope is by how much a value rises when one row weighs more: what a row's part is
// above the value, by its definition.
func slope(n, row int, of func(weight func(i int) float64) float64) float64 {
	const step = 1e-4
	at := func(by float64) float64 {
		return of(func(i int) float64 {
			if i == row {
				return 1 + by
			}
			return 1
		})
	}
	return float64(n) * (at(step) - at(-step)) / (2 * step)
}

// The parts of each row are the slopes of the value, and their mean is the value;
// scores tie.
func TestPartsAreSlopes(t *testing.T) {
	t.Parallel()
	const n = 60
	r := rand.New(rand.NewPCG(1, 9))
	scores, positive, said := make([]float64, n), make([]bool, n), make([]bool, n)
	truth, answers := make([]string, n), make([]string, n)
	for i := range n {
		positive[i] = r.IntN(3) == 0
		scores[i] = math.Round(8*(r.Float64()+0.4*map[bool]float64{true: 1}[positive[i]])) / 8
		said[i] = scores[i] > 0.6
		truth[i], answers[i] = string(rune('a'+r.IntN(3))), string(rune('a'+r.IntN(4)))
	}
	f := func(name string, value float64, parts []float64, of func(weight func(i int) float64) float64) {
		t.Helper()
		near(t, name, value, of(func(int) float64 { return 1 }), 1e-12)
		sum := 0.0
		for i, x := range parts {
			sum += x / n
			if want := slope(n, i, of); math.Abs(x-value-want) > 1e-5 {
				t.Errorf("%s: row %d adds %v, want %v", name, i, x-value, want)
			}
		}
		near(t, name+" by its parts", sum, value, 1e-12)
	}
	value, parts := stat.AveragePrecision(scores, positive)
	f("average precision", value, parts, func(weight func(i int) float64) float64 {
		sum, positives := 0.0, 0.0
		for i := range n {
			if !positive[i] {
				continue
			}
			above, hits := 0.0, 0.0
			for j := range n {
				if scores[j] >= scores[i] {
					above += weight(j)
					hits += weight(j) * map[bool]float64{true: 1}[positive[j]]
				}
			}
			sum, positives = sum+weight(i)*hits/above, positives+weight(i)
		}
		return sum / positives
	})
	value, parts = stat.Kappa(truth, answers)
	f("kappa", value, parts, func(weight func(i int) float64) float64 {
		is, told, agreed, total := map[string]float64{}, map[string]float64{}, 0.0, 0.0
		for i := range n {
			w := weight(i)
			total, is[truth[i]], told[answers[i]] = total+w, is[truth[i]]+w, told[answers[i]]+w
			agreed += w * map[bool]float64{true: 1}[truth[i] == answers[i]]
		}
		chance := 0.0
		for c := range is {
			chance += is[c] * told[c] / (total * total)
		}
		return (agreed/total - chance) / (1 - chance)
	})
	value, parts = stat.F1(positive, said)
	f("f1", value, parts, func(weight func(i int) float64) float64 {
		hits, count := 0.0, 0.0
		for i := range n {
			one := func(is bool) float64 { return map[bool]float64{true: weight(i)}[is] }
			hits, count = hits+2*one(positive[i] && said[i]), count+one(positive[i])+one(said[i])
		}
		return hits / count
	})
}

// Where there is nothing to tell from anything there is no value.
func TestNoValueOfOneClass(t *testing.T) {
	t.Parallel()
	for _, positive := range [][]bool{{true, true}, {false, false}, {}} {
		if value, parts := stat.AveragePrecision(make([]float64, len(positive)), positive); !math.IsNaN(value) || parts != nil {
			t.Errorf("average precision of %v: %v, %v", positive, value, parts)
		}
	}
	if value, parts := stat.Kappa([]string{"a", "a"}, []string{"a", "b"}); !math.IsNaN(value) || parts != nil {
		t.Errorf("kappa: %v, %v", value, parts)
	}
	if value, parts := stat.F1([]bool{false, false}, []bool{true, false}); !math.IsNaN(value) || parts != nil {
		t.Errorf("f1: %v, %v", value, parts)
	}
	if value, _ := stat.F1([]bool{true}, []bool{false}); value != 0 {
		t.Errorf("f1 of nothing found: %v", value)
	}
	if value, _ := stat.AveragePrecision([]float64{math.NaN(), 0.5, math.NaN()}, []bool{true, false, false}); !(value < 1) {
		t.Errorf("a score that is no number ranks below all others: %v", value)
	}
}
