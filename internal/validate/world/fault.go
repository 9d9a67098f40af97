package world

import (
	"fmt"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
)

// Fault is one thing that goes wrong with data, and the check that is to find it.
type Fault struct {
	Name, Rule string
	// Plant breaks the new rows; it tells whether the world is one that can have
	// this fault.
	Plant func(w *World) bool
}

// Faults are the planted ones.
var Faults = []Fault{
	{"unit x 100", "unit", func(w *World) bool { w.scale(1, 100, 1); return true }},
	{"unit x 100 in half of the rows", "unit", func(w *World) bool { w.scale(1, 100, 0.5); return true }},
	{"unit / 1000", "unit", func(w *World) bool { w.scale(1, 0.001, 1); return true }},
	{"missing in 40 % of the rows", "missing", func(w *World) bool { w.blank(0, 0.4); return true }},
	{"missing in 15 % of the rows", "missing", func(w *World) bool { w.blank(2, 0.15); return true }},
	{"category renamed", "renamed", func(w *World) bool { w.rename(1); return true }},
	{"category new in 5 % of the rows", "unseen", func(w *World) bool { w.rename(0.05); return true }},
	{"labels of a source turned round", "source_labels", func(w *World) bool { return w.turnSource(1) }},
	{"60 % of the labels of a source turned round", "source_labels", func(w *World) bool { return w.turnSource(0.6) }},
	{"upload duplicated", "duplicates", func(w *World) bool { w.again(0.2, true); return true }},
	{"upload duplicated at the same times", "duplicates", func(w *World) bool { w.again(0.2, false); return true }},
	{"3 % of the rows copied with small changes", "near_duplicates", func(w *World) bool { return w.copied(0.03) }},
	{"a twentieth of the held-out rows are nearly rows to train on", "holdout_duplicates", func(w *World) bool { return w.leakRows(0.05) }},
	{"label leaked", "leakage", func(w *World) bool { w.leak(0); return true }},
	{"label leaked in which values are missing", "leakage", func(w *World) bool { return w.leakGaps() }},
	{"volume halved", "volume", func(w *World) bool { w.volume(0.5); return true }},
	{"volume doubled", "volume", func(w *World) bool { w.volume(2); return true }},
	{"feed stale for four days", "freshness", func(w *World) bool { w.Age = 4 * 24 * time.Hour; return true }},
	{"5 % of the users collude", "user_labels", func(w *World) bool { return w.collude(0.05) }},
	{"10 % of the users collude", "user_labels", func(w *World) bool { return w.collude(0.1) }},
}

func (w *World) newRows(fn func(i int)) {
	for i := w.Rows.Frame.N - w.New; i < w.Rows.Frame.N; i++ {
		fn(i)
	}
}

func (w *World) scale(col int, by, share float64) {
	from := w.Rows.Frame.N - int(share*float64(w.New))
	w.newRows(func(i int) {
		if i >= from {
			w.Rows.Frame.Cols[col].Num[i] *= by
		}
	})
}

func (w *World) blank(col int, share float64) {
	w.newRows(func(i int) {
		if w.r.Float64() >= share {
			return
		}
		if c := w.Rows.Frame.Cols[col]; c.Num != nil {
			c.Num[i] = math.NaN()
		} else {
			c.Str[i] = ""
		}
	})
}

// rename writes a category otherwise, or puts a new one into a share of the rows.
func (w *World) rename(share float64) {
	w.newRows(func(i int) {
		v := &w.Rows.Frame.Cols[2].Str[i]
		switch {
		case share == 1 && *v == "DE":
			*v = "Germany"
		case share < 1 && w.r.Float64() < share:
			*v = "XX"
		}
	})
}

// turn gives the wrong label.
func (w *World) turn(i int) {
	l := &w.Rows.Labels[i]
	switch w.Model.Task {
	case hone.Regression:
		var x float64
		fmt.Sscan(*l, &x)
		*l = frame.FormatNumber(100 - x)
	case hone.Multiclass:
		*l = map[string]string{"low": "high", "high": "low", "middle": []string{"low", "high"}[w.r.IntN(2)]}[*l]
	default:
		*l = map[string]string{"0": "1", "1": "0"}[*l]
	}
}

func (w *World) turnSource(share float64) bool {
	if w.partners == 0 {
		return false
	}
	w.newRows(func(i int) {
		if w.Rows.Sources[i] == "partner 1" && w.r.Float64() < share {
			w.turn(i)
		}
	})
	return true
}

