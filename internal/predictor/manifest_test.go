package predictor_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
)

func TestManifestRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := predictor.Manifest{Format: "process", Signature: binary, Command: []string{"{python}", "serve.py"}}
	for range 2 { // The second replaces the first.
		if err := predictor.WriteManifest(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := predictor.ReadManifest(dir)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 1 {
		t.Errorf("%d files are left, want 1", len(files))
	}
}

func TestReadManifestRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"format":"linear","signature":{"task":"regression","features":[{"name":"x","kind":"number"}]}}`
	f := func(old, new, want string) {
		t.Helper()
		dir, text := t.TempDir(), strings.Replace(good, old, new, 1)
		if old != "" && text == good {
			t.Fatalf("%q is not in the manifest", old)
		}
		if err := os.WriteFile(filepath.Join(dir, predictor.ManifestName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := predictor.ReadManifest(dir)
		e, ok := hone.AsError(err)
		if want == "" && err == nil {
			return
		}
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
	f("", "", "")
	f(`"linear"`, `"pickle"`, `"pickle" is not known`)
	f(`"linear"`, `"process"`, "no command")
	f(`"linear"`, `"linear","command":["sh"]`, "has a command")
	f(`"linear"`, `"linear","extra":1`, `unknown field "extra"`)
	f(`"linear"`, `"onnx"`, "")
	f(`"linear"`, `"onnx","command":["sh"]`, "has a command")
	f(`"linear"`, `"linear","onnx":{}`, "has the key onnx")
	f(`"linear"`, `"onnx","onnx":{"classes":["a"]}`, `"a" is there twice, or no class`)
	f(`"linear"`, `"onnx","onnx":{"categories":{"x":["a"]}}`, `"x" is no category`)
	const head, category = `"linear","signature":{"task":"regression","features":[`, `,"signature":{"task":"regression","features":[{"name":"c","kind":"category"},`
	f(head, `"onnx","onnx":{"categories":{"c":["b","a"]}}`+category, "")
	f(head, `"onnx","onnx":{"categories":{"c":["b","b"]}}`+category, `"c" has the name "b" twice`)
	f(head, `"onnx","onnx":{"categories":{"c":[]}}`+category, `"c" has no names`)
	f(`regression`, `ranking`, `"ranking" is not known`)
	f(`regression`, `binary`, "0 classes")
	f(`"regression"`, `"binary","classes":["1","1"]`, "there twice")
	f(`"regression"`, `"binary","classes":["0","1"],"threshold":1.5`, "no probability")
	f(`"regression"`, `"multiclass","classes":["a"]`, "1 classes")
	f(`"regression"`, `"regression","classes":["a"]`, "has classes")
	f(`"number"`, `"float"`, `the kind "float"`)
	f(`"name":"x"`, `"name":""`, "no name")
	f(`[{"name":"x","kind":"number"}]`, `[]`, "no features")
	f(`[{`, `[{"name":"x","kind":"text"},{`, "there twice")
	f(good, good+`{}`, "goes on")
	f(good, good[:30], "cannot be read")
	f(good, good+strings.Repeat(" ", 1<<20), "over 1048576 bytes")
}

func TestReadManifestWantsARegularFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := predictor.ReadManifest(dir); code(err) != hone.Invalid {
		t.Errorf("no file: got %v", err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, predictor.ManifestName)); err != nil {
		t.Fatal(err)
	}
	if _, err := predictor.ReadManifest(dir); code(err) != hone.Invalid || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("link: got %v", err)
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"format":"process","command":["a"],"signature":{"task":"binary","features":[{"name":"x","kind":"text"}],"classes":["a","b"]}}`))
	f.Add([]byte(`{"format":"linear","signature":{"task":"regression","features":[{"name":"x","kind":"number"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, predictor.ManifestName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := predictor.ReadManifest(dir)
		if err != nil {
			return
		}
		if frame.New(m.Signature.Features, 1); m.Signature.Width() < 1 {
			t.Errorf("accepted %q with no scores", b)
		}
		if err := predictor.WriteManifest(dir, m); err != nil {
			t.Errorf("accepted %q and cannot write it: %v", b, err)
		}
	})
}
