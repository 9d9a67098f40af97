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
	f(`booster "" has no trees`, `"name":"gbtree"`, `"name":""`)
	if _, err := gbdt.UnmarshalXGBoost(whole, frame.Schema{{Name: "amount", Kind: frame.Number}}); err == nil || !strings.Contains(err.Error(), "have no feature") {
		t.Errorf("fields that are not there: got %v", err)
	}
}

// A booster that has no trees is refused by its name: what else its file has looks like
// a model of trees of which there are none.
func TestXGBoostRefusesOtherBoosters(t *testing.T) {
	t.Parallel()
	linear, err := os.ReadFile("testdata/xgboost/gblinear.refused")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gbdt.UnmarshalXGBoost(linear, nil); err == nil || !strings.Contains(err.Error(), `booster "gblinear" has no trees; gbtree and dart are known`) {
		t.Errorf("gblinear: got %v", err)
	}
}

// What dart dropped out is part of each score: without the weights of its trees, or with
// those of some, no score is right.
func TestXGBoostWantsTheWeightsOfDart(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile("testdata/xgboost/dart.model")
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, from, to string) {
		t.Helper()
		refuses(t, gbdt.UnmarshalXGBoost, whole, want, from, to)
	}
	f("10 trees with 10 classes and 0 weights", `"weight_drop":`, `"other":`)
	f("10 trees with 10 classes and 11 weights", `"weight_drop":[`, `"weight_drop":[1,`)
	f(`booster "dart" has no trees`, `"gbtree":{`, `"other":{`)
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
