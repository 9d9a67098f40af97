package gbdt_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// Models that XGBoost 3.2.0 made score as XGBoost scores them, but for the rounding
// of its single precision.
func TestXGBoostModels(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/xgboost/*.model")
	if err != nil || len(names) < 8 {
		t.Fatalf("there are %d models: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := readPeer(t, strings.TrimSuffix(name, ".model")+".json")
		turned := append(slices.Clone(p.Schema), frame.Field{Name: "other", Kind: frame.Text})
		slices.Reverse(turned)
		schemas := []frame.Schema{p.Schema, nil, turned}
		if strings.Contains(name, "unnamed") {
			schemas = schemas[:2] // Only the order tells which feature is which.
		}
		for i, s := range schemas {
			m, err := gbdt.UnmarshalXGBoost(text, s)
			if err != nil {
				t.Errorf("%s, schema %d: %v", name, i, err)
				continue
			}
			if d := p.far(t, m); !(d < 5e-6) {
				t.Errorf("%s, schema %d: scores are %g from XGBoost's", name, i, d)
			}
			if _, err := m.Marshal(); err == nil {
				t.Errorf("%s is written as LightGBM's text, which cannot say what it asks", name)
			}
		}
	}
}

func TestXGBoostRefuses(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile("testdata/xgboost/binary.model")
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, from, to string) {
		t.Helper()
		refuses(t, gbdt.UnmarshalXGBoost, whole, want, from, to)
	}
	f("no JSON of XGBoost", "{", "binf")
	f("has no trees", `"model":{`, `"other":{`)
	f(`objective "binary:hinge" is not known`, `"binary:logistic"`, `"binary:hinge"`)
	f("targets", `"num_target":"1"`, `"num_target":"2"`)
	f("base_score", `"base_score":"[`, `"base_score":"[nan,`)
	f("num_class is", `"num_class":"0"`, `"num_class":"many"`)
	f("are no tree", `"left_children":[1,`, `"left_children":[0,`)
	f("are no tree", `"left_children":[1,`, `"left_children":[9999,`)
	f("cut short", `"left_children":[1,`, `"left_children":[1,1,`)
	f("asks for feature", `"split_indices":[`, `"split_indices":[7`)
	f("not ASCII", `"values":[97,`, `"values":[-61,`)
	if _, err := gbdt.UnmarshalXGBoost(whole, frame.Schema{{Name: "amount", Kind: frame.Number}}); err == nil || !strings.Contains(err.Error(), "have no feature") {
		t.Errorf("fields that are not there: got %v", err)
	}
}

// What is read never hangs or panics.
func FuzzXGBoost(f *testing.F) {
	names, _ := filepath.Glob("testdata/xgboost/*.model")
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && len(b) < 28_000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := gbdt.UnmarshalXGBoost(b, nil)
		if err != nil {
			return
		}
		rows := frame.New(m.Schema(), 5)
		r := rand.New(rand.NewPCG(1, 1))
		for c := range rows.Cols {
			if rows.Cols[c].Num != nil {
				rows.Cols[c].Num[1], rows.Cols[c].Num[2] = 100*r.NormFloat64(), 1e300
			}
		}
		m.Predict(rows, make([]float64, 5*m.Width()))
	})
}
