package main

import (
	"fmt"
	"runtime"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/learn/linear"
	"hone/internal/learn/residual"
)

// probeBars are about what the probe costs, and about what it foretells.
var probeBars = []bar.Measured{
	{Bar: bar.Bar{ID: "probe_cost", Of: []string{"internal/learn/residual"},
		About: "The linear probe of a binary champion of ten numbers, on the 72,000 rows of a world, in batches of 300, seven times over: processor time a row; and what a thousand such probes hold in memory after 600 rows each.",
		Limits: []bar.Limit{
			{Series: "row", Unit: "µs", Of: bar.Median, Under: 2},
			{Series: "size", Unit: "kB", Of: bar.Median, Under: 8},
		}}, Measure: probeCost},
	{Bar: bar.Bar{ID: "receipts", Of: retraining.Of,
		About: "Twenty seeds of the seven worlds, labels at once, swaps at once, prices of 100, 300 and 1000, and the reporting streams with champions of trees: of the retrains that answered as many rows as were foretold, in how many hundred what they won back lay in the interval of 80 %.",
		Limits: []bar.Limit{
			{Series: "worlds", Unit: "%", Of: bar.Median, Over: 75},
		}, Also: []string{"streams"}}, Measure: receipts},
}

func probeCost(b *bar.Bench) error {
	const batch, times = 300, 7
	s, err := retraining.NewWorld("abrupt", retraining.FirstSeed)
	if err != nil {
		return err
	}
	m, err := linear.Fit(s.Rows.Slice(0, s.Window), s.Targets[:s.Window], nil, linear.Defaults(), nil, nil)
	if err != nil {
		return err
	}
	scores := make([]float64, s.Rows.N)
	m.Predict(s.Rows, scores)
	read := func(p *residual.Probe, from, to int) {
		p.Batch(s.Rows.Slice(from, to), scores[from:to], s.Targets[from:to], func(k int, score []float64) float64 {
			if (score[0] > 0.5) != (s.Targets[from+k] == 1) {
				return 1
			}
			return 0
		})
	}
	begin := func() *residual.Probe { return residual.New(residual.Options{Schema: s.Rows.Schema, Width: 1}) }
	var took []float64
	for range times {
		p, before := begin(), bar.OwnCPU()
		for from := 0; from < s.Rows.N; from += batch {
			read(p, from, from+batch)
		}
		took = append(took, float64((bar.OwnCPU()-before).Nanoseconds())/1000/float64(s.Rows.N))
	}
	b.Keep("row", "µs", took...)
	const many = 1000
	probes := make([]*residual.Probe, many)
	before := heap()
	for i := range probes {
		probes[i] = begin()
		read(probes[i], 0, batch)
		read(probes[i], batch, 2*batch)
	}
	b.Keep("size", "kB", float64(heap()-before)/many/1000)
	runtime.KeepAlive([]any{probes, s, scores}) // What is let go would be taken off.
	return nil
}

// heap is what is held, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func receipts(b *bar.Bench) error {
	inWorlds, err := soon(b)
	if err != nil {
		return err
	}
	recorded, err := recorded(b)
	if err != nil {
		return err
	}
	for name, all := range map[string][]retraining.Outcome{"worlds": inWorlds, "streams": recorded} {
		var c retraining.Coverage
		for _, o := range all {
			for _, price := range prices {
				c = c.Plus(o.At(price).Receipts)
			}
		}
		if c.Of() == 0 {
			return fmt.Errorf("%s: no retrain has a whole receipt", name)
		}
		b.Keep(name, "%", 100*float64(c.Held)/float64(c.Of()))
		b.Note("%s: of %d retrains %d below their interval, %d above", name, c.Of(), c.Below, c.Above)
	}
	return nil
}
