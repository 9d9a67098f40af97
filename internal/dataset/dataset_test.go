package dataset_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/stream"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	schema = frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "country", Kind: frame.Category}, {Name: "note", Kind: frame.Text}}
)

func model() hone.Model {
	return hone.Model{Name: "fraud", Task: hone.Binary, Features: schema, Label: hone.LabelSpec{Name: "y", Positive: "1"},
		Loss: hone.Loss{Kind: hone.ZeroOne}, Dataset: hone.DatasetSpec{Window: "all", Holdout: 0.2, MinRows: 200}}
}

func decoder(m hone.Model) frame.Decoder { return frame.Decoder{Target: m.Features} }

// history makes n rows a minute apart; every tenth has nothing but its label.
func history(t testing.TB, n int) []dataset.Row {
	t.Helper()
	r := rand.New(rand.NewPCG(11, 12))
	rows := make([]dataset.Row, n)
	f := frame.New(schema, n)
	for i := range rows {
		if i%10 != 9 {
			for col, v := range []any{r.NormFloat64(), []string{"CH", "FR", "Côte d'Ivoire"}[r.IntN(3)], fmt.Sprintf("note %d 🎈", i)} {
				if err := f.Set(i, col, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows[i] = dataset.Row{ID: hone.PredictionID(fmt.Sprintf("p%05d", i)), Time: noon.Add(time.Duration(i) * time.Minute), Seq: int64(i + 1), Label: strconv.Itoa(r.IntN(2))}
		if i%3 == 0 {
			rows[i].Unit = fmt.Sprintf("user %d", i%7)
		}
	}
	for i, b := range f.EncodeRows() {
		rows[i].Features = b
	}
	return rows
}

func assemble(t testing.TB, n dataset.Need, rows []dataset.Row) dataset.Collected {
	t.Helper()
	c, err := dataset.Assemble(n, decoder(n.Model), slices.Clone(rows), dataset.LinearProxy(n.Model))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shuffled(rows []dataset.Row, seed uint64) []dataset.Row {
	out := slices.Clone(rows)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestAssembleCutsByTime(t *testing.T) {
	t.Parallel()
	rows := history(t, 1000)
	want := assemble(t, dataset.Need{Model: model()}, rows)
	for seed := range uint64(5) {
		c := assemble(t, dataset.Need{Model: model()}, shuffled(rows, seed))
		if c.Train.Len() != 800 || c.Holdout.Len() != 200 || c.Anchor.Len() != 0 {
			t.Fatalf("%d train, %d holdout, %d anchor rows", c.Train.Len(), c.Holdout.Len(), c.Anchor.Len())
		}
		all := dataset.Join(c.Train, c.Holdout)
		for i, r := range rows {
			if all.IDs[i] != r.ID || all.Labels[i] != r.Label || all.Times[i] != r.Time || all.Units[i] != r.Unit || string(all.Frame.EncodeRow(nil, i)) != string(r.Features) {
				t.Fatalf("row %d is %s, want %s", i, all.IDs[i], r.ID)
			}
		}
		if dataset.Identity(c) != dataset.Identity(want) || !slices.Equal(c.Classes, []string{"0", "1"}) {
			t.Errorf("shuffled rows gave another dataset, with classes %v", c.Classes)
		}
	}
	if want.Recipe.Window != 800 || want.Recipe.WindowBy != "fixed" || want.Recipe.Holdout != 200 || want.Recipe.Schema != fmt.Sprintf("%08x", schema.Fingerprint()) {
		t.Errorf("the recipe is %+v", want.Recipe)
	}
}

// TestAssembleBreaksTiesByLog holds that rows of one moment stay in log order.
func TestAssembleBreaksTiesByLog(t *testing.T) {
	t.Parallel()
	rows := history(t, 400)
	for i := range rows {
		rows[i].Time = noon
	}
	c := assemble(t, dataset.Need{Model: model()}, shuffled(rows, 3))
	if c.Train.IDs[0] != "p00000" || c.Holdout.IDs[0] != "p00200" || c.Holdout.IDs[199] != "p00399" {
		t.Errorf("train begins with %s, holdout with %s", c.Train.IDs[0], c.Holdout.IDs[0])
	}
}

func TestHoldoutSize(t *testing.T) {
	t.Parallel()
	rows := history(t, 2000)
	f := func(want int, change func(*dataset.Need)) {
		t.Helper()
		n := dataset.Need{Model: model()}
		change(&n)
		c := assemble(t, n, rows)
		if c.Holdout.Len() != want || c.Train.Len()+want > len(rows) || c.Recipe.Holdout != want {
			t.Errorf("%d train, %d holdout rows; want %d held out", c.Train.Len(), c.Holdout.Len(), want)
		}
		for _, at := range c.Holdout.Times {
			if !at.After(n.HeldBack) {
				t.Fatalf("a row of %v is held out, and the champion was trained up to %v", at, n.HeldBack)
			}
		}
		if newest := c.Holdout.IDs[want-1]; newest != rows[len(rows)-1].ID {
			t.Errorf("the newest row held out is %s", newest)
		}
	}
	f(400, func(*dataset.Need) {})
	f(400, func(n *dataset.Need) { n.Model.Dataset.Holdout = 0 }) // The default.
	f(1000, func(n *dataset.Need) { n.Model.Dataset.Holdout = 0.5 })
	f(200, func(n *dataset.Need) { n.Model.Dataset.Holdout = 0.01 })  // Fewer say little.
	f(1800, func(n *dataset.Need) { n.Model.Dataset.Holdout = 0.99 }) // Something must be left to train on.
	f(200, func(n *dataset.Need) { n.Model.Dataset.MaxRows = 1000 })
	f(30, func(n *dataset.Need) { n.HeldBack = rows[1939].Time })  // Half of 60 new rows.
	f(100, func(n *dataset.Need) { n.HeldBack = rows[1799].Time }) // The others are left to learn from.
	f(15, func(n *dataset.Need) { n.HeldBack = rows[1969].Time })  // The row at the limit itself is out.
	f(200, func(n *dataset.Need) { n.Suffix = 1000 })              // A share of what came since the change.
	f(100, func(n *dataset.Need) { n.Suffix = 200 })
	f(50, func(n *dataset.Need) { n.Suffix, n.HeldBack = 1000, rows[1949].Time })
}

func TestAssembleRefuses(t *testing.T) {
	t.Parallel()
	rows := history(t, 300)
	f := func(n dataset.Need, rows []dataset.Row) {
		t.Helper()
		_, err := dataset.Assemble(n, decoder(n.Model), rows, nil)
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" {
			t.Errorf("got %v, want an error that says what to do", err)
		}
	}
	f(dataset.Need{Model: model()}, nil)
	f(dataset.Need{Model: model()}, rows[:1])
	f(dataset.Need{Model: model(), HeldBack: rows[299].Time}, rows)
	strange := history(t, 300)
	strange[7].Features = []byte{1, 2, 3, 4, 5}
	if _, err := dataset.Assemble(dataset.Need{Model: model()}, decoder(model()), strange, nil); err == nil {
		t.Error("a row of an unknown schema was taken")
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	f := func(task hone.Task, positive string, labels []string, want ...string) {
		t.Helper()
		m := model()
		m.Task, m.Label.Positive = task, positive
		rows := history(t, 400)
		for i := range rows {
			rows[i].Label = labels[i%len(labels)]
		}
		c := assemble(t, dataset.Need{Model: m}, rows)
		if !slices.Equal(c.Classes, want) {
			t.Errorf("%s, positive %q: got %q, want %q", task, positive, c.Classes, want)
		}
	}
	f(hone.Binary, "1", []string{"1", "0"}, "0", "1")
	f(hone.Binary, "bad", []string{"good", "bad"}, "good", "bad") // The positive comes last.
	f(hone.Binary, "1", []string{"1"}, "1")
	f(hone.Multiclass, "", []string{"c", "a", "b"}, "a", "b", "c")
	f(hone.Regression, "", []string{"3.5", "2"})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	rows := history(t, 2000)
	need := dataset.Need{Model: model(), Seed: 7}
	need.Model.Dataset.Window, need.Model.Dataset.History = "500", 0.4
	c := assemble(t, need, rows)
	if c.Recipe.Window != 500 || c.Recipe.History != 200 || c.Train.Len() != 700 || c.Holdout.Len() != 400 {
		t.Fatalf("recipe %+v, %d train rows", c.Recipe, c.Train.Len())
	}
	seen := map[hone.PredictionID]bool{}
	for i, id := range c.Train.IDs {
		n, err := strconv.Atoi(string(id[1:]))
		if err != nil || seen[id] || (i < 200) != (n < 1100) || string(c.Train.Frame.EncodeRow(nil, i)) != string(rows[n].Features) || c.Train.Labels[i] != rows[n].Label {
			t.Fatalf("train row %d is %s", i, id)
		}
		seen[id] = true
	}
	if !slices.IsSortedFunc(c.Train.Times, time.Time.Compare) {
		t.Error("the training rows are not in their order")
	}
	if again := assemble(t, need, shuffled(rows, 9)); dataset.Identity(again) != dataset.Identity(c) {
		t.Error("the same seed drew another history")
	}
	need.Seed = 8
	if other := assemble(t, need, rows); dataset.Identity(other) == dataset.Identity(c) {
		t.Error("another seed drew the same history")
	}
	need.Model.Dataset.Window, need.Model.Dataset.History = "1500", 0.9
	if most := assemble(t, need, rows); most.Recipe.History != 100 || most.Train.Len() != 1600 {
		t.Errorf("history of %d rows, %d train rows; 100 rows were left", most.Recipe.History, most.Train.Len())
	}
	need.Model.Dataset.Window = "all"
	if none := assemble(t, need, rows); none.Recipe.History != 0 || none.Train.Len() != 1600 {
		t.Errorf("history of %d rows, and nothing lies before the window", none.Recipe.History)
	}
}

func TestFixedWindow(t *testing.T) {
	t.Parallel()
	rows := history(t, 1000)
	for spec, want := range map[string]int{"all": 800, "300": 300, "1": 1, "5000": 800} {
		n := dataset.Need{Model: model()}
		n.Model.Dataset.Window = spec
		c := assemble(t, n, rows)
		if c.Train.Len() != want || c.Recipe.Window != want || c.Train.IDs[want-1] != "p00799" {
			t.Errorf("window %s: %d rows, up to %s", spec, c.Train.Len(), c.Train.IDs[c.Train.Len()-1])
		}
	}
	n := dataset.Need{Model: model()}
	n.Model.Dataset.Window = "auto"
	if c := assemble(t, n, rows[:150]); c.Train.Len() != 75 || c.Recipe.WindowBy == "fixed" {
		t.Errorf("too few rows to compare windows: %+v", c.Recipe)
	}
	if c, err := dataset.Assemble(n, decoder(n.Model), rows, nil); err != nil || c.Train.Len() != 800 {
		t.Errorf("without a proxy: %d rows, %v", c.Train.Len(), err)
	}
	failing := func(dataset.Rows, dataset.Rows, []string) ([]float64, error) { return nil, fmt.Errorf("no") }
	if c, err := dataset.Assemble(n, decoder(n.Model), rows, failing); err != nil || c.Train.Len() != 800 {
		t.Errorf("a proxy that fails: %d rows, %v", c.Train.Len(), err)
	}
}

// sea labels rows by a concept that changes to another one at row at.
func sea(seed uint64, n, at int) (hone.Model, []dataset.Row) {
	s := stream.NewSEA(seed, func(i int) int {
		if i < at {
			return 3
		}
		return 2
	}, 0.05)
	m := model()
	m.Features = s.Schema()
	f := frame.New(m.Features, n)
	rows := make([]dataset.Row, n)
	for i := range rows {
		rows[i] = dataset.Row{ID: hone.PredictionID(strconv.Itoa(i)), Time: noon.Add(time.Duration(i) * time.Second), Seq: int64(i + 1), Label: s.Next(f, i)}
	}
	for i, b := range f.EncodeRows() {
		rows[i].Features = b
	}
	m.Dataset.Window = "auto"
	return m, rows
}

// TestAutoWindow holds that the window is short after an abrupt change and long
// where nothing changed, over 20 seeds of each.
func TestAutoWindow(t *testing.T) {
	t.Parallel()
	const n, change = 6000, 4000
	short, whole := 0, 0
	for seed := range uint64(20) {
		m, rows := sea(seed, n, change)
		if c := assemble(t, dataset.Need{Model: m, Suffix: n - change}, rows); c.Recipe.Window <= n-change {
			short++
		}
		m, rows = sea(100+seed, n, 0)
		c := assemble(t, dataset.Need{Model: m}, rows)
		if c.Recipe.Window == n-c.Recipe.Holdout {
			whole++
		}
		if c.Recipe.Window < 2000 {
			t.Errorf("without a change, seed %d: a window of %d rows", 100+seed, c.Recipe.Window)
		}
	}
	if short < 18 {
		t.Errorf("after a change %d of 20 windows lie behind it, want at least 18", short)
	}
	if whole < 14 {
		t.Errorf("without a change %d of 20 windows are whole, want at least 14", whole)
	}
}

// TestAutoWindowIgnoresUnpricedRows holds that one row without a price does not
// blind the choice for a loss by column.
func TestAutoWindowIgnoresUnpricedRows(t *testing.T) {
	t.Parallel()
	m, rows := sea(5, 6000, 4000)
	m.Features = append(slices.Clone(m.Features), frame.Field{Name: "price", Kind: frame.Number})
	m.Loss = hone.Loss{Kind: hone.ByColumn, Column: "price"}
	old := m.Features[:3]
	f, err := frame.Decoder{Target: m.Features, Schemas: map[uint32]frame.Schema{old.Fingerprint(): old}}.Frame(features(rows))
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.N {
		if i%10 != 0 {
			f.Cols[3].Num[i] = 2
		}
	}
	for i, b := range f.EncodeRows() {
		rows[i].Features = b
	}
	if c := assemble(t, dataset.Need{Model: m, Suffix: 2000}, rows); c.Recipe.Window > 2000 {
		t.Errorf("the window is %d rows, and the change was 2000 rows ago", c.Recipe.Window)
	}
}

func features(rows []dataset.Row) (out [][]byte) {
	for _, r := range rows {
		out = append(out, r.Features)
	}
	return out
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	rows := history(t, 400)
	n := dataset.Need{Model: model()}
	want := dataset.Identity(assemble(t, n, rows))
	if len(want) != 64 {
		t.Errorf("the identity is %q", want)
	}
	differs := func(what string, change func([]dataset.Row)) {
		t.Helper()
		other := slices.Clone(rows)
		change(other)
		if got := dataset.Identity(assemble(t, n, other)); got == want {
			t.Errorf("another %s gave the same identity", what)
		}
	}
	for _, i := range []int{0, 150, 299, 300, 399} {
		differs("label", func(r []dataset.Row) { r[i].Label = strconv.Itoa(1 - int(r[i].Label[0]-'0')) })
		differs("time", func(r []dataset.Row) { r[i].Time = r[i].Time.Add(time.Microsecond) })
		differs("feature", func(r []dataset.Row) { r[i].Features = r[i^1].Features })
	}
	same := slices.Clone(rows)
	for i := range same { // Who and in which log is not what is learned from.
		same[i].ID, same[i].Unit, same[i].Seq = hone.PredictionID(fmt.Sprint("q", i)), "other", int64(i+7)
		same[i].Time = same[i].Time.Add(300 * time.Nanosecond).In(time.FixedZone("east", 3600))
	}
	if got := dataset.Identity(assemble(t, n, same)); got != want {
		t.Error("the identity depends on names, or on less than a microsecond")
	}
	c := assemble(t, n, rows)
	c.Train, c.Holdout = dataset.Join(c.Train, c.Holdout.Slice(0, 1)), c.Holdout.Slice(1, c.Holdout.Len())
	if dataset.Identity(c) == want {
		t.Error("another split gave the same identity")
	}
	c = assemble(t, n, rows)
	c.Anchor = c.Holdout.Slice(0, 3)
	if dataset.Identity(c) == want {
		t.Error("anchors do not count")
	}
}

func TestSaltedIDs(t *testing.T) {
	t.Parallel()
	rows := history(t, 400)
	c := assemble(t, dataset.Need{Model: model()}, rows)
	want := dataset.SaltedIDs(c, "salt")
	if len(want) != 64 || dataset.SaltedIDs(c, "salt") != want {
		t.Errorf("the hash is %q, then %q", want, dataset.SaltedIDs(c, "salt"))
	}
	if dataset.SaltedIDs(c, "pepper") == want {
		t.Error("the salt does not count")
	}
	moved := c
	moved.Train, moved.Holdout = c.Holdout, c.Train
	if dataset.SaltedIDs(moved, "salt") != want {
		t.Error("the order counts, and should not")
	}
	moved.Train.IDs = slices.Clone(moved.Train.IDs)
	moved.Train.IDs[0] = "someone else"
	if dataset.SaltedIDs(moved, "salt") == want {
		t.Error("an id does not count")
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	rows := history(t, 400)
	c := assemble(t, dataset.Need{Model: model()}, rows[:300])
	got, err := dataset.Extend(c.Holdout, decoder(model()), shuffled(rows[300:], 1))
	if err != nil || got.Len() != 250 || got.IDs[149] != "p00299" || got.IDs[150] != "p00300" || got.IDs[249] != "p00399" || got.Frame.N != 250 {
		t.Fatalf("%d rows, %v", got.Len(), err)
	}
	if string(got.Frame.EncodeRow(nil, 200)) != string(rows[350].Features) {
		t.Error("the features are those of another row")
	}
	if same, err := dataset.Extend(c.Holdout, decoder(model()), nil); err != nil || same.Len() != 150 {
		t.Errorf("by nothing: %d rows, %v", same.Len(), err)
	}
	if y := got.Targets(hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}}); len(y) != 250 || y[0] != float64(got.Labels[0][0]-'0') {
		t.Errorf("the targets are %v", y)
	}
}

// TestOddLabels: one slip of a sender does not stop a binary model's runs, and
// many are no slip.
func TestOddLabels(t *testing.T) {
	t.Parallel()
	f := func(odd, want int) {
		t.Helper()
		rows := history(t, 1000)
		for i := range odd {
			rows[20*i].Label = "purple"
		}
		if c := assemble(t, dataset.Need{Model: model()}, rows); len(c.Classes) != want {
			t.Errorf("%d odd labels of 1000: classes %q", odd, c.Classes)
		}
	}
	f(0, 2)
	f(1, 2)
	f(10, 2)
	f(11, 3)
}
