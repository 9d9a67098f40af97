package cli_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/backtest"
	"hone/internal/frame"
	"hone/internal/train"
	"hone/internal/train/builtin"
)

// turned is a table of n rows in which a fraud is a large amount, and from row cut on a
// small one. One label in twenty is wrong.
func turned(n, cut int) string {
	r := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	b.WriteString("ts,amount,country,is_fraud\n")
	for i := range n {
		amount, label := 50+20*r.NormFloat64(), 0
		if (amount > 50) == (i < cut) != (r.IntN(20) == 0) {
			label = 1
		}
		fmt.Fprintf(&b, "2026-01-%02dT%02d:%02d:00Z,%.2f,%s,%d\n", 1+i/1440, i/60%24, i%60, amount, []string{"DE", "IT"}[i%2], label)
	}
	return b.String()
}

// TestBacktest plays policies on a file without a server, on the log without one, and
// on the log with one.
func TestBacktest(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("turned.csv", turned(4000, 2000))
	d.write("few.csv", turned(300, 100))
	d.write("plain.csv", strings.ReplaceAll(turned(1000, 500), "is_fraud", "other"))
	d.play("backtest.txt")
}

// TestBacktestFile: a file gives the figures that the log gives which it was imported
// into; a file in disorder gives those of the same in order.
func TestBacktestFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	text := turned(3000, 1500)
	d.write("a.csv", text)
	head, rest, _ := strings.Cut(text, "\n")
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	d.write("b.csv", head+"\n"+strings.Join(lines, "\n")+"\nnot a day,10,DE,0\n")
	var file, mixed, log backtest.Result
	page := filepath.Join(d.dir, "report.html")
	d.json(&file, "backtest", "fraud", "--data", "DIR/a.csv", "--html", page)
	d.json(&mixed, "backtest", "fraud", "--data", "DIR/b.csv")
	d.ok("import", "DIR/a.csv")
	d.json(&log, "backtest", "fraud")
	for i, p := range file.Prices[0].Policies {
		if q, r := mixed.Prices[0].Policies[i], log.Prices[0].Policies[i]; p != q || p != r {
			t.Errorf("%s: %+v from the file, %+v from it in disorder, %+v from the log", p.Policy, p, q, r)
		}
	}
	if said := strings.Join(mixed.Notes, "\n"); !strings.Contains(said, "were sorted by it") || !strings.Contains(said, "1 row of the file cannot be read") {
		t.Errorf("of the file in disorder it says: %s", said)
	}
	if b, err := os.ReadFile(page); err != nil || !strings.Contains(string(b), "<svg") || !strings.Contains(string(b), "recoverable loss at 300") {
		t.Errorf("the report: %v, %d bytes", err, len(b))
	}
	var part backtest.Result
	d.json(&part, "backtest", "fraud", "--from", "2026-01-01T08:20:00Z", "--until", "2026-01-02", "--policy", "never,configured", "--price", "50", "--batches", "20", "--window", "300")
	if len(part.Policies) != 2 || len(part.Prices) != 1 || part.Prices[0].Price != 50 || part.Batches != 20 || part.Window != 300 || part.Until.Day() != 2 || part.From.Before(log.From.AddDate(0, 0, -1)) {
		t.Errorf("a part: %+v", part)
	}
}

// TestBacktestCommand: a program may be the trainer, of fewer champions; one that fails
// is asked once.
func TestBacktestCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	made := artefact(t, d.dir)
	config := strings.Replace(configured, "    triggers:", "    train: {trainer: command, command: [sh, -c, 'cp -r "+made+" \"$HONE_RUN/output/model\"'], sandbox: \"off\"}\n    triggers:", 1)
	d.write("hone.yaml", config)
	d.write("a.csv", turned(1500, 700))
	var got backtest.Result
	d.json(&got, "backtest", "fraud", "--data", "DIR/a.csv")
	if got.Batches != 20 || got.Trainer != "command" || got.Prices[0].Policies[1].Objective <= 0 {
		t.Errorf("got %d batches by %s, %+v", got.Batches, got.Trainer, got.Prices[0].Policies)
	}
	d.write("hone.yaml", strings.Replace(config, "cp -r", "exit 3 #", 1))
	_, errOut, status := d.run("", "backtest", "fraud", "--data", "DIR/a.csv")
	if status != 1 || !strings.Contains(errOut, "a champion of fraud cannot be trained") {
		t.Errorf("a command that fails: %d, %s", status, errOut)
	}
}

// artefact trains a model of the configured features once.
func artefact(t *testing.T, dir string) string {
	t.Helper()
	schema := frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	job := train.Job{Dir: filepath.Join(dir, "made"), Rows: frame.New(schema, 100), Targets: make([]float64, 100),
		Signature: hone.Signature{Task: hone.Binary, Features: schema, Classes: []string{"0", "1"}, Threshold: 0.5}}
	job.Model.Train.Trainer = "linear"
	for i := range job.Targets {
		job.Rows.Cols[0].Num[i] = float64(i)
		if i > 50 {
			job.Targets[i] = 1
		}
	}
	r, err := builtin.New().Train(context.Background(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Dir
}
