// Package world makes labelled rows that are as they should be, of many kinds of
// model, and plants faults in them. It is for proofs of package validate; what the
// checks make of them is left to those.
package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/validate"
)

// World is a stream of labelled rows: the earlier ones are those that a champion
// was trained on, the newer ones come after.
type World struct {
	Model    hone.Model
	Rows     validate.Rows
	New      int
	Days     map[int64]int
	Age      time.Duration
	Columns  []string // The kind of each feature.
	seed     uint64
	r        *rand.Rand
	weights  []float64
	drift    float64
	concept  float64
	nonlin   bool
	noise    float64
	users    []float64 // Cumulated shares.
	partners int
	said     [][]float64 // Of each row, what each feature says of the label.
	progress []float64   // Of each row.
}

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// kinds of feature that a world may have.
var kinds = []string{"normal", "lognormal", "count", "flag", "trend", "correlated", "small", "tail", "gaps", "ids", "note", "wide"}

// New makes a world. Equal seeds make equal worlds.
func New(seed uint64) *World {
	w := &World{seed: seed, r: rand.New(rand.NewPCG(seed, 0x776f726c64))}
	r := w.r
	w.Model = hone.Model{Name: "m", Task: []hone.Task{hone.Binary, hone.Binary, hone.Multiclass, hone.Regression}[r.IntN(4)],
		Label: hone.LabelSpec{Name: "y", Positive: "1"}}
	if w.Model.Task != hone.Binary {
		w.Model.Label.Positive = ""
	}
	w.Columns = []string{"normal", "lognormal", "small"}
	for range 2 + r.IntN(8) {
		w.Columns = append(w.Columns, kinds[r.IntN(len(kinds))])
	}
	for i, kind := range w.Columns {
		field := frame.Field{Name: fmt.Sprintf("%s%d", kind, i), Kind: frame.Number}
		switch kind {
		case "small", "tail", "ids":
			field.Kind = frame.Category
		case "note":
			field.Kind = frame.Text
		}
		w.Model.Features = append(w.Model.Features, field)
		w.weights = append(w.weights, r.NormFloat64())
	}
	w.weights[0] = math.Copysign(1+r.Float64(), w.weights[0])
	if r.IntN(3) == 0 {
		w.drift = 0.5 * r.Float64()
	}
	if r.IntN(4) == 0 {
		w.concept = r.Float64()
	}
	w.nonlin, w.noise = r.IntN(4) == 0, 0.5+r.Float64()
	users := 100 + r.IntN(200)
	sum := 0.0
	for i := range users {
		sum += 1 / math.Pow(float64(i+5), 0.7)
		w.users = append(w.users, sum)
	}
	w.partners = []int{0, 0, 4, 7}[r.IntN(4)]
	w.fill(3000 + r.IntN(6000))
	return w
}

// fill makes the rows: forty days with a weekly cycle, and days that differ more
// than chance has it.
func (w *World) fill(rows int) {
	const days = 40
	var counts []int
	total := 0
	for d := range days {
		weekly := 1 + 0.3*math.Sin(2*math.Pi*float64(d%7)/7)
		n := max(1, int(float64(rows)/days*weekly*math.Exp(0.08*w.r.NormFloat64())))
		if w.r.IntN(2) == 0 {
			n = int(float64(rows) / days * weekly)
		}
		counts = append(counts, max(n, 25))
		total += counts[d]
	}
	w.Rows = validate.Rows{Frame: frame.New(w.Model.Features, total)}
	w.Days = map[int64]int{}
	state := make([]float64, len(w.Columns))
	i := 0
	for d, n := range counts {
		for k := range n {
			at := start.AddDate(0, 0, d).Add(time.Duration(float64(k) / float64(n) * float64(24*time.Hour))).Truncate(time.Microsecond)
			w.row(i, float64(i)/float64(total), state)
			w.Rows.Times = append(w.Rows.Times, at)
			w.Days[at.Unix()/86400]++
			i++
		}
	}
	w.New = total * (15 + w.r.IntN(25)) / 100
	w.Age = time.Duration(w.r.IntN(20)) * time.Hour
}

