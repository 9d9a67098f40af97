package validate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/validate"
)

// table makes rows of a schema, a second apart, with labels by chance.
func table(n int, schema frame.Schema, fill func(r *rand.Rand, f *frame.Frame, i int)) validate.Input {
	r := rand.New(rand.NewPCG(uint64(n), 11))
	m := hone.Model{Task: hone.Binary, Features: schema, Label: hone.LabelSpec{Name: "y", Positive: "1"}}
	in := validate.Input{Model: m, Holdout: n / 5, Rows: validate.Rows{Frame: frame.New(schema, n)}}
	for i := range n {
		fill(r, in.Rows.Frame, i)
		in.Rows.Labels = append(in.Rows.Labels, fmt.Sprint(r.IntN(2)))
		in.Rows.Times = append(in.Rows.Times, time.Unix(int64(i), 0))
	}
	return in
}

func numbers(names ...string) (out frame.Schema) {
	for _, n := range names {
		out = append(out, frame.Field{Name: n, Kind: frame.Number})
	}
	return out
}

// repeats are the findings of rows that repeat others.
func repeats(t *testing.T, in validate.Input) []string {
	t.Helper()
	return slices.DeleteFunc(judged(t, in), func(s string) bool { return !strings.Contains(s, "duplicates") })
}

// TestNaturalRepeats holds that rows which are alike as the world has it are no
// finding: few values, customers who come again, series that move slowly, texts of
// one form, two numbers that are close by chance.
func TestNaturalRepeats(t *testing.T) {
	t.Parallel()
	f := func(name string, in validate.Input) {
		t.Helper()
		if got := repeats(t, in); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
	f("few values", table(4000, numbers("a", "b", "c"), func(r *rand.Rand, f *frame.Frame, i int) {
		for c := range f.Cols {
			f.Cols[c].Num[i] = float64(r.IntN(5))
		}
	}))
	customers := rand.New(rand.NewPCG(1, 1))
	var known [][4]float64
	for range 300 {
		known = append(known, [4]float64{customers.NormFloat64(), customers.NormFloat64(), customers.ExpFloat64(), customers.NormFloat64()})
	}
	f("customers who come again", table(4000, numbers("a", "b", "c", "d"), func(r *rand.Rand, f *frame.Frame, i int) {
		for c, x := range known[r.IntN(len(known))] {
			f.Cols[c].Num[i] = x
		}
	}))
	f("customers with another amount each time", table(4000, numbers("a", "b", "c", "d", "amount"), func(r *rand.Rand, f *frame.Frame, i int) {
		for c, x := range known[r.IntN(len(known))] {
			f.Cols[c].Num[i] = x
		}
		f.Cols[4].Num[i] = 50 + 20*r.NormFloat64()
	}))
	level := [3]float64{}
	f("slow series", table(4000, numbers("a", "b", "c"), func(r *rand.Rand, f *frame.Frame, i int) {
		for c := range f.Cols {
			level[c] += 0.02 * r.NormFloat64()
			f.Cols[c].Num[i] = level[c]
		}
	}))
	f("two numbers", table(6000, numbers("a", "b"), func(r *rand.Rand, f *frame.Frame, i int) {
		f.Cols[0].Num[i], f.Cols[1].Num[i] = r.NormFloat64(), r.NormFloat64()
	}))
	f("texts of one form", table(3000, frame.Schema{{Name: "note", Kind: frame.Text}}, func(r *rand.Rand, f *frame.Frame, i int) {
		f.Cols[0].Str[i] = fmt.Sprintf("order %d of %d", r.IntN(50), r.IntN(1000))
	}))
	f("texts that a program writes", table(3000, frame.Schema{{Name: "note", Kind: frame.Text}}, func(r *rand.Rand, f *frame.Frame, i int) {
		topic := []string{"invoice", "meeting", "holiday", "report", "parcel", "ticket"}[r.IntN(6)]
		f.Cols[0].Str[i] = fmt.Sprintf("%s is %s today %d", topic, []string{"fine", "broken"}[r.IntN(2)], r.IntN(50))
	}))
}

// words makes a text that nobody else writes.
func words(r *rand.Rand) string {
	var out []string
	for range 20 + r.IntN(20) {
		out = append(out, fmt.Sprintf("w%d", r.IntN(3000)))
	}
	return strings.Join(out, " ")
}

// TestNearDuplicates holds that copies with small changes are found, of numbers and
// of texts, with about their share, and apart where they leak into the holdout.
func TestNearDuplicates(t *testing.T) {
	t.Parallel()
	schema := append(numbers("a", "b", "c"), frame.Field{Name: "note", Kind: frame.Text})
	made := func(share float64, from func(r *rand.Rand, i int) int) validate.Input {
		return table(4000, schema, func(r *rand.Rand, f *frame.Frame, i int) {
			if i > 0 && r.Float64() < share {
				at := from(r, i)
				for c := range 3 {
					f.Cols[c].Num[i] = f.Cols[c].Num[at] + 0.001*r.NormFloat64()
				}
				f.Cols[3].Str[i] = f.Cols[3].Str[at] + " again"
				return
			}
			for c := range 3 {
				f.Cols[c].Num[i] = r.NormFloat64()
			}
			f.Cols[3].Str[i] = words(r)
		})
	}
	in := made(0.04, func(r *rand.Rand, i int) int { return r.IntN(i) })
	if got := repeats(t, in); !slices.Equal(got, []string{"near_duplicates/warn", "holdout_duplicates/warn"}) {
		t.Fatalf("found %q", got)
	}
	for _, c := range validate.Judge(in) {
		if c.Rule == "near_duplicates" && (c.Value < 0.036 || c.Value > 0.048) {
			t.Errorf("4 %% are copies, %q", c.Sentence)
		}
	}
	if got := repeats(t, made(0, nil)); len(got) > 0 {
		t.Errorf("found %q where there are none", got)
	}
	gone := validate.Copies(in.Rows, in.Holdout)
	if n := len(gone); n < 18 || n > 45 {
		t.Errorf("%d of 800 held-out rows are copies of rows to train on", n)
	}
	for _, i := range gone {
		if i < 3200 || !strings.HasSuffix(in.Rows.Frame.Cols[3].Str[i], " again") {
			t.Errorf("row %d is no copy", i)
		}
	}
	in.Model.Validation.Block = []string{"holdout_duplicates"}
	if got := repeats(t, in); !slices.Contains(got, "holdout_duplicates/block") {
		t.Errorf("found %q where the owner blocks", got)
	}
}
