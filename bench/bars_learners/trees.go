package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"hone/bench/bar"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/stat"
)

// treeBars are about the boosted trees.
var treeBars = []bar.Measured{
	{Bar: bar.Bar{ID: "gbdt_cost", Of: []string{"internal/learn/gbdt"},
		About: "200,000 rows of 28 numbers, 100 trees of 31 leaves, by LightGBM's settings on both sides: processor time of the fit, memory at most above what the process had when it had imported its library, rows included, and the AUC on 50,000 other rows. In processes of their own, on one thread and on two, OMP_WAIT_POLICY=passive.",
		Limits: []bar.Limit{
			{Series: "cpu_1", Unit: "of LightGBM's", Of: bar.Median, Under: 1.5, AtMost: true},
			{Series: "cpu_2", Unit: "of LightGBM's", Of: bar.Median, Under: 1.5, AtMost: true},
			{Series: "memory", Unit: "of LightGBM's", Of: bar.Median, Under: 1.5, AtMost: true},
			{Series: "auc_gap", Unit: "lower AUC", Of: bar.Max, Under: 0.003, AtMost: true},
		}, Also: []string{"hone_cpu_1", "lightgbm_cpu_1", "hone_wall_2", "lightgbm_wall_2", "hone_peak", "lightgbm_peak", "hone_auc", "lightgbm_auc"}}, Measure: cost},
	{Bar: bar.Bar{ID: "gbdt_streams", Of: []string{"internal/learn/gbdt"},
		About: "Each stream of real and generated rows in the order of time: trees are grown on the newest tenth of all rows and answer the next thirtieth, and so on to the end; 50 trees of 31 leaves on both sides. How many points of accuracy LightGBM is ahead where it is furthest ahead. Nothing was chosen by these streams.",
		Limits: []bar.Limit{
			{Series: "behind", Unit: "points", Of: bar.Max, Under: 0.5, AtMost: true},
		}, Also: []string{"ahead"}}, Measure: streams},
	{Bar: bar.Bar{ID: "gbdt_score", Of: []string{"internal/learn/gbdt"},
		About: "A LightGBM model of 100 trees over 28 numbers: processor time to score one row at a time, another each time, in process; and batches of 10,000 rows on one thread, as a share of LightGBM's own.",
		Limits: []bar.Limit{
			{Series: "row", Unit: "µs", Of: bar.Median, Under: 5},
			{Series: "batch", Unit: "of LightGBM's", Of: bar.Median, Under: 1, AtMost: true},
		}, Also: []string{"hone_batch", "lightgbm_batch"}}, Measure: scoring},
}

//go:embed peers.py
var peersProgram []byte

const (
	trainRows, testRows = 200_000, 50_000
	numbers             = 28
	rounds              = 7
)

// spent is what a fit says that it used.
type spent struct {
	CPU  float64 `json:"cpu"`  // Seconds.
	Wall float64 `json:"wall"` // Seconds.
	Peak float64 `json:"peak"` // MiB.
}

// prepare leaves the rows and the peer's program in the work folder.
func prepare(b *bar.Bench) (python string, err error) {
	for name, rows := range map[string]struct {
		n    int
		seed uint64
	}{"train": {trainRows, 1}, "test": {testRows, 2}} {
		if err := writeSet(b.Work, name, wide(rows.n, rows.seed)); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(b.Work, "peers.py"), peersProgram, 0o600); err != nil {
		return "", err
	}
	return bar.Python(b.Work, "lightgbm", lightGBM...)
}

// cost lets both sides learn the same rows, in turn.
func cost(b *bar.Bench) error {
	python, err := prepare(b)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	test := wide(testRows, 2)
	series := map[string][]float64{}
	add := func(name string, x float64) { series[name] = append(series[name], x) }
	for range rounds {
		for _, threads := range []string{"1", "2"} {
			ours, mine, err := learned(b.Work, test, self, "fit", b.Work, threads)
			if err != nil {
				return fail("hone", err)
			}
			theirs, peer, err := learned(b.Work, test, python, "peers.py", "fit", b.Work, threads)
			if err != nil {
				return fail("LightGBM", err)
			}
			add("cpu_"+threads, ours.CPU/theirs.CPU)
			add("memory", ours.Peak/theirs.Peak)
			add("auc_gap", peer-mine)
			add("hone_cpu_"+threads, ours.CPU)
			add("lightgbm_cpu_"+threads, theirs.CPU)
			add("hone_wall_"+threads, ours.Wall)
			add("lightgbm_wall_"+threads, theirs.Wall)
			add("hone_peak", ours.Peak)
			add("lightgbm_peak", theirs.Peak)
			add("hone_auc", mine)
			add("lightgbm_auc", peer)
		}
	}
	units := map[string]string{"cpu_1": "of LightGBM's", "cpu_2": "of LightGBM's", "memory": "of LightGBM's", "auc_gap": "lower AUC"}
	for name, xs := range series {
		unit := units[name]
		switch {
		case unit != "":
		case strings.HasSuffix(name, "_peak"):
			unit = "MiB"
		case strings.HasSuffix(name, "_auc"):
			unit = "AUC"
		default:
			unit = "s"
		}
		b.Keep(name, unit, xs...)
	}
	return nil
}

