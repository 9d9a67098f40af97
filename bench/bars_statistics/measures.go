package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/monitor"
)

var measuresBars = []bar.Measured{
	{Bar: bar.Bar{ID: "fold_values_per_s", Limits: []bar.Limit{
		{Series: "live", Unit: "values/s", Of: bar.Median, Over: 1_000_000},
	}, About: "Predictions of 20 numbers and 5 categories, encoded as the log keeps them, decoded and counted into the live " +
		"windows of a model by the monitor, each window of 1,000 rows judged: values per second of processor time, user and " +
		"system, of a process on one core.",
		Of: []string{"internal/stat", "internal/monitor", "internal/frame"}}, Measure: foldRate},
	{Bar: bar.Bar{ID: "report_speed", Limits: []bar.Limit{
		{Series: "evidently", Unit: "times our processor time", Of: bar.Median, Over: 25},
		{Series: "whylogs", Unit: "times our processor time", Of: bar.Median, Over: 20},
		{Series: "nannyml", Unit: "times our processor time", Of: bar.Median, Over: 4},
		{Series: "evidently_memory", Unit: "of its memory", Of: bar.Median, Under: 0.2},
		{Series: "whylogs_memory", Unit: "of its memory", Of: bar.Median, Under: 0.2},
		{Series: "nannyml_memory", Unit: "of its memory", Of: bar.Median, Under: 0.2},
	}, Also: []string{"evidently_work_memory", "whylogs_work_memory", "nannyml_work_memory",
		"hone_cpu", "evidently_cpu", "whylogs_cpu", "nannyml_cpu", "hone_peak", "evidently_peak", "whylogs_peak", "nannyml_peak",
		"hone_work", "evidently_work", "whylogs_work", "nannyml_work"},
		About: "Two tables of 100,000 rows without drift, 20 numbers and 5 categories of 2 to 200 values. Hone profiles one, counts " +
			"the other on its bins and makes every test and distance of a verdict; beside it Evidently's DataDriftPreset, NannyML's " +
			"univariate drift with its defaults, and whylogs' profiles of both tables. Processor time of the work alone, each tool " +
			"in one process. Memory is the most that the process ever had, less what it had after its imports, so what each tool " +
			"holds of the tables is in it: Hone a column of the reference at a time and the counts into which it folds the current " +
			"rows, as it does in production; the peers both data frames, as their reports take them. The work memory leaves the tables " +
			"out: both sides hold both tables whole, and only what the report takes above that counts. Three interleaved pairs each.",
		Of: []string{"internal/stat"}}, Measure: againstPeers},
}

// spend runs this program again as one of its programs, on one core, and tells
// the processor time that it used.
func spend(b *bar.Bench, args ...string) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, args...)
	cmd.Dir, cmd.Stderr = b.Work, os.Stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("run %v: %w", args, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

const foldFeatures = 25

// foldRate is taken from the difference of two runs, so that starting and making
// the rows does not count.
func foldRate(b *bar.Bench) error {
	const few, many = 2, 42
	var rates []float64
	for range 7 {
		short, err := spend(b, "fold", strconv.Itoa(few))
		if err != nil {
			return err
		}
		long, err := spend(b, "fold", strconv.Itoa(many))
		if err != nil {
			return err
		}
		values := float64((many - few) * foldRows * foldFeatures)
		rates = append(rates, values/(long-short).Seconds())
	}
	b.Keep("live", "values/s", rates...)
	return nil
}

const foldRows = 10_000

// fold lets a monitor read the same 10,000 predictions so many times.
func fold(args []string) error {
	times, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	rows := mixedRows(foldRows, 1)
	scores := hone.Scores{Width: 1, V: rows.Cols[0].Num}
	sig := hone.Signature{Task: hone.Regression, Features: rows.Schema}
	m, err := monitor.New(
		hone.Model{Name: "m", Task: hone.Regression, Features: rows.Schema, Loss: hone.Loss{Kind: hone.Squared}, Monitor: hone.MonitorSpec{Window: 1000}},
		hone.Version{ID: "v", Signature: sig},
		monitor.NewReference(sig, rows, scores, rows.Cols[0].Num, nil), frame.Decoder{},
		func(context.Context, *frame.Frame) (hone.Scores, error) { return scores, nil })
	if err != nil {
		return err
	}
	ps := make([]hone.Prediction, foldRows)
	for i, features := range rows.EncodeRows() {
		ps[i] = hone.Prediction{Features: features, Version: "v", Scores: scores.Row(i), Route: hone.ByChampion}
	}
	for range times {
		for at := 0; at < foldRows; at += 500 {
			if _, err := m.Predictions(ps[at : at+500]); err != nil {
				return err
			}
		}
	}
	return nil
}

// mixedRows are 20 numbers, of several shapes, and 5 categories of 2 to 200 values.
func mixedRows(n int, seed uint64) *frame.Frame {
	var schema frame.Schema
	for i := range 20 {
		schema = append(schema, frame.Field{Name: fmt.Sprintf("n%02d", i), Kind: frame.Number})
	}
	sizes := []int{2, 5, 10, 50, 200}
	for _, k := range sizes {
		schema = append(schema, frame.Field{Name: fmt.Sprintf("c%03d", k), Kind: frame.Category})
	}
	r := rand.New(rand.NewPCG(seed, 9))
	f := frame.New(schema, n)
	for row := range n {
		for i := range 20 {
			x := r.NormFloat64()
			switch i % 4 {
			case 1:
				x = r.ExpFloat64()
			case 2:
				x = 100 + 15*x
			case 3:
				x = r.Float64() * x
			}
			f.Cols[i].Num[row] = x
		}
		for i, k := range sizes {
			f.Cols[20+i].Str[row] = "v" + strconv.Itoa(int(float64(k)*r.Float64()*r.Float64()))
		}
	}
	return f
}
