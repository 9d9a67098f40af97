package evaluate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/frame"
)

var binary = hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}

func side(v hone.VersionID, s hone.Signature, scores ...float64) evaluate.Side {
	return evaluate.Side{Version: v, Signature: s, Scores: hone.Scores{Width: s.Width(), V: scores}}
}

func labels(s string) []string {
	var out []string
	for _, r := range s {
		out = append(out, string(r))
	}
	return out
}

func zeroOne() hone.Model {
	return hone.Model{Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}}
}

func metric(t *testing.T, e hone.Evaluation, name string) hone.MetricPair {
	t.Helper()
	for _, p := range e.Metrics {
		if p.Metric == name {
			return p
		}
	}
	t.Fatalf("no metric %s in %+v", name, e.Metrics)
	return hone.MetricPair{}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) < 1e-9) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestCompareByHand(t *testing.T) {
	t.Parallel()
	rows := evaluate.Rows{Labels: labels("11110000")}
	cand := side("v2", binary, 0.9, 0.8, 0.7, 0.2, 0.1, 0.2, 0.3, 0.4)
	champ := side("v1", binary, 0.9, 0.2, 0.3, 0.6, 0.1, 0.7, 0.3, 0.4)
	e := evaluate.Compare(zeroOne(), cand, &champ, rows)
	p := e.Loss
	if e.Candidate != "v2" || e.Champion != "v1" || p.N != 8 || p.Flips != 1 || p.Gains != 3 {
		t.Fatalf("got %+v", e)
	}
	near(t, "candidate", p.Candidate, 1.0/8)
	near(t, "champion", p.Champion, 3.0/8)
	near(t, "diff", p.Diff, -0.25)
	near(t, "bound", p.Bound, 1)
	near(t, "trivial", e.Trivial, 0.5)
	near(t, "McNemar", p.PValue, 2*(1+4)/16.0)
	if !(p.Lower < p.Diff && p.Diff < p.Upper && p.Better > 1 && p.Worse < 1) {
		t.Errorf("paired %+v", p)
	}
	near(t, "accuracy", metric(t, e, "accuracy").Candidate, 7.0/8)
	near(t, "auc", metric(t, e, "auc").Candidate, 13.5/16) // One tie.
	near(t, "f1", metric(t, e, "f1").Candidate, 6.0/7)
	near(t, "brier", metric(t, e, "brier").Candidate, (.01+.04+.09+.64+.01+.04+.09+.16)/8)
	near(t, "log loss", metric(t, e, "log_loss").Candidate,
		-(2*math.Log(.9)+2*math.Log(.8)+2*math.Log(.7)+math.Log(.2)+math.Log(.6))/8)
	if !metric(t, e, "auc").Higher || metric(t, e, "brier").Higher {
		t.Error("which way is better is wrong")
	}
}

