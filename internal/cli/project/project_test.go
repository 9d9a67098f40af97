package project_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/cli/project"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	names := strings.FieldsFunc(strings.ReplaceAll(project.Names(), " or ", ", "), func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) != 6 {
		t.Errorf("there are %q", names)
	}
	for _, name := range names {
		x, err := project.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range x.Files {
			paths = append(paths, f.Path)
			if len(f.Text) == 0 && !strings.HasSuffix(f.Path, "py.typed") {
				t.Errorf("%s: %s is empty", name, f.Path)
			}
			lines := strings.Count(string(f.Text), "\n")
			if strings.HasSuffix(f.Path, "train.py") && (lines > 120 || !strings.HasPrefix(string(f.Text), `"""`)) {
				t.Errorf("%s: train.py has %d lines, or does not begin by saying what it is", name, lines)
			}
		}
		helped := slices.Contains(paths, project.SDK+"/hone/run.py") && slices.Contains(paths, project.SDK+"/hone/__init__.py")
		if !slices.Contains(paths, "train.py") || helped == (name == "custom") || x.Install != slices.Contains(paths, "requirements.txt") {
			t.Errorf("%s has %q", name, paths)
		}
		if !strings.HasPrefix(x.Train, "trainer: command ") {
			t.Errorf("%s: train is %q", name, x.Train)
		}
	}
	_, err := project.Find("fortran")
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || !strings.Contains(e.Hint, "sklearn") {
		t.Errorf("got %v", err)
	}
}

func TestExamplesAreTheSame(t *testing.T) {
	t.Parallel()
	f := func(name, head string) {
		t.Helper()
		x, err := project.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		one, two := x.Example(), x.Example()
		if !bytes.Equal(one.Text, two.Text) || !strings.HasPrefix(string(one.Text), head+"\n") || strings.Count(string(one.Text), "\n") < 1000 {
			t.Errorf("%s: the example is not the same twice, or not as it should be: %.80s", name, one.Text)
		}
	}
	f("lightgbm", "ts,amount,country,night,is_fraud")
	f("text", "ts,message,queue")
}

// Every trainer is Python that can be read, where there is a Python.
func TestTrainersCompile(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("NOT TESTED: that the templates are good Python; there is no python3")
	}
	for _, name := range []string{"sklearn", "lightgbm", "xgboost", "pytorch", "text", "custom"} {
		x, err := project.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range x.Files {
			if !strings.HasSuffix(f.Path, ".py") || strings.HasPrefix(f.Path, project.SDK) {
				continue
			}
			c := exec.Command(python, "-c", "import sys; compile(sys.stdin.buffer.read(), sys.argv[1], 'exec')", f.Path)
			c.Stdin = bytes.NewReader(f.Text)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	}
}
