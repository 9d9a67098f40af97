package main

import (
	"os"
	"path/filepath"

	"hone"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
)

// Rivals answer the same rows from the same labels, each exactly as late.

// known is the number of rows whose label has come before row i is asked.
func known(i, from, delay int) int { return max(i-delay, from) }

// lastLabel answers with the newest label that has come.
func lastLabel(labels []string, from, delay int) []string {
	out := make([]string, len(labels))
	for i := from; i < len(labels); i++ {
		out[i] = labels[known(i, from, delay)-1]
	}
	return out
}

// previousLabel answers with the label of the row before, which nobody has in
// time where labels come late.
func previousLabel(labels []string, from int) []string {
	out := make([]string, len(labels))
	for i := from; i < len(labels); i++ {
		out[i] = labels[i-1]
	}
	return out
}

// majority answers with the most frequent class of the first rows; the first
// seen wins a tie.
func majority(labels []string, from int) []string {
	count := map[string]int{}
	for _, l := range labels[:from] {
		count[l]++
	}
	best := labels[0]
	for _, l := range labels[:from] {
		if count[l] > count[best] {
			best = l
		}
	}
	out := make([]string, len(labels))
	for i := from; i < len(labels); i++ {
		out[i] = best
	}
	return out
}

// scored answers rows [from, to) with one linear model.
func scored(d *data, m *linear.Model, sig hone.Signature, from, to int, out []string) {
	width := sig.Width()
	v := make([]float64, (to-from)*width)
	m.Predict(d.rows.Slice(from, to), v)
	for i := range to - from {
		out[from+i] = sig.Answer(v[i*width : (i+1)*width])
	}
}

// alone answers all rows that are played with one version, read from its
// artefact; nil where that is no linear model.
func (p *player) alone(v hone.Version) ([]string, error) {
	if v.Format != "linear" {
		return nil, nil
	}
	var dir string
	err := filepath.WalkDir(p.h.dataDir(), func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == v.Artefact {
			dir = path
			return filepath.SkipAll
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	m, sig, err := predictor.ReadLinear(dir)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(p.answers))
	scored(p.d, m, sig, p.from, len(out), out)
	return out, nil
}

// periodic answers with the built-in learner, trained anew every so many rows on
// the newest window of labelled rows, without a gate; window 0 takes all rows.
// It returns the number of retrains besides the first training.
func (p *player) periodic(every, window int) (out []string, retrains int, err error) {
	out = make([]string, len(p.answers))
	sig := p.first.Signature
	o, err := linear.OptionsFrom(p.h.model.Train.Params)
	if err != nil {
		return nil, 0, err
	}
	if o.Task = linear.Logistic; sig.Task == hone.Multiclass {
		o.Task, o.Classes = linear.Softmax, len(sig.Classes)
	}
	for i := p.from; i < len(out); i += every {
		to := known(i, p.from, p.o.delay)
		since := 0
		if window > 0 {
			since = max(to-window, 0)
		}
		var y []float64
		var rows []int
		for k := since; k < to; k++ {
			if t := sig.Target(p.d.labels[k]); t >= 0 {
				rows, y = append(rows, k), append(y, t)
			}
		}
		m, err := linear.Fit(p.d.rows.Pick(rows), y, nil, o, nil, nil)
		if err != nil {
			return nil, 0, err
		}
		scored(p.d, m, sig, i, min(i+every, len(out)), out)
		if i > p.from {
			retrains++
		}
	}
	return out, retrains, nil
}
