package main

import (
	"context"
	"math"
	"reflect"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// folded lets a monitor read rows of cells as predictions out of its log, and
// returns its verdict.
func folded(t *testing.T, s *calm, seen [][]uint32) monitor.Drift {
	t.Helper()
	n := len(seen[0])
	rows, scores := frame.New(s.schema, n), hone.Scores{Width: 1, V: make([]float64, n)}
	for f, field := range s.schema {
		for row, cell := range seen[f] {
			if field.Kind == frame.Category {
				rows.Cols[f].Str[row] = nameOf(f, cell)
			} else {
				rows.Cols[f].Num[row] = numberOf(f, cell)
			}
		}
	}
	copy(scores.V, rows.Cols[0].Num)
	sig := hone.Signature{Task: hone.Regression, Features: s.schema}
	m, err := monitor.New(
		hone.Model{Name: "m", Task: hone.Regression, Features: s.schema, Loss: hone.Loss{Kind: hone.Squared},
			Monitor: hone.MonitorSpec{Every: hone.Duration(time.Hour)}},
		hone.Version{ID: "v", Signature: sig}, s.ref, frame.Decoder{},
		func(context.Context, *frame.Frame) (hone.Scores, error) { return scores, nil })
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ps := make([]hone.Prediction, n+1)
	for i, features := range rows.EncodeRows() {
		ps[i] = hone.Prediction{Time: at, Features: features, Version: "v", Scores: scores.Row(i), Route: hone.ByChampion}
	}
	ps[n] = ps[0]
	ps[n].Time = at.Add(time.Hour) // It ends the window.
	if _, err := m.Predictions(ps); err != nil {
		t.Fatal(err)
	}
	d, _ := m.Drift()
	if d.N != n {
		t.Fatalf("%d rows judged, want %d", d.N, n)
	}
	return d
}

// What is counted cell by cell is what the product counts of the same rows when it
// reads them out of its log, and the verdicts are alike in every figure.
func TestCountedAsTheProductCounts(t *testing.T) {
	t.Parallel()
	for _, rho := range []float64{0, 0.5, 0.8} {
		c := newChain(rho)
		a, b := newCalm(3, 25, c), newCalm(3, 25, c)
		for _, rows := range []int{200, 1000} {
			a.begin()
			a.draw(rows)
			fast := a.judge(rows)
			slow, seen := b.rows(rows)
			if !reflect.DeepEqual(fast, slow) {
				t.Errorf("rho %v, %d rows: drawn at once they give another verdict than one by one", rho, rows)
			}
			want := folded(t, b, seen)
			if !reflect.DeepEqual(fast.Features, want.Features) || fast.P != want.P || fast.Alarm != want.Alarm || fast.Score.Comparison != want.Score.Comparison {
				t.Errorf("rho %v, %d rows: counted as %+v, by the product as %+v", rho, rows, fast.Features[:2], want.Features[:2])
			}
		}
	}
}

// A window that is drawn on from a shorter one has the law of an autoregressive
// series: how many of its rows lie above the median varies as much as theory says,
// and no more than chance would have it.
func TestDrawnOnHasTheLaw(t *testing.T) {
	t.Parallel()
	for _, rho := range []float64{0, 0.5, 0.8} {
		s := newCalm(5, 40, newChain(rho))
		for _, rows := range []int{200, 1000} {
			sum, squares, n := 0.0, 0.0, 0.0
			for range 150 {
				s.begin()
				s.draw(200)
				s.draw(rows - 200)
				for f := range 40 {
					above := -float64(rows) / 2
					for _, k := range s.lanes[f/4].counts[f%4][cells/2:] {
						above += float64(k)
					}
					sum, squares, n = sum+above, squares+above*above, n+1
				}
			}
			// The sign of a Gaussian series correlates by 2/π·asin(ρ^k) at lag k.
			want := 1.0
			for k := 1; k < rows; k++ {
				want += 2 * (1 - float64(k)/float64(rows)) * 2 / math.Pi * math.Asin(math.Pow(rho, float64(k)))
			}
			got := squares / n / (float64(rows) / 4)
			// The variance of 6,000 draws is known to 1.8 %; cells make it less by 1 %.
			if math.Abs(got/want-1) > 0.08 || math.Abs(sum/n) > 4*math.Sqrt(squares/n/n) {
				t.Errorf("rho %v, %d rows: the variance is %.3f times that of independent rows, want %.3f; mean off by %.2f", rho, rows, got, want, sum/n)
			}
		}
	}
}