// learned runs a fit in a process of its own, and returns what it used and the AUC of
// the scores that it left.
func learned(work string, test gbdt.Set, program string, args ...string) (s spent, auc float64, err error) {
	if err := run(work, &s, program, args...); err != nil {
		return s, 0, err
	}
	scores, err := readFloats(filepath.Join(work, "scores.f64"))
	if err != nil || len(scores) != len(test.Targets) {
		return s, 0, fmt.Errorf("%d scores for %d rows: %w", len(scores), len(test.Targets), err)
	}
	positive := make([]bool, len(scores))
	for i, y := range test.Targets {
		positive[i] = y == 1
	}
	auc, _ = stat.AUC(scores, positive)
	return s, auc, nil
}

// run reads the last line that a program prints as JSON.
func run(work string, into any, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stderr = work, os.Stderr
	cmd.Env = append(os.Environ(), "OMP_WAIT_POLICY=passive")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return json.Unmarshal([]byte(lines[len(lines)-1]), into)
}

// fitAlone is Hone's side of cost: FOLDER THREADS.
func fitAlone(args []string) error {
	before := bar.Memory("VmRSS")
	threads, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := readSet(args[0], "train")
	if err != nil {
		return err
	}
	o := gbdt.Defaults()
	o.Threads = threads
	cpu, watch := bar.OwnCPU(), clock.Start()
	m, err := gbdt.Fit(s, o, gbdt.Extra{})
	if err != nil {
		return err
	}
	used := spent{CPU: (bar.OwnCPU() - cpu).Seconds(), Wall: watch.Elapsed().Seconds(), Peak: bar.Memory("VmHWM") - before}
	test, err := readSet(args[0], "test")
	if err != nil {
		return err
	}
	scores := make([]float64, test.Rows.N)
	m.Predict(test.Rows, scores)
	if err := writeFloats(filepath.Join(args[0], "scores.f64"), scores); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(used)
}

// scoring lets both sides score by the same model.
func scoring(b *bar.Bench) error {
	python, err := prepare(b)
	if err != nil {
		return err
	}
	var used spent
	if err := run(b.Work, &used, python, "peers.py", "fit", b.Work, "1"); err != nil {
		return fail("LightGBM", err)
	}
	text, err := os.ReadFile(filepath.Join(b.Work, "model.txt"))
	if err != nil {
		return err
	}
	test := wide(testRows, 2)
	m, err := gbdt.Unmarshal(text, nil)
	if err != nil {
		return err
	}
	theirs, err := readFloats(filepath.Join(b.Work, "scores.f64"))
	if err != nil {
		return err
	}
	out := make([]float64, test.Rows.N)
	var row, batch, hone, peer []float64
	for range rounds {
		hone = append(hone, timed(test.Rows.N, func() { inBatches(m, test.Rows, out) }))
		var t struct {
			Micros float64 `json:"micros"`
		}
		if err := run(b.Work, &t, python, "peers.py", "score", b.Work); err != nil {
			return fail("LightGBM", err)
		}
		peer = append(peer, t.Micros)
		batch = append(batch, hone[len(hone)-1]/t.Micros)
		row = append(row, rowByRow(m, test.Rows, out))
	}
	for i := range out {
		if math.Abs(out[i]-theirs[i]) > 1e-9 {
			return fmt.Errorf("row %d: a score of %v, and %v by LightGBM", i, out[i], theirs[i])
		}
	}
	b.Keep("row", "µs", row...)
	b.Keep("batch", "of LightGBM's", batch...)
	b.Keep("hone_batch", "µs a row", hone...)
	b.Keep("lightgbm_batch", "µs a row", peer...)
	return nil
}

// timed is the processor time of do for each of n rows, in microseconds.
func timed(n int, do func()) float64 {
	start := bar.OwnCPU()
	do()
	return float64((bar.OwnCPU() - start).Nanoseconds()) / 1000 / float64(n)
}

func inBatches(m *gbdt.Model, f *frame.Frame, out []float64) {
	const batch = 10_000
	for from := 0; from < f.N; from += batch {
		to := min(from+batch, f.N)
		m.Predict(f.Slice(from, to), out[from:to])
	}
}

func rowByRow(m *gbdt.Model, f *frame.Frame, out []float64) float64 {
	rows := make([]*frame.Frame, f.N)
	for i := range rows {
		rows[i] = f.Slice(i, i+1)
	}
	return timed(f.N, func() {
		for i, row := range rows {
			m.Predict(row, out[i:i+1])
		}
	})
}
