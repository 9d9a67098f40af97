package change

import "math"

const (
	hddmChance = 0.001 // Of a change where there is none, at one value.
	hddmWeight = 0.05  // Of the newest value in HDDM-W.
)

var hddmLog, hddmLog2 = math.Log(1 / hddmChance), math.Log(2 / hddmChance)

// HDDMA finds when the mean of values from 0 to 1 differs from what it was at the
// best cut before, by Hoeffding's bound. Source: I. Frías-Blanco and others, IEEE
// TKDE 27 (2015), the A-test.
type HDDMA struct {
	sides Sides
	hddmA
}

type hddmA struct{ all, low, high run }

// NewHDDMA returns a detector with the usual bounds.
func NewHDDMA(sides Sides) *HDDMA { return &HDDMA{sides: sides} }

// Add implements Detector.
func (h *HDDMA) Add(x float64) (Found, bool) {
	if !isNumber(x) {
		return Found{}, false
	}
	h.all.add(x)
	bound := func(r run) float64 { return math.Sqrt(hddmLog / (2 * r.n)) }
	if h.low.n == 0 || h.low.mean+bound(h.low) >= h.all.mean+bound(h.all) {
		h.low = h.all
	}
	if h.high.n == 0 || h.high.mean-bound(h.high) <= h.all.mean-bound(h.all) {
		h.high = h.all
	}
	apart := func(cut run) float64 { return math.Sqrt((h.all.n - cut.n) / cut.n / h.all.n / 2 * hddmLog2) }
	cut := h.low
	switch {
	case h.low.n != h.all.n && h.all.mean-h.low.mean >= apart(h.low):
	case h.sides == Both && h.high.n != h.all.n && h.high.mean-h.all.mean >= apart(h.high):
		cut = h.high
	default:
		return Found{}, false
	}
	all := h.all
	h.hddmA = hddmA{}
	return found(cut, all.since(cut))
}

// HDDMW is HDDMA with means in which newer values weigh more, by McDiarmid's bound:
// quicker on small stretches. Source: the same, the W-test.
type HDDMW struct {
	sides Sides
	hddmW
}

type hddmW struct {
	all       weighted
	low, high weighted // All, at the cut.
	up, down  weighted // What came since.
	least     float64
	most      float64
}

// weighted is a mean in which each value weighs less than the next, with the sum of
// the squares of their weights.
type weighted struct {
	run
	squares float64
}

func (w *weighted) add(x float64) {
	if w.n == 0 {
		w.mean, w.squares = x, 1
	} else {
		w.mean += hddmWeight * (x - w.mean)
	}
	w.n++
	w.squares = hddmWeight*hddmWeight + (1-hddmWeight)*(1-hddmWeight)*w.squares
}

func mcDiarmid(squares float64) float64 { return math.Sqrt(squares * hddmLog / 2) }

// exceeded tells whether what came since lies higher, or with sign -1 lower.
func (w weighted) exceeded(since weighted, sign float64) bool {
	return w.n > 0 && since.n > 0 && sign*(since.mean-w.mean) > mcDiarmid(w.squares+since.squares)
}

// NewHDDMW returns a detector with the usual bounds.
func NewHDDMW(sides Sides) *HDDMW { return &HDDMW{sides: sides, hddmW: freshW()} }

func freshW() hddmW { return hddmW{least: math.Inf(1), most: math.Inf(-1)} }

// Add implements Detector.
func (h *HDDMW) Add(x float64) (Found, bool) {
	if !isNumber(x) {
		return Found{}, false
	}
	h.all.add(x)
	bound := mcDiarmid(h.all.squares)
	if h.all.mean+bound < h.least {
		h.least, h.low, h.up = h.all.mean+bound, h.all, weighted{}
	} else {
		h.up.add(x)
	}
	if h.all.mean-bound > h.most {
		h.most, h.high, h.down = h.all.mean-bound, h.all, weighted{}
	} else {
		h.down.add(x)
	}
	was, is := h.low, h.up
	if !was.exceeded(is, 1) {
		if was, is = h.high, h.down; h.sides == Up || !was.exceeded(is, -1) {
			return Found{}, false
		}
	}
	h.hddmW = freshW()
	return found(was.run, is.run)
}
