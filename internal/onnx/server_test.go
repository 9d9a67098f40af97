package onnx

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hone/internal/predictor"
)

// fake is a model whose score is its only input.
type fake struct {
	inputs, outputs []port
	answer          func(ctx context.Context, in []tensor) ([]float64, []int64, error)
}

func (f fake) describe(string) (inputs, outputs []port, err error) { return f.inputs, f.outputs, nil }
func (f fake) load(string, []port, port) (session, error)          { return f, nil }
func (f fake) run(ctx context.Context, in []tensor) ([]float64, []int64, error) {
	if f.answer != nil {
		return f.answer(ctx, in)
	}
	return in[0].f64, in[0].shape, nil
}

func newFake(t *testing.T, run func(context.Context, []tensor) ([]float64, []int64, error)) *server {
	t.Helper()
	s, err := open(fake{[]port{in("X", float64s, -1, 1)}, []port{in("p", float64s, -1, 1)}, run}, "", manifest(pair[:1], predictor.ONNX{}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(ctx context.Context, s *server, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestInfer(t *testing.T) {
	t.Parallel()
	s := newFake(t, nil)
	f := func(body string, status int, want string) {
		t.Helper()
		if got, said := ask(t.Context(), s, http.MethodPost, "/v2/models/model/infer", body); got != status || !strings.Contains(said, want) {
			t.Errorf("%s: got %d, %s; want %d, %s", body, got, said, status, want)
		}
	}
	const head = `{"inputs":[{"name":"a","shape":[2],"datatype":"FP64","data":`
	f(head+`[0.25, 1e-1]}]}`, 200, `{"model_name":"model","outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.25,0.1]}]}`)
	f(`{"id":"p\"1",`+head[1:]+`[1,2]}]}`, 200, `"id":"p\"1"`)
	f(head+`[1,null]}]}`, 500, "the model gave NaN for row 1")
	f(head+`[1]}]}`, 400, `"a\" has 1 values for the shape [2]`)
	f(head+`[1,"2"]}]}`, 400, "is no number")
	f(head+`[1,[2]]}]}`, 400, "is no number")
	f(head+`1}]}`, 400, "no list")
	f(head+`[]}]}`, 400, "has 0 values")
	f(strings.Replace(head, "[2]", "[0]", 1)+`[]}]}`, 400, "no rows")
	f(strings.Replace(head, "FP64", "FP32", 1)+`[1,2]}]}`, 400, "not FP64")
	f(strings.Replace(head, `"a"`, `"b"`, 1)+`[1,2]}]}`, 400, "is no feature")
	f(`{"inputs":[]}`, 400, "has 0 inputs")
	f(head, 400, "not JSON")
}

// TestReadiness stands for a run that the model does not let end.
func TestReadiness(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	s := newFake(t, func(ctx context.Context, in []tensor) ([]float64, []int64, error) {
		close(begun)
		<-end
		return nil, nil, context.Cause(ctx)
	})
	ready := func(want int) {
		t.Helper()
		if got, said := ask(t.Context(), s, http.MethodGet, "/v2/health/ready", ""); got != want {
			t.Errorf("ready: %d, %s; want %d", got, said, want)
		}
	}
	ready(200)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = ask(ctx, s, http.MethodPost, "/v2/models/model/infer", `{"inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[1]}]}`)
	}()
	<-begun
	ready(200)
	cancel()
	for s.stuck.Load() == 0 {
		select {
		case <-over:
			t.Fatal("the run is over")
		case <-time.After(time.Millisecond):
		}
	}
	ready(503)
	close(end)
	<-over
	ready(200)
}

func TestWarmRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such kernel")
	s := newFake(t, func(context.Context, []tensor) ([]float64, []int64, error) { return nil, nil, broken })
	if err := s.warm(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	s = newFake(t, func(context.Context, []tensor) ([]float64, []int64, error) {
		return []float64{1}, []int64{1, 1}, nil
	})
	if err := s.warm(t.Context()); err == nil {
		t.Error("one score for two rows was taken")
	}
	s = newFake(t, func(_ context.Context, in []tensor) ([]float64, []int64, error) {
		if !slices.Equal(in[0].f64, []float64{0, 0}) {
			t.Errorf("the first rows are %v", in[0].f64)
		}
		return []float64{math.Inf(-1), 0}, []int64{2, 1}, nil // Of zeros, which need not be a row that is ever asked for.
	})
	if err := s.warm(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMainRefuses(t *testing.T) {
	t.Parallel()
	f := func(want int, says string, args ...string) {
		t.Helper()
		var said strings.Builder
		if got := Main(args, func(string) string { return "" }, &said); got != want || !strings.Contains(said.String(), says) {
			t.Errorf("%q: got %d, %s", args, got, said.String())
		}
	}
	dir := t.TempDir()
	f(0, "hone-onnx serves", "--help")
	f(2, "not defined", "--port", "1")
	f(2, "hone-onnx serves", "a", "b")
	f(1, "there is no hone.json", dir)
	if err := os.WriteFile(filepath.Join(dir, predictor.ManifestName), []byte(`{"format":"linear","signature":{"task":"regression","features":[{"name":"x","kind":"number"}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f(1, "format is linear, not onnx", dir)
	f(1, "no shared library of ONNX Runtime at /no/such", "--library", "/no/such", "testdata/matrix")
}

func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"id":"1","inputs":[{"name":"a","shape":[2],"datatype":"FP64","data":[1,null]},{"name":"shop","shape":[2],"datatype":"BYTES","data":["x","é"]}]}`))
	f.Add([]byte(`{"inputs":[{"name":"a","shape":[1],"datatype":"FP64","data":[[1]]},{"name":"shop","shape":[1],"datatype":"BYTES","data":[null]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, _, err := readRequest(body, pair)
		if err != nil {
			return
		}
		for i := range rows.Cols {
			if n := len(rows.Cols[i].Num) + len(rows.Cols[i].Str); n != rows.N || n == 0 {
				t.Errorf("%q: column %d has %d values of %d", body, i, n, rows.N)
			}
		}
	})
}
