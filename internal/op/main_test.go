package op_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/op"
)

const configuration = `version: 1
server: {data: %q}
models:
  fraud:
    task: binary
    features: {amount: number, country: category}
    label: {name: is_fraud}
  price:
    task: regression
    features: {size: number}
    label: {name: price}
  kind:
    task: multiclass
    features: {note: text}
    label: {name: kind}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// start builds a Hone that moves only when stepped, at noon of 1 March 2026.
func start(t testing.TB) world {
	t.Helper()
	return startWith(t, fmt.Appendf(nil, configuration, filepath.Join(t.TempDir(), "data")))
}

// startWith builds one of another configuration.
func startWith(t testing.TB, text []byte) world {
	t.Helper()
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	hands := clock.NewFake(now)
	a, err := app.New(t.Context(), app.Options{Config: c, Text: text, Inline: true, Clock: hands})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return world{a, hands}
}

// world is a Hone with its clock.
type world struct {
	*app.App
	hands *clock.Fake
}

// call does an operation as its owner.
func call[O any](t testing.TB, a world, name string, in any) (O, error) {
	t.Helper()
	o, ok := op.Find(name)
	if !ok {
		t.Fatalf("there is no operation %q", name)
	}
	out, err := o.Call(t.Context(), a.Service(), op.Caller{Name: "ada", Role: op.Admin}, in)
	got, _ := out.(O)
	return got, err
}

func must[O any](t *testing.T, a world, name string, in any) O {
	t.Helper()
	out, err := call[O](t, a, name, in)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// stored counts what the log of a model holds.
func stored(t testing.TB, a world, model string) [2]int64 {
	t.Helper()
	p, f, _, err := a.Service().Events.LastSeq(context.Background(), model)
	if err != nil {
		t.Fatal(err)
	}
	return [2]int64{p, f}
}

// refused checks an error that a caller can act on.
func refused(t *testing.T, what string, err error, code hone.Code) *hone.Error {
	t.Helper()
	e, ok := hone.AsError(err)
	if !ok || e.Code != code || e.Hint == "" {
		t.Errorf("%s: %v, want %s with a hint", what, err, code)
		return &hone.Error{}
	}
	return e
}
