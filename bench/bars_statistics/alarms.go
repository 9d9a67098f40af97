package main

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
)

var alarmsBars = []bar.Measured{
	{Bar: bar.Bar{ID: "drift_false_alarms", Of: []string{"internal/stat", "internal/monitor"},
		About:  "Tables that never drift: 20 references and 1,000 windows on each, of 200, 1,000 and 10,000 rows, with 25 and 200 features, alone and with autocorrelation 0.5 and 0.8. Every row is drawn, once: the windows of one length follow each other and have no row in common, and each begins a window of the next length. Values lie on 64 cells of equal chance, an autoregressive Gaussian series known to within its cell, and are counted cell by cell; a test holds that the product's own fold of the same rows gives the same verdict. The figure is the share of windows that alarm.",
		Limits: noDriftLimits()}, Measure: noDrift},
	{Bar: bar.Bar{ID: "drift_power", Of: []string{"internal/stat", "internal/monitor"},
		About: "One of 25 features moves by 0.3 standard deviations, in 400 windows of 1,000 rows. The figure is the share of windows that alarm; beside it, the share in which that feature alone is named.",
		Limits: []bar.Limit{
			{Series: "seen", Unit: "% of windows", Of: bar.Median, Over: 95},
		}, Also: []string{"named"}}, Measure: power},
	{Bar: bar.Bar{ID: "drift_peers", Of: []string{"internal/stat", "internal/monitor"},
		About: "The same tables without drift, on fewer windows, judged by the defaults of Evidently and NannyML. The figure is the share of windows in which anything is flagged.",
		Also:  []string{"hone", "evidently", "evidently_dataset", "nannyml"}}, Measure: driftPeers},
}

// The seeds from 9,000 report; those on which the correction for correlation was
// chosen lie from 1,000 to 1,020.
const (
	driftSeed  = 9000
	references = 20
	perRef     = 1000
)

var (
	windowRows = []int{200, 1000, 10_000}
	tableWidth = []int{25, 200}
	barRho     = []float64{0, 0.5, 0.8}
)

func cellName(rho float64, features, rows int) string {
	return fmt.Sprintf("rho%v_%dx%d", rho, features, rows)
}

func noDriftLimits() (out []bar.Limit) {
	for _, name := range cellNames(barRho) {
		out = append(out, bar.Limit{Series: name, Unit: "%", Of: bar.Median, Under: 1})
	}
	return out
}

func cellNames(rhos []float64) (out []string) {
	for _, rho := range rhos {
		for _, features := range tableWidth {
			for _, rows := range windowRows {
				out = append(out, cellName(rho, features, rows))
			}
		}
	}
	return out
}

// noDrift judges windows of tables that never drift. The narrow table is the first
// features of the wide one, judged on its own.
func noDrift(b *bar.Bench) error {
	for _, rho := range barRho {
		c := newChain(rho)
		var mu sync.Mutex
		alarms, worst := map[string]int{}, map[string]int{}
		bar.Parallel(references, func(ref int) {
			s := newCalm(uint64(driftSeed+ref), 200, c)
			for name, n := range judgeStill(s, perRef) {
				mu.Lock()
				alarms[name] += n
				worst[name] = max(worst[name], n)
				mu.Unlock()
			}
		})
		for _, name := range cellNames([]float64{rho}) {
			b.Keep(name, "%", 100*float64(alarms[name])/(references*perRef))
			b.Note("%s: the worst reference %.1f %%", name, 100*float64(worst[name])/perRef)
		}
	}
	return nil
}

// judgeStill counts the windows that alarm, by the name of their cell. Each row is
// drawn once: a window of 1,000 rows begins with the 200 that were judged before,
// and one of 10,000 with those 1,000. The windows of one length follow each other
// as they do in a stream, and have no row in common.
func judgeStill(s *calm, windows int) map[string]int {
	got := map[string]int{}
	for range windows {
		s.begin()
		drawn := 0
		for _, rows := range windowRows {
			s.draw(rows - drawn)
			drawn = rows
			wide := s.judge(rows)
			if wide.Alarm {
				got[cellName(s.chain.rho, 200, rows)]++
			}
			if stat.Simes(pValues(wide.Features[:25])) < 0.001 {
				got[cellName(s.chain.rho, 25, rows)]++
			}
		}
	}
	return got
}

func pValues(features []monitor.FeatureDrift) (ps []float64) {
	for _, f := range features {
		ps = append(ps, f.P, f.MissingP)
	}
	return ps
}

// power judges 400 windows of 1,000 rows, each against a reference of its own, in
// which one of 25 normal features has moved by 0.3 of its standard deviation.
func power(b *bar.Bench) error {
	const windows, features, rows, shift = 400, 25, 1000, 0.3
	var mu sync.Mutex
	seen, named := 0, 0
	bar.Parallel(windows, func(i int) {
		r := rand.New(rand.NewPCG(driftSeed, uint64(i)))
		ref := &monitor.Reference{Rows: referenceRows}
		var schema frame.Schema
		var counts []*stat.Counts
		for f := range features {
			v := make([]float64, referenceRows)
			for k := range v {
				v[k] = r.NormFloat64()
			}
			p := stat.NewNumeric(v)
			c := p.Window()
			for range rows {
				x := r.NormFloat64()
				if f == 7 {
					x += shift
				}
				c.AddNumber(x)
			}
			schema = append(schema, frame.Field{Name: fmt.Sprint("f", f), Kind: frame.Number})
			ref.Features, counts = append(ref.Features, p), append(counts, c)
		}
		ref.Score = ref.Features[0]
		d := monitor.Judge(ref, schema, counts, counts[0], rows)
		mu.Lock()
		defer mu.Unlock()
		if d.Alarm {
			seen++
		}
		if d.Features[7].Drifted && d.Drifted() == 1 {
			named++
		}
	})
	b.Keep("seen", "% of windows", 100*float64(seen)/windows)
	b.Keep("named", "% of windows", 100*float64(named)/windows)
	return nil
}
