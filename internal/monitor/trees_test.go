package monitor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/residual/planted"
	"hone/internal/monitor"
)

// chequered is a world whose champion answers by two signs; others decide from a row on.
func chequered(power *planted.Power, change int) *world {
	var schema frame.Schema
	for i := range 4 {
		schema = append(schema, frame.Field{Name: fmt.Sprint("x", i), Kind: frame.Number})
	}
	r, served := rand.New(rand.NewPCG(5, 6)), 0
	fill := func(f *frame.Frame, row int) {
		for c := range f.Cols {
			f.Cols[c].Num[row] = r.NormFloat64()
		}
	}
	differ := func(f *frame.Frame, row, a, b int) bool { return (f.Cols[a].Num[row] > 0) != (f.Cols[b].Num[row] > 0) }
	score := func(f *frame.Frame) hone.Scores {
		s := hone.Scores{Width: 1, V: make([]float64, f.N)}
		for i := range s.V {
			s.V[i] = 0.1
			if differ(f, i, 0, 1) {
				s.V[i] = 0.9
			}
		}
		return s
	}
	sig := hone.Signature{Task: hone.Binary, Features: schema, Classes: []string{"0", "1"}, Threshold: 0.5}
	rows := frame.New(schema, 1000)
	for i := range rows.N {
		fill(rows, i)
	}
	ref := monitor.NewReference(sig, rows, score(rows), nil, nil)
	ref.Power = power
	return &world{
		model: hone.Model{Name: "chequered", Task: hone.Binary, Features: schema, Label: hone.LabelSpec{Positive: "1"},
			Loss: hone.Loss{Kind: hone.ZeroOne}, Monitor: hone.MonitorSpec{Window: 1000, Tick: 200}},
		version: hone.Version{ID: "v1", Signature: sig, Lineage: hone.Lineage{TrainedUntil: noon}},
		ref:     ref,
		next: func(f *frame.Frame, row int) string {
			fill(f, row)
			a := 0
			if served++; served > change {
				a = 2
			}
			if differ(f, row, a, a+1) {
				return "1"
			}
			return "0"
		},
		score: score,
	}
}

// ticksOf lets the labels of all outcomes count, so many a page.
func ticksOf(t *testing.T, w *world, all []hone.Outcome, page int) []hone.Tick {
	t.Helper()
	m := w.monitor(t)
	for at := 0; at < len(all); at += page {
		os := all[at:min(at+page, len(all))]
		m.Outcomes(os)
		if _, err := m.Advance(context.Background(), os[len(os)-1].LabelTime.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return m.Ticks()
}

// A version whose probe needs trees has them for its reign: they see what the probe of
// another does not, and whatever the pages, to the last bit the same.
func TestTreesWhereTheyAreNeeded(t *testing.T) {
	t.Parallel()
	gain := func(ticks []hone.Tick) (sum float64) {
		for _, x := range ticks[len(ticks)-5:] {
			sum += x.Gain
		}
		return sum
	}
	needs := chequered(&planted.Power{Plants: 6, Rows: 100, Plain: 0.1, Trees: 0.8}, 1000)
	log := needs.serve(4000)
	want := ticksOf(t, needs, log, 4000)
	if got := gain(want); got < 200 {
		t.Errorf("the last 1,000 rows could lose 500 less; with trees %v is seen", got)
	}
	for _, page := range []int{1, 333} {
		if got := ticksOf(t, needs, log, page); !reflect.DeepEqual(got, want) {
			t.Errorf("in pages of %d the ticks are others", page)
		}
	}
	for name, power := range map[string]*planted.Power{"untested": nil, "tested": {Plants: 6, Rows: 100, Plain: 0.8, Trees: 0.9}} {
		if got := gain(ticksOf(t, chequered(power, 1000), log, 4000)); got > 20 {
			t.Errorf("%s: %v is seen without trees", name, got)
		}
	}
}

// The power is kept with the reference, and older ones have none.
func TestReferenceKeepsPower(t *testing.T) {
	t.Parallel()
	f := func(power *planted.Power, blind bool, seen float64) {
		t.Helper()
		b, err := chequered(power, 0).ref.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		ref, err := monitor.ParseReference(b)
		if err != nil {
			t.Fatal(err)
		}
		if gotBlind, gotSeen := ref.Blind(); gotBlind != blind || gotSeen != seen || !reflect.DeepEqual(ref.Power, power) {
			t.Errorf("%+v: blind %v, seen %v", ref.Power, gotBlind, gotSeen)
		}
	}
	f(nil, false, 0)
	f(&planted.Power{Plants: 6, Rows: 100, Plain: 0.1, Trees: 0.2}, true, 0.1)
	f(&planted.Power{Plants: 6, Rows: 100, Plain: 0.1, Trees: 0.7}, false, 0.7)
	f(&planted.Power{Plants: 1, Plain: 0}, false, 0)
}
