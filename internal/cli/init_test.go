package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/cli"
	"hone/internal/op"
)

// started is what init says.
type started struct {
	Config   string
	Model    string
	Task     hone.Task
	Features int
	Rows     int
	Next     []string
}

// begin takes a file as init does, then does what init says comes next.
func begin(t *testing.T, d *desk, file, label string) (started, cli.ImportReport, hone.Decision) {
	t.Helper()
	var s started
	d.json(&s, "init", "--from", file, "--label", label)
	if !strings.Contains(d.ok("config", "check"), "is good: 1 model.") {
		t.Error("the configuration that init wrote is not good")
	}
	var report cli.ImportReport
	d.json(&report, split(strings.TrimPrefix(s.Next[0], "hone "))...)
	var plan hone.Decision
	d.json(&plan, "plan", s.Model)
	return s, report, plan
}

func TestInit(t *testing.T) {
	t.Parallel()
	f := func(name, head, label string, row func(i int) string, task hone.Task, features int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			var b strings.Builder
			b.WriteString(head + "\n")
			for i := range 400 {
				b.WriteString(row(i) + "\n")
			}
			s, report, plan := begin(t, d, d.write(name+".csv", b.String()), label)
			if s.Task != task || s.Features != features || s.Rows != 400 {
				t.Errorf("got %+v, want %s of %d features", s, task, features)
			}
			if report.Stored != 400 || report.Labels != 400 || report.Bad != 0 || report.Unlabelled || report.Absent != nil {
				t.Errorf("imported: %+v", report)
			}
			if !plan.Start || plan.Trigger != hone.OnFirst {
				t.Errorf("plan: %s", plan.Sentence)
			}
		})
	}
	words := []string{"refund please now", "where is my parcel", "the app crashes often", "thanks a lot for that"}
	f("Binary Größe", "Größe (cm),is: it?,ok", "ok", func(i int) string {
		return fmt.Sprintf("%d,%s,%d", i%37, words[i%4][:4], i%2)
	}, hone.Binary, 2)
	f("yes.no", `"a,b",'c',"d ""e""",y#`, "y#", func(i int) string {
		return fmt.Sprintf("%d,%d,%s,%s", i%31, i%29, []string{"x", "z"}[i%2], []string{"yes", "no"}[i%3/2])
	}, hone.Binary, 3)
	f("kinds", "null,true,123,label", "label", func(i int) string {
		return fmt.Sprintf("%d,%d,%.3f,%s", i%23, i%19, float64(i%17)/7, []string{"red", "green", "blue"}[i%3])
	}, hone.Multiclass, 3)
	f("price", "id,when,size,price", "price", func(i int) string {
		return fmt.Sprintf("%d,2026-01-%02d %02d:00:00,%.2f,%.2f", 1000+i, 1+i/24, i%24, float64(i%41)/3, float64(i%41)*7.1+float64(i%5))
	}, hone.Regression, 1)
	f("tickets", "note,queue", "queue", func(i int) string {
		return fmt.Sprintf("\"%s, number %d of many that came in on that day\",%s", words[i%4], i, []string{"money", "goods", "bugs", "other"}[i%4])
	}, hone.Multiclass, 1)
}

func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	mine := "version: 1 # mine\n"
	path := d.write("hone.yaml", mine)
	data := d.write("data.csv", "a,y\n1,0\n2,0\n")
	for _, args := range [][]string{{"--label", "y"}, {"--label", "y", "--force"}, {"--label", "z", "--force"}} {
		if out, _, status := d.run("", append([]string{"init", "--from", data}, args...)...); status != 1 {
			t.Errorf("init %v: %d %s", args, status, out)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != mine {
			t.Fatalf("init %v wrote over the file: %s, %v", args, b, err)
		}
	}
	good := d.write("fraud data.csv", fraud(300))
	out := d.ok("init", "--from", good, "--label", "is_fraud", "--force", "--config", "DIR/other.yaml")
	if want := fmt.Sprintf("%[1]s/other.yaml: model fraud-data, binary, 2 features, from 300 rows.\nNext: `hone import '%[1]s/fraud data.csv' --time ts --config %[1]s/other.yaml`, then `hone serve --config %[1]s/other.yaml`.\n", d.dir); out != want {
		t.Errorf("got  %swant %s", out, want)
	}
}

