package main

import (
	"os"
	"path/filepath"
	"slices"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/learn/gbdt"
)

// streamNames are the files of the shared folder; without it the bar is short.
var streamNames = []string{"agrawal_abrupt", "agrawal_gradual", "agrawal_stationary", "elec2", "noaa_weather", "phishing", "sea_gen", "transient_chess"}

// streams lets both sides answer each stream as it goes on.
func streams(b *bar.Bench) error {
	if err := os.WriteFile(filepath.Join(b.Work, "peers.py"), peersProgram, 0o600); err != nil {
		return err
	}
	python, err := bar.Python(b.Work, "lightgbm", lightGBM...)
	if err != nil {
		return err
	}
	var behind []float64
	for _, name := range streamNames {
		path, err := filepath.Abs(filepath.Join(b.Root, "..", "shared", "data", name+".csv.gz"))
		if err != nil {
			return err
		}
		rows, targets, err := retraining.Read(path, 0)
		if err != nil {
			return err
		}
		ours, err := prequential(gbdt.Set{Rows: rows, Targets: targets}, int(slices.Max(targets))+1)
		if err != nil {
			return fail(name, err)
		}
		var theirs struct {
			Accuracy float64 `json:"accuracy"`
		}
		if err := run(b.Work, &theirs, python, "peers.py", "stream", path); err != nil {
			return fail("LightGBM on "+name, err)
		}
		behind = append(behind, points(theirs.Accuracy-ours))
		b.Note("%s: %.2f %%, LightGBM %.2f %%", name, points(ours), points(theirs.Accuracy))
	}
	ahead := make([]float64, len(behind))
	for i, x := range behind {
		ahead[i] = -x
	}
	b.Keep("behind", "points", behind...)
	b.Keep("ahead", "points", ahead...)
	return nil
}

// prequential is the accuracy of trees that are grown on the newest tenth of the rows
// and answer the next thirtieth.
func prequential(s gbdt.Set, classes int) (float64, error) {
	n := s.Rows.N
	window, step := n/10, n/30
	o := gbdt.Defaults()
	o.Iterations, o.Threads = 50, 2
	if classes > 2 {
		o.Task, o.Classes = gbdt.Softmax, classes
	}
	right := 0
	for at := window; at < n; at += step {
		to := min(at+step, n)
		known := gbdt.Set{Rows: s.Rows.Slice(at-window, at), Targets: s.Targets[at-window : at]}
		m, err := gbdt.Fit(known, o, gbdt.Extra{})
		if err != nil {
			return 0, err
		}
		out := make([]float64, (to-at)*m.Width())
		m.Predict(s.Rows.Slice(at, to), out)
		for i, y := range s.Targets[at:to] {
			if answer(out[i*m.Width():][:m.Width()]) == y {
				right++
			}
		}
	}
	return float64(right) / float64(n-window), nil
}

// answer is the likeliest class.
func answer(p []float64) float64 {
	if len(p) == 1 {
		if p[0] > 0.5 {
			return 1
		}
		return 0
	}
	best := 0
	for c := range p {
		if p[c] > p[best] {
			best = c
		}
	}
	return float64(best)
}
