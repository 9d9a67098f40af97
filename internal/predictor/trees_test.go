package predictor_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/calibrate"
	"hone/internal/learn/gbdt"
	"hone/internal/predictor"
)

// foreign makes an artefact of a model that LightGBM or XGBoost wrote, and returns it
// with rows and what its maker says of them.
func foreign(t *testing.T, model, format string) (dir string, rows *frame.Frame, want [][]float64) {
	t.Helper()
	var known struct {
		Schema frame.Schema
		Rows   [][]any
		Scores [][]float64
	}
	at := filepath.Join("../learn/gbdt/testdata", model)
	b, err := os.ReadFile(strings.TrimSuffix(at, filepath.Ext(at)) + ".json")
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	text, err2 := os.ReadFile(at)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	rows = frame.New(known.Schema, len(known.Rows))
	for i, row := range known.Rows {
		for c, v := range row {
			if v != nil {
				if err := rows.Set(i, c, v); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	dir = t.TempDir()
	s := hone.Signature{Task: hone.Binary, Features: known.Schema, Classes: []string{"no", "yes"}, Threshold: 0.5}
	if k := len(known.Scores[0]); k > 1 {
		s.Task, s.Classes = hone.Multiclass, []string{"a", "b", "c", "d", "e"}[:k]
	}
	if err := os.WriteFile(filepath.Join(dir, predictor.ModelFile(format)), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := predictor.WriteManifest(dir, predictor.Manifest{Format: format, Signature: s}); err != nil {
		t.Fatal(err)
	}
	return dir, rows, known.Scores
}

func TestModelsOfOthers(t *testing.T) {
	t.Parallel()
	f := func(model, format string, tolerance float64) {
		t.Helper()
		dir, rows, want := foreign(t, model, format)
		got, err := open(t, dir, predictor.Options{}).Predict(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range want {
			for k, x := range row {
				if !(math.Abs(got.Row(i)[k]-x) <= tolerance) {
					t.Fatalf("%s, row %d: got %v, want %v", model, i, got.Row(i), row)
				}
			}
		}
	}
	f("lightgbm/binary.txt", "lightgbm", 1e-12)
	f("lightgbm/multiclass.txt", "lightgbm", 1e-12)
	f("xgboost/binary.model", "xgboost", 5e-6)
	f("xgboost/multiclass.model", "xgboost", 5e-6)
}

// What Hone's own trees are written to is opened again, and calibrated where the
// manifest says so.
func TestOwnTrees(t *testing.T) {
	t.Parallel()
	_, rows := fitted(t)
	y := make([]float64, rows.N)
	for i, x := range rows.Cols[0].Num {
		if x > 0 {
			y[i] = 1
		}
	}
	o := gbdt.Defaults()
	o.Iterations = 5
	m, err := gbdt.Fit(gbdt.Set{Rows: rows, Targets: y}, o, gbdt.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]float64, rows.N)
	m.Predict(rows, raw)
	f := func(c *calibrate.Map) {
		t.Helper()
		dir := t.TempDir()
		if err := predictor.WriteModel(dir, predictor.Manifest{Format: "gbdt", Signature: binary, Calibration: c}, m); err != nil {
			t.Fatal(err)
		}
		p := open(t, dir, predictor.Options{})
		got, err := p.Predict(t.Context(), rows)
		if err != nil || p.Memory() <= 0 {
			t.Fatal(err, p.Memory())
		}
		want := slices.Clone(raw)
		if c != nil {
			for i := range want {
				want[i] = c.Apply(want[i])
			}
		}
		if !slices.Equal(got.V, want) {
			t.Errorf("calibration %v: other scores than the model's", c)
		}
		if back, s, err := predictor.ReadTrees(dir); err != nil || back.Trees() != 5 || s.Task != hone.Binary {
			t.Errorf("read again: %v, %v", s, err)
		}
		if _, _, err := predictor.ReadLinear(dir); code(err) != hone.Invalid {
			t.Errorf("read as linear: %v", err)
		}
	}
	f(nil)
	f(&calibrate.Map{Method: calibrate.Platt, Slope: 2, Shift: 0.3})
}

func TestTreesAreChecked(t *testing.T) {
	t.Parallel()
	f := func(spoil func(dir string, m *predictor.Manifest), want string) {
		t.Helper()
		dir, _, _ := foreign(t, "lightgbm/binary.txt", "lightgbm")
		m, err := predictor.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		if spoil(dir, &m); predictor.WriteManifest(dir, m) != nil {
			err = predictor.WriteManifest(dir, m)
		} else {
			_, err = predictor.Open(t.Context(), dir, predictor.Options{})
		}
		if code(err) != hone.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f(func(_ string, m *predictor.Manifest) { m.Signature.Features = m.Signature.Features[1:] }, "amount")
	f(func(_ string, m *predictor.Manifest) { m.Signature.Task, m.Signature.Classes = hone.Regression, nil }, "the model is for the task binary")
	f(func(_ string, m *predictor.Manifest) { m.Command = []string{"sh"} }, "has a command")
	f(func(_ string, m *predictor.Manifest) {
		m.Calibration = &calibrate.Map{Method: "guess"}
	}, `method "guess" is not known`)
	f(func(_ string, m *predictor.Manifest) {
		m.Signature.Task, m.Signature.Classes, m.Calibration = hone.Regression, nil, &calibrate.Map{Method: calibrate.Platt, Slope: 1}
	}, "are not calibrated")
	f(func(dir string, _ *predictor.Manifest) { _ = os.Truncate(filepath.Join(dir, "model.txt"), 2000) }, "model.txt")
}

func TestWrap(t *testing.T) {
	t.Parallel()
	f := func(file, format, name, want string) {
		t.Helper()
		dir := t.TempDir()
		from, _, _ := foreign(t, "lightgbm/binary.txt", "lightgbm")
		m, err := predictor.ReadManifest(from)
		if err != nil {
			t.Fatal(err)
		}
		err = predictor.Wrap(dir, file, m.Signature)
		if want != "" {
			if code(err) != hone.Invalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", file, err, want)
			}
			return
		}
		if m, err2 := predictor.ReadManifest(dir); err != nil || err2 != nil || m.Format != format {
			t.Errorf("%s: got %+v, %v, %v", file, m, err, err2)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	f("../learn/gbdt/testdata/lightgbm/binary.txt", "lightgbm", "model.txt", "")
	f("../learn/gbdt/testdata/xgboost/binary.model", "xgboost", "model.json", "")
	f("../onnx/testdata/matrix/model.onnx", "onnx", "model.onnx", "")
	f("../learn/gbdt/testdata/lightgbm/multiclass.txt", "", "", "the model is for the task multiclass")
	f("trees_test.go", "", "", "no model file that is known")
}
