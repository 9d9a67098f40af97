// Command bars_loop measures the bars of the loop: what a request costs, what
// logging adds, how fast durable batches are, what idle models hold, and how much
// of the time from drift to promotion is machinery. How bars are kept and printed
// is left to package bar.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hone/bench/bar"
	"hone/internal/clock"
)

// bars are in the order in which they are measured and printed.
var bars = []struct {
	bar.Bar
	measure func(*bench) error
}{
	{bar.Bar{ID: "cpu_us_per_request", Limits: []bar.Limit{
		{Series: "named", Unit: "µs", Of: bar.Median, Under: 140},
		{Series: "matrix", Unit: "µs", Of: bar.Median, Under: 140},
		{Series: "short", Unit: "µs", Of: bar.Median, Under: 140},
	}, Also: []string{"named_one_caller", "requests_per_s", "peer_ratio"}}, requestCost},
	{bar.Bar{ID: "logging_cost", Limits: []bar.Limit{
		{Series: "share", Unit: "%", Of: bar.Median, Under: 20},
	}, Also: []string{"over_unlogged", "logged", "unlogged"}}, loggingCost},
	{bar.Bar{ID: "durable_predictions_per_s", Limits: []bar.Limit{
		{Series: "named", Unit: "/s", Of: bar.Median, Over: 40_000},
		{Series: "matrix", Unit: "/s", Of: bar.Median, Over: 40_000},
	}, Also: []string{"named_cpu", "matrix_cpu"}}, durableRate},
	{bar.Bar{ID: "idle_200", Limits: []bar.Limit{
		{Series: "rss", Unit: "MiB", Of: bar.Max, Under: 300},
		{Series: "cpu", Unit: "%", Of: bar.Max, Under: 2},
	}, Also: []string{"restarted_rss", "restarted_cpu", "import"}}, idleModels},
	{bar.Bar{ID: "demo_machinery_s", Limits: []bar.Limit{
		{Series: "machinery", Unit: "s", Of: bar.Median, Under: 2},
	}, Also: []string{"collecting", "validating", "training", "evaluating", "deciding", "shadow", "canary", "first_label_to_trigger", "first_label_to_end"}}, demoMachinery},
}

// bench is one measurement under way.
type bench struct {
	hone   string // The program measured.
	work   string // A folder for what is made on the way.
	result bar.Result
}

func (b *bench) keep(series, unit string, samples ...float64) {
	b.result.Series[series] = bar.NewSeries(unit, samples...)
}

func (b *bench) note(format string, args ...any) {
	b.result.Notes = append(b.result.Notes, fmt.Sprintf(format, args...))
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "parts" {
		fail(serveParts(os.Args[2:]))
		return
	}
	root := flag.String("root", ".", "the project's folder")
	program := flag.String("hone", "", "the hone to measure")
	work := flag.String("work", "", "a folder for what is made on the way")
	commit := flag.String("commit", "unknown", "the commit that is checked out")
	measure := flag.Bool("measure", false, "measure first; arguments name the bars, none means all")
	flag.Parse()

	sources, err := bar.Sources(*root)
	fail(err)
	path := filepath.Join(*root, "bench", "results", "loop.json")
	file, err := bar.Load(path, "loop")
	fail(err)
	if *measure {
		for _, name := range flag.Args() {
			if !slices.ContainsFunc(list(), func(b bar.Bar) bool { return b.ID == name }) {
				fail(fmt.Errorf("there is no bar %q", name))
			}
		}
		fail(measureAll(*program, *work, *commit, sources, path, file, flag.Args()))
	}
	if !bar.Print(os.Stdout, list(), file, sources) {
		os.Exit(1)
	}
}

func list() []bar.Bar {
	out := make([]bar.Bar, len(bars))
	for i, b := range bars {
		out[i] = b.Bar
	}
	return out
}

// measureAll keeps each result as soon as it is there. A bar that cannot be
// measured loses its old result.
func measureAll(program, work, commit, sources, path string, file bar.File, only []string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	for _, m := range bars {
		if len(only) > 0 && !slices.Contains(only, m.ID) {
			continue
		}
		dir := filepath.Join(work, m.ID)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", m.ID)
		b := &bench{hone: program, work: dir, result: bar.Result{Commit: commit, Sources: sources, MeasuredAt: clock.System{}.Now(),
			Machine: bar.Machine(), LoadBefore: bar.LoadAverage(), Series: map[string]bar.Series{}}}
		watch := clock.Start()
		err := m.measure(b)
		b.result.Seconds, b.result.LoadAfter = watch.Elapsed().Seconds(), bar.LoadAverage()
		file.Results[m.ID] = b.result
		if err != nil {
			delete(file.Results, m.ID)
			fmt.Fprintf(os.Stderr, "%s cannot be measured: %v\n", m.ID, err)
		}
		if err := file.Save(path); err != nil {
			return err
		}
	}
	return nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
