//go:build cgo

package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
)

// options are those of an artefact that this test binary serves, contained. They need
// the library of ONNX Runtime.
func options(t *testing.T) predictor.Options {
	t.Helper()
	library, err := predictor.FindLibrary(os.Getenv("HONE_TEST_ONNX_LIBRARY"), os.Getenv("HONE_TEST_PYTHON"))
	if err != nil {
		t.Skip("NOT TESTED: models of ONNX. Set HONE_TEST_ONNX_LIBRARY to libonnxruntime.so, or HONE_TEST_PYTHON to a Python that has examples/python/requirements.txt installed: ", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return predictor.Options{ONNX: predictor.Runtime{Program: self, Library: library}, Box: sandbox.Spec{Program: "/proc/self/exe"}}
}

func openArtefact(t *testing.T, dir string) predictor.Predictor {
	t.Helper()
	p, err := predictor.Open(t.Context(), dir, options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// known reads the rows of an artefact in testdata, and what the model's maker says of
// them.
func known(t *testing.T, dir string, s frame.Schema) (*frame.Frame, [][]float64) {
	t.Helper()
	var k struct {
		Rows   [][]any
		Scores [][]float64
	}
	b, err := os.ReadFile(filepath.Join(dir, "known.json"))
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	if err != nil {
		t.Fatal(err)
	}
	rows := frame.New(s, len(k.Rows))
	for i, row := range k.Rows {
		for c, v := range row {
			if err := rows.Set(i, c, v); v != nil && err != nil {
				t.Fatal(err)
			}
		}
	}
	return rows, k.Scores
}

// TestModelsOfScikitLearn holds the scores of models in testdata to those that
// scikit-learn gave.
func TestModelsOfScikitLearn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"matrix", "columns", "regression"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", name)
			p := openArtefact(t, dir)
			rows, want := known(t, dir, p.Signature().Features)
			got, err := p.Predict(t.Context(), rows)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range want {
				for k, x := range row {
					if !(math.Abs(got.Row(i)[k]-x) <= 1e-5) {
						t.Fatalf("row %d: got %v, want %v", i, got.Row(i), row)
					}
				}
				one, err := p.Predict(t.Context(), rows.Slice(i, i+1))
				if err != nil || !(math.Abs(one.V[0]-got.Row(i)[0]) <= 1e-6) {
					t.Fatalf("row %d alone: got %v, %v; among others %v", i, one.V, err, got.Row(i))
				}
			}
			if m := p.Memory(); m < 10<<20 || m > 300<<20 {
				t.Errorf("memory is %d bytes", m)
			}
		})
	}
}

func TestKilledServerComesBack(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs(copied(t, "matrix"))
	if err != nil {
		t.Fatal(err)
	}
	p := openArtefact(t, dir)
	rows, _ := known(t, dir, p.Signature().Features)
	before, err := p.Predict(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	first := serving(dir)
	if len(first) != 1 {
		t.Fatalf("%d processes serve the artefact", len(first))
	}
	if err := syscall.Kill(first[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(20 * time.Second); ; {
		after, err := p.Predict(t.Context(), rows)
		if e, ok := hone.AsError(err); err != nil && (!ok || e.Code != hone.Unavailable) {
			t.Fatal(err)
		}
		if now := serving(dir); err == nil && len(now) == 1 && now[0] != first[0] {
			if after.V[0] != before.V[0] {
				t.Errorf("after it came back: %v, before %v", after.V[0], before.V[0])
			}
			return
		}
		select {
		case <-deadline:
			t.Fatal("it did not come back within 20 s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// serving lists the processes that serve an artefact.
func serving(dir string) (out []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		if b, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(b), "\x00"+dir+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			out = append(out, pid)
		}
	}
	return out
}

// copied copies an artefact of testdata into a folder of its own.
func copied(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAnotherLibraryIsRefused takes a shared library that lies beside the right one.
func TestAnotherLibraryIsRefused(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.ONNX.Library = filepath.Join(filepath.Dir(o.ONNX.Library), "libonnxruntime_providers_shared.so")
	if _, err := os.Stat(o.ONNX.Library); err != nil {
		t.Skip("NOT TESTED: there is no other library beside that of ONNX Runtime: ", err)
	}
	_, err := predictor.Open(t.Context(), "testdata/matrix", o)
	if err == nil || !strings.Contains(err.Error(), "must be ONNX Runtime 1.24 or newer") {
		t.Errorf("got %v", err)
	}
}

func TestHostileModels(t *testing.T) {
	t.Parallel()
	f := func(dir string, memory int64, want ...string) {
		t.Helper()
		o := options(t)
		o.Box.Memory = memory
		p, err := predictor.Open(t.Context(), dir, o)
		if err == nil {
			t.Errorf("%s was opened", dir)
			p.Close()
			return
		}
		for _, w := range want {
			if e, ok := hone.AsError(err); !ok || e.Code != hone.Unavailable || !strings.Contains(e.Message, w) {
				t.Errorf("%s: got %v; want an error with %q", dir, err, w)
			}
		}
	}
	f("testdata/zipmap", 0, "exit status 1", "options={id(model): {'zipmap': False}}")
	f("testdata/fixed", 0, "for a fixed number of rows")
	f("testdata/outside", 0, "escapes model directory")
	f("testdata/giant", 0, "exit status 1", "bad_alloc")
	garbage := copied(t, "matrix")
	model := filepath.Join(garbage, predictor.ONNXFile)
	if err := os.Truncate(model, 3000); err != nil {
		t.Fatal(err)
	}
	f(garbage, 0, "exit status 1", "Protobuf parsing failed")
	if err := os.WriteFile(model, []byte(strings.Repeat("garbage", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	f(garbage, 0, "exit status 1", "open model.onnx")
	have, err := sandbox.Probe("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if !have.Holds(sandbox.CgroupMemory) {
		t.Skip("NOT TESTED: a model that takes more memory than it may: ", have)
	}
	f("testdata/large", 256<<20, "killed", "out of memory")
}

// TestEndlessRunEnds gives up a run that would go on for ever, after which the model
// answers again.
func TestEndlessRunEnds(t *testing.T) {
	t.Parallel()
	p := openArtefact(t, "testdata/endless")
	rows := frame.New(p.Signature().Features, 1)
	rows.Cols[0].Num[0], rows.Cols[1].Num[0] = 1, 1
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Predict(ctx, rows); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	rows.Cols[0].Num[0], rows.Cols[1].Num[0] = -2, -1
	if got, err := p.Predict(t.Context(), rows); err != nil || got.V[0] != -1 {
		t.Errorf("got %v, %v", got, err)
	}
}
