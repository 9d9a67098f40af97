package gbdt_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// peer is a model that LightGBM made, with what it answers to some rows.
type peer struct {
	Schema frame.Schema `json:"schema"`
	Rows   [][]any      `json:"rows"`
	Scores [][]float64  `json:"scores"`
}

// readPeer reads what lies beside a model.
func readPeer(t *testing.T, name string) (p peer) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p peer) frame(t *testing.T, s frame.Schema) *frame.Frame {
	t.Helper()
	f := frame.New(s, len(p.Rows))
	for i, row := range p.Rows {
		for c, v := range row {
			at := s.Index(p.Schema[c].Name)
			if v == nil || at < 0 {
				continue
			}
			if err := f.Set(i, at, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// far is the largest difference of a model's scores from those of LightGBM.
func (p peer) far(t *testing.T, m *gbdt.Model) float64 {
	t.Helper()
	k := m.Width()
	out := make([]float64, len(p.Rows)*k)
	m.Predict(p.frame(t, m.Schema()), out)
	worst := 0.0
	for i, row := range p.Scores {
		if len(row) != k {
			t.Fatalf("a row has %d scores, want %d", k, len(row))
		}
		for c, want := range row {
			if d := math.Abs(out[i*k+c] - want); !(d <= worst) {
				worst = d
			}
		}
	}
	return worst
}

// Models that LightGBM 4.7.0 made, with gaps, categories of pandas, and every
// objective that is known, score as LightGBM scores them.
func TestLightGBMModels(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/lightgbm/*.txt")
	if err != nil || len(names) < 10 {
		t.Fatalf("there are %d models: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := readPeer(t, strings.TrimSuffix(name, ".txt")+".json")
		m, err := gbdt.Unmarshal(text, p.Schema)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := p.far(t, m); !(d < 1e-12) {
			t.Errorf("%s: scores are %g from LightGBM's", name, d)
		}
		// Fields in another order, with one that the model does not know.
		turned := append(slices.Clone(p.Schema), frame.Field{Name: "other", Kind: frame.Text})
		slices.Reverse(turned)
		if m, err = gbdt.Unmarshal(text, turned); err != nil {
			t.Errorf("%s, fields turned: %v", name, err)
		} else if d := p.far(t, m); !(d < 1e-12) {
			t.Errorf("%s, fields turned: scores are %g from LightGBM's", name, d)
		}
		// Written again, and read without being told the fields.
		if m, err = gbdt.Unmarshal(text, p.Schema); err != nil {
			t.Fatal(err)
		}
		again, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if m, err = gbdt.Unmarshal(again, nil); err != nil {
			t.Errorf("%s, written again: %v", name, err)
		} else if d := p.far(t, m); !(d < 1e-12) {
			t.Errorf("%s, written again: scores are %g from LightGBM's", name, d)
		}
	}
}

func TestTextOfOwnModels(t *testing.T) {
	t.Parallel()
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax, gbdt.LeastSquares} {
		s := world(3000, 20, task)
		m := fit(t, s, options(task, 10), gbdt.Extra{})
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := gbdt.Unmarshal(b, s.Rows.Schema)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(predict(m, s), predict(back, s)) || back.Loss != m.Loss || back.Options() != m.Options() || back.Trees() != m.Trees() {
			t.Errorf("%s: what was read is another model: %+v, loss %v", task, back.Options(), back.Loss)
		}
		again, err := back.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: it is written another way: %v", task, err)
		}
		if on := fit(t, s, options(task, 5), gbdt.Extra{From: back}); !on.WarmStarted || on.Trees() != back.Trees()+5*back.Width() {
			t.Errorf("%s: what was read cannot be gone on from", task)
		}
	}
}

// LightGBM reads what is written here, and gives the same scores.
func TestLightGBMReads(t *testing.T) {
	t.Parallel()
	python := os.Getenv("HONE_TEST_PYTHON")
	if python == "" {
		t.Skip("NOT TESTED: that LightGBM reads the text. Set HONE_TEST_PYTHON to a Python that has examples/python/requirements.txt installed.")
	}
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax, gbdt.LeastSquares} {
		s := world(3000, 21, task)
		m := fit(t, s, options(task, 10), gbdt.Extra{})
		b, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		fresh := world(500, 22, task)
		fresh.Rows.Cols[0].Str[0], fresh.Rows.Cols[0].Str[1] = "", "never seen"
		fresh.Rows.Cols[1].Num[2] = math.NaN()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "model.txt"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		var rows [][]any
		for i := range fresh.Rows.N {
			var row []any
			for c := range fresh.Rows.Cols {
				row = append(row, fresh.Rows.Value(i, c))
			}
			rows = append(rows, row)
		}
		given, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		score := exec.Command(python, "testdata/score.py", filepath.Join(dir, "model.txt"))
		score.Stdin, score.Stderr = bytes.NewReader(given), os.Stderr
		out, err := score.Output()
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		want := predict(m, fresh)
		if len(got) != len(want) {
			t.Fatalf("%s: LightGBM gives %d scores, want %d", task, len(got), len(want))
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-9*max(1, math.Abs(want[i])) {
				t.Fatalf("%s: LightGBM scores %v, want %v at %d", task, got[i], want[i], i)
			}
		}
	}
}

// refuses tells that a model is not read once something in it is another thing.
func refuses(t *testing.T, read func([]byte, frame.Schema) (*gbdt.Model, error), whole []byte, want, from, to string) {
	t.Helper()
	text := strings.Replace(string(whole), from, to, 1)
	if text == string(whole) {
		t.Fatalf("there is no %q in the model", from)
	}
	if _, err := read([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q for %q: got %v, want an error with %q", to, from, err, want)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	s := world(2000, 23, gbdt.Logistic)
	whole, err := fit(t, s, options(gbdt.Logistic, 3), gbdt.Extra{}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	f := func(want, from, to string) {
		t.Helper()
		refuses(t, gbdt.Unmarshal, whole, want, from, to)
	}
	f("does not begin with tree", "tree\n", "forest\n")
	f(`version is "v9"`, "version=v4", "version=v9")
	f("num_class", "num_class=1", "num_class=0")
	f(`objective "magic" is not known`, "objective=binary sigmoid:1", "objective=magic")
	f("has no sigmoid", "sigmoid:1", "sigmoid:-1")
	f("with num_class 1", "objective=binary sigmoid:1", "objective=multiclass")
	f("names of features", "max_feature_idx=8", "max_feature_idx=7")
	f("linear models", "is_linear=0", "is_linear=1")
	f("num_leaves", "num_leaves=31", "num_leaves=99999999")
	f("its trees do not end", "end of trees", "end")
	f("values, want 30", "split_feature=", "split_feature=1 ")
	f("split_feature has", "split_feature=", "split_feature=9 -")
	f("hone_model:", `"kind":"number"`, `"kind":"colour"`)
	f("a category's value is map[]", "pandas_categorical:[[", "pandas_categorical:[[{},")
	f("no values for it", "pandas_categorical:[[", "pandas_categorical:[]\nonce:[[")
	f("more than there are features", "pandas_categorical:[[", "pandas_categorical:[[],[")
	f("pandas_categorical: invalid", "pandas_categorical:[[", "pandas_categorical:[],[[")
	for _, cut := range []int{0, 5, 100, len(whole) / 2} {
		if _, err := gbdt.Unmarshal(whole[:cut], nil); err == nil {
			t.Errorf("%d of %d bytes are a model", cut, len(whole))
		}
	}
	other := slices.Clone(s.Rows.Schema)
	other[3].Name = "renamed"
	if _, err := gbdt.Unmarshal(whole, other); err == nil || !strings.Contains(err.Error(), `have no feature "x 2"`) {
		t.Errorf("a field that is not there: got %v", err)
	}
	other = slices.Clone(s.Rows.Schema)
	other[0].Kind = frame.Number
	if _, err := gbdt.Unmarshal(whole, other); err == nil {
		t.Error("a category that became a number is read")
	}
}

// What is read never hangs or panics, and is written so that it is read again as
// the same model.
func FuzzUnmarshal(f *testing.F) {
	names, _ := filepath.Glob("testdata/lightgbm/*.txt")
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && len(b) < 20_000 {
			f.Add(b)
		}
	}
	s := world(300, 24, gbdt.Softmax)
	o := options(gbdt.Softmax, 2)
	o.Leaves = 4
	if m, err := gbdt.Fit(s, o, gbdt.Extra{}); err == nil {
		b, _ := m.Marshal()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := gbdt.Unmarshal(b, nil)
		if err != nil {
			return
		}
		rows := frame.New(m.Schema(), 3)
		r := rand.New(rand.NewPCG(1, 1))
		for c := range rows.Cols {
			if rows.Cols[c].Num != nil {
				rows.Cols[c].Num[1] = 100 * r.NormFloat64()
			}
		}
		out, again := make([]float64, 3*m.Width()), make([]float64, 3*m.Width())
		m.Raw(rows, out)
		text, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := gbdt.Unmarshal(text, nil)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		back.Raw(rows, again)
		for i := range out {
			if out[i] != again[i] && !(out[i] != out[i] && again[i] != again[i]) {
				t.Fatalf("score %d is %v, and %v once written", i, out[i], again[i])
			}
		}
	})
}
