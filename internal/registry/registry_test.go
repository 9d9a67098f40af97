package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/registry"
	"hone/internal/store"
)

var (
	noon      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	features  = frame.Schema{{Name: "x", Kind: frame.Number}}
	signature = hone.Signature{Task: hone.Binary, Features: features, Classes: []string{"0", "1"}, Threshold: 0.5}
)

func open(t *testing.T) (*store.DB, *registry.Registry) {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, registry.New(db, db.Blobs(), func(string) predictor.Options { return predictor.Options{} })
}

func save(t *testing.T, db *store.DB, v hone.Version) {
	t.Helper()
	if _, err := db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Action: "version", Model: v.Model}, Version: &v}); err != nil {
		t.Fatal(err)
	}
}

// artefact writes a linear model that says 1 where x is positive.
func artefact(t *testing.T) string {
	t.Helper()
	rows, targets := frame.New(features, 200), make([]float64, 200)
	for i := range targets {
		rows.Cols[0].Num[i] = float64(i) - 99.5
		if i >= 100 {
			targets[i] = 1
		}
	}
	m, err := linear.Fit(rows, targets, nil, linear.Defaults(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := predictor.WriteLinear(dir, signature, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNextID(t *testing.T) {
	t.Parallel()
	db, r := open(t)
	next := func(model string, want hone.VersionID) {
		t.Helper()
		if got, err := r.NextID(t.Context(), model); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", model, got, err, want)
		}
	}
	next("fraud", "v1")
	for i, id := range []hone.VersionID{"v1", "v1-twin", "v2", "v9", "v10", "v10-twin"} {
		save(t, db, hone.Version{ID: id, Model: "fraud", Format: "linear", Created: noon.Add(time.Duration(i) * time.Hour)})
	}
	save(t, db, hone.Version{ID: "v40", Model: "churn", Created: noon})
	save(t, db, hone.Version{ID: "v3", Model: "churn", Created: noon.Add(time.Hour)})
	next("fraud", "v11") // By number, not by letters.
	next("churn", "v41")
	// A twin's own number counts, so that no version ever takes it over.
	save(t, db, hone.Version{ID: "v11-twin", Model: "fraud", Created: noon})
	next("fraud", "v12")
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	db, r := open(t)
	dir := artefact(t)
	v, err := r.Seal(dir, hone.Version{ID: "v1", Model: "fraud", Signature: signature, Created: noon})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range v.Files {
		names = append(names, f.Name)
	}
	if v.Format != "linear" || len(v.Artefact) != 64 || !slices.Equal(names, []string{"hone.json", "model.json"}) {
		t.Errorf("sealed as %q, %q, files %v", v.Format, v.Artefact, names)
	}
	if err := os.RemoveAll(dir); err != nil { // The registry has its own copy.
		t.Fatal(err)
	}
	save(t, db, v)
	p, err := r.Open(t.Context(), "fraud", "v1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rows := frame.New(features, 2)
	rows.Cols[0].Num[0], rows.Cols[0].Num[1] = -50, 50
	want, err := p.Predict(t.Context(), rows)
	if err != nil || want.V[0] > 0.5 || want.V[1] < 0.5 {
		t.Errorf("the opened version says %v, %v", want.V, err)
	}
	got, err := r.ScoreVersion(t.Context(), v, rows)
	if err != nil || !slices.Equal(got.V, want.V) {
		t.Errorf("ScoreVersion says %v, %v; want %v", got.V, err, want.V)
	}
	if _, err := r.Open(t.Context(), "fraud", "v2"); !is(err, hone.NotFound) {
		t.Errorf("a version that is not there: got %v", err)
	}
}

func is(err error, code hone.Code) bool {
	e, ok := hone.AsError(err)
	return ok && e.Code == code && e.Hint != ""
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	_, r := open(t)
	dir := artefact(t)
	f := func(want string, change func(*hone.Signature)) {
		t.Helper()
		s := signature
		change(&s)
		v, err := r.Seal(dir, hone.Version{ID: "v1", Model: "fraud", Signature: s})
		if !is(err, hone.Invalid) || !strings.Contains(err.Error(), want) || v.Artefact != "" {
			t.Errorf("got %q, %v; want an error about the %s", v.Artefact, err, want)
		}
	}
	f("task", func(s *hone.Signature) { s.Task, s.Classes = hone.Regression, nil })
	f("list of classes", func(s *hone.Signature) { s.Classes = []string{"1", "0"} })
	f("list of classes", func(s *hone.Signature) { s.Classes = []string{"0 1"} })
	f("list of classes", func(s *hone.Signature) { s.Task, s.Classes = hone.Binary, []string{"0", "1", "2"} })
	f("list of features", func(s *hone.Signature) { s.Features = frame.Schema{{Name: "y", Kind: frame.Number}} })
	f("list of features", func(s *hone.Signature) { s.Features = frame.Schema{{Name: "x", Kind: frame.Text}} })
	if _, err := r.Seal(t.TempDir(), hone.Version{Signature: signature}); !is(err, hone.Invalid) || !strings.Contains(err.Error(), "hone.json") {
		t.Errorf("an empty folder: got %v", err)
	}
	a := hone.Signature{Task: hone.Multiclass, Classes: []string{"a b", "c"}}
	b := hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b c"}}
	if err := registry.SameSignature(a, b); err == nil {
		t.Error("classes with spaces in them were confused")
	}
	a.Threshold = 0.9 // What wins the decision is the version's own business.
	if err := registry.SameSignature(a, hone.Signature{Task: a.Task, Classes: a.Classes, Threshold: 0.1}); err != nil {
		t.Errorf("another threshold: got %v", err)
	}
}

func TestOpenVerifiesHashes(t *testing.T) {
	t.Parallel()
	db, r := open(t)
	v, err := r.Seal(artefact(t), hone.Version{ID: "v1", Model: "fraud", Signature: signature, Created: noon})
	if err != nil {
		t.Fatal(err)
	}
	save(t, db, v)
	dir, err := r.Dir(v)
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, damage, mend func() error) {
		t.Helper()
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		_, opened := r.Open(t.Context(), "fraud", "v1")
		_, found := r.Dir(v)
		_, scored := r.ScoreVersion(t.Context(), v, frame.New(features, 1))
		for _, err := range []error{opened, found, scored} {
			if !is(err, hone.Internal) || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want an error that names %s", err, name)
			}
		}
		if opened != nil && !strings.Contains(opened.Error(), "fraud v1") {
			t.Errorf("%v does not name the version", opened)
		}
		if err := mend(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Dir(v); err != nil {
			t.Fatalf("mended: %v", err)
		}
	}
	for _, name := range []string{"model.json", "hone.json"} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		flipped := slices.Clone(whole)
		flipped[len(flipped)/2] ^= 1
		mend := func() error { return os.WriteFile(path, whole, 0o600) }
		f(name, func() error { return os.WriteFile(path, flipped, 0o600) }, mend)
		f(name, func() error { return os.WriteFile(path, whole[:len(whole)-1], 0o600) }, mend)
		f(name, func() error { return os.Remove(path) }, mend)
	}
	extra := filepath.Join(dir, "extra.py")
	f("extra.py", func() error { return os.WriteFile(extra, []byte("x"), 0o600) }, func() error { return os.Remove(extra) })
}

type aliases = map[hone.Alias]hone.VersionID

// after makes the moves and writes what the aliases are then, and the moves.
func after(t *testing.T, have aliases, moves []hone.AliasMove) string {
	t.Helper()
	now := aliases{}
	for a, v := range have {
		now[a] = v
	}
	seen := map[hone.Alias]bool{}
	for _, m := range moves {
		if m.Model != "fraud" || m.At != noon || m.By != "ada" || m.Run != "fraud-3" || m.Reason != "why" || seen[m.Alias] {
			t.Errorf("move %+v is incomplete, or there twice", m)
		}
		seen[m.Alias] = true
		if now[m.Alias] = m.Version; m.Version == "" {
			delete(now, m.Alias)
		}
	}
	return fmt.Sprint(now)
}

func TestAliasMoves(t *testing.T) {
	t.Parallel()
	const c, p, can, cha = hone.Champion, hone.Previous, hone.Candidate, hone.Challenger
	crown := func(have aliases, v hone.VersionID, want aliases) {
		t.Helper()
		if got := after(t, have, registry.Crown("fraud", have, v, noon, "ada", "fraud-3", "why")); got != fmt.Sprint(want) {
			t.Errorf("crown %s over %v: got %s, want %v", v, have, got, want)
		}
	}
	crown(aliases{}, "v1", aliases{c: "v1"})
	crown(aliases{can: "v1"}, "v1", aliases{c: "v1"})
	crown(aliases{c: "v1", can: "v2"}, "v2", aliases{c: "v2", p: "v1"})
	crown(aliases{c: "v2", p: "v1", cha: "v3"}, "v3", aliases{c: "v3", p: "v2"})
	crown(aliases{c: "v2", p: "v1", can: "v3", cha: "v3"}, "v3", aliases{c: "v3", p: "v2"})
	crown(aliases{c: "v2", p: "v1"}, "v2", aliases{c: "v2", p: "v1"}) // Again: previous is not lost.
	crown(aliases{c: "v2", p: "v1"}, "v1", aliases{c: "v1", p: "v2"})

	dethrone := func(have aliases, to hone.VersionID, want aliases) {
		t.Helper()
		if got := after(t, have, registry.Dethrone("fraud", have, to, noon, "ada", "fraud-3", "why")); got != fmt.Sprint(want) {
			t.Errorf("dethrone %v for %s: got %s, want %v", have, to, got, want)
		}
	}
	dethrone(aliases{c: "v2", p: "v1"}, "v1", aliases{c: "v1"})
	dethrone(aliases{c: "v3", p: "v2"}, "v1", aliases{c: "v1"}) // v2 was passed over.
	dethrone(aliases{c: "v2", p: "v1", can: "v3", cha: "v3"}, "v1", aliases{c: "v1"})

	withdraw := func(have, want aliases) {
		t.Helper()
		if got := after(t, have, registry.Withdraw("fraud", have, noon, "ada", "fraud-3", "why")); got != fmt.Sprint(want) {
			t.Errorf("withdraw %v: got %s, want %v", have, got, want)
		}
	}
	withdraw(aliases{c: "v2", p: "v1", can: "v3"}, aliases{c: "v2", p: "v1"})
	withdraw(aliases{c: "v2", cha: "v3"}, aliases{c: "v2"})
	withdraw(aliases{c: "v2", p: "v1", can: "v3", cha: "v3"}, aliases{c: "v2", p: "v1"})
	if moves := registry.Withdraw("fraud", aliases{c: "v2"}, noon, "ada", "fraud-3", "why"); len(moves) != 0 {
		t.Errorf("nothing under test: got %v", moves)
	}
}

// TestAliasMovesInStore holds that the store takes the moves as they are.
func TestAliasMovesInStore(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	for _, id := range []hone.VersionID{"v1", "v2"} {
		save(t, db, hone.Version{ID: id, Model: "fraud", Created: noon})
	}
	move := func(moves []hone.AliasMove, want aliases) {
		t.Helper()
		if _, err := db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Action: "promoted", Model: "fraud"}, Aliases: moves}); err != nil {
			t.Fatal(err)
		}
		got, err := db.Aliases(t.Context(), "fraud")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	have := aliases{}
	move(registry.Crown("fraud", have, "v1", noon, "ada", "", "first"), aliases{hone.Champion: "v1"})
	have = aliases{hone.Champion: "v1"}
	move(registry.Crown("fraud", have, "v2", noon, "ada", "", "better"), aliases{hone.Champion: "v2", hone.Previous: "v1"})
	have = aliases{hone.Champion: "v2", hone.Previous: "v1"}
	move(registry.Dethrone("fraud", have, "v1", noon, "ada", "", "worse"), aliases{hone.Champion: "v1"})
}

