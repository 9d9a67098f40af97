package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/stream"
)

// minuteBars are about how long a backtest takes.
var minuteBars = []bar.Measured{
	{Bar: bar.Bar{ID: "backtest_minute", Of: slices.Concat(retraining.Of, []string{"internal/cli", "internal/frame", "internal/monitor", "internal/predictor", "internal/table", "internal/train/builtin"}),
		About: "`hone backtest --data`, the binary, without a server: 50,000 rows of a CSV file of nine features, three of them categories, whose concept changes four times; twelve policies at three prices, the report with its plots written; the built-in learners as they come. Wall time from the start of the process to its end with two processors, three times each.",
		Limits: []bar.Limit{
			{Series: "gbdt", Unit: "s", Of: bar.Max, Under: 60},
			{Series: "linear", Unit: "s", Of: bar.Max, Under: 60},
		}, Also: []string{"gbdt_cpu", "linear_cpu"}}, Measure: minute},
}

const (
	minuteRows  = 50_000
	minuteTries = 3
)

// twelve are the policies that are played.
var twelve = []string{"configured", "never", "every:5", "every:10", "every:20", "every:40", "volume:6200", "psi:0.2", "adwin", "performance:3", "recoverable_loss:300", "no_reuse:100"}

func minute(b *bar.Bench) error {
	names, err := minuteFile(filepath.Join(b.Work, "loans.csv"))
	if err != nil {
		return err
	}
	for _, trainer := range []string{"gbdt", "linear"} {
		config := "version: 1\nmodels:\n  loans:\n    task: binary\n    features: {" + names + "}\n    label: {name: label}\n    train: {trainer: " + trainer + "}\n    triggers: [{recoverable_loss: {retrain_cost: 100}}]\n"
		if err := os.WriteFile(filepath.Join(b.Work, trainer+".yaml"), []byte(config), 0o600); err != nil {
			return err
		}
		var wall, cpu []float64
		for range minuteTries {
			w, c, err := once(b, trainer)
			if err != nil {
				return err
			}
			wall, cpu = append(wall, w), append(cpu, c)
			progress("%s: %.1f s", trainer, w)
		}
		b.Keep(trainer, "s", wall...)
		b.Keep(trainer+"_cpu", "s of a processor", cpu...)
	}
	return nil
}

// once runs one backtest, and checks that it did what it is timed for.
func once(b *bar.Bench, trainer string) (wall, cpu float64, err error) {
	c := exec.Command(b.Hone, "backtest", "loans", "--config", trainer+".yaml", "--data", "loans.csv", "--policy", strings.Join(twelve, ","), "--price", "30,100,300", "--html", "report.html", "--json")
	c.Dir, c.Env = b.Work, append(os.Environ(), "GOMAXPROCS=2")
	watch := clock.Start()
	out, err := c.Output()
	wall = watch.Elapsed().Seconds()
	if err != nil {
		return 0, 0, fmt.Errorf("backtest by %s: %w", trainer, err)
	}
	var r backtest.Result
	if err := json.Unmarshal(out, &r); err != nil {
		return 0, 0, err
	}
	if r.Rows != minuteRows || r.Batches != 120 || len(r.Policies) != len(twelve) || len(r.Prices) != 3 {
		return 0, 0, fmt.Errorf("%d rows, %d batches, %d policies, %d prices", r.Rows, r.Batches, len(r.Policies), len(r.Prices))
	}
	return wall, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), nil
}

// minuteFile writes the rows, and returns the features as a configuration has them.
func minuteFile(path string) (string, error) {
	s := stream.NewAgrawal(12, func(i int) int { return i / 10_000 }, 0.05)
	f := frame.New(s.Schema(), 1)
	var names, features []string
	for _, field := range f.Schema {
		names, features = append(names, field.Name), append(features, field.Name+": "+string(field.Kind))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s,label\n", strings.Join(names, ","))
	for range minuteRows {
		label := s.Next(f, 0)
		for c := range f.Schema {
			fmt.Fprintf(&text, "%v,", f.Value(0, c))
		}
		text.WriteString(label + "\n")
	}
	return strings.Join(features, ", "), os.WriteFile(path, []byte(text.String()), 0o600)
}