func TestLosses(t *testing.T) {
	t.Parallel()
	cost := hone.Model{Task: hone.Binary, Loss: hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 1}}
	sig := binary
	sig.Threshold = cost.Loss.DefaultThreshold()
	a, b := side("v2", sig, 0.9, 0.01, 0.3, 0.3), side("v1", sig, 0.01, 0.01, 0.3, 0.01)
	e := evaluate.Compare(cost, a, &b, evaluate.Rows{Labels: labels("1000")})
	near(t, "cost of the candidate", e.Loss.Candidate, 2.0/4)
	near(t, "cost of the champion", e.Loss.Champion, 51.0/4)
	near(t, "cost bound", e.Loss.Bound, 50)
	near(t, "constant alarm is the cheapest", e.Trivial, 3.0/4)

	number := hone.Signature{Task: hone.Regression}
	r := hone.Model{Task: hone.Regression, Loss: hone.Loss{Kind: hone.Squared}}
	a, b = side("v2", number, 1, 2, 3, 0), side("v1", number, 2, 2, 2, 0)
	e = evaluate.Compare(r, a, &b, evaluate.Rows{Labels: []string{"1", "2", "4", "x"}})
	near(t, "squared", e.Loss.Candidate, 1.0/3)
	near(t, "bound is the champion's 99th percentile", e.Loss.Bound, 4)
	near(t, "rmse", metric(t, e, "rmse").Champion, math.Sqrt(5.0/3))
	near(t, "mae", metric(t, e, "mae").Champion, 1)
	near(t, "mean answer", e.Trivial, (16.0/9+1.0/9+25.0/9)/3)
	if e.Loss.N != 3 || e.Loss.Flips != 0 || e.Loss.PValue != 1 {
		t.Errorf("regression %+v", e.Loss)
	}
	r.Loss.Kind = hone.Absolute
	near(t, "median answer", evaluate.Compare(r, a, &b, evaluate.Rows{Labels: []string{"1", "2", "4", "x"}}).Trivial, 1)

	col := hone.Model{Task: hone.Binary, Loss: hone.Loss{Kind: hone.ByColumn, Column: "amount"}}
	a, b = side("v2", binary, 0, 1, 0, 0), side("v1", binary, 1, 1, 1, 0)
	e = evaluate.Compare(col, a, &b, evaluate.Rows{Labels: labels("1111"), Prices: []float64{10, 20, 40, math.NaN()}})
	near(t, "priced", e.Loss.Candidate, 50.0/3)
	near(t, "price bound", e.Loss.Bound, 40)
	if e.Loss.N != 3 {
		t.Errorf("a row without a price counted: %+v", e.Loss)
	}

	three := hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b", "c"}}
	two := hone.Signature{Task: hone.Multiclass, Classes: []string{"b", "a"}}
	m := hone.Model{Task: hone.Multiclass, Loss: hone.Loss{Kind: hone.Log}}
	a = side("v2", three, .8, .1, .1, .1, .8, .1, .1, .1, .8)
	b = side("v1", two, .2, .8, .8, .2, .5, .5)
	e = evaluate.Compare(m, a, &b, evaluate.Rows{Labels: labels("abc")})
	near(t, "classes in another order", e.Loss.Champion, (-2*math.Log(.8)+hone.LogBound)/3)
	near(t, "base rates", e.Trivial, math.Log(3))
	near(t, "macro f1", metric(t, e, "macro_f1").Champion, (1+2.0/3+0)/3) // Class b answers for c too.
}

func TestFirstVersion(t *testing.T) {
	t.Parallel()
	cand := side("v1", binary, 0.9, 0.1, 0.2, 0.8)
	e := evaluate.Compare(zeroOne(), cand, nil, evaluate.Rows{Labels: labels("1000")})
	if e.Champion != "" || e.Loss.N != 4 || e.Loss.Champion != e.Trivial || e.Trivial != 0.25 || e.Loss.Diff != 0 {
		t.Errorf("got %+v", e.Loss)
	}
	if _, err := json.Marshal(e); err != nil {
		t.Error(err)
	}
}

