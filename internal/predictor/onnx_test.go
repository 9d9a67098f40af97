package predictor_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/predictor"
)

// onnxArtefact writes an artefact of the format onnx, whose model is no model.
func onnxArtefact(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, predictor.ONNXFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := predictor.Manifest{Format: "onnx", Signature: binary, ONNX: &predictor.ONNX{Categories: map[string][]string{"country": {"CH", "DE"}}}}
	if err := predictor.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestONNXIsServedByItsProgram(t *testing.T) {
	t.Parallel()
	here := t.TempDir()
	library, program := filepath.Join(here, "libonnxruntime.so.1"), filepath.Join(here, "hone-onnx")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{library: "", program: "#!/bin/sh\necho \"$@\" >&2\nexec " + self + " serve good\n"} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(library, filepath.Join(here, "link.so")); err != nil {
		t.Fatal(err)
	}
	var log lines
	dir := onnxArtefact(t)
	p := open(t, dir, predictor.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), ONNX: predictor.Runtime{Program: program, Library: filepath.Join(here, "link.so")}})
	got, err := p.Predict(t.Context(), rows(binary, 0))
	if err != nil || !slices.Equal(got.V, []float64{0.5}) {
		t.Errorf("got %v, %v", got, err)
	}
	if want := "--library " + library + " " + dir; log.count(want) != 1 {
		t.Errorf("the program was not started with %q", want)
	}
}

func TestONNXIsRefused(t *testing.T) {
	t.Parallel()
	f := func(dir string, r predictor.Runtime, want string) {
		t.Helper()
		_, err := predictor.Open(t.Context(), dir, predictor.Options{ONNX: r})
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	dir := onnxArtefact(t)
	f(dir, predictor.Runtime{Program: "/no/such"}, "no program to serve the format onnx: /no/such")
	f(dir, predictor.Runtime{Program: "/bin/sh", Library: "/no/such.so"}, "no shared library of ONNX Runtime at /no/such.so")
	f(dir, predictor.Runtime{Program: "/bin/sh", Library: "/usr"}, "no shared library of ONNX Runtime at /usr")
	model := filepath.Join(dir, predictor.ONNXFile)
	for _, change := range []func() error{
		func() error { return os.Truncate(model, 0) },
		func() error { return os.Remove(model) },
		func() error { return os.Symlink("/etc/hostname", model) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		f(dir, predictor.Runtime{}, "no model in model.onnx")
	}
}

func TestONNXLibraryIsFound(t *testing.T) {
	venv := t.TempDir()
	python := filepath.Join(venv, "bin", "python")
	library := filepath.Join(venv, "lib", "python3.12", "site-packages", "onnxruntime", "capi", "libonnxruntime.so.1.2.3")
	for name, mode := range map[string]os.FileMode{python: 0o700, library: 0o600, filepath.Join(venv, "other.so"): 0o600} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HONE_ONNX_LIBRARY", "")
	f := func(preferred, want string) {
		t.Helper()
		if got, err := predictor.FindLibrary(preferred, python); err != nil || got != want {
			t.Errorf("preferred %q: got %q, %v; want %q", preferred, got, err, want)
		}
	}
	f("", library)
	t.Setenv("HONE_ONNX_LIBRARY", filepath.Join(venv, "other.so"))
	f("", filepath.Join(venv, "other.so"))
	f(library, library)
}