// row makes one row and its label.
func (w *World) row(i int, progress float64, state []float64) {
	r, f := w.r, w.Rows.Frame
	z := make([]float64, len(w.Columns)) // What each feature says of the label.
	for c, kind := range w.Columns {
		x := r.NormFloat64() + w.drift*progress
		state[c] = 0.6*state[c] + 0.8*r.NormFloat64()
		z[c] = x
		col := &f.Cols[c]
		switch kind {
		case "normal":
			col.Num[i] = x
		case "lognormal":
			col.Num[i] = math.Round(100*math.Exp(3+0.8*x)) / 100
		case "wide":
			col.Num[i] = math.Exp(2.5 * x)
		case "count":
			col.Num[i] = float64(count(r, x))
		case "flag":
			col.Num[i] = 0
			if x > 1 {
				col.Num[i] = 1
			}
		case "trend":
			col.Num[i] = x + 2*progress
		case "correlated":
			z[c] = state[c]
			col.Num[i] = state[c]
		case "gaps":
			if r.Float64() > 0.15+0.1*math.Sin(float64(i)/300) {
				col.Num[i] = x
			}
		case "small":
			col.Str[i] = small(r, x)
		case "tail":
			col.Str[i] = fmt.Sprintf("item %d", int(math.Exp(r.Float64()*7)))
		case "ids":
			col.Str[i] = fmt.Sprintf("id %x", r.Uint32()%uint32(2000+200*i))
		case "note":
			col.Str[i] = fmt.Sprintf("order %d of %d", r.IntN(50), r.IntN(1000))
		}
	}
	w.Rows.Labels = append(w.Rows.Labels, w.label(z, progress))
	at := r.Float64() * w.users[len(w.users)-1]
	u := 0
	for u < len(w.users)-1 && w.users[u] < at {
		u++
	}
	w.Rows.Units = append(w.Rows.Units, fmt.Sprintf("user %d", u))
	source := ""
	if w.partners > 0 {
		if p := r.IntN(w.partners + 2); p < w.partners {
			source = fmt.Sprintf("partner %d", p)
		}
	}
	w.Rows.Sources = append(w.Rows.Sources, source)
}

func count(r *rand.Rand, x float64) (n int) {
	for range 12 {
		if r.Float64() < 0.15+0.02*x {
			n++
		}
	}
	return n
}

func small(r *rand.Rand, x float64) string {
	k := int(math.Abs(x)*2.2 + r.Float64())
	return []string{"CH", "DE", "FR", "IT", "AT", "ES"}[min(k, 5)]
}

// label follows the features, with noise, by a rule that may move.
func (w *World) label(z []float64, progress float64) string {
	w.said, w.progress = append(w.said, z), append(w.progress, progress)
	s := w.signal(z, progress) + w.noise*w.r.NormFloat64()
	switch w.Model.Task {
	case hone.Regression:
		return frame.FormatNumber(math.Round(1000*(50+10*s)) / 1000)
	case hone.Multiclass:
		return []string{"low", "middle", "high"}[min(2, max(0, int(s+1.5)))]
	}
	if s > 0.6 {
		return "1"
	}
	return "0"
}

// signal is what a label follows, but for the noise.
func (w *World) signal(z []float64, progress float64) float64 {
	s, norm := 0.0, 0.0
	for c, x := range z {
		weight := w.weights[c]
		if c == 1 {
			weight *= 1 - 2*w.concept*progress
		}
		if kind := w.Columns[c]; kind == "ids" || kind == "note" || kind == "tail" {
			continue
		}
		s += weight * x
		norm += weight * weight
	}
	s /= math.Sqrt(norm)
	if w.nonlin {
		s += 0.7 * z[0] * z[1]
	}
	return s
}

// Input is what the checks get to see.
func (w *World) Input() validate.Input {
	cut := w.Rows.Frame.N - w.New
	before := validate.Infer(w.Model, validate.Rows{Frame: w.Rows.Frame.Slice(0, cut), Labels: w.Rows.Labels[:cut], Times: w.Rows.Times[:cut]})
	before.Age = hone.Duration(12 * time.Hour)
	return validate.Input{Model: w.Model, Rows: w.Rows, New: w.New, Holdout: w.held(), Before: before, Days: w.Days, Age: w.Age}
}

// held is how many of the rows are held out.
func (w *World) held() int { return max(200, w.New/5) }