func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	good := side("v1", binary, 0.1, 0.9)
	rows := evaluate.Rows{Labels: labels("01")}
	number := hone.Signature{Task: hone.Regression}
	cases := []struct {
		name string
		cand evaluate.Side
		rows evaluate.Rows
	}{
		{"no rows", side("v2", binary), evaluate.Rows{}},
		{"NaN", side("v2", binary, math.NaN(), 1), rows},
		{"infinite", side("v2", binary, math.Inf(1), 1), rows},
		{"too few scores", side("v2", binary, 0.5), rows},
		{"no scores", evaluate.Side{}, rows},
		{"no labels", good, evaluate.Rows{Labels: []string{"", ""}}},
		{"binary without classes", side("v2", hone.Signature{Task: hone.Binary}, 0, 1), rows},
		{"users of other rows", good, evaluate.Rows{Labels: labels("01"), Units: []string{"u"}}},
	}
	for _, c := range cases {
		for _, champ := range []*evaluate.Side{nil, &good} {
			e := evaluate.Compare(zeroOne(), c.cand, champ, c.rows)
			if e.Loss.N != 0 || len(e.Slices) != 0 {
				t.Errorf("%s: got %+v", c.name, e.Loss)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	r := hone.Model{Task: hone.Regression, Loss: hone.Loss{Kind: hone.Squared}}
	if e := evaluate.Compare(r, side("v2", number, 1e300), nil, evaluate.Rows{Labels: []string{"-1e300"}}); e.Loss.N != 0 {
		t.Errorf("an infinite loss was compared: %+v", e.Loss)
	}
	one := evaluate.Compare(zeroOne(), side("v2", binary, 0.9), nil, evaluate.Rows{Labels: labels("1")})
	if _, err := json.Marshal(one); err != nil || one.Loss.N != 1 {
		t.Errorf("one row: %v %+v", err, one.Loss)
	}
}

func TestRowsCountOnce(t *testing.T) {
	t.Parallel()
	cand, champ := side("v2", binary, 1, 1, 1), side("v1", binary, 0, 0, 0)
	rows := evaluate.Rows{Labels: labels("100"), IDs: []hone.PredictionID{"p1", "p2", "p2"}}
	if e := evaluate.Compare(zeroOne(), cand, &champ, rows); e.Loss.N != 2 || e.Loss.Flips != 1 {
		t.Errorf("got %+v", e.Loss)
	}
}

// stream makes n rows on which candidate and champion err at random.
func stream(seed uint64, n int, candErr, champErr float64) (evaluate.Side, evaluate.Side, evaluate.Rows) {
	rng := rand.New(rand.NewPCG(seed, 4))
	schema := frame.Schema{{Name: "country", Kind: frame.Category}, {Name: "age", Kind: frame.Number}}
	f := frame.New(schema, n)
	var a, b []float64
	rows := evaluate.Rows{Frame: f}
	for i := range n {
		y := rng.IntN(2)
		answer := func(rate float64) float64 {
			if rng.Float64() < rate {
				return float64(1 - y)
			}
			return float64(y)
		}
		a, b = append(a, answer(candErr)), append(b, answer(champErr))
		rows.Labels = append(rows.Labels, fmt.Sprint(y))
		f.Cols[0].Str[i] = []string{"DE", "FR", "FR", ""}[rng.IntN(4)]
		f.Cols[1].Num[i] = float64(i)
	}
	f.Cols[0].Str[0] = "LI"
	return side("v2", binary, a...), side("v1", binary, b...), rows
}

func TestSlices(t *testing.T) {
	t.Parallel()
	m := zeroOne()
	m.Slices = []string{"country", "age", "absent"}
	worst := 0.02
	m.Gates = []hone.Gate{{Metric: "auc", Slices: "all", MaxRegression: &worst}}
	a, b, rows := stream(1, 4000, 0.1, 0.2)
	e := evaluate.Compare(m, a, &b, rows)
	var names []string
	total := 0
	for _, s := range e.Slices {
		names = append(names, s.Slice)
		total += s.N
		if s.Bound != e.Loss.Bound || s.Diff >= 0 {
			t.Errorf("slice %+v", s)
		}
	}
	if want := []string{"country=FR", "country=DE", "country=(missing)"}; !reflect.DeepEqual(names, want) && !reflect.DeepEqual(names, []string{want[0], want[2], want[1]}) {
		t.Errorf("slices %v", names)
	}
	if total != 3999 {
		t.Errorf("the slices hold %d rows", total)
	}
	if p := metric(t, e, "auc country=DE"); p.Candidate <= p.Champion || p.N == 0 {
		t.Errorf("got %+v", p)
	}
	if again := evaluate.Compare(m, a, &b, rows); !reflect.DeepEqual(e, again) {
		t.Error("the same rows gave two evaluations")
	}
}

// The interval must hold the true difference about 95 times in 100, and the
// e-values must seldom speak against twins.
func TestCoverage(t *testing.T) {
	t.Parallel()
	held, spoke, found := 0, 0, 0
	for seed := range uint64(400) {
		a, b, rows := stream(seed, 500, 0.2, 0.2)
		e := evaluate.Compare(zeroOne(), a, &b, rows)
		if e.Loss.Lower <= 0 && 0 <= e.Loss.Upper {
			held++
		}
		if e.Loss.Better >= 20 || e.Loss.Worse >= 20 {
			spoke++
		}
		a, b, rows = stream(seed, 500, 0.1, 0.25)
		if e := evaluate.Compare(zeroOne(), a, &b, rows); e.Loss.Better >= 20 {
			found++
		}
	}
	if held < 368 || spoke > 20 || found < 380 {
		t.Errorf("of 400: interval held %d, spoke against twins %d, found +15 points %d", held, spoke, found)
	}
}

// Ten rows of one user are little more than one: the interval must know.
func TestUsersWidenTheInterval(t *testing.T) {
	t.Parallel()
	held, blind := 0, 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var a, b []float64
		var rows evaluate.Rows
		var wrong [60][2]float64
		for u := range wrong {
			wrong[u] = [2]float64{float64(rng.IntN(2)), float64(rng.IntN(2))}
		}
		for range 10 {
			for u, w := range wrong { // Far from each other in time.
				a, b = append(a, w[0]), append(b, w[1])
				rows.Labels = append(rows.Labels, "0")
				rows.Units = append(rows.Units, fmt.Sprint("user ", u))
			}
		}
		champ := side("v1", binary, b...)
		e := evaluate.Compare(zeroOne(), side("v2", binary, a...), &champ, rows)
		if e.Loss.Lower <= 0 && 0 <= e.Loss.Upper {
			held++
		}
		rows.Units = nil
		if e = evaluate.Compare(zeroOne(), side("v2", binary, a...), &champ, rows); e.Loss.Lower <= 0 && 0 <= e.Loss.Upper {
			blind++
		}
	}
	if held < 182 || blind > 160 {
		t.Errorf("of 200 intervals %d held with users and %d without", held, blind)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	got := evaluate.Anchors(hone.Model{Task: hone.Binary}, []evaluate.Case{
		{Name: "right", Want: "1", Got: "1.0", Had: "0"},
		{Name: "new", Want: "1", Got: "0", Had: "1"},
		{Name: "old", Want: "1", Got: "0", Had: "0"},
		{Name: "silent", Want: "1"},
		{Name: "nothing wanted", Got: ""},
	})
	want := []hone.AnchorFail{
		{Case: "new", Want: "1", Got: "0"},
		{Case: "old", Want: "1", Got: "0", WasToo: true},
		{Case: "silent", Want: "1"},
		{Case: "nothing wanted"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	got = evaluate.Anchors(hone.Model{Task: hone.Regression}, []evaluate.Case{
		{Name: "within 1 %", Want: "100", Got: "100.9"},
		{Name: "outside", Want: "100", Got: "101.1"},
		{Name: "told", Want: "100", Got: "109", Tolerance: 10},
		{Name: "no number", Want: "100", Got: "NaN", Tolerance: 10},
	})
	if len(got) != 2 || got[0].Case != "outside" || got[1].Case != "no number" {
		t.Errorf("got %+v", got)
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	var order []string
	ask := func(name string) func(int) error {
		return func(int) error { order = append(order, name); return nil }
	}
	r := evaluate.Interleave(t.Context(), ask("a"), ask("b"), 100)
	if r.Requests != 100 || r.Faults != 0 || r.Candidate < r.CandidateP50 || r.Candidate <= 0 || r.Champion <= 0 {
		t.Errorf("got %+v", r)
	}
	if len(order) != 240 {
		t.Fatalf("%d requests, want 2 × (20 + 100)", len(order))
	}
	for i := 0; i < len(order); i += 2 {
		if order[i] == order[i+1] {
			t.Fatalf("requests %d and %d both went to %s", i, i+1, order[i])
		}
	}
	broken := errors.New("out of memory")
	r = evaluate.Interleave(t.Context(), func(i int) error {
		if i == 50 {
			return broken
		}
		return nil
	}, func(int) error { return broken }, 100)
	if r.Faults != 1 || r.Fault != "out of memory" || r.Champion != 0 {
		t.Errorf("got %+v", r)
	}
	if r = evaluate.Interleave(t.Context(), ask("a"), nil, 30); r.Requests != 30 || r.Champion != 0 {
		t.Errorf("alone: %+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r = evaluate.Interleave(ctx, ask("a"), nil, 30); r.Requests != 0 || r.Faults != 0 {
		t.Errorf("cancelled: %+v", r)
	}
	if r = evaluate.Interleave(t.Context(), ask("a"), nil, -1); r.Requests != 0 {
		t.Errorf("no requests: %+v", r)
	}
}
