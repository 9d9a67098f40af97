package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
)

var jointBars = []bar.Measured{
	{Bar: bar.Bar{ID: "joint_false_alarms", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "Tables of 20 numbers and 5 categories that never drift: 20 references of 20,000 rows and 50 windows of 1,000 predictions on each, told from 2,000 of the reference's rows by all features together; alone, and with autocorrelation 0.5 on 20 windows each (0.8 beside it, on 5). The figure is the share of windows that alarm at 0.001; beside it those under 0.01, and the processor time of one window.",
		Limits: []bar.Limit{
			{Series: "rho0", Unit: "%", Of: bar.Median, Under: 1},
			{Series: "rho0.5", Unit: "%", Of: bar.Median, Under: 1},
		}, Also: []string{"rho0.8", "rho0_below_0.01", "rho0.5_below_0.01", "cost"}}, Measure: jointCalm},
	{Bar: bar.Bar{ID: "joint_power", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "The same tables, in which the correlation of two numbers of 0.5 turns round and nothing else changes: the share of 200 windows of 1,000 predictions that alarm by all features together, and beside it the share in which the tests of the features one by one do, and in which the two come first among what is named.",
		Limits: []bar.Limit{
			{Series: "together", Unit: "% of windows", Of: bar.Median, Over: 95},
			{Series: "one_by_one", Unit: "% of windows", Of: bar.Median, Under: 1},
		}, Also: []string{"named", "turned_from_0.3"}}, Measure: jointPower},
}

// jointSeed reports; the learner was chosen on seeds under 1,000.
const jointSeed = 8000

// jointWorld makes rows of 20 numbers, of which the first two are correlated, and 5
// categories; rho is how alike rows are that follow each other.
type jointWorld struct {
	r      *rand.Rand
	rho    float64
	state  [25]float64
	schema frame.Schema
}

func newJointWorld(seed uint64, rho float64) *jointWorld {
	w := &jointWorld{r: rand.New(rand.NewPCG(jointSeed, seed)), rho: rho}
	for i := range w.state {
		field := frame.Field{Name: fmt.Sprintf("n%02d", i), Kind: frame.Number}
		if i >= 20 {
			field = frame.Field{Name: fmt.Sprintf("c%02d", i), Kind: frame.Category}
		}
		w.schema = append(w.schema, field)
		w.state[i] = w.r.NormFloat64()
	}
	return w
}

func (w *jointWorld) rows(n int, correlation float64) *frame.Frame {
	f := frame.New(w.schema, n)
	for row := range n {
		for i := range w.state {
			w.state[i] = w.rho*w.state[i] + math.Sqrt(1-w.rho*w.rho)*w.r.NormFloat64()
			switch x := w.state[i]; {
			case i >= 20:
				f.Cols[i].Str[row] = fmt.Sprint("k", int(float64(i-18)*math.Abs(x)))
			case i%4 == 3:
				f.Cols[i].Num[row] = math.Exp(x)
			default:
				f.Cols[i].Num[row] = x
			}
		}
		f.Cols[1].Num[row] = correlation*w.state[0] + math.Sqrt(1-correlation*correlation)*w.state[1]
	}
	return f
}

const jointRows = 20_000

func together(rows, now *frame.Frame) monitor.Joint {
	return monitor.TellApart(&monitor.Reference{}, rows, now, monitor.Drift{}, time.Time{})
}

func jointCalm(b *bar.Bench) error {
	const refs = 20
	for _, at := range []struct {
		rho     float64
		windows int
	}{{0, 50}, {0.5, 20}, {0.8, 5}} {
		var mu sync.Mutex
		alarms, low := 0, 0
		bar.Parallel(refs, func(i int) {
			w := newJointWorld(uint64(i), at.rho)
			rows := w.rows(jointRows, 0.5)
			for range at.windows {
				j := together(rows, w.rows(1000, 0.5))
				mu.Lock()
				if j.Alarm {
					alarms++
				}
				if j.P < 0.01 {
					low++
				}
				mu.Unlock()
			}
		})
		n := float64(refs * at.windows)
		b.Keep(fmt.Sprintf("rho%v", at.rho), "%", 100*float64(alarms)/n)
		b.Keep(fmt.Sprintf("rho%v_below_0.01", at.rho), "%", 100*float64(low)/n)
	}
	const few, many = 1, 21
	short, err := spend(b, "together", strconv.Itoa(few))
	if err != nil {
		return err
	}
	long, err := spend(b, "together", strconv.Itoa(many))
	b.Keep("cost", "ms of processor time a window", float64((long-short).Microseconds())/1000/(many-few))
	return err
}

// tellTogether looks so many times at one window.
func tellTogether(args []string) error {
	times, err := strconv.Atoi(args[0])
	w := newJointWorld(0, 0)
	rows := w.rows(monitor.JointReference, 0.5)
	now := w.rows(1000, 0.5)
	for range times {
		together(rows, now)
	}
	return err
}

func jointPower(b *bar.Bench) error {
	const refs, windows = 20, 10
	weak, _, _ := flipped(refs, windows, 0.3)
	b.Keep("turned_from_0.3", "% of windows", 100*float64(weak)/(refs*windows))
	seen, alone, named := flipped(refs, windows, 0.5)
	b.Keep("together", "% of windows", 100*float64(seen)/(refs*windows))
	b.Keep("one_by_one", "% of windows", 100*float64(alone)/(refs*windows))
	b.Keep("named", "% of windows", 100*float64(named)/(refs*windows))
	return nil
}

// flipped counts the windows that alarm by all features together, those that alarm
// by any feature alone, and those in which the two that turned are named first.
func flipped(refs, windows int, correlation float64) (seen, alone, named int) {
	var mu sync.Mutex
	bar.Parallel(refs, func(i int) {
		w := newJointWorld(500+uint64(i), 0)
		rows := w.rows(jointRows, correlation)
		sig := hone.Signature{Task: hone.Regression, Features: w.schema}
		ref := monitor.NewReference(sig, rows, hone.Scores{Width: 1, V: rows.Cols[2].Num}, rows.Cols[2].Num, nil)
		for range windows {
			now := w.rows(1000, -correlation)
			j, d := together(rows, now), oneByOne(ref, now)
			mu.Lock()
			if j.Alarm {
				seen++
			}
			if d.Alarm {
				alone++
			}
			if len(j.By) > 1 && max(j.By[0].Feature, j.By[1].Feature) == "n01" {
				named++
			}
			mu.Unlock()
		}
	})
	return seen, alone, named
}

func oneByOne(ref *monitor.Reference, now *frame.Frame) monitor.Drift {
	var counts []*stat.Counts
	for i, p := range ref.Features {
		c := p.Window()
		for row := range now.N {
			if now.Schema[i].Kind == frame.Number {
				c.AddNumber(now.Cols[i].Num[row])
			} else {
				c.AddName(now.Cols[i].Str[row])
			}
		}
		counts = append(counts, c)
	}
	return monitor.Judge(ref, now.Schema, counts, ref.Score.Window(), now.N)
}
