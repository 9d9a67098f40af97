package bar

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone/internal/clock"
)

// Measured is a bar with what measures it.
type Measured struct {
	Bar
	Measure func(*Bench) error
}

// Bench is one measurement under way.
type Bench struct {
	Root   string // The project's folder.
	Hone   string // The program measured.
	Work   string // A folder for what is made on the way.
	Result Result
}

// Keep stores a series of samples.
func (b *Bench) Keep(series, unit string, samples ...float64) {
	b.Result.Series[series] = NewSeries(unit, samples...)
}

// Note stores a remark that is printed with the bar.
func (b *Bench) Note(format string, args ...any) {
	b.Result.Notes = append(b.Result.Notes, fmt.Sprintf(format, args...))
}

// Main is the whole of a topic's program: it reads the command line, measures
// where that asks for it, in the order of the bars, prints a line each, and ends
// the process with 1 where one is short. The argument "report" writes
// docs/TOPIC-report.md instead.
func Main(topic string, bars []Measured) {
	root := flag.String("root", ".", "the project's folder")
	program := flag.String("hone", "", "the hone to measure")
	work := flag.String("work", "", "a folder for what is made on the way")
	commit := flag.String("commit", "unknown", "the commit that is checked out")
	measure := flag.Bool("measure", false, "measure first; arguments name the bars, none means all")
	flag.Parse()

	path := filepath.Join(*root, "bench", "results", topic+".json")
	file, err := Load(path, topic)
	Fail(err)
	list := make([]Bar, len(bars))
	for i, b := range bars {
		list[i] = b.Bar
	}
	sources, err := sourcesOf(*root, list)
	Fail(err)
	if *measure {
		for _, name := range flag.Args() {
			if !slices.ContainsFunc(list, func(b Bar) bool { return b.ID == name }) {
				Fail(fmt.Errorf("there is no bar %q", name))
			}
		}
		hone, err := filepath.Abs(*program)
		Fail(err)
		project, err := filepath.Abs(*root)
		Fail(err)
		made := Result{Commit: *commit}
		Fail(measureAll(bars, Bench{Root: project, Hone: hone, Work: *work, Result: made}, path, file, sources, flag.Args()))
	}
	if !*measure && flag.Arg(0) == "report" {
		name := filepath.Join(*root, "docs", topic+"-report.md")
		Fail(os.WriteFile(name, Report(topic, list, file, sources), 0o644))
		fmt.Println("wrote", name)
		return
	}
	if !Print(os.Stdout, list, file, sources) {
		os.Exit(1)
	}
}

// sourcesOf hashes, for each bar, what it measures.
func sourcesOf(root string, bars []Bar) (map[string]string, error) {
	out, known := map[string]string{}, map[string]string{}
	for _, b := range bars {
		key := strings.Join(b.Of, " ")
		sum, ok := known[key]
		if !ok {
			var err error
			if sum, err = Sources(root, b.Of...); err != nil {
				return nil, fmt.Errorf("what bar %s measures: %w", b.ID, err)
			}
			known[key] = sum
		}
		out[b.ID] = sum
	}
	return out, nil
}

// measureAll keeps each result as soon as it is there. A bar that cannot be
// measured loses its old result.
func measureAll(bars []Measured, made Bench, path string, file File, sources map[string]string, only []string) error {
	for _, m := range bars {
		if len(only) > 0 && !slices.Contains(only, m.ID) {
			continue
		}
		b := made
		b.Work = filepath.Join(made.Work, m.ID)
		if err := os.MkdirAll(b.Work, 0o700); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", m.ID)
		b.Result.Sources = sources[m.ID]
		b.Result.MeasuredAt, b.Result.Machine = clock.System{}.Now(), Machine()
		b.Result.LoadBefore, b.Result.Series = LoadAverage(), map[string]Series{}
		watch := clock.Start()
		err := m.Measure(&b)
		b.Result.Seconds, b.Result.LoadAfter = watch.Elapsed().Seconds(), LoadAverage()
		file.Results[m.ID] = b.Result
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

// Fail ends the process where there is an error.
func Fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
