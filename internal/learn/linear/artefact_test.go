package linear_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// Artefacts stay on disk for years: those of every format are read, and score as
// they did when they were written.
func TestEarlierArtefacts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/format1.json")
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Amount        []float64
		Age           []*float64
		Country, Note []string
		Models        map[string]struct {
			Model  json.RawMessage
			Scores []float64
		}
	}
	if err := json.Unmarshal(raw, &kept); err != nil {
		t.Fatal(err)
	}
	f := frame.New(frame.Schema{
		{Name: "amount", Kind: frame.Number}, {Name: "age", Kind: frame.Number},
		{Name: "country", Kind: frame.Category}, {Name: "note", Kind: frame.Text},
	}, len(kept.Amount))
	copy(f.Cols[0].Num, kept.Amount)
	copy(f.Cols[2].Str, kept.Country)
	copy(f.Cols[3].Str, kept.Note)
	for i, age := range kept.Age {
		if f.Cols[1].Num[i] = math.NaN(); age != nil {
			f.Cols[1].Num[i] = *age
		}
	}
	if len(kept.Models) != 3 {
		t.Fatalf("%d models are kept, want 3", len(kept.Models))
	}
	for task, one := range kept.Models {
		m, err := linear.Unmarshal(one.Model)
		if err != nil {
			t.Fatalf("%s: %v", task, err)
		}
		for i, got := range predict(m, f) {
			if math.Abs(got-one.Scores[i]) > 1e-12*math.Abs(one.Scores[i]) {
				t.Errorf("%s: score %d is %v, and was %v", task, i, got, one.Scores[i])
			}
		}
	}
}
