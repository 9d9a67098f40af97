package predictor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
)

// fitted returns a linear model of binary's features, with the rows it learned.
func fitted(t *testing.T) (*linear.Model, *frame.Frame) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	f := frame.New(binary.Features, 3000)
	y := make([]float64, f.N)
	for i := range y {
		f.Cols[0].Num[i] = r.NormFloat64()
		f.Cols[1].Str[i] = []string{"de", "fr"}[i%2]
		if f.Cols[0].Num[i] > 0 {
			y[i] = 1
		}
	}
	o := linear.Defaults()
	o.Epochs = 3
	m, err := linear.Fit(f, y, nil, o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, f
}

func TestLinearArtefact(t *testing.T) {
	t.Parallel()
	m, f := fitted(t)
	dir := t.TempDir()
	if err := predictor.WriteLinear(dir, binary, m); err != nil {
		t.Fatal(err)
	}
	p := open(t, dir, predictor.Options{})
	got, err := p.Predict(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, f.N)
	m.Predict(f, want)
	if !slices.Equal(got.V, want) || got.Width != 1 {
		t.Error("the artefact scores other than the model that was written")
	}
	if p.Memory() <= 0 || p.Signature().Task != hone.Binary {
		t.Errorf("memory %d, signature %v", p.Memory(), p.Signature())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Predict(gone, f); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if _, err := p.Predict(t.Context(), frame.New(binary.Features[:1], 1)); code(err) != hone.Invalid {
		t.Errorf("other features: got %v", err)
	}
	if _, err := p.Predict(t.Context(), frame.New(frame.Schema{binary.Features[1], binary.Features[0]}, 1)); code(err) != hone.Invalid {
		t.Errorf("other order: got %v", err)
	}
}

func TestLinearArtefactIsChecked(t *testing.T) {
	t.Parallel()
	m, _ := fitted(t)
	f := func(s hone.Signature, spoil func(path string), want string) {
		t.Helper()
		dir := t.TempDir()
		if err := predictor.WriteLinear(dir, s, m); err != nil {
			t.Fatal(err)
		}
		spoil(filepath.Join(dir, "model.json"))
		_, err := predictor.Open(t.Context(), dir, predictor.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	none := func(string) {}
	other := binary
	other.Features = binary.Features[:1]
	f(other, none, "does not fit")
	f(hone.Signature{Task: hone.Regression, Features: binary.Features}, none, "the model is for the task binary, the signature for regression")
	f(binary, func(path string) { _ = os.Remove(path) }, "no such file")
	f(binary, func(path string) { _ = os.Truncate(path, 100) }, "model.json")
	f(binary, func(path string) { _ = os.Remove(path); _ = os.Symlink("/dev/zero", path) }, "not a regular file")
}