// TestScore asks a folder that is no version yet, and a broken one.
func TestScore(t *testing.T) {
	t.Parallel()
	_, r := open(t)
	dir, rows := artefact(t), frame.New(features, 2)
	rows.Cols[0].Num[0], rows.Cols[0].Num[1] = -50, 50
	got, err := r.Score(t.Context(), "fraud", dir, rows)
	if err != nil || len(got.V) != 2 || got.V[0] > 0.5 || got.V[1] < 0.5 {
		t.Errorf("the folder says %v (%v)", got.V, err)
	}
	if err := os.Truncate(filepath.Join(dir, "model.json"), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Score(t.Context(), "fraud", dir, rows); err == nil {
		t.Error("half a model scores rows")
	}
}

// TestBrokenPoints breaks each place on the way of an artefact: nothing comes of
// it, and afterwards all goes as ever. It is not parallel: what it breaks is broken
// for the process.
func TestBrokenPoints(t *testing.T) {
	db, r := open(t)
	dir := artefact(t)
	v := hone.Version{ID: "v1", Model: "fraud", Signature: signature, Created: noon}
	for _, p := range []fault.Point{fault.Collect, fault.Seal, fault.Sealed} {
		disarm := fault.Arm(fault.Rule{Point: p, Mode: fault.Error, N: 1})
		_, err := r.Seal(dir, v)
		if hits := disarm(); err == nil || hits[p] != 1 {
			t.Errorf("%s: %v after %d hits", p, err, hits[p])
		}
	}
	v, err := r.Seal(dir, v)
	if err != nil {
		t.Fatal(err)
	}
	save(t, db, v)
	disarm := fault.Arm(fault.Rule{Point: fault.OpenVersion, Mode: fault.Error, N: 1})
	if _, err := r.Open(t.Context(), "fraud", "v1"); err == nil || !strings.Contains(err.Error(), "open fraud v1") {
		t.Errorf("the version opens, or nobody knows which does not: %v", err)
	}
	disarm()
	p, err := r.Open(t.Context(), "fraud", "v1")
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}
