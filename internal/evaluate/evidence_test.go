package evaluate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/frame"
)

// The evidence of two looks, written and read again, gives the same evaluation to
// the last bit, and names nobody.
func TestEvidence(t *testing.T) {
	t.Parallel()
	a, b, rows := stream(1, 300, 0.1, 0.25)
	m := zeroOne()
	m.Slices, m.Features = []string{"country"}, frame.Schema{{Name: "country", Kind: frame.Category}}
	rows.Frame = frame.New(m.Features, 300)
	rows.IDs, rows.Units = nil, nil
	for i := range 300 {
		rows.Frame.Cols[0].Str[i] = []string{"DE", "FR"}[i%2]
		rows.IDs = append(rows.IDs, hone.PredictionID(fmt.Sprint("prediction ", i)))
		rows.Units = append(rows.Units, fmt.Sprint("user ", i/3))
	}
	part := func(s evaluate.Side, from, to int) evaluate.Side {
		s.Scores.V = s.Scores.V[from:to]
		return s
	}
	ev := evaluate.NewEvidence(m, "salt", a, &b)
	look := func(from, to int) hone.Evaluation {
		t.Helper()
		fresh := ev.Fresh(rows.IDs[:to])
		if len(fresh) != to-from || fresh[0] != from {
			t.Fatalf("rows %d to %d: %d are new", from, to, len(fresh))
		}
		r := evaluate.Rows{Frame: rows.Frame.Slice(from, to), Labels: rows.Labels[from:to], IDs: rows.IDs[from:to], Units: rows.Units[from:to]}
		other := part(b, from, to)
		if err := ev.Add(r, part(a, from, to), &other); err != nil {
			t.Fatal(err)
		}
		return ev.Compare()
	}
	first, second := look(0, 200), look(200, 300)
	if first.Look != 1 || first.Loss.N != 200 || second.Look != 2 || second.Loss.N != 300 || len(second.Slices) != 2 {
		t.Fatalf("got look %d of %d rows and look %d of %d rows", first.Look, first.Loss.N, second.Look, second.Loss.N)
	}
	whole := rows
	whole.Looks = []int{200}
	same(t, "as compared at once", evaluate.Compare(m, a, &b, whole), second)
	text, err := ev.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := evaluate.ReadEvidence(text)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "as read again", again.Compare(), second)
	twice, err := again.Marshal()
	if err != nil || !bytes.Equal(text, twice) {
		t.Errorf("the same evidence was written in two ways: %v", err)
	}
	plain, _ := json.Marshal(ev)
	if strings.Contains(string(plain), "user ") || strings.Contains(string(plain), "prediction ") {
		t.Error("the evidence names users or predictions")
	}
	if _, err := evaluate.ReadEvidence(text[:len(text)/2]); err == nil {
		t.Error("half of the evidence was read")
	}
	if err := ev.Add(evaluate.Rows{Labels: labels("10")}, part(a, 0, 1), nil); err == nil {
		t.Error("one score for two rows was taken")
	}
}

func same(t *testing.T, what string, got, want hone.Evaluation) {
	t.Helper()
	x, errX := json.Marshal(got)
	y, errY := json.Marshal(want)
	if errX != nil || errY != nil || !bytes.Equal(x, y) {
		t.Errorf("%s: %s\nwant %s", what, x, y)
	}
}

// Half of the metrics' intervals would be as good as none: they must hold what is
// true about 95 times in 100, also of metrics that are no mean of rows.
func TestMetricsHaveIntervals(t *testing.T) {
	t.Parallel()
	held, n := map[string]int{}, 150
	for seed := range uint64(n) {
		a, b, rows := stream(seed, 400, 0.2, 0.2)
		for _, p := range evaluate.Compare(zeroOne(), a, &b, rows).Metrics {
			if p.Lower <= 0 && 0 <= p.Upper && (p.Lower < p.Upper || p.Candidate == p.Champion) {
				held[p.Metric]++
			}
		}
	}
	for _, name := range []string{"loss", "accuracy", "auc", "log_loss", "brier", "f1"} {
		if held[name] < n*9/10 {
			t.Errorf("the interval of %s held in %d of %d", name, held[name], n)
		}
	}
	if held["accuracy"] == n && held["auc"] == n && held["brier"] == n {
		t.Error("intervals that always hold are too wide to say anything")
	}
}
