package monitor_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// Before there is a reference, what comes is summarised: the same whatever the
// pages in which the log is read, rows of an older schema and imported ones included.
func TestIntake(t *testing.T) {
	t.Parallel()
	schema := frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "country", Kind: frame.Category}, {Name: "note", Kind: frame.Text}, {Name: "none", Kind: frame.Number}}
	old := frame.Schema{{Name: "country", Kind: frame.Category}, {Name: "x", Kind: frame.Number}}
	var log []hone.Prediction
	fill := func(s frame.Schema, from, to int) {
		f := frame.New(s, to-from)
		for row := range f.N {
			i := from + row
			for c, field := range s {
				switch {
				case field.Name == "x" && i%10 != 0:
					f.Cols[c].Num[row] = float64(i)
				case field.Kind == frame.Number:
					f.Cols[c].Num[row] = math.NaN()
				case field.Name == "country":
					f.Cols[c].Str[row] = []string{"CH", "CH", "DE", "FR", ""}[i%5]
				default:
					f.Cols[c].Str[row] = "hello there"[:i%11]
				}
			}
		}
		for _, b := range f.EncodeRows() {
			log = append(log, hone.Prediction{Features: b, Route: hone.Imported})
		}
	}
	fill(old, 0, 2000)
	fill(schema, 2000, 10_000)
	read := func(page int) []monitor.Summary {
		in := monitor.NewIntake(schema)
		if got := in.Summaries(); got != nil {
			t.Fatalf("nothing came, and it looks like %v", got)
		}
		for at := 0; at < len(log); at += page {
			if err := in.Predictions(log[at:min(at+page, len(log))], map[uint32]frame.Schema{old.Fingerprint(): old}); err != nil {
				t.Fatal(err)
			}
		}
		return in.Summaries()
	}
	got := read(len(log))
	if again := read(77); !reflect.DeepEqual(got, again) {
		t.Error("other pages give another summary")
	}
	x := got[0]
	if x.N != 10_000 || x.Missing != 0.1 || x.Quantiles == nil || x.Quantiles.Min != 1 || x.Quantiles.Max != 9999 || x.Names != nil {
		t.Fatalf("x: %+v", x)
	}
	for q, v := range map[float64]float64{0.05: x.Quantiles.P5, 0.25: x.Quantiles.P25, 0.5: x.Quantiles.Median, 0.75: x.Quantiles.P75, 0.95: x.Quantiles.P95} {
		if math.Abs(v/10_000-q) > 0.0165 {
			t.Errorf("quantile %v of x is %v", q, v)
		}
	}
	if want := []monitor.NewValue{{Value: "CH", N: 4000}, {Value: "DE", N: 2000}, {Value: "FR", N: 2000}}; !reflect.DeepEqual(got[1].Names, want) || got[1].Missing != 0.2 || got[1].Distinct != 3 {
		t.Errorf("country: %+v", got[1])
	}
	if got[2].Distinct != 5 || got[2].Names[0].Value != "up to 8 bytes" {
		t.Errorf("note: %+v", got[2])
	}
	if n := got[3]; n.Missing != 1 || n.Quantiles != nil {
		t.Errorf("none: %+v", n)
	}
	d := monitor.Unchampioned(got)
	if d.N != 10_000 || fmt.Sprint(d.Summaries) != fmt.Sprint(got) || d.Sentence != "Drift is unknown: there is no champion to compare with." {
		t.Errorf("the verdict: %+v", d)
	}
	in := monitor.NewIntake(schema)
	if err := in.Predictions(log[:1], nil); err == nil {
		t.Error("rows of an unknown schema are read")
	}
}
