package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/config"
)

// folder writes the files of a text as Join makes it into a new folder.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range config.Split(text) {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGoodFolders(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "*.good.txt", 2) {
		text := string(read(t, path))
		dir := folder(t, text)
		c, err := config.Load(dir)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if c.Text != text || config.Join(config.Split(c.Text)) != text || c.Dir != dir {
			t.Errorf("%s: read as\n%s", path, c.Text)
		}
		beside, err := config.Load(filepath.Join(dir, "hone.yaml"))
		if err != nil || beside.Text != text {
			t.Errorf("%s, by its file: %v", path, err)
		}
		whole, err := config.Parse("hone.yaml", []byte(text))
		if err != nil || len(whole.Models) != len(c.Models) {
			t.Errorf("%s, as one text: %v", path, err)
			continue
		}
		for name, m := range c.Models {
			if config.Hash(m) != config.Hash(whole.Models[name]) {
				t.Errorf("%s: %s is another model as one text", path, name)
			}
		}
	}
}

func TestFolderIsReadAsOneFileWouldBe(t *testing.T) {
	t.Parallel()
	c, err := config.Load(folder(t, string(read(t, "testdata/folder.good.txt"))))
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Listen != "127.0.0.1:9000" || len(c.Models) != 3 || c.Models["churn"].Owner != "Ada Lovelace" || c.Models["fraud"].Owner != "fraud-team@example.com" {
		t.Errorf("got %+v", c)
	}
	m := c.Models["fraud"]
	if m.Name != "fraud" || m.Label.Delay != 7*day || m.Guards.MaxPerDay != 4 || m.Train.Env["DB_PASSWORD"] != "file:secrets/db" || m.Train.Env["API_KEY"] != "env:ACME_KEY" {
		t.Errorf("got %+v", m)
	}
}

// TestBadFolders holds each folder against the problems that its hone.yaml
// names, all of them and no others.
func TestBadFolders(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "*.bad.txt", 5) {
		text := string(read(t, path))
		dir := folder(t, text)
		var want []string
		for line := range strings.Lines(config.Split(text)[0].Text) {
			if w, ok := strings.CutPrefix(line, "# want: "); ok {
				want = append(want, strings.ReplaceAll(strings.TrimSpace(w), "DIR", dir))
			}
		}
		_, err := config.Load(dir)
		var got config.Errors
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v, want problems", path, err)
			continue
		}
		same := len(got) == len(want)
		for i := 0; same && i < len(got); i++ {
			same = strings.HasPrefix(strings.TrimPrefix(got[i].Error(), dir+"/"), want[i])
		}
		if !same {
			t.Errorf("%s: got\n%v\nwant\n  %s", path, err, strings.Join(want, "\n  "))
		}
	}
}

func TestFoldersThatCannotBe(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		_, err := config.Parse("hone.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	model := "task: regression\nfeatures: {size: number}\nlabel: price\n"
	main := "-- hone.yaml --\nversion: 1\n"
	f("-- models/a.yaml --\n"+model, "models/a.yaml:1:1: the first file is not hone.yaml")
	f(main+"-- models/b.yaml --\n"+model+"-- models/a.yaml --\n"+model, "models/a.yaml:1:1: the file is not in its place")
	f(main+"-- models/a.yaml --\n"+model+"-- models/a.yaml --\n"+model, "not in its place")
	for _, name := range []string{"../a.yaml", "models/../a.yaml", "models/a/b.yaml", "models/.yaml", "/etc/passwd", "models/a.yml", "hone.yaml"} {
		f(main+"-- "+name+" --\n"+model, "this is no file of a configuration")
	}
	f(main+"-- models/"+strings.Repeat("a", 64)+".yaml --\n"+model, "the model name")
	var many strings.Builder
	many.WriteString(main)
	for i := range 9 {
		fmt.Fprintf(&many, "-- models/m%d.yaml --\n%s#%s\n", i, model, strings.Repeat("x", 1<<20-100))
	}
	f(many.String(), "more than 8 MiB together")

	// A line that would part the files anew once they are one text.
	dir := folder(t, main+"-- models/a.yaml --\n"+model)
	if err := os.WriteFile(filepath.Join(dir, "models", "a.yaml"), []byte(model+"-- models/b.yaml --\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(dir); err == nil || !strings.Contains(err.Error(), "models/a.yaml:4:1: a line such as") {
		t.Errorf("got %v", err)
	}
	if _, err := config.Load(t.TempDir()); err == nil {
		t.Error("an empty folder was read")
	} else if e, ok := hone.AsError(err); !ok || e.Code != hone.NotFound {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestWhatStandsBesideIsNotRead(t *testing.T) {
	t.Parallel()
	minimal := string(read(t, "testdata/minimal.good.yaml"))
	dir := folder(t, minimal)
	if err := os.MkdirAll(filepath.Join(dir, "models", "old.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"models/README.md", "models/.fraud.yaml.swp", "models/.#fraud.yaml", "models/anchors.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := config.Load(dir); err != nil || c.Text != minimal {
		t.Errorf("got %v", err)
	}
	// A file of another name stands alone.
	for name, text := range map[string]string{"staging.yaml": minimal, "models/broken.yaml": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := config.Load(filepath.Join(dir, "staging.yaml")); err != nil || c.Text != minimal {
		t.Errorf("got %v", err)
	}
	if _, err := config.Load(dir); err == nil {
		t.Error("a broken model was passed over")
	}
}

// TestServersFilesStandBesideTheFile holds for those that processes elsewhere get.
func TestServersFilesStandBesideTheFile(t *testing.T) {
	t.Parallel()
	minimal := string(read(t, "testdata/minimal.good.yaml"))
	dir := folder(t, minimal+"\nserver: {onnx: {program: bin/hone-onnx, library: /lib/libonnxruntime.so}}\n")
	c, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := config.ONNX{Program: filepath.Join(dir, "bin/hone-onnx"), Library: "/lib/libonnxruntime.so"}
	if c.Server.ONNX != want || c.Server.Data != filepath.Join(dir, "hone-data") {
		t.Errorf("got %+v", c.Server)
	}
}

// TestNoMessageShowsASecret gives secrets where references belong.
func TestNoMessageShowsASecret(t *testing.T) {
	t.Parallel()
	head := "version: 1\nmodels:\n  m:\n    task: binary\n    features: {x: number}\n    label: y\n    train:\n      trainer: command\n      command: [x]\n"
	for _, tail := range []string{
		"      env: hunter2\n", "      env: [hunter2]\n", "      env: {A: hunter2}\n", "      env: {A: [hunter2]}\n", "      env: {A: {b: hunter2}}\n",
		"      env: {A: \"vault:hunter2\"}\n", "      env:\n        A: hunter2\n        A: hunter2\n", "      env: {A: env:hunter2=}\n      limits: {time: x}\n",
		"      env: {A: hunter2, B-C: hunter2}\n", "      env:\n        A: |\n          hunter2\n",
	} {
		_, err := config.Parse("hone.yaml", []byte(head+tail))
		var got config.Errors
		if !errors.As(err, &got) {
			t.Errorf("%q was taken", tail)
			continue
		}
		if all := got.Detail(); strings.Contains(all, "hunter2") {
			t.Errorf("%q: it shows in\n%s", tail, all)
		}
	}
}
