package gbdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// wide draws rows of 28 numbers of which some matter, alone and in pairs.
func wide(n int) gbdt.Set {
	var s frame.Schema
	for i := range 28 {
		s = append(s, frame.Field{Name: "x" + strconv.Itoa(i), Kind: frame.Number})
	}
	r := rand.New(rand.NewPCG(1, 1))
	f := frame.New(s, n)
	y := make([]float64, n)
	for i := range n {
		for c := range s {
			f.Cols[c].Num[i] = r.NormFloat64()
		}
		x := func(c int) float64 { return f.Cols[c].Num[i] }
		z := x(0) + x(1)*x(2) + math.Sin(2*x(3)) + math.Abs(x(4)) - 0.8 + 0.5*x(5)*x(6)*x(7)
		if r.Float64() < 1/(1+math.Exp(-z)) {
			y[i] = 1
		}
	}
	return gbdt.Set{Rows: f, Targets: y}
}

func BenchmarkFit(b *testing.B) {
	s := wide(200_000)
	o := gbdt.Defaults()
	for b.Loop() {
		if _, err := gbdt.Fit(s, o, gbdt.Extra{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	s := wide(20_000)
	m, err := gbdt.Fit(s, gbdt.Defaults(), gbdt.Extra{})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]float64, s.Rows.N)

	b.Run("row", func(b *testing.B) {
		var rows []*frame.Frame // Others each time: no processor learns the way.
		for i := range 2000 {
			rows = append(rows, s.Rows.Slice(i, i+1))
		}
		for i := 0; b.Loop(); i++ {
			m.Predict(rows[i%len(rows)], out[:1])
		}
	})
	b.Run("batch", func(b *testing.B) {
		part := s.Rows.Slice(0, 10_000)
		for b.Loop() {
			m.Predict(part, out[:10_000])
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
	})
}
