package linear

import (
	"math"

	"hone/internal/frame"
	"hone/internal/learn/encode"
)

// maxKept is how many entries of rows are kept encoded from one epoch to the next,
// at 8 bytes each.
const maxKept = 8_000_000

// places numbers the slots that rows have, in the order in which they are met. Of
// a text's many slots few are ever met, and the common ones early: their weights
// lie together, and a step waits less for memory.
type places struct {
	of   []int32 // One more than a slot's place; 0 where it has none.
	slot []int32 // Of each place.
}

// place returns a slot's place, a new one where it has none.
func (p *places) place(slot int32) int32 {
	if p.of[slot] == 0 {
		p.slot = append(p.slot, slot)
		p.of[slot] = int32(len(p.slot))
	}
	return p.of[slot] - 1
}

// rows are labelled rows, and what encodes them. Each has the bias as well, a slot
// behind the encoder's that always holds 1.
type rows struct {
	encoder *encode.Encoder
	places  *places
	f       *frame.Frame
	y       []float64
	weights []float64
	scale   float64 // One over the mean weight of a row.

	buf  buffer
	last []int32 // By place: one more than where it stands in the row under way.
	ends []int   // Of the rows that are kept; nil where they are not.
	at   []int32
	val  []float32
}

// weigh lets the mean weight count for 1, and returns the sum of all.
func (r *rows) weigh() float64 {
	total := 0.0
	for i := range r.f.N {
		total += weight(r.weights, i)
	}
	r.scale = float64(r.f.N) / total
	return total
}

// weight of a row, which is 1 on average.
func (r *rows) weight(row int) float64 { return weight(r.weights, row) * r.scale }

// row returns the places of a row and what stands in them, until the next call.
// No place comes twice.
func (r *rows) row(row int) ([]int32, []float32) {
	if r.ends != nil {
		from, to := r.ends[row], r.ends[row+1]
		return r.at[from:to], r.val[from:to]
	}
	r.at, r.val = r.append(row, r.at[:0], r.val[:0])
	return r.at, r.val
}

// append adds a row to at and val.
func (r *rows) append(row int, at []int32, val []float32) ([]int32, []float32) {
	b := &r.buf
	b.idx, b.val = r.encoder.Append(r.f, row, b.idx[:0], b.val[:0])
	b.idx, b.val = append(b.idx, int32(r.encoder.Width())), append(b.val, 1)
	from := len(at)
	for i, slot := range b.idx {
		p := r.places.place(slot)
		for len(r.last) <= int(p) {
			r.last = append(r.last, 0)
		}
		if j := int(r.last[p]); j > 0 {
			val[from+j-1] += float32(b.val[i])
			continue
		}
		at, val = append(at, p), append(val, float32(b.val[i]))
		r.last[p] = int32(len(at) - from)
	}
	for _, p := range at[from:] {
		r.last[p] = 0
	}
	return at, val
}

// keep encodes all rows once and for all, if that is not too much.
func (r *rows) keep() {
	at, val := r.append(0, nil, nil)
	// Most rows have as many as the first.
	room := min(maxKept, r.f.N*(len(at)+1))
	at, val = make([]int32, 0, room), make([]float32, 0, room)
	ends := make([]int, 1, r.f.N+1)
	for row := range r.f.N {
		at, val = r.append(row, at, val)
		if ends = append(ends, len(at)); len(at) > maxKept {
			return
		}
	}
	r.ends, r.at, r.val = ends, at, val
}

// shares returns the smoothed share of each class.
func (r *rows) shares(classes int) []float64 {
	n := make([]float64, classes)
	for c := range n {
		n[c] = 1 / float64(r.f.N+classes)
	}
	for i, v := range r.y {
		n[int(v)] += r.weight(i) / float64(r.f.N+classes)
	}
	return n
}

// moments of the targets. The spread of a constant is 0.
func (r *rows) moments() (mean, sd float64) {
	n := float64(r.f.N)
	for i, v := range r.y {
		mean += v * r.weight(i) / n
	}
	for i, v := range r.y {
		sd += (v - mean) * (v - mean) * r.weight(i) / n
	}
	if sd = math.Sqrt(sd); !(sd > 1e-12*math.Abs(mean)) {
		sd = 0
	}
	return mean, sd
}