// again brings the first of the new rows once more: later, or with their times.
func (w *World) again(share float64, later bool) {
	n, cut := int(share*float64(w.Rows.Frame.N)), w.Rows.Frame.N-w.New
	n = min(n, w.New)
	var at []int
	for i := range w.Rows.Frame.N {
		at = append(at, i)
		if !later && i >= cut && i < cut+n {
			at = append(at, i)
		}
	}
	last := w.Rows.Times[w.Rows.Frame.N-1]
	if later {
		for i := range n {
			at = append(at, cut+i)
		}
	}
	old := w.Rows
	w.Rows.Frame = old.Frame.Pick(at)
	w.Rows.Labels, w.Rows.Times, w.Rows.Units, w.Rows.Sources = nil, nil, nil, nil
	for k, i := range at {
		t := old.Times[i]
		if later && k >= old.Frame.N {
			t = last.Add(time.Duration(k) * time.Millisecond)
		}
		w.Rows.Labels, w.Rows.Times = append(w.Rows.Labels, old.Labels[i]), append(w.Rows.Times, t)
		w.Rows.Units, w.Rows.Sources = append(w.Rows.Units, old.Units[i]), append(w.Rows.Sources, old.Sources[i])
	}
	w.New += n
}

// copied puts rows in the place of others, all but equal to older ones.
func (w *World) copied(share float64) bool {
	n := w.Rows.Frame.N
	for range int(share * float64(n)) {
		from := w.r.IntN(n - 1)
		w.nearly(from, from+1+w.r.IntN(n-1-from))
	}
	return w.measured()
}

// leakRows puts rows to train on, all but equal, in the place of held-out ones.
func (w *World) leakRows(share float64) bool {
	n, held := w.Rows.Frame.N, w.held()
	for k := range int(share * float64(held)) {
		w.nearly(w.r.IntN(n-held), n-held+k*int(1/share))
	}
	return w.measured()
}

// measured tells whether a world has three numbers or more that take any value: of
// fewer, chance has rows all but equal.
func (w *World) measured() bool {
	n := 0
	for _, kind := range w.Columns {
		switch kind {
		case "normal", "lognormal", "wide", "trend", "correlated":
			n++
		}
	}
	return n >= 3
}

// nearly copies a row with its label: numbers differ by a thousandth, and texts in
// a letter.
func (w *World) nearly(from, to int) {
	for c := range w.Rows.Frame.Cols {
		col := &w.Rows.Frame.Cols[c]
		switch {
		case col.Num != nil:
			col.Num[to] = col.Num[from] * (1 + 0.001*w.r.NormFloat64())
		case w.Model.Features[c].Kind == frame.Text:
			col.Str[to] = col.Str[from] + "."
		default:
			col.Str[to] = col.Str[from]
		}
	}
	w.Rows.Labels[to] = w.Rows.Labels[from]
}

// leak lets a feature tell the label, in all rows.
func (w *World) leak(col int) {
	for i, l := range w.Rows.Labels {
		var x float64
		if w.Model.Task == hone.Regression {
			fmt.Sscan(l, &x)
		} else {
			x = map[string]float64{"0": 0, "1": 8, "low": 0, "middle": 8, "high": 16}[l]
		}
		w.Rows.Frame.Cols[col].Num[i] = x + 0.5*w.r.NormFloat64()
	}
}

// leakGaps lets a feature be there for one class alone.
func (w *World) leakGaps() bool {
	if w.Model.Task != hone.Binary {
		return false
	}
	for i, l := range w.Rows.Labels {
		if l == "0" {
			w.Rows.Frame.Cols[0].Num[i] = math.NaN()
		}
	}
	return true
}

// volume changes how many rows the newest whole days have.
func (w *World) volume(by float64) {
	last := int64(0)
	for d := range w.Days {
		last = max(last, d)
	}
	for d := last - 7; d < last; d++ {
		w.Days[d] = int(by * float64(w.Days[d]))
	}
}

// collude lets a share of the users turn all their new labels round.
func (w *World) collude(share float64) bool {
	bad := map[string]bool{}
	for _, u := range w.r.Perm(len(w.users))[:int(share*float64(len(w.users)))] {
		bad[fmt.Sprintf("user %d", u)] = true
	}
	w.newRows(func(i int) {
		if bad[w.Rows.Units[i]] {
			w.turn(i)
		}
	})
	return true
}

// Spam lets some users send a share of all rows, their labels turned round.
func (w *World) Spam(users int, share float64) {
	w.Rows.Labels, w.Rows.Units = slices.Clone(w.Rows.Labels), slices.Clone(w.Rows.Units)
	for i := range w.Rows.Labels {
		if w.r.Float64() < share {
			w.turn(i)
			w.Rows.Units[i] = fmt.Sprintf("spammer %d", w.r.IntN(users))
		}
	}
}