func TestInitTemplate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	data := d.write("data.csv", fraud(300))
	type begun struct {
		started
		Template string
		Files    []string
	}
	for _, name := range []string{"sklearn", "lightgbm", "xgboost", "pytorch", "text", "custom"} {
		config := filepath.Join(d.dir, name, "hone.yaml")
		var s begun
		d.json(&s, "init", "--template", name, "--from", data, "--label", "is_fraud", "--config", config)
		if s.Template != name || s.Task != hone.Binary || s.Rows != 300 || !strings.Contains(s.Next[len(s.Next)-2], "hone import ") {
			t.Errorf("%s: %+v", name, s)
		}
		for _, f := range s.Files {
			if _, err := os.Stat(f); err != nil {
				t.Error(err)
			}
		}
		b, err := os.ReadFile(config)
		if err != nil || !strings.Contains(string(b), "      trainer: command ") || strings.Contains(string(b), "linear") {
			t.Errorf("%s: %s, %v", name, b, err)
		}
		// Without data it brings its own.
		example := filepath.Join(d.dir, "example-"+name, "hone.yaml")
		d.json(&s, "init", "--template", name, "--config", example)
		if s.Rows != 1200 || s.Model != "example" || !strings.Contains(s.Next[len(s.Next)-2], "example.csv") {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestInitTemplateKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	mine := d.write("train.py", "mine = True\n")
	keep := func() {
		t.Helper()
		if b, err := os.ReadFile(mine); err != nil || string(b) != "mine = True\n" {
			t.Errorf("train.py is %q, %v", b, err)
		}
		if entries, err := os.ReadDir(d.dir); err != nil || len(entries) != 1 {
			t.Errorf("it wrote into %v, %v", entries, err)
		}
	}
	fresh := "DIR/hone.yaml"
	_, said, status := d.run("", "init", "--template", "sklearn", "--config", fresh)
	if status != 1 || !strings.Contains(said, "train.py is there already") {
		t.Errorf("%d, %s", status, said)
	}
	keep()
	for _, args := range [][]string{{"--template", "fortran"}, {"--template", "text", "--label", "y"}, {"--template", "text", "--from", "x.csv"}} {
		if _, said, status := d.run("", append([]string{"init", "--config", fresh}, args...)...); status == 0 {
			t.Errorf("init %v: %s", args, said)
		}
		keep()
	}
	out := d.ok("init", "--template", "sklearn", "--config", fresh, "--force")
	if !strings.Contains(out, "Beside it: requirements.txt, train.py, hone-sdk/, example.csv.\nNext: `python3 -m venv .venv`, then") {
		t.Errorf("it says %s", out)
	}
	// What would be written as it is is in nobody's way.
	if err := os.Remove(filepath.Join(d.dir, "hone.yaml")); err != nil {
		t.Error(err)
	}
	d.ok("init", "--template", "sklearn", "--config", fresh)
}

// TestRealData takes data as they are found in the world.
func TestRealData(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../shared/data/*.csv.gz")
	if err != nil || len(files) == 0 {
		t.Skip("../shared/data has no *.csv.gz: nothing real to begin with")
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			head, part := first(t, file, 1500)
			s, report, plan := begin(t, d, d.write(name+".csv", part), head[len(head)-1])
			if s.Features < 1 || report.Stored < 1400 || report.Bad > 0 || !plan.Start {
				t.Errorf("%+v\n%+v\n%s", s, report, plan.Sentence)
			}
			var status op.Status
			d.json(&status, "status")
			if status.Models[0].Mood != op.New {
				t.Errorf("%s: %s", name, status.Models[0].Sentence)
			}
		})
	}
}
