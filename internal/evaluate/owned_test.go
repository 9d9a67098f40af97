package evaluate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/sandbox"
)

// TestMain lets this program contain others.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	os.Exit(m.Run())
}

// shop is a model whose owner counts profit, with what it answered to four rows.
func shop(t *testing.T, script string) (evaluate.Owner, hone.Model, evaluate.Rows, evaluate.Side, string) {
	t.Helper()
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "hone-data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hone-data", "token"), []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := evaluate.Owner{Dir: dir, Data: filepath.Join(dir, "hone-data"), Box: sandbox.Spec{Program: program}, Clock: clock.System{}}
	m := zeroOne()
	m.Train.Sandbox = "best_effort"
	m.Metrics = map[string]hone.Metric{"profit": {Command: []string{"/bin/sh", "-c", script, dir}, Columns: []string{"amount"},
		Direction: hone.Higher, Timeout: hone.Duration(20 * time.Second), Memory: 1 << 30}}
	rows := evaluate.Rows{Labels: labels("1010"), Frame: frame.New(frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "note", Kind: frame.Text}}, 4)}
	copy(rows.Frame.Cols[0].Num, []float64{10, 20, 30, 40})
	copy(rows.Frame.Cols[1].Str, []string{"a", "b", "c", "d"})
	return o, m, rows, side("v7", binary, 0.9, 0.8, 0.1, 0.2), filepath.Join(dir, "hone-data", "runs", "shop-1", "metric-profit")
}

func TestOwnMetric(t *testing.T) {
	t.Parallel()
	// What was sold for its amount, less 5 for each answer of 1.
	o, m, rows, s, work := shop(t, `cp "$HONE_METRIC/rows.csv" "$HONE_METRIC/tmp/seen"
		tail -n +2 "$HONE_METRIC/rows.csv" | awk -F, '{print ($1 == 1 && $2 == 1 ? $4 : 0) - ($2 == 1 ? 5 : 0)}' > "$HONE_METRIC/values.csv"
		grep -c v7 "$HONE_METRIC/rows.csv" && exit 1; env | grep -q v7 && exit 1; head -1 "$HONE_METRIC/rows.csv" | grep -q '^__label,__prediction,__score,amount$'`)
	got, err := o.Measure(context.Background(), m, "profit", work, rows, s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{5, -5, 0, 0} {
		near(t, "profit", got[i], want)
	}
	if _, err := os.Stat(work); !os.IsNotExist(err) {
		t.Errorf("the rows were left behind: %v", err)
	}
}

func TestOwnMetricFails(t *testing.T) {
	t.Parallel()
	f := func(script, want string) {
		t.Helper()
		o, m, rows, s, work := shop(t, script)
		_, err := o.Measure(context.Background(), m, "profit", work, rows, s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", script, err, want)
		}
		if e, ok := hone.AsError(err); !ok || e.Hint == "" {
			t.Errorf("%s: no hint in %v", script, err)
		}
		if _, err := os.Stat(work); !os.IsNotExist(err) {
			t.Errorf("%s: the rows were left behind: %v", script, err)
		}
	}
	f(`true`, "left no values.csv")
	f(`echo no amount >&2; exit 3`, "no amount")
	f(`printf '1\n2\n' > "$HONE_METRIC/values.csv"`, "wrote 2 values for 4 rows")
	f(`printf '1\n2\nx\n4\n' > "$HONE_METRIC/values.csv"`, `"x" in line 3`)
	f(`printf '1\n2\nNaN\n4\n' > "$HONE_METRIC/values.csv"`, "in line 3")
	f(`ln -s /etc/passwd "$HONE_METRIC/values.csv"`, "no file of 4 numbers")
	f(`head -c 1000000 /dev/zero > "$HONE_METRIC/values.csv"`, "no file of 4 numbers")
	o, m, rows, s, work := shop(t, "")
	metric := m.Metrics["profit"]
	metric.Command, metric.Timeout = []string{"/bin/sh", "-c", "trap '' TERM; while :; do :; done"}, hone.Duration(time.Second)
	m.Metrics["profit"] = metric
	if _, err := o.Measure(context.Background(), m, "profit", work, rows, s); err == nil || !strings.Contains(err.Error(), "longer than 1s") {
		t.Errorf("a metric that never ends: %v", err)
	}
	metric.Command = []string{"/no/such/program"}
	m.Metrics["profit"] = metric
	if _, err := o.Measure(context.Background(), m, "profit", work, rows, s); err == nil || !strings.Contains(err.Error(), "cannot be run") {
		t.Errorf("a metric that is not there: %v", err)
	}
	if _, err := os.Stat(work); !os.IsNotExist(err) {
		t.Errorf("the rows were left behind: %v", err)
	}
}

// A hostile metric reads nothing of the data folder, writes nowhere else and
// reaches no network.
func TestOwnMetricIsContained(t *testing.T) {
	t.Parallel()
	values := `printf '1\n2\n3\n4\n' > "$HONE_METRIC/values.csv"; `
	for _, attack := range []string{
		`cat "$0/hone-data/token" >/dev/null 2>&1 && exit 9`,
		`(echo x > "$0/owned") 2>/dev/null && exit 9`,
	} {
		o, m, rows, s, work := shop(t, values+attack+"; exit 0")
		if report, err := sandbox.Probe(o.Box.Program); err != nil || !report.Holds(sandbox.Landlock) && !report.Holds(sandbox.Mounts) {
			t.Skip("this machine contains no program: " + report.String())
		}
		if _, err := o.Measure(context.Background(), m, "profit", work, rows, s); err != nil {
			t.Errorf("%s: %v", attack, err)
		}
	}
}
